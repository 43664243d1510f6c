// SPDX-License-Identifier: MIT
//
// The contract of an optimizer: an aggregate of hyper-parameters that knows how to change a model, apart from
// the state that it needs for that.
//
//   State<Model>                       moments (objects of the model's type) and the number of steps taken
//   make_state(model)
//   step(learning_rate, grad, grad_scale, model, state)   one update with grad_scale · grad
//   State::reflect                     visits the moments, so that checkpoints hold no per-optimizer code
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vaekit/core/fields.hpp"
#include "vaekit/core/reflect.hpp"
#include "vaekit/core/schedule.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Calls `update(spans of tensor i in each object)` for every parameter tensor, without allocating after the
/// first call. The objects have one structure.
template <class T>
class TensorZip {
 public:
  template <class Update, class... Objects>
  void operator()(Update&& update, Objects&... objects) {
    lists_.resize(sizeof...(Objects));
    std::size_t next = 0;
    (collect(objects, lists_[next++]), ...);
    for (std::size_t i = 0; i < lists_[0].size(); ++i) {
      [&]<std::size_t... O>(std::index_sequence<O...>) { update(lists_[O][i]...); }
      (std::index_sequence_for<Objects...>{});
    }
  }

 private:
  // Gradients are only read, but one type for all keeps this a plain list of spans.
  template <class O>
  static void collect(O& object, std::vector<std::span<T>>& spans) {
    parameter_spans(object, spans);
  }

  std::vector<std::vector<std::span<T>>> lists_;
};

}  // namespace vaekit::inline VAEKIT_ABI
