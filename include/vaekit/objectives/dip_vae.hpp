// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include "vaekit/core/fields.hpp"
#include "vaekit/objectives/objective.hpp"

namespace vaekit::inline VAEKIT_ABI {

enum class DipVariant { one, two };

[[nodiscard]] constexpr auto enum_names(DipVariant) { return std::array<std::string_view, 2>{"I", "II"}; }

struct DipVaeConfig {
  static constexpr std::string_view kind = "dip_vae";
  DipVariant variant = DipVariant::one;
  double lambda_offdiagonal = 10;
  double lambda_diagonal = 100;
  double beta = 1;

  static constexpr auto fields() {
    return std::tuple{field("variant", &DipVaeConfig::variant, "I: covariance of the means; II: of z"),
                      field("lambda_offdiagonal", &DipVaeConfig::lambda_offdiagonal,
                            "weight of the covariances' squares", non_negative),
                      field("lambda_diagonal", &DipVaeConfig::lambda_diagonal,
                            "weight of the squared distance of the variances from 1", non_negative),
                      field("beta", &DipVaeConfig::beta, "weight of the KL term", non_negative)};
  }
};

/// The bound with the covariance C of the aggregate posterior pushed towards the identity:
///
///   loss = −mean log p(x|z) + β mean KL + λ_od Σ_{i≠j} C_ij² + λ_d Σ_i (C_ii − 1)²
///
/// I: C = Cov_b(μ_b), II: C = Cov_b(μ_b) + diag(mean_b exp(logvar_b)), over the batch (divided by n). Needs a
/// Gaussian posterior.
///
/// Units    nats
/// Threads  pure
/// Source   Kumar, Sattigeri, Balakrishnan 2018 (arXiv:1711.00848) eq. 5 to 7
struct DipVae {
  using Config = DipVaeConfig;

  Config config;

  DipVae() = default;
  /// Throws ConfigError when a number is out of range.
  explicit DipVae(const Config& c) : config(checked("dip_vae", c)) {}

  [[nodiscard]] Index samples() const { return 1; }
  [[nodiscard]] TermNeeds needs() const { return {.moments = true}; }

  template <class T>
  ObjectiveValue evaluate(const Terms<T>& terms, double, Terms<T>& gradients) const {
    const Index n = terms.mu.rows();
    const Index dim = terms.mu.cols();
    ObjectiveValue value = elbo_value(terms);
    value.loss = config.beta * value.kl - value.reconstruction;
    gradients.log_likelihood.setConstant(
        static_cast<T>(-1 / static_cast<double>(terms.log_likelihood.size())));
    gradients.kl.setConstant(static_cast<T>(config.beta / static_cast<double>(n)));
    // Row 0: the mean of mu. The rows below it: ∂loss/∂C.
    Matrix<T>& scratch = gradients.scratch;
    scratch.resize(1 + dim, dim);
    for (Index j = 0; j < dim; ++j) {
      scratch(0, j) = static_cast<T>(terms.mu.col(j).template cast<double>().sum() / static_cast<double>(n));
    }
    for (Index i = 0; i < dim; ++i) {
      for (Index j = 0; j <= i; ++j) {
        const double slope = add_penalty(covariance(terms, scratch, i, j), i == j, value.loss);
        scratch(1 + i, j) = static_cast<T>(slope);
        scratch(1 + j, i) = static_cast<T>(slope);
      }
    }
    const T share = T{1} / static_cast<T>(n);
    for (Index b = 0; b < n; ++b) {
      for (Index i = 0; i < dim; ++i) {
        T sum = 0;
        for (Index j = 0; j < dim; ++j) {
          sum += scratch(1 + i, j) * (terms.mu(b, j) - scratch(0, j));
        }
        gradients.mu(b, i) = 2 * share * sum;
        if (config.variant == DipVariant::two) {
          gradients.logvar(b, i) = share * scratch(1 + i, i) * std::exp(terms.logvar(b, i));
        }
      }
    }
    return value;
  }

 private:
  template <class T>
  [[nodiscard]] double covariance(const Terms<T>& terms, const Matrix<T>& scratch, Index i, Index j) const {
    double sum = 0;
    for (Index b = 0; b < terms.mu.rows(); ++b) {
      sum += static_cast<double>(terms.mu(b, i) - scratch(0, i)) *
             static_cast<double>(terms.mu(b, j) - scratch(0, j));
      if (i == j && config.variant == DipVariant::two) {
        sum += std::exp(static_cast<double>(terms.logvar(b, i)));
      }
    }
    return sum / static_cast<double>(terms.mu.rows());
  }

  /// Adds the penalty of an entry of C (and of its mirror image) to the loss; returns its slope.
  double add_penalty(double c, bool diagonal, double& loss) const {
    if (diagonal) {
      loss += config.lambda_diagonal * (c - 1) * (c - 1);
      return 2 * config.lambda_diagonal * (c - 1);
    }
    loss += 2 * config.lambda_offdiagonal * c * c;
    return 2 * config.lambda_offdiagonal * c;
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
