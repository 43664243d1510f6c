// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <span>
#include <vector>

#include "vaekit/core/matrix.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// A density on the rows of a matrix, known up to a constant factor of each row:
///
///   evaluate(z, log_density, gradient)   log f of each row of z, and its gradient; [rows × dim] → [rows],
///                                        [rows × dim]
template <class Target, class T>
concept RowDensity = requires(
    Target& target, const Eigen::Ref<const EigenMatrix<T>, Eigen::Unaligned, Eigen::OuterStride<>>& z,
    std::span<double> log_density, MatrixOut<T> gradient) {
  target.evaluate(z, log_density, gradient);
};

/// Hamiltonian Monte Carlo, a chain in each row: momentum p ~ N(0, I), `leapfrog_steps` of
///
///   p += ½ ε ∇ log f(z),   z += ε p,   p += ½ ε ∇ log f(z)
///
/// then z is kept with probability min(1, exp(H₀ − H₁)), H = −log f(z) + ½ ‖p‖², else put back. A transition
/// leaves f invariant and is reversible. Where the energy is not finite the move is refused.
///
/// Noise is handed in, so that nothing depends on the rows around a row or on the number of threads.
///
/// Threads  one sampler is used by one thread
/// Source   Neal 2011 (arXiv:1206.1901), section 3.1 and figure 2
template <class T>
class HamiltonianSampler {
 public:
  /// For up to `rows` chains in `dim` dimensions.
  HamiltonianSampler(Index rows, Index dim) : start_(rows, dim), energy_(static_cast<std::size_t>(rows)) {}

  /// One transition of every row.
  ///
  /// Shapes  z, gradient, momentum [rows × dim]; log_density, step_sizes, uniforms, acceptance [rows]
  ///
  /// On entry `log_density` and `gradient` are those at z, `momentum` is drawn from N(0, I), `uniforms` from
  /// (0, 1); `acceptance` becomes the probability with which each move was to be kept. The others are scratch
  /// afterwards.
  template <RowDensity<T> Target>
  void transition(Target& target, MatrixOut<T> z, std::span<double> log_density, MatrixOut<T> gradient,
                  MatrixOut<T> momentum, std::span<const double> step_sizes, Index leapfrog_steps,
                  std::span<const double> uniforms, std::span<double> acceptance) {
    const Index rows = z.rows();
    start_.topRows(rows) = z;
    for (Index row = 0; row < rows; ++row) {
      const auto r = static_cast<std::size_t>(row);
      energy_[r] = energy(log_density[r], momentum.row(row));
      momentum.row(row) += static_cast<T>(step_sizes[r] / 2) * gradient.row(row);
    }
    for (Index step = 1; step <= leapfrog_steps; ++step) {
      for (Index row = 0; row < rows; ++row) {
        z.row(row) += static_cast<T>(step_sizes[static_cast<std::size_t>(row)]) * momentum.row(row);
      }
      target.evaluate(z, log_density, gradient);
      const double share = step < leapfrog_steps ? 1 : 0.5;
      for (Index row = 0; row < rows; ++row) {
        momentum.row(row) +=
            static_cast<T>(share * step_sizes[static_cast<std::size_t>(row)]) * gradient.row(row);
      }
    }
    for (Index row = 0; row < rows; ++row) {
      const auto r = static_cast<std::size_t>(row);
      const double change = energy_[r] - energy(log_density[r], momentum.row(row));
      acceptance[r] = std::isfinite(change) ? std::exp(std::min(change, 0.0)) : 0;
      if (!(uniforms[r] < acceptance[r])) {
        z.row(row) = start_.row(row);
      }
    }
  }

 private:
  template <class Row>
  [[nodiscard]] static double energy(double log_density, const Row& momentum) {
    double square = 0;
    for (Index d = 0; d < momentum.cols(); ++d) {
      square += static_cast<double>(momentum[d]) * static_cast<double>(momentum[d]);
    }
    return square / 2 - log_density;
  }

  Matrix<T> start_;
  std::vector<double> energy_;
};

/// A step size that follows the acceptance of its chains: log ε += rate · (acceptance − target), with a rate
/// that falls from 0.5 to 0.05.
class StepSize {
 public:
  explicit StepSize(double initial = 0.1, double target = 0.65) : value_(initial), target_(target) {}

  [[nodiscard]] double value() const { return value_; }
  void adapt(double acceptance) {
    ++count_;
    const double rate = std::max(0.05, 0.5 / std::sqrt(static_cast<double>(count_)));
    value_ *= std::exp(rate * (acceptance - target_));
  }

 private:
  double value_;
  double target_;
  Index count_ = 0;
};

}  // namespace vaekit::inline VAEKIT_ABI
