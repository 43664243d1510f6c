// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <concepts>

#include "vaekit/kernels/adam_update.hpp"
#include "vaekit/optim/optimizer.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Numbers of Adam; defaults of Kingma & Ba 2015.
struct AdamConfig {
  static constexpr std::string_view kind = "adam";
  static constexpr std::string_view noun = "optimizer";
  Schedule learning_rate = 0.001;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;

  static constexpr auto fields() {
    return std::tuple{
        field("learning_rate", &AdamConfig::learning_rate, "step size: a number or a schedule", non_negative),
        field("beta1", &AdamConfig::beta1, "decay of the mean of gradients", below_one),
        field("beta2", &AdamConfig::beta2, "decay of the mean of squared gradients", below_one),
        field("epsilon", &AdamConfig::epsilon, "added to the root of the second moment", positive),
        field("weight_decay", &AdamConfig::weight_decay, "L2 penalty, added to the gradient", non_negative)};
  }
};

/// Numbers of AdamW.
struct AdamWConfig {
  static constexpr std::string_view kind = "adamw";
  Schedule learning_rate = 0.001;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.01;

  static constexpr auto fields() {
    return std::tuple{
        field("learning_rate", &AdamWConfig::learning_rate, "step size: a number or a schedule",
              non_negative),
        field("beta1", &AdamWConfig::beta1, "decay of the mean of gradients", below_one),
        field("beta2", &AdamWConfig::beta2, "decay of the mean of squared gradients", below_one),
        field("epsilon", &AdamWConfig::epsilon, "added to the root of the second moment", positive),
        field("weight_decay", &AdamWConfig::weight_decay,
              "decoupled: weights shrink by learning_rate · weight_decay a step", non_negative)};
  }
};

/// Moments of Adam: objects of the model's own type.
template <class Model>
struct AdamState {
  using Scalar = typename Model::Scalar;
  Model mean;    ///< first moment
  Model square;  ///< second moment
  std::uint64_t steps = 0;
  TensorZip<Scalar> zip;

  static void reflect(auto& self, auto&& visit) {
    visit("mean", self.mean);
    visit("square", self.square);
  }
};

/// Adam, and AdamW with `Config = AdamWConfig`:
///
///   m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²
///   w ← w − α · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε)
///
/// t counts steps of the optimizer, once a step whatever the number of tensors. Weight decay λ: Adam adds λ w
/// to g, AdamW multiplies w by 1 − α λ first.
///
/// Threads  `step` writes model and state; bits do not depend on the number of threads
/// Source   Kingma & Ba 2015 (arXiv:1412.6980) algorithm 1; Loshchilov & Hutter 2019 (arXiv:1711.05101)
template <class ConfigType>
struct BasicAdam {
  using Config = ConfigType;
  template <class Model>
  using State = AdamState<Model>;
  static constexpr bool decoupled = std::same_as<Config, AdamWConfig>;
  static constexpr Index moments = 2;  ///< numbers that the state holds for each parameter

  Config config;

  BasicAdam() = default;
  /// Throws ConfigError when a number is out of range.
  explicit BasicAdam(const Config& c) : config(c) { check_fields(Config::kind, c); }

  /// Step size at `time`, in epochs.
  [[nodiscard]] double learning_rate(double time) const { return config.learning_rate.value(time); }

  template <class Model>
  [[nodiscard]] State<Model> make_state(const Model& model) const {
    return {zeros_like(model), zeros_like(model), 0, {}};
  }

  /// Throws ShapeError, with nothing changed, when the objects do not have one structure.
  template <class Model>
  void step(double learning_rate, const Model& grad, double grad_scale, Model& model,
            State<Model>& state) const {
    using T = typename Model::Scalar;
    const auto t = static_cast<double>(state.steps + 1);
    const AdamStep numbers{.beta1 = config.beta1,
                           .beta2 = config.beta2,
                           .step_size = learning_rate / (1 - std::pow(config.beta1, t)),
                           .inverse_root_bias = 1 / std::sqrt(1 - std::pow(config.beta2, t)),
                           .epsilon = config.epsilon,
                           .shrink = decoupled ? 1 - learning_rate * config.weight_decay : 1.0,
                           .l2 = decoupled ? 0.0 : config.weight_decay,
                           .grad_scale = grad_scale};
    state.zip([&](std::span<T> w, std::span<const T> g, std::span<T> m,
                  std::span<T> v) { adam_update<T>(numbers, w, g, m, v); },
              model, grad, state.mean, state.square);
    ++state.steps;
  }
};

using Adam = BasicAdam<AdamConfig>;
using AdamW = BasicAdam<AdamWConfig>;

}  // namespace vaekit::inline VAEKIT_ABI
