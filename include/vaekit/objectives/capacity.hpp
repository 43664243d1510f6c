// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include "vaekit/core/fields.hpp"
#include "vaekit/core/schedule.hpp"
#include "vaekit/objectives/objective.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct CapacityConfig {
  static constexpr std::string_view kind = "capacity";
  Schedule capacity = 25.0;
  double gamma = 1000;
  Index samples = 1;

  static constexpr auto fields() {
    return std::tuple{
        field("capacity", &CapacityConfig::capacity, "nats of KL to aim at: a number or a schedule",
              non_negative),
        field("gamma", &CapacityConfig::gamma, "weight of the distance from the capacity", non_negative),
        field("samples", &CapacityConfig::samples, "latent samples for each input", between(1, 10000))};
  }
};

/// The bound with a controlled capacity C(t) of the latent:
///
///   loss = −mean_b,k log p(x_b|z_bk) + γ |mean_b Σ_d KL_bd − C(t)|
///
/// Units    nats
/// Threads  pure
/// Source   Burgess et al. 2018 (arXiv:1804.03599) eq. 8
struct Capacity {
  using Config = CapacityConfig;

  Config config;

  Capacity() = default;
  /// Throws ConfigError when a number is out of range.
  explicit Capacity(const Config& c) : config(checked("capacity", c)) {}

  [[nodiscard]] Index samples() const { return config.samples; }

  template <class T>
  ObjectiveValue evaluate(const Terms<T>& terms, double time, Terms<T>& gradients) const {
    ObjectiveValue value = elbo_value(terms);
    const double excess = value.kl - config.capacity.value(time);
    value.loss = config.gamma * std::abs(excess) - value.reconstruction;
    gradients.log_likelihood.setConstant(
        static_cast<T>(-1 / static_cast<double>(terms.log_likelihood.size())));
    const double slope = excess > 0 ? config.gamma : (excess < 0 ? -config.gamma : 0);
    gradients.kl.setConstant(static_cast<T>(slope / static_cast<double>(terms.kl.rows())));
    return value;
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
