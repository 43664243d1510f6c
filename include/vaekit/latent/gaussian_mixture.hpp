// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include "vaekit/core/fields.hpp"
#include "vaekit/distributions/factorized.hpp"
#include "vaekit/distributions/gaussian.hpp"
#include "vaekit/kernels/random.hpp"
#include "vaekit/latent/latent.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// C diagonal Gaussians with log-weights, what priors that are mixtures share:
///
///   log p(z) = log Σ_c exp(log_weights_c) N(z; mu_c, exp(clamp(logvar_c, −30, 20)))
///
/// Shapes   log_weights [C], mu, logvar [C × dim]
/// Units    nats
/// Threads  pure; no bit depends on their number
template <class T>
struct MixtureView {
  const RowVector<T>& log_weights;
  const Matrix<T>& mu;
  const Matrix<T>& logvar;

  [[nodiscard]] Index components() const { return mu.rows(); }
  [[nodiscard]] Index dim() const { return mu.cols(); }

  /// Shares of the components in each row's density go to `responsibilities` [n × C].
  void log_prob(MatrixIn<T> z, Matrix<T>& responsibilities, std::span<T> out) const {
    parallel_for(z.rows(), row_grain(4 * mu.size()), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        T* shares = responsibilities.data() + row * components();
        LogSumExp total;
        for (Index c = 0; c < components(); ++c) {
          shares[c] = log_weights[c] + component_log_prob(z.data() + row * z.outerStride(), c);
          total.add(static_cast<double>(shares[c]));
        }
        const double log_p = total.value();
        for (Index c = 0; c < components(); ++c) {
          shares[c] = static_cast<T>(std::exp(static_cast<double>(shares[c]) - log_p));
        }
        out[static_cast<std::size_t>(row)] = static_cast<T>(log_p);
      }
    });
  }

  /// Adds dlog_p ∂ log p/∂z to dz, and those of mu and logvar to dmu, dlogvar [C × dim].
  void backward(MatrixIn<T> z, std::span<const T> dlog_p, const Matrix<T>& responsibilities, MatrixOut<T> dz,
                Matrix<T>& dmu, Matrix<T>& dlogvar) const {
    const Simd<T> half(T{0.5});
    for (Index row = 0; row < z.rows(); ++row) {
      const T* value = z.data() + row * z.outerStride();
      T* to_z = dz.data() + row * dz.outerStride();
      for (Index c = 0; c < components(); ++c) {
        const Simd<T> share(dlog_p[static_cast<std::size_t>(row)] * responsibilities(row, c));
        T* to_mu = dmu.data() + c * dim();
        T* to_logvar = dlogvar.data() + c * dim();
        for_each_vector<T>(dim(), [&](Index d, auto which) {
          const Clamped<T> spread(load(logvar.data() + c * dim() + d, which), minimum_logvar, maximum_logvar);
          const Simd<T> deviation = load(value + d, which) - load(mu.data() + c * dim() + d, which);
          const Simd<T> slope = deviation * math::exp<T>(-spread.value());
          store(to_z + d, Simd<T>(load(to_z + d, which) - share * slope), which);
          store(to_mu + d, Simd<T>(load(to_mu + d, which) + share * slope), which);
          const Simd<T> to_spread = spread.gradient(share * half * (deviation * slope - Simd<T>(T{1})));
          store(to_logvar + d, Simd<T>(load(to_logvar + d, which) + to_spread), which);
        });
      }
    }
  }

  /// Row r: a component by its weight, then z ~ N(mu, temperature² exp(logvar)).
  void sample(const RandomStream& stream, std::uint64_t first, double temperature, MatrixOut<T> z) const {
    for (Index row = 0; row < z.rows(); ++row) {
      RandomSequence random(stream, first + static_cast<std::uint64_t>(row));
      double left = random.uniform();
      Index c = 0;
      while (c + 1 < components() && (left -= std::exp(static_cast<double>(log_weights[c]))) > 0) {
        ++c;
      }
      for (Index d = 0; d < dim(); ++d) {
        const double spread = std::clamp(static_cast<double>(logvar(c, d)), minimum_logvar, maximum_logvar);
        z(row, d) = static_cast<T>(static_cast<double>(mu(c, d)) +
                                   temperature * std::exp(spread / 2) * random.normal());
      }
    }
  }

 private:
  [[nodiscard]] T component_log_prob(const T* value, Index c) const {
    const T sum = sum_vectors<T>(dim(), [&](Index d, auto which) {
      const Clamped<T> spread(load(logvar.data() + c * dim() + d, which), minimum_logvar, maximum_logvar);
      const Simd<T> deviation = load(value + d, which) - load(mu.data() + c * dim() + d, which);
      return Simd<T>(deviation * deviation * math::exp<T>(-spread.value()) + spread.value());
    });
    return T{-0.5} * (sum + static_cast<T>(log_two_pi) * static_cast<T>(dim()));
  }
};

struct GaussianMixtureConfig {
  static constexpr std::string_view kind = "gaussian_mixture";
  Index components = 10;

  static constexpr auto fields() {
    return std::tuple{field("components", &GaussianMixtureConfig::components, "Gaussians of the mixture",
                            between(1, 100'000))};
  }
};

/// A learned mixture of diagonal Gaussians: p(z) = Σ_c softmax(logits)_c N(z; mu_c, exp(logvar_c)).
///
/// Starts with equal weights, unit variances, and means drawn from N(0, I).
/// Units    nats
/// Threads  const calls are safe with a cache each
/// Source   Dilokthanakul et al. 2016 (arXiv:1611.02648); Tomczak & Welling 2018 (arXiv:1705.07120), section
/// 3
template <class T = float>
struct GaussianMixture {
  using Scalar = T;
  using Config = GaussianMixtureConfig;
  struct Cache {
    Matrix<T> responsibilities;  // [rows × C]
    RowVector<T> log_weights;    // [C]
  };

  RowVector<T> logits;  // [C]
  Matrix<T> mu;         // [C × dim]
  Matrix<T> logvar;     // [C × dim]

  GaussianMixture() = default;
  /// Throws ConfigError when `components` is out of range.
  GaussianMixture(const Config& config, Index dim, Index = 0)
      : logits(checked("gaussian_mixture prior", config).components),
        mu(config.components, dim),
        logvar(config.components, dim) {}

  [[nodiscard]] Cache make_cache(Index rows) const {
    return {Matrix<T>(rows, mu.rows()), RowVector<T>(mu.rows())};
  }
  void initialize(const RandomStream& stream) {
    logits.setZero();
    logvar.setZero();
    fill_normal(mu.span(), stream);
  }

  void log_prob(MatrixIn<T> z, Cache& cache, std::span<T> out) const {
    view(cache).log_prob(z, cache.responsibilities, out);
  }

  void backward(MatrixIn<T> z, std::span<const T> dlog_p, Cache& cache, MatrixOut<T> dz,
                GaussianMixture& grad) const {
    view(cache).backward(z, dlog_p, cache.responsibilities, dz, grad.mu, grad.logvar);
    for (Index row = 0; row < z.rows(); ++row) {
      for (Index c = 0; c < logits.size(); ++c) {
        grad.logits[c] += dlog_p[static_cast<std::size_t>(row)] *
                          (cache.responsibilities(row, c) - std::exp(cache.log_weights[c]));
      }
    }
  }

  void sample(const RandomStream& stream, std::uint64_t first, double temperature, Cache& cache,
              MatrixOut<T> z) const {
    view(cache).sample(stream, first, temperature, z);
  }

  static void reflect(auto& self, auto&& visit) {
    visit("logits", self.logits);
    visit("mu", self.mu);
    visit("logvar", self.logvar);
  }

 private:
  [[nodiscard]] MixtureView<T> view(Cache& cache) const {
    LogSumExp total;
    for (Index c = 0; c < logits.size(); ++c) {
      total.add(static_cast<double>(logits[c]));
    }
    for (Index c = 0; c < logits.size(); ++c) {
      cache.log_weights[c] = static_cast<T>(static_cast<double>(logits[c]) - total.value());
    }
    return {cache.log_weights, mu, logvar};
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
