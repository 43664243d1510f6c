// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "vaekit/core/fields.hpp"
#include "vaekit/core/reflect.hpp"
#include "vaekit/distributions/gaussian.hpp"
#include "vaekit/distributions/kl.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct GaussianLatentConfig {
  static constexpr std::string_view kind = "gaussian";
  static constexpr std::string_view noun = "latent";
  Index dim = 20;

  static constexpr auto fields() {
    return std::tuple{field("dim", &GaussianLatentConfig::dim, "number of latent variables", at_least(1))};
  }
};

/// The posterior q(z|x) = N(mu, exp(logvar)), diagonal, and its reparameterised samples z = mu +
/// exp(logvar/2) ∘ ε.
///
/// The encoder's head gives `params` [n × 2 dim] = mu | raw logvar. The log-variance is raw clamped to
/// [−30, 20] (standard deviations 3·10⁻⁷ to 2.2·10⁴), where every term and gradient is finite in float;
/// outside, the gradient of raw is exactly 0, as it is for a constant.
///
/// Threads  const calls are safe with a cache each
/// Source   Kingma & Welling 2014, section 2.4 (arXiv:1312.6114)
template <class T = float>
struct GaussianLatent {
  using Scalar = T;
  using Config = GaussianLatentConfig;
  struct Cache {
    Matrix<T> logvar;     // [n × dim], clamped
    Matrix<T> deviation;  // [n × dim] exp(logvar / 2)
  };

  Index dim = 0;

  GaussianLatent() = default;
  /// Throws ConfigError when `dim` < 1.
  explicit GaussianLatent(const GaussianLatentConfig& config) : dim(config.dim) {
    check_fields("gaussian latent", config);
  }

  [[nodiscard]] Index head_size() const { return 2 * dim; }
  [[nodiscard]] Cache make_cache(Index batch) const { return {Matrix<T>(batch, dim), Matrix<T>(batch, dim)}; }

  /// The posterior of each row of `params`; views into `params` and `cache`.
  [[nodiscard]] DiagonalGaussian<T> posterior(MatrixIn<T> params, Cache& cache) const {
    const Simd<T> low(static_cast<T>(minimum_logvar));
    const Simd<T> high(static_cast<T>(maximum_logvar));
    for (Index row = 0; row < params.rows(); ++row) {
      const T* raw = params.data() + row * params.outerStride() + dim;
      for_each_vector<T>(dim, [&](Index j, auto which) {
        const Simd<T> value = load(raw + j, which);
        // Comparisons, not min and max, so that a NaN stays one.
        const Simd<T> logvar = xsimd::select(value < low, low, xsimd::select(value > high, high, value));
        store(cache.logvar.data() + row * dim + j, logvar, which);
        store(cache.deviation.data() + row * dim + j, math::exp<T>(logvar * Simd<T>(T{0.5})), which);
      });
    }
    return {params.leftCols(dim), cache.logvar.topRows(params.rows())};
  }

  /// z = mu + exp(logvar/2) ∘ ε, after `posterior`; row r of z belongs to row r / samples of the posterior.
  ///
  /// Shapes  epsilon, z [n·samples × dim]
  void reparameterize(const DiagonalGaussian<T>& q, MatrixIn<T> epsilon, const Cache& cache,
                      MatrixOut<T> z) const {
    const Index samples = z.rows() / q.mu.rows();
    for (Index row = 0; row < z.rows(); ++row) {
      const T* mu = q.mu.data() + row / samples * q.mu.outerStride();
      const T* deviation = cache.deviation.data() + row / samples * dim;
      const T* noise = epsilon.data() + row * epsilon.outerStride();
      T* target = z.data() + row * z.outerStride();
      for_each_vector<T>(dim, [&](Index j, auto which) {
        store(target + j,
              Simd<T>(xsimd::fma(load(deviation + j, which), load(noise + j, which), load(mu + j, which))),
              which);
      });
    }
  }

  /// Gradient of the head's outputs from those of z, mu and logvar:
  ///
  ///   dparams = dmu + Σ_samples dz  |  (dlogvar + Σ_samples ½ dz ∘ ε ∘ exp(logvar/2)) · [raw inside the
  ///   range]
  ///
  /// Shapes  dz, epsilon [n·samples × dim]; dmu, dlogvar [n × dim]; dparams [n × 2 dim]
  void backward(MatrixIn<T> params, MatrixIn<T> epsilon, MatrixIn<T> dz, MatrixIn<T> dmu, MatrixIn<T> dlogvar,
                const Cache& cache, MatrixOut<T> dparams) const {
    const Index samples = dz.rows() / params.rows();
    for (Index row = 0; row < params.rows(); ++row) {
      const T* deviation = cache.deviation.data() + row * dim;
      T* to_mu = dparams.data() + row * dparams.outerStride();
      T* to_logvar = to_mu + dim;
      for_each_vector<T>(dim, [&](Index j, auto which) {
        Simd<T> sum = load(dmu.data() + row * dmu.outerStride() + j, which);
        Simd<T> noise_sum(T{0});
        for (Index s = row * samples; s < (row + 1) * samples; ++s) {
          const Simd<T> d = load(dz.data() + s * dz.outerStride() + j, which);
          sum += d;
          noise_sum = xsimd::fma(d, load(epsilon.data() + s * epsilon.outerStride() + j, which), noise_sum);
        }
        const Simd<T> half_deviation = load(deviation + j, which) * Simd<T>(T{0.5});
        const Simd<T> slope = xsimd::fma(half_deviation, noise_sum,
                                         load(dlogvar.data() + row * dlogvar.outerStride() + j, which));
        const Simd<T> raw = load(params.data() + row * params.outerStride() + dim + j, which);
        const Simd<T> zero(T{0});
        const Simd<T> inside =
            xsimd::select(raw < Simd<T>(static_cast<T>(minimum_logvar)), zero,
                          xsimd::select(raw > Simd<T>(static_cast<T>(maximum_logvar)), zero, slope));
        store(to_mu + j, sum, which);
        store(to_logvar + j, inside, which);
      });
    }
  }

  static void reflect(auto&, auto&&) {}
};

}  // namespace vaekit::inline VAEKIT_ABI
