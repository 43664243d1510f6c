// SPDX-License-Identifier: MIT
#pragma once

#include "vaekit/latent/gaussian.hpp"
#include "vaekit/nn/dense.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct ConditionalGaussianConfig {
  static constexpr std::string_view kind = "conditional_gaussian";
  static constexpr auto fields() { return std::tuple{}; }
};

/// The prior of a conditional model, p(z|c) = N(mu(c), exp(logvar(c))), affine in c:
///
///   mu | raw logvar = W c + b,   logvar = clamp(raw, −30, 20)
///
/// For a one-hot label it is one Gaussian for each class. W and b start at 0: N(0, I) for every c.
///
/// Shapes   c [m × condition], z [n × dim], m a divisor of n
/// Units    nats
/// Threads  const calls are safe with a cache each
/// Source   Sohn, Lee, Yan 2015 (NeurIPS), the prior network of eq. 4
template <class T = float>
struct ConditionalGaussian {
  using Scalar = T;
  using Config = ConditionalGaussianConfig;
  struct Cache {
    typename Dense<T>::Cache head;
    Matrix<T> c;        // [m × condition]
    Matrix<T> params;   // [m × 2 dim]
    Matrix<T> dparams;  // [m × 2 dim]
    typename GaussianLatent<T>::Cache gaussian;
    Matrix<T> dz;    // [m × dim] zeros
    Index rows = 0;  // m
  };

  Dense<T> head;             // condition → mu | raw logvar
  GaussianLatent<T> family;  // N(mu, exp(logvar)) of a row of head outputs

  ConditionalGaussian() = default;
  /// Throws ConfigError when the model has no condition.
  ConditionalGaussian(const Config&, Index dim, Index, Index condition)
      : head({.units = 2 * dim, .initializer = Initializer::zeros}, Shape::flat(required(condition))),
        family({.dim = dim}) {}

  [[nodiscard]] Index condition_columns() const { return head.weight.cols(); }
  [[nodiscard]] Cache make_cache(Index rows) const {
    return {head.make_cache(rows),
            Matrix<T>(rows, head.weight.cols()),
            Matrix<T>(rows, 2 * family.dim),
            Matrix<T>(rows, 2 * family.dim),
            family.make_cache(rows, rows),
            Matrix<T>(rows, family.dim),
            0};
  }
  void initialize(const RandomStream& stream) { head.initialize(stream); }

  void set_condition(MatrixIn<T> c, Cache& cache) const {
    cache.rows = c.rows();
    top(cache.c, c.rows()) = c;
    head.forward(c, top(cache.params, c.rows()), cache.head);
    static_cast<void>(family.posterior(cache.params.topRows(c.rows()), cache.gaussian));
  }

  /// The p(z|c) of each condition.
  [[nodiscard]] DiagonalGaussian<T> distribution(const Cache& cache) const {
    return family.distribution(cache.params.topRows(cache.rows), cache.gaussian);
  }

  void log_prob(MatrixIn<T> z, Cache& cache, std::span<T> out) const {
    vaekit::log_prob(distribution(cache), z, out);
  }

  /// ∂ log p/∂z = −(z − mu) / v, ∂/∂mu its negative, ∂/∂logvar = ½ ((z − mu)² / v − 1).
  void backward(MatrixIn<T> z, std::span<const T> dlog_p, Cache& cache, MatrixOut<T> dz,
                ConditionalGaussian& grad) const {
    const DiagonalGaussian<T> p = distribution(cache);
    MomentGradient<T>& dp = cache.gaussian.dq;
    dp.mu.setZero();
    dp.logvar.setZero();
    const Index repeats = z.rows() / cache.rows;
    for (Index row = 0; row < z.rows(); ++row) {
      const Index m = row / repeats;
      const T upstream = dlog_p[static_cast<std::size_t>(row)];
      for (Index j = 0; j < family.dim; ++j) {
        const T deviation = z(row, j) - p.mu(m, j);
        const T slope = upstream * deviation * std::exp(-p.logvar(m, j));
        dz(row, j) -= slope;
        dp.mu(m, j) += slope;
        dp.logvar(m, j) += T{0.5} * (slope * deviation - upstream);
      }
    }
    finish_backward(cache, grad);
  }

  /// From cache.gaussian.dq, the gradient of mean and log-variance, to the head's.
  void finish_backward(Cache& cache, ConditionalGaussian& grad) const {
    const Index m = cache.rows;
    GaussianLatent<T> none = family;
    family.backward(cache.params.topRows(m), cache.dz.topRows(m), cache.dz.topRows(m), cache.dz.topRows(m),
                    {}, cache.gaussian, top(cache.dparams, m), none);
    head.backward(cache.c.topRows(m), cache.params.topRows(m), cache.dparams.topRows(m), no_matrix<T>(),
                  cache.head, grad.head);
  }

  /// z ~ N(mu(c), temperature² exp(logvar(c)))
  void sample(const RandomStream& stream, std::uint64_t first, double temperature, Cache& cache,
              MatrixOut<T> z) const {
    const DiagonalGaussian<T> p = distribution(cache);
    const Index repeats = z.rows() / cache.rows;
    for (Index row = 0; row < z.rows(); ++row) {
      RandomSequence random(stream, first + static_cast<std::uint64_t>(row));
      for (Index j = 0; j < family.dim; ++j) {
        z(row, j) = static_cast<T>(
            static_cast<double>(p.mu(row / repeats, j)) +
            temperature * std::exp(0.5 * static_cast<double>(p.logvar(row / repeats, j))) * random.normal());
      }
    }
  }

  static void reflect(auto& self, auto&& visit) { visit("head", self.head); }

 private:
  [[nodiscard]] static Index required(Index condition) {
    if (condition < 1) {
      throw ConfigError("prior: conditional_gaussian needs a condition, got none; set data/condition");
    }
    return condition;
  }
};

/// Between two diagonal Gaussians, see `kl_divergence`.
template <class T>
struct KlPair<GaussianLatent<T>, ConditionalGaussian<T>> {
  using Latent = GaussianLatent<T>;
  using Prior = ConditionalGaussian<T>;
  static bool closed_form(const Latent&, const Prior&) { return true; }
  static void forward(const Latent& latent, const Prior& prior, MatrixIn<T> params,
                      typename Latent::Cache& cache, typename Prior::Cache& prior_cache, MatrixOut<T> kl) {
    kl_divergence(latent.distribution(params, cache), prior.distribution(prior_cache), kl);
  }
  static void backward(const Latent& latent, const Prior& prior, MatrixIn<T> params, MatrixIn<T> dkl,
                       typename Latent::Cache& cache, typename Prior::Cache& prior_cache, Prior& grad) {
    MomentGradient<T>& dp = prior_cache.gaussian.dq;
    const Index n = params.rows();
    dp.mu.setZero();
    dp.logvar.setZero();
    kl_divergence_backward(latent.distribution(params, cache), prior.distribution(prior_cache), dkl,
                           top(cache.dq.mu, n), top(cache.dq.logvar, n), top(dp.mu, n), top(dp.logvar, n));
    prior.finish_backward(prior_cache, grad);
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
