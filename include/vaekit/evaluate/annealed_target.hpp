// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cmath>
#include <span>
#include <string_view>

#include "vaekit/evaluate/log_joint.hpp"
#include "vaekit/model/part_name.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// The distribution that annealing starts from: p(z), as in the paper, or q(z|x), which is nearer.
enum class AnnealingStart { prior, posterior };

[[nodiscard]] constexpr auto enum_names(AnnealingStart) {
  return std::array<std::string_view, 2>{"prior", "posterior"};
}

/// Refuses models whose latent variables cannot move through all of space.
///
/// Throws ConfigError "annealed importance sampling: moves z through all of space, a von_mises_fisher ..."
template <class Model>
void check_annealing(const Model& model, AnnealingStart start = AnnealingStart::prior) {
  constexpr std::string_view where = "annealed importance sampling: ";
  if (space_of(model.latent) != "all of space") {
    throw ConfigError(concat(where, "moves z through all of space, the ", part_name(model.latent),
                             " posterior lives on ", space_of(model.latent)));
  }
  if (start == AnnealingStart::posterior && !is_diagonal_gaussian(model.latent)) {
    throw ConfigError(concat(where, "starts from a diagonal Gaussian posterior, got ",
                             part_name(model.latent), "; start from the prior"));
  }
}

/// log f_β(z) = (1 − β) log base(z) + β (log p(z) + log p(x|z)) of rows of z and its gradient, a
/// `RowDensity`.
///
/// Units    nats
/// Threads  one object is used by one thread
template <class Model>
class AnnealedTarget {
 public:
  using T = typename Model::Scalar;

  /// For up to `rows` rows of z.
  ///
  /// Throws ConfigError as `check_annealing`
  AnnealedTarget(const Model& model, AnnealingStart start, Index rows)
      : start_((check_annealing(model, start), start)),
        joint_(model, rows),
        log_base_(static_cast<std::size_t>(rows)),
        base_gradient_(start == AnnealingStart::posterior ? rows : 0, model.latent_dim()) {}

  /// Shapes  x [n × features + condition]
  void set_inputs(MatrixIn<T> x) {
    joint_.set_inputs(x);
    if (start_ == AnnealingStart::posterior) {
      const DiagonalGaussian<T> q = joint_.encode();
      mu_.resize(q.mu.rows(), q.mu.cols());
      logvar_.resize(q.mu.rows(), q.mu.cols());
      mu_ = q.mu;
      logvar_ = q.logvar;
    }
  }

  void set_temperature(double beta) { beta_ = beta; }

  /// z ~ base; row r depends on `first` + r alone. [n·samples × dim]
  void sample_base(const RandomStream& stream, std::uint64_t first, MatrixOut<T> z) {
    if (start_ == AnnealingStart::prior) {
      joint_.sample_prior(stream, first, z);
      return;
    }
    fill_normal(std::span<T>(z.data(), static_cast<std::size_t>(z.size())), stream,
                first * static_cast<std::uint64_t>(z.cols()));
    const Index samples = z.rows() / mu_.rows();
    for (Index row = 0; row < z.rows(); ++row) {
      for (Index d = 0; d < z.cols(); ++d) {
        z(row, d) = mu_(row / samples, d) + std::exp(logvar_(row / samples, d) / 2) * z(row, d);
      }
    }
  }

  /// Shapes  z, gradient [rows × dim], log_density [rows]
  void evaluate(MatrixIn<T> z, std::span<double> log_density, MatrixOut<T> gradient) {
    joint_.evaluate(z);
    const auto beta = static_cast<T>(beta_);
    if (start_ == AnnealingStart::prior) {
      gradient = joint_.prior_gradient() + beta * joint_.likelihood_gradient();
    } else {
      find_base(z);
      gradient = (T{1} - beta) * base_gradient_.topRows(z.rows()) +
                 beta * (joint_.prior_gradient() + joint_.likelihood_gradient());
    }
    for (std::size_t row = 0; row < log_density.size(); ++row) {
      log_density[row] = log_base(row) + beta_ * slope(static_cast<Index>(row));
    }
  }

  /// ∂ log f_β/∂β at the last z: log p(z) + log p(x|z) − log base(z).
  [[nodiscard]] double slope(Index row) const {
    const auto r = static_cast<std::size_t>(row);
    const auto log_likelihood = static_cast<double>(joint_.log_likelihood()[r]);
    return start_ == AnnealingStart::prior
               ? log_likelihood
               : log_likelihood + static_cast<double>(joint_.log_prior()[r]) - log_base_[r];
  }

 private:
  [[nodiscard]] double log_base(std::size_t row) const {
    return start_ == AnnealingStart::prior ? static_cast<double>(joint_.log_prior()[row]) : log_base_[row];
  }

  /// log q(z|x) and its gradient.
  void find_base(MatrixIn<T> z) {
    const Index samples = z.rows() / mu_.rows();
    for (Index row = 0; row < z.rows(); ++row) {
      const Index input = row / samples;
      double sum = 0;
      for (Index d = 0; d < z.cols(); ++d) {
        const T deviation = z(row, d) - mu_(input, d);
        const T slope = deviation * std::exp(-logvar_(input, d));
        base_gradient_(row, d) = -slope;
        sum += static_cast<double>(deviation * slope + logvar_(input, d)) + log_two_pi;
      }
      log_base_[static_cast<std::size_t>(row)] = -sum / 2;
    }
  }

  AnnealingStart start_;
  LogJoint<Model> joint_;
  double beta_ = 0;
  Matrix<T> mu_, logvar_;  // [n × dim] of q(z|x)
  std::vector<double> log_base_;
  Matrix<T> base_gradient_;
};

}  // namespace vaekit::inline VAEKIT_ABI
