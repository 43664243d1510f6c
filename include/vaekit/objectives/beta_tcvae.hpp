// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>

#include "vaekit/core/fields.hpp"
#include "vaekit/core/parallel.hpp"
#include "vaekit/core/schedule.hpp"
#include "vaekit/distributions/diagonal_gaussian.hpp"
#include "vaekit/kernels/math.hpp"
#include "vaekit/kernels/reduce.hpp"
#include "vaekit/objectives/objective.hpp"

namespace vaekit::inline VAEKIT_ABI {

enum class AggregateEstimator { weighted, stratified };

[[nodiscard]] constexpr auto enum_names(AggregateEstimator) {
  return std::array<std::string_view, 2>{"weighted", "stratified"};
}

struct BetaTcvaeConfig {
  static constexpr std::string_view kind = "beta_tcvae";
  double alpha = 1;
  Schedule beta = 6.0;
  double gamma = 1;
  AggregateEstimator estimator = AggregateEstimator::weighted;
  double dataset_size = 0;

  static constexpr auto fields() {
    return std::tuple{
        field("alpha", &BetaTcvaeConfig::alpha, "weight of the mutual information of x and z", non_negative),
        field("beta", &BetaTcvaeConfig::beta, "weight of the total correlation: a number or a schedule",
              non_negative),
        field("gamma", &BetaTcvaeConfig::gamma, "weight of the KL of each dimension", non_negative),
        field("estimator", &BetaTcvaeConfig::estimator, "of q(z) from a minibatch"),
        field("dataset_size", &BetaTcvaeConfig::dataset_size,
              "training samples N; 0 = those of the training set", non_negative)};
  }
};

/// The bound with its KL term taken apart:
///
///   loss = mean_i −log p(x_i|z_i) + α (log q(z_i|x_i) − log q(z_i)) + β (log q(z_i) − Σ_d log q(z_id))
///                                 + γ (Σ_d log q(z_id) − log p(z_i))
///
/// q(z) = 1/N Σ q(z|x_j) over the training set is estimated from the n inputs of a batch:
///
///   weighted     log q(z_i) ≈ log Σ_j q(z_i|x_j) / (N n)
///   stratified   log q(z_i) ≈ log Σ_j W_ij q(z_i|x_j), W_ii = 1/N, one other (N − M)/(N M), the rest 1/M, M
///   = n − 1
///
/// Needs a diagonal Gaussian posterior.
///
/// Units    nats
/// Threads  no bit depends on their number
/// Source   Chen et al. 2018 (arXiv:1802.04942) eq. 4 and appendix C
struct BetaTcvae {
  using Config = BetaTcvaeConfig;

  Config config;

  BetaTcvae() = default;
  /// Throws ConfigError when a number is out of range.
  explicit BetaTcvae(const Config& c) : config(checked("beta_tcvae", c)) {}

  [[nodiscard]] Index samples() const { return 1; }
  [[nodiscard]] TermNeeds needs() const { return {.densities = true, .samples = true, .moments = true}; }

  /// The trainer tells it the number of training samples, unless the configuration does.
  void set_dataset_size(Index size) {
    if (config.dataset_size == 0) {
      config.dataset_size = static_cast<double>(size);
    }
  }

  template <class T>
  ObjectiveValue evaluate(const Terms<T>& terms, double time, Terms<T>& gradients) const {
    const Index n = terms.z.rows();
    const Index dim = terms.z.cols();
    const double beta = config.beta.value(time);
    const auto share = 1 / static_cast<double>(n);
    const Batch<T> batch{terms, weights(n), share * (beta - config.alpha), share * (config.gamma - beta)};
    gradients.scratch.resize(n, 1 + dim);
    parallel_for(n, 8, [&](Index first, Index last) {
      for (Index i = first; i < last; ++i) {
        batch.find_aggregate(i, gradients.scratch);
      }
    });
    ObjectiveValue value = elbo_value(terms);
    value.loss = -value.reconstruction;
    for (Index i = 0; i < n; ++i) {
      const double joint = static_cast<double>(gradients.scratch(i, 0));
      double marginals = 0;
      for (Index d = 0; d < dim; ++d) {
        marginals += static_cast<double>(gradients.scratch(i, 1 + d));
      }
      value.loss += share * (config.alpha * (static_cast<double>(terms.log_q(i, 0)) - joint) +
                             beta * (joint - marginals) +
                             config.gamma * (marginals - static_cast<double>(terms.log_p(i, 0))));
    }
    gradients.log_likelihood.setConstant(static_cast<T>(-share));
    gradients.log_q.setConstant(static_cast<T>(share * config.alpha));
    gradients.log_p.setConstant(static_cast<T>(-share * config.gamma));
    parallel_for(n, 8, [&](Index first, Index last) {
      for (Index i = first; i < last; ++i) {
        batch.add_gradient_of_sample(i, gradients);
        batch.add_gradient_of_posterior(i, gradients);
      }
    });
    return value;
  }

 private:
  /// Logarithms of W_ij.
  struct Weights {
    double own, next, other;
    Index n;
    [[nodiscard]] double operator()(Index i, Index j) const {
      return i == j ? own : (j == (i + 1) % n ? next : other);
    }
  };

  [[nodiscard]] Weights weights(Index n) const {
    const auto count = static_cast<double>(n);
    const double total = std::max(config.dataset_size, count);
    if (config.estimator == AggregateEstimator::weighted || n == 1) {
      const double log_weight = n == 1 ? 0.0 : -std::log(total * count);
      return {log_weight, log_weight, log_weight, n};
    }
    const double rest = count - 1;
    return {-std::log(total), std::log((total - rest) / (total * rest)), -std::log(rest), n};
  }

  /// A batch and the factors of log q(z) and of Σ_d log q(z_d) in the loss.
  template <class T>
  struct Batch {
    const Terms<T>& terms;
    Weights log_weight;
    double to_joint;
    double to_marginals;

    [[nodiscard]] Index dim() const { return terms.z.cols(); }

    /// log q(z_id|x_j) and its slope (z_id − μ_jd) / σ_jd².
    template <class Which>
    [[nodiscard]] std::pair<Simd<T>, Simd<T>> density(Index i, Index j, Index d, Which which) const {
      const Simd<T> logvar = load(terms.logvar.data() + j * dim() + d, which);
      const Simd<T> deviation =
          load(terms.z.data() + i * dim() + d, which) - load(terms.mu.data() + j * dim() + d, which);
      const Simd<T> slope = deviation * math::exp<T>(-logvar);
      return {Simd<T>(T{-0.5}) * (deviation * slope + logvar + Simd<T>(static_cast<T>(log_two_pi))), slope};
    }

    [[nodiscard]] T joint_density(Index i, Index j) const {
      return sum_vectors<T>(dim(), [&](Index d, auto which) { return density(i, j, d, which).first; });
    }

    /// found(i, :) = log q(z_i), log q(z_i1), ...
    void find_aggregate(Index i, Matrix<T>& found) const {
      const Index n = terms.z.rows();
      LogSumExp joint;
      for (Index j = 0; j < n; ++j) {
        joint.add(log_weight(i, j) + static_cast<double>(joint_density(i, j)));
      }
      found(i, 0) = static_cast<T>(joint.value());
      T* marginals = found.data() + i * found.cols() + 1;
      for_each_vector<T>(dim(), [&](Index d, auto which) {
        Simd<T> largest = density(i, 0, d, which).first + Simd<T>(static_cast<T>(log_weight(i, 0)));
        for (Index j = 1; j < n; ++j) {
          largest =
              xsimd::max(largest, density(i, j, d, which).first + Simd<T>(static_cast<T>(log_weight(i, j))));
        }
        Simd<T> sum = Simd<T>(T{0});
        for (Index j = 0; j < n; ++j) {
          sum += math::exp<T>(density(i, j, d, which).first + Simd<T>(static_cast<T>(log_weight(i, j))) -
                              largest);
        }
        store(marginals + d, Simd<T>(largest + math::log<T>(sum)), which);
      });
    }

    /// Calls `body(d, which, factor, slope, density)` with factor = ∂loss/∂ log q(z_id|x_j).
    template <class Body>
    void for_each_dimension(Index i, Index j, const Matrix<T>& found, Body&& body) const {
      const double weight = log_weight(i, j);
      const double share =
          std::exp(weight + static_cast<double>(joint_density(i, j)) - static_cast<double>(found(i, 0)));
      const Simd<T> joint(static_cast<T>(to_joint * share));
      const T* marginals = found.data() + i * found.cols() + 1;
      for_each_vector<T>(dim(), [&](Index d, auto which) {
        const auto value = density(i, j, d, which);
        const Simd<T> marginal =
            math::exp<T>(value.first + Simd<T>(static_cast<T>(weight)) - load(marginals + d, which));
        body(d, which, joint + Simd<T>(static_cast<T>(to_marginals)) * marginal, value.second);
      });
    }

    void add_gradient_of_sample(Index i, Terms<T>& gradients) const {
      T* to_z = gradients.z.data() + i * dim();
      for (Index j = 0; j < terms.z.rows(); ++j) {
        for_each_dimension(i, j, gradients.scratch,
                           [&](Index d, auto which, const Simd<T>& factor, const Simd<T>& slope) {
                             store(to_z + d, Simd<T>(load(to_z + d, which) - factor * slope), which);
                           });
      }
    }

    void add_gradient_of_posterior(Index j, Terms<T>& gradients) const {
      T* to_mu = gradients.mu.data() + j * dim();
      T* to_logvar = gradients.logvar.data() + j * dim();
      const Simd<T> half(T{0.5});
      for (Index i = 0; i < terms.z.rows(); ++i) {
        for_each_dimension(
            i, j, gradients.scratch, [&](Index d, auto which, const Simd<T>& factor, const Simd<T>& slope) {
              const Simd<T> deviation =
                  load(terms.z.data() + i * dim() + d, which) - load(terms.mu.data() + j * dim() + d, which);
              store(to_mu + d, Simd<T>(load(to_mu + d, which) + factor * slope), which);
              const Simd<T> to_spread = factor * half * (deviation * slope - Simd<T>(T{1}));
              store(to_logvar + d, Simd<T>(load(to_logvar + d, which) + to_spread), which);
            });
      }
    }
  };
};

}  // namespace vaekit::inline VAEKIT_ABI
