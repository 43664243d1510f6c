// SPDX-License-Identifier: MIT
#pragma once

#include "vaekit/core/fields.hpp"
#include "vaekit/objectives/objective.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct RaeConfig {
  static constexpr std::string_view kind = "rae_l2";
  double beta = 1e-4;
  double decoder_decay = 1e-6;

  static constexpr auto fields() {
    return std::tuple{field("beta", &RaeConfig::beta, "weight of half the squared norm of z", non_negative),
                      field("decoder_decay", &RaeConfig::decoder_decay,
                            "weight of half the squared norm of the decoder's parameters", non_negative)};
  }
};

/// A regularised deterministic autoencoder, z = the posterior's mean:
///
///   loss = −mean_b log p(x_b|z_b) + β mean_b ½ ‖z_b‖² + λ ½ ‖θ_decoder‖²
///
/// It has no prior to sample from; fit a sampler to its latents afterwards.
///
/// Units    nats
/// Threads  pure
/// Source   Ghosh et al. 2020 (arXiv:1903.12436) eq. 6, with the L2 regulariser
struct Rae {
  using Config = RaeConfig;

  Config config;

  Rae() = default;
  /// Throws ConfigError when a number is out of range.
  explicit Rae(const Config& c) : config(checked("rae_l2", c)) {}

  [[nodiscard]] Index samples() const { return 1; }
  [[nodiscard]] TermNeeds needs() const { return {.samples = true, .deterministic = true}; }
  [[nodiscard]] double decoder_decay() const { return config.decoder_decay; }

  template <class T>
  ObjectiveValue evaluate(const Terms<T>& terms, double, Terms<T>& gradients) const {
    ObjectiveValue value = elbo_value(terms);
    double norm = 0;
    for (const T z : terms.z.span()) {
      norm += static_cast<double>(z) * static_cast<double>(z);
    }
    const double share = config.beta / static_cast<double>(terms.z.rows());
    value.loss = 0.5 * share * norm - value.reconstruction;
    gradients.log_likelihood.setConstant(
        static_cast<T>(-1 / static_cast<double>(terms.log_likelihood.size())));
    gradients.z = static_cast<T>(share) * terms.z;
    return value;
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
