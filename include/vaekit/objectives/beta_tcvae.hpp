// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "vaekit/core/fields.hpp"
#include "vaekit/core/parallel.hpp"
#include "vaekit/core/schedule.hpp"
#include "vaekit/distributions/diagonal_gaussian.hpp"
#include "vaekit/kernels/log_softmax.hpp"
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
    const Batch<T> batch(terms, weights(n), share * (beta - config.alpha), share * (config.gamma - beta),
                         gradients);
    batch.find_aggregates();
    ObjectiveValue value = elbo_value(terms);
    value.loss = -value.reconstruction;
    for (Index i = 0; i < n; ++i) {
      const double joint = static_cast<double>(batch.aggregates(i)[0]);
      double marginals = 0;
      for (Index d = 0; d < dim; ++d) {
        marginals += static_cast<double>(batch.aggregates(i)[1 + d]);
      }
      value.loss += share * (config.alpha * (static_cast<double>(terms.log_q(i, 0)) - joint) +
                             beta * (joint - marginals) +
                             config.gamma * (marginals - static_cast<double>(terms.log_p(i, 0))));
    }
    gradients.log_likelihood.setConstant(static_cast<T>(-share));
    gradients.log_q.setConstant(static_cast<T>(share * config.alpha));
    gradients.log_p.setConstant(static_cast<T>(-share * config.gamma));
    batch.add_gradients_of_posteriors();
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

  /// A batch and the factors of log q(z) and of Σ_d log q(z_d) in the loss. Posteriors lie in the columns of
  /// the scratch, so that a vector holds several of them; what its lanes beyond the last hold is not used.
  template <class T>
  class Batch {
   public:
    Batch(const Terms<T>& terms, const Weights& log_weight, double to_joint, double to_marginals,
          Terms<T>& gradients)
        : terms_(terms),
          log_weight_(log_weight),
          to_joint_(static_cast<T>(to_joint)),
          to_marginals_(static_cast<T>(to_marginals)),
          gradients_(gradients),
          n_(terms.z.rows()),
          dim_(terms.z.cols()) {
      // mu, precision, ½ (logvar + log 2π), gradients of mu and logvar; aggregates; densities of a row for
      // each block.
      gradients.scratch.resize(5 * dim_ + 1 + dim_ + blocks * (dim_ + 1), n_);
      for (Index d = 0; d < dim_; ++d) {
        for (Index j = 0; j < n_; ++j) {
          row(0, d)[j] = terms.mu(j, d);
          row(1, d)[j] = terms.logvar(j, d);
        }
        for_each_vector<T>(n_, [&](Index j, auto which) {
          const Simd<T> logvar = load(row(1, d) + j, which);
          store(row(1, d) + j, math::exp<T>(-logvar), which);
          store(row(2, d) + j, Simd<T>(Simd<T>(T{0.5}) * (logvar + Simd<T>(static_cast<T>(log_two_pi)))),
                which);
        });
      }
    }

    /// log q(z_i), log q(z_i1), ...
    [[nodiscard]] T* aggregates(Index i) const { return row(5, 0) + i * (1 + dim_); }

    /// The aggregates of all samples, and the gradient of z, whose sums are over the same exponentials.
    void find_aggregates() const {
      parallel_for(blocks, row_grain(8 * n_ * n_ * dim_ / blocks), [&](Index first, Index last) {
        for (Index block = first; block < last; ++block) {
          T* const densities = row(6, 1) + block * (dim_ + 1) * n_;
          const Chunk samples = chunk(n_, block, blocks);
          for (Index i = samples.first; i < samples.last; ++i) {
            find_aggregate(i, densities);
          }
        }
      });
    }

    void add_gradients_of_posteriors() const {
      parallel_for(
          n_, row_grain(8 * n_ * dim_),
          [&](Index first, Index last) {
            for_each_vector<T>(last - first,
                               [&](Index j, auto which) { add_gradient_of_posteriors(first + j, which); });
          },
          lanes<T>);
      for (Index j = 0; j < n_; ++j) {
        for (Index d = 0; d < dim_; ++d) {
          gradients_.mu(j, d) += row(3, d)[j];
          gradients_.logvar(j, d) += row(4, d)[j];
        }
      }
    }

   private:
    static constexpr Index blocks = 16;

    [[nodiscard]] T* row(Index group, Index d) const {
      return gradients_.scratch.data() + (group * dim_ + d) * n_;
    }

    /// log W_ij of the posteriors j ...
    [[nodiscard]] Simd<T> weight(Index i, Index j) const {
      const Index next = (i + 1) % n_;
      const auto holds = [j](Index k) { return k >= j && k < j + lanes<T>; };
      if (!holds(i) && !holds(next)) {
        return Simd<T>(static_cast<T>(log_weight_.other));
      }
      alignas(alignment) std::array<T, static_cast<std::size_t>(lanes<T>)> values;
      for (Index lane = 0; lane < lanes<T>; ++lane) {
        values[static_cast<std::size_t>(lane)] = static_cast<T>(log_weight_(i, j + lane));
      }
      return Simd<T>::load_aligned(values.data());
    }

    struct Density {
      Simd<T> value;      ///< log q(z_id|x_j)
      Simd<T> deviation;  ///< z_id − μ_jd
      Simd<T> slope;      ///< divided by σ_jd²
    };
    template <class Which>
    [[nodiscard]] Density density(Index i, Index d, Index j, Which which) const {
      const Simd<T> deviation = Simd<T>(terms_.z(i, d)) - load(row(0, d) + j, which);
      const Simd<T> slope = deviation * load(row(1, d) + j, which);
      return {Simd<T>(T{-0.5}) * deviation * slope - load(row(2, d) + j, which), deviation, slope};
    }

    /// log Σ_j exp(values_j); values become their shares in the sum.
    [[nodiscard]] T normalize(T* values) const {
      const LogPartition<T> sum = softmax(values, n_, values);
      return sum.maximum + sum.log_sum;
    }

    /// `densities` [dim + 1 × n]: of each dimension, then of all.
    void find_aggregate(Index i, T* densities) const {
      T* const joint = densities + dim_ * n_;
      for_each_vector<T>(n_, [&](Index j, auto which) {
        const Simd<T> log_weight = weight(i, j);
        Simd<T> sum = log_weight;
        for (Index d = 0; d < dim_; ++d) {
          const Simd<T> value = density(i, d, j, which).value;
          sum += value;
          store(densities + d * n_ + j, Simd<T>(value + log_weight), which);
        }
        store(joint + j, sum, which);
      });
      T* const found = aggregates(i);
      found[0] = normalize(joint);
      for (Index d = 0; d < dim_; ++d) {
        T* const shares = densities + d * n_;
        found[1 + d] = normalize(shares);
        gradients_.z(i, d) -= sum_vectors<T>(n_, [&](Index j, auto which) {
          const Simd<T> factor =
              Simd<T>(to_joint_) * load(joint + j, which) + Simd<T>(to_marginals_) * load(shares + j, which);
          return Simd<T>(factor * density(i, d, j, which).slope);
        });
      }
    }

    /// Of the posteriors j ..., over all samples in their order.
    template <class Which>
    void add_gradient_of_posteriors(Index j, Which which) const {
      const Simd<T> zero(T{0});
      for (Index d = 0; d < dim_; ++d) {
        store(row(3, d) + j, zero, which);
        store(row(4, d) + j, zero, which);
      }
      for (Index i = 0; i < n_; ++i) {
        const T* found = aggregates(i);
        const Simd<T> log_weight = weight(i, j);
        Simd<T> sum = log_weight;
        for (Index d = 0; d < dim_; ++d) {
          sum += density(i, d, j, which).value;
        }
        const Simd<T> joint = Simd<T>(to_joint_) * math::exp<T>(sum - Simd<T>(found[0]));
        for (Index d = 0; d < dim_; ++d) {
          const Density q = density(i, d, j, which);
          const Simd<T> marginal = math::exp<T>(q.value + log_weight - Simd<T>(found[1 + d]));
          const Simd<T> factor = xsimd::fma(Simd<T>(to_marginals_), marginal, joint);
          const Simd<T> to_spread = Simd<T>(T{0.5}) * factor * (q.deviation * q.slope - Simd<T>(T{1}));
          store(row(3, d) + j, Simd<T>(xsimd::fma(factor, q.slope, load(row(3, d) + j, which))), which);
          store(row(4, d) + j, Simd<T>(load(row(4, d) + j, which) + to_spread), which);
        }
      }
    }

    const Terms<T>& terms_;
    Weights log_weight_;
    T to_joint_;
    T to_marginals_;
    Terms<T>& gradients_;
    Index n_;
    Index dim_;
  };
};

}  // namespace vaekit::inline VAEKIT_ABI
