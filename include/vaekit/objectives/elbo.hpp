// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "vaekit/core/fields.hpp"
#include "vaekit/core/schedule.hpp"
#include "vaekit/objectives/objective.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct ElboConfig {
  static constexpr std::string_view kind = "elbo";
  static constexpr std::string_view noun = "objective";
  Schedule beta = 1.0;
  double free_bits = 0;
  Index free_bits_group = 1;
  Index samples = 1;

  static constexpr auto fields() {
    return std::tuple{
        field("beta", &ElboConfig::beta, "weight of the KL term: a number or a schedule", non_negative),
        field("free_bits", &ElboConfig::free_bits,
              "nats of KL a group of latent dimensions may spend without being pushed down", non_negative),
        field("free_bits_group", &ElboConfig::free_bits_group,
              "consecutive latent dimensions that share free bits", at_least(1)),
        field("samples", &ElboConfig::samples, "latent samples for each input", between(1, 10000))};
  }
};

/// The evidence lower bound with a weight on the KL term and free bits:
///
///   loss = −mean_b,k log p(x_b|z_bk) + β Σ_g max(λ, mean_b Σ_{d in g} KL_bd)
///
/// over groups g of consecutive latent dimensions (the last one may be smaller). β = 1 and λ = 0 give the
/// bound of Kingma & Welling 2014; β ≠ 1 the beta-VAE; λ > 0 ("free bits") gives a group whose mean KL over
/// the batch is below λ nats no gradient.
///
/// Units    nats
/// Threads  pure
/// Source   Kingma & Welling 2014 (arXiv:1312.6114) eq. 10; Higgins et al. 2017 (ICLR); Kingma et al. 2016
///          (arXiv:1606.04934) eq. 15
struct Elbo {
  using Config = ElboConfig;

  Config config;

  Elbo() = default;
  /// Throws ConfigError when a number is out of range.
  explicit Elbo(const Config& c) : config(c) { check_fields("elbo", c); }

  [[nodiscard]] Index samples() const { return config.samples; }

  /// Free bits are a matter of a whole batch.
  [[nodiscard]] bool weighs_inputs() const { return config.free_bits == 0; }
  template <class T>
  [[nodiscard]] double input_loss(const Terms<T>& terms, double time, Index row) const {
    return config.beta.value(time) * terms.kl.row(row).template cast<double>().sum() -
           terms.log_likelihood.row(row).template cast<double>().mean();
  }

  template <class T>
  ObjectiveValue evaluate(const Terms<T>& terms, double time, Terms<T>& gradients) const {
    const double beta = config.beta.value(time);
    const auto batch = static_cast<double>(terms.kl.rows());
    gradients.log_likelihood.setConstant(
        static_cast<T>(-1 / static_cast<double>(terms.log_likelihood.size())));
    ObjectiveValue value = elbo_value(terms);
    if (terms.row_weight.size() > 0) {
      const auto samples = static_cast<T>(terms.log_likelihood.cols());
      for (Index row = 0; row < terms.kl.rows(); ++row) {
        gradients.log_likelihood.row(row).setConstant(-terms.row_weight(row, 0) / samples);
        gradients.kl.row(row).setConstant(static_cast<T>(beta) * terms.row_weight(row, 0));
      }
      value.loss = beta * value.kl - value.reconstruction;
      return value;
    }
    if (config.free_bits == 0) {  // an estimate of the KL term may be negative, and has its gradient
      gradients.kl.setConstant(static_cast<T>(beta / batch));
      value.loss = beta * value.kl - value.reconstruction;
      return value;
    }
    double penalty = 0;
    for (Index first = 0; first < terms.kl.cols(); first += config.free_bits_group) {
      const Index width = std::min(config.free_bits_group, terms.kl.cols() - first);
      double mean = 0;
      for (Index row = 0; row < terms.kl.rows(); ++row) {
        for (Index d = first; d < first + width; ++d) {
          mean += static_cast<double>(terms.kl(row, d));
        }
      }
      mean /= batch;
      const bool free = mean < config.free_bits;
      penalty += free ? config.free_bits : mean;
      gradients.kl.middleCols(first, width).setConstant(free ? T{0} : static_cast<T>(beta / batch));
    }
    value.loss = beta * penalty - value.reconstruction;
    return value;
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
