// SPDX-License-Identifier: MIT
//
// The contract of an optimizer: an aggregate of hyper-parameters that knows how to change a model, apart from
// the state that it needs for that.
//
//   State<Model>                       moments (objects of the model's type) and the number of steps taken
//   make_state(model)
//   learning_rate(time)                step size at a training time in epochs, from the schedule
//   step(learning_rate, grad, grad_scale, model, state)   one update with grad_scale · grad
//   State::reflect                     visits the moments, so that checkpoints hold no per-optimizer code
#pragma once

#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
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

/// Calls `update(span of tensor i in each object ...)` for every parameter tensor, without allocating after
/// the first call; the spans of const objects are const.
///
/// Throws ShapeError, before the first update, when the objects do not have one structure.
template <class T>
class TensorZip {
 public:
  template <class Update, class First, class... Rest>
  void operator()(Update&& update, First& first, Rest&... rest) {
    lists_.resize(1 + sizeof...(Rest));
    const_lists_.resize(1 + sizeof...(Rest));
    const auto& tensors = list<First>(0);
    [&]<std::size_t... O>(std::index_sequence<O...>) {
      parameter_spans(first, list<First>(0));
      (parameter_spans(rest, list<Rest>(O + 1)), ...);
      (check_structure(O + 1, list<Rest>(O + 1), tensors), ...);
      for (std::size_t i = 0; i < tensors.size(); ++i) {
        update(tensors[i], list<Rest>(O + 1)[i]...);
      }
    }
    (std::index_sequence_for<Rest...>{});
  }

 private:
  template <class Object>
  [[nodiscard]] auto& list(std::size_t object) {
    if constexpr (std::is_const_v<Object>) {
      return const_lists_[object];
    } else {
      return lists_[object];
    }
  }

  static void check_structure(std::size_t object, const auto& tensors, const auto& first) {
    if (tensors.size() != first.size()) {
      throw ShapeError(concat("TensorZip: object ", object, " has ", tensors.size(), " tensors, must have ",
                              first.size(), " (tensors of object 0)"));
    }
    for (std::size_t i = 0; i < first.size(); ++i) {
      if (tensors[i].size() != first[i].size()) {
        throw ShapeError(concat("TensorZip: tensor ", i, " of object ", object, " has ", tensors[i].size(),
                                " elements, must have ", first[i].size(), " (elements in object 0)"));
      }
    }
  }

  std::vector<std::vector<std::span<T>>> lists_;
  std::vector<std::vector<std::span<const T>>> const_lists_;
};

}  // namespace vaekit::inline VAEKIT_ABI
