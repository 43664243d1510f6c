// SPDX-License-Identifier: MIT
#pragma once

#include "vaekit/core/variant.hpp"
#include "vaekit/optim/adam.hpp"
#include "vaekit/optim/sgd.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Config of any optimizer that a configuration can name: the one list, with `AnyOptimizer` below.
using OptimizerConfig = std::variant<AdamConfig, AdamWConfig, SgdConfig>;

/// State of an optimizer chosen at run time.
template <class Model>
struct AnyOptimizerState {
  using Scalar = typename Model::Scalar;
  // Adam and AdamW share a state.
  std::variant<AdamState<Model>, SgdState<Model>> chosen;

  /// Steps taken.
  [[nodiscard]] const std::uint64_t& steps() const {
    return std::visit([](const auto& state) -> const std::uint64_t& { return state.steps; }, chosen);
  }
  [[nodiscard]] std::uint64_t& steps() {
    return std::visit([](auto& state) -> std::uint64_t& { return state.steps; }, chosen);
  }

  static void reflect(auto& self, auto&& visitor) {
    std::visit([&]<class S>(S& state) { std::remove_cvref_t<S>::reflect(state, visitor); }, self.chosen);
  }
};

/// An optimizer chosen at run time; itself an optimizer.
///
/// Threads  as the chosen one
struct AnyOptimizer {
  using Config = OptimizerConfig;
  template <class Model>
  using State = AnyOptimizerState<Model>;

  std::variant<Adam, AdamW, Sgd> chosen;

  AnyOptimizer() = default;
  /// Throws ConfigError when a number is out of range.
  explicit AnyOptimizer(const OptimizerConfig& config) : chosen(make_alternative<decltype(chosen)>(config)) {}

  [[nodiscard]] double learning_rate(double time) const {
    return std::visit([&](const auto& optimizer) { return optimizer.learning_rate(time); }, chosen);
  }

  /// Numbers that the state holds for each parameter.
  [[nodiscard]] Index moments() const {
    return std::visit([](const auto& optimizer) { return optimizer.moments; }, chosen);
  }

  template <class Model>
  [[nodiscard]] State<Model> make_state(const Model& model) const {
    return std::visit([&](const auto& optimizer) { return State<Model>{optimizer.make_state(model)}; },
                      chosen);
  }

  /// `state` is one that `make_state` of an optimizer with an equal choice gave.
  template <class Model>
  void step(double learning_rate, const Model& grad, double grad_scale, Model& model,
            State<Model>& state) const {
    std::visit(
        [&]<class O>(const O& optimizer) {
          optimizer.step(learning_rate, grad, grad_scale, model,
                         std::get<typename O::template State<Model>>(state.chosen));
        },
        chosen);
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
