// SPDX-License-Identifier: MIT
//
// The contract of an optimizer: an aggregate of hyper-parameters that knows how to change a model, apart from
// the state that it needs for that.
//
//   State<Model>                       moments (objects of the model's type) and the number of steps taken
//   make_state(model)
//   learning_rate(time)                step size at a training time in epochs, from the schedule
//   step(learning_rate, grad, grad_scale, model, state)   one update with grad_scale · grad, which it uses
//   up:
//                                      grad is zero afterwards, ready to take the next sum
//   State::reflect                     visits the moments, so that checkpoints hold no per-optimizer code
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vaekit/core/fields.hpp"
#include "vaekit/core/reflect.hpp"
#include "vaekit/core/schedule.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// The step counter of any optimizer's state.
template <class State>
[[nodiscard]] auto& step_counter(State& state) {
  if constexpr (requires { state.steps(); }) {
    return state.steps();
  } else {
    return state.steps;
  }
}

/// Calls `update(spans of tensor i in each object)` for every parameter tensor, without allocating after the
/// first call.
///
/// Throws ShapeError, before the first update, when the objects do not have one structure.
template <class T>
class TensorZip {
 public:
  template <class Update, class... Objects>
  void operator()(Update&& update, Objects&... objects) {
    lists_.resize(sizeof...(Objects));
    std::size_t next = 0;
    (collect(objects, lists_[next++]), ...);
    check_structure();
    for (std::size_t i = 0; i < lists_[0].size(); ++i) {
      [&]<std::size_t... O>(std::index_sequence<O...>) { update(lists_[O][i]...); }
      (std::index_sequence_for<Objects...>{});
    }
  }

 private:
  template <class O>
  static void collect(O& object, std::vector<std::span<T>>& spans) {
    parameter_spans(object, spans);
  }

  void check_structure() const {
    for (std::size_t object = 1; object < lists_.size(); ++object) {
      if (lists_[object].size() != lists_[0].size()) {
        throw ShapeError(concat("TensorZip: object ", object, " has ", lists_[object].size(),
                                " tensors, must have ", lists_[0].size(), " (tensors of object 0)"));
      }
      for (std::size_t i = 0; i < lists_[0].size(); ++i) {
        if (lists_[object][i].size() != lists_[0][i].size()) {
          throw ShapeError(concat("TensorZip: tensor ", i, " of object ", object, " has ",
                                  lists_[object][i].size(), " elements, must have ", lists_[0][i].size(),
                                  " (elements in object 0)"));
        }
      }
    }
  }

  std::vector<std::vector<std::span<T>>> lists_;
};

}  // namespace vaekit::inline VAEKIT_ABI
