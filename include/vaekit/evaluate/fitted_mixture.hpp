// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "vaekit/core/error.hpp"
#include "vaekit/core/fields.hpp"
#include "vaekit/core/matrix.hpp"
#include "vaekit/core/parallel.hpp"
#include "vaekit/core/random.hpp"
#include "vaekit/distributions/diagonal_gaussian.hpp"
#include "vaekit/kernels/gemm.hpp"
#include "vaekit/kernels/reduce.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct FittedMixtureConfig {
  Index components = 10;
  Index iterations = 100;
  double tolerance = 1e-3;  ///< nats a sample that an iteration must gain to go on
  double floor = 1e-6;      ///< added to every variance

  static constexpr auto fields() {
    return std::tuple{field("components", &FittedMixtureConfig::components, "Gaussians", between(1, 100'000)),
                      field("iterations", &FittedMixtureConfig::iterations, "at most", at_least(1)),
                      field("tolerance", &FittedMixtureConfig::tolerance, "gain to go on", non_negative),
                      field("floor", &FittedMixtureConfig::floor, "added to variances", positive)};
  }
};

/// A mixture of Gaussians with full covariances, fitted to latents by expectation maximisation: a sampler for
/// models whose prior is none or a poor one.
///
///   p(z) = Σ_c w_c N(z; mu_c, L_c L_cᵀ)
///
/// Units    nats, in double
/// Threads  the products of the fit are parallel, and no bit depends on the number of threads
/// Source   Dempster, Laird, Rubin 1977; for autoencoders Ghosh et al. 2020 (arXiv:1903.12436), section 4;
///          centres start as in Arthur & Vassilvitskii 2007
class FittedMixture {
 public:
  /// Throws ConfigError when a number is out of range, DataError when there are fewer rows than components,
  /// NumericError when a latent is not finite.
  FittedMixture(const Matrix<double>& z, const FittedMixtureConfig& config, std::uint64_t seed)
      : config_(checked("fitted mixture", config)) {
    if (z.rows() < config.components) {
      throw DataError(concat("fitted mixture: has ", z.rows(), " latents, must have at least ",
                             config.components, " (components)"));
    }
    if (!z.allFinite()) {
      throw NumericError("fitted mixture: latents are not finite");
    }
    responsibilities_.resize(z.rows(), config.components);
    start(z, seed);
    for (Index i = 0; i < config.iterations; ++i) {
      const double before = log_likelihood_;
      expect(z);
      maximize(z);
      if (i > 0 && log_likelihood_ - before < config.tolerance) {
        break;
      }
    }
  }

  [[nodiscard]] Index dim() const { return mu_.cols(); }
  [[nodiscard]] Index components() const { return mu_.rows(); }
  [[nodiscard]] const std::vector<double>& weights() const { return weights_; }
  [[nodiscard]] const Matrix<double>& mu() const { return mu_; }
  /// Mean over the latents it was fitted to, before the last step.
  [[nodiscard]] double log_likelihood() const { return log_likelihood_; }

  [[nodiscard]] double log_prob(std::span<const double> z) const {
    std::vector<double> white(static_cast<std::size_t>(dim()));
    LogSumExp total;
    for (Index c = 0; c < components(); ++c) {
      total.add(component_log_prob(z.data(), c, white));
    }
    return total.value();
  }

  /// Row r: a component by its weight, then z ~ N(mu, temperature² L Lᵀ); depends on `first` + r alone.
  template <class T>
  void sample(const RandomStream& stream, std::uint64_t first, double temperature, MatrixOut<T> z) const {
    for (Index row = 0; row < z.rows(); ++row) {
      RandomSequence random(stream, first + static_cast<std::uint64_t>(row));
      double left = random.uniform();
      Index c = 0;
      while (c + 1 < components() && (left -= weights_[static_cast<std::size_t>(c)]) > 0) {
        ++c;
      }
      std::vector<double> noise(static_cast<std::size_t>(dim()));
      for (double& value : noise) {
        value = temperature * random.normal();
      }
      const Matrix<double>& factor = factors_[static_cast<std::size_t>(c)];
      for (Index i = 0; i < dim(); ++i) {
        double value = mu_(c, i);
        for (Index j = 0; j <= i; ++j) {
          value += factor(i, j) * noise[static_cast<std::size_t>(j)];
        }
        z(row, i) = static_cast<T>(value);
      }
    }
  }

 private:
  /// Centres far from one another, the covariance of all for each.
  void start(const Matrix<double>& z, std::uint64_t seed) {
    const Index k = config_.components;
    mu_ = Matrix<double>(k, z.cols());
    weights_.assign(static_cast<std::size_t>(k), 1 / static_cast<double>(k));
    factors_.assign(static_cast<std::size_t>(k), Matrix<double>(z.cols(), z.cols()));
    RandomSequence random(RandomStream(seed, Purpose::prior).child(1), 0);
    std::vector<double> distance(static_cast<std::size_t>(z.rows()), 1);
    for (Index c = 0; c < k; ++c) {
      double total = 0;
      for (const double d : distance) {
        total += d;
      }
      double left = random.uniform() * total;
      Index row = 0;
      while (row + 1 < z.rows() && (left -= distance[static_cast<std::size_t>(row)]) > 0) {
        ++row;
      }
      mu_.row(c) = z.row(row);
      for (Index i = 0; i < z.rows(); ++i) {
        const double squared = (z.row(i) - mu_.row(c)).squaredNorm();
        double& nearest = distance[static_cast<std::size_t>(i)];
        nearest = c == 0 ? squared : std::min(nearest, squared);
      }
    }
    responsibilities_.setConstant(1 / static_cast<double>(k));
    const Matrix<double> centres = mu_;
    maximize(z);
    mu_ = centres;
  }

  [[nodiscard]] double component_log_prob(const double* z, Index c, std::vector<double>& white) const {
    const Matrix<double>& factor = factors_[static_cast<std::size_t>(c)];
    double sum = static_cast<double>(dim()) * log_two_pi;
    for (Index i = 0; i < dim(); ++i) {
      double value = z[i] - mu_(c, i);
      for (Index j = 0; j < i; ++j) {
        value -= factor(i, j) * white[static_cast<std::size_t>(j)];
      }
      value /= factor(i, i);
      white[static_cast<std::size_t>(i)] = value;
      sum += value * value + 2 * std::log(factor(i, i));
    }
    return std::log(weights_[static_cast<std::size_t>(c)]) - 0.5 * sum;
  }

  void expect(const Matrix<double>& z) {
    for (Index c = 0; c < components(); ++c) {
      find_log_probs(z, c);
    }
    double sum = 0;
    for (Index row = 0; row < z.rows(); ++row) {
      LogSumExp total;
      for (Index c = 0; c < components(); ++c) {
        total.add(responsibilities_(row, c));
      }
      const double log_prob = total.value();
      for (Index c = 0; c < components(); ++c) {
        responsibilities_(row, c) = std::exp(responsibilities_(row, c) - log_prob);
      }
      sum += log_prob;
    }
    log_likelihood_ = sum / static_cast<double>(z.rows());
  }

  /// log w_c N(z; mu_c, L_c L_cᵀ) of every row, by products with L_c⁻¹, to column c of the responsibilities.
  void find_log_probs(const Matrix<double>& z, Index c) {
    const Matrix<double> inverse = inverse_factor(c);
    double constant =
        std::log(weights_[static_cast<std::size_t>(c)]) - 0.5 * static_cast<double>(dim()) * log_two_pi;
    for (Index i = 0; i < dim(); ++i) {
      constant += std::log(inverse(i, i));
    }
    for_each_chunk(z, c, [&](Index first, MatrixIn<double> deviations) {
      const MatrixOut<double> white = top(white_, deviations.rows());
      gemm<double>(as_is<double>(deviations), transposed<double>(inverse), dim(), white, Store::overwrite);
      for (Index row = 0; row < deviations.rows(); ++row) {
        responsibilities_(first + row, c) = constant - 0.5 * white.row(row).squaredNorm();
      }
    });
  }

  void maximize(const Matrix<double>& z) {
    for (Index c = 0; c < components(); ++c) {
      update_component(z, c);
    }
  }

  void update_component(const Matrix<double>& z, Index c) {
    double count = 1e-10;  // an empty component keeps the floor's covariance
    mu_.row(c).setZero();
    for (Index row = 0; row < z.rows(); ++row) {
      count += responsibilities_(row, c);
      mu_.row(c) += responsibilities_(row, c) * z.row(row);
    }
    mu_.row(c) /= count;
    weights_[static_cast<std::size_t>(c)] = count / static_cast<double>(z.rows());
    Matrix<double>& covariance = factors_[static_cast<std::size_t>(c)];
    covariance.setZero();
    for_each_chunk(z, c, [&](Index first, MatrixIn<double> deviations) {
      MatrixOut<double> weighted = top(white_, deviations.rows());
      for (Index row = 0; row < deviations.rows(); ++row) {
        weighted.row(row) = responsibilities_(first + row, c) / count * deviations.row(row);
      }
      gemm<double>(transposed<double>(weighted), as_is<double>(deviations), deviations.rows(),
                   MatrixOut<double>(covariance), Store::accumulate);
    });
    covariance.diagonal().array() += config_.floor;
    cholesky(covariance);
  }

  /// Calls `body(first row, z − mu_c of some rows)` for all rows.
  template <class Body>
  void for_each_chunk(const Matrix<double>& z, Index c, Body&& body) {
    constexpr Index most = 512;
    deviations_.resize(std::min(most, z.rows()), dim());
    white_.resize(std::min(most, z.rows()), dim());
    for (Index first = 0; first < z.rows(); first += most) {
      const Index n = std::min(most, z.rows() - first);
      for (Index row = 0; row < n; ++row) {
        deviations_.row(row) = z.row(first + row) - mu_.row(c);
      }
      body(first, deviations_.topRows(n));
    }
  }

  /// L_c⁻¹, lower.
  [[nodiscard]] Matrix<double> inverse_factor(Index c) const {
    const Matrix<double>& factor = factors_[static_cast<std::size_t>(c)];
    Matrix<double> inverse(dim(), dim());
    for (Index column = 0; column < dim(); ++column) {
      for (Index i = column; i < dim(); ++i) {
        double value = i == column ? 1 : 0;
        for (Index k = column; k < i; ++k) {
          value -= factor(i, k) * inverse(k, column);
        }
        inverse(i, column) = value / factor(i, i);
      }
    }
    return inverse;
  }

  /// A becomes its Cholesky factor, zeros above; the floor keeps it positive.
  void cholesky(Matrix<double>& a) const {
    for (Index i = 0; i < a.rows(); ++i) {
      for (Index j = 0; j <= i; ++j) {
        double sum = a(i, j);
        for (Index k = 0; k < j; ++k) {
          sum -= a(i, k) * a(j, k);
        }
        a(i, j) = i == j ? std::sqrt(std::max(sum, config_.floor)) : sum / a(j, j);
      }
      a.row(i).tail(a.cols() - i - 1).setZero();
    }
  }

  FittedMixtureConfig config_;
  Matrix<double> responsibilities_;  // [n × components]
  Matrix<double> mu_;                // [components × dim]
  std::vector<double> weights_;
  std::vector<Matrix<double>> factors_;  // [dim × dim] each, lower
  Matrix<double> deviations_, white_;    // of some rows, [· × dim]
  double log_likelihood_ = 0;
};

}  // namespace vaekit::inline VAEKIT_ABI
