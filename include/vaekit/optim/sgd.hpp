// SPDX-License-Identifier: MIT
#pragma once

#include "vaekit/kernels/adam_update.hpp"
#include "vaekit/optim/optimizer.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct SgdConfig {
  static constexpr std::string_view kind = "sgd";
  Schedule learning_rate = 0.01;
  double momentum = 0;
  bool nesterov = false;
  double weight_decay = 0;

  static constexpr auto fields() {
    return std::tuple{
        field("learning_rate", &SgdConfig::learning_rate, "step size: a number or a schedule", non_negative),
        field("momentum", &SgdConfig::momentum, "share of the last step that is kept", below_one),
        field("nesterov", &SgdConfig::nesterov, "look-ahead momentum"),
        field("weight_decay", &SgdConfig::weight_decay, "L2 penalty, added to the gradient", non_negative)};
  }
};

template <class Model>
struct SgdState {
  using Scalar = typename Model::Scalar;
  Model velocity;
  std::uint64_t steps = 0;
  TensorZip<Scalar> zip;

  static void reflect(auto& self, auto&& visit) { visit("velocity", self.velocity); }
};

/// Stochastic gradient descent with momentum μ, as PyTorch: b ← μ b + g, w ← w − α b (Nesterov: g + μ b).
///
/// Threads  `step` writes model and state; bits do not depend on the number of threads
/// Source   Sutskever et al. 2013 (ICML)
struct Sgd {
  using Config = SgdConfig;
  template <class Model>
  using State = SgdState<Model>;
  static constexpr Index moments = 1;  ///< numbers that the state holds for each parameter

  Config config;

  Sgd() = default;
  /// Throws ConfigError when a number is out of range.
  explicit Sgd(const Config& c) : config(c) { check_fields(Config::kind, c); }

  /// Step size at `time`, in epochs.
  [[nodiscard]] double learning_rate(double time) const { return config.learning_rate.value(time); }

  template <class Model>
  [[nodiscard]] State<Model> make_state(const Model& model) const {
    return {zeros_like(model), 0, {}};
  }

  /// Throws ShapeError, with nothing changed, when the objects do not have one structure.
  template <class Model>
  void step(double learning_rate, const Model& grad, double grad_scale, Model& model,
            State<Model>& state) const {
    using T = typename Model::Scalar;
    state.zip(
        [&](std::span<T> w, std::span<const T> g, std::span<T> b) {
          sgd_update<T>(learning_rate, config.momentum, config.nesterov, config.weight_decay, grad_scale, w,
                        g, b);
        },
        model, grad, state.velocity);
    ++state.steps;
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
