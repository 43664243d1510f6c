// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "vaekit/core/fields.hpp"
#include "vaekit/core/reflect.hpp"
#include "vaekit/distributions/gaussian.hpp"
#include "vaekit/distributions/kl.hpp"
#include "vaekit/kernels/random.hpp"
#include "vaekit/latent/latent.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct GaussianLatentConfig {
  static constexpr std::string_view kind = "gaussian";
  static constexpr std::string_view noun = "latent";
  Index dim = 20;

  static constexpr auto fields() {
    return std::tuple{field("dim", &GaussianLatentConfig::dim, "number of latent variables", size_range)};
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
    MomentGradient<T> dq;
  };

  Index dim = 0;

  GaussianLatent() = default;
  /// Throws ConfigError when `dim` < 1.
  explicit GaussianLatent(const GaussianLatentConfig& config) : dim(config.dim) {
    check_fields("gaussian latent", config);
  }

  [[nodiscard]] Index head_size() const { return 2 * dim; }
  [[nodiscard]] Index noise_size() const { return dim; }
  [[nodiscard]] Index kl_columns() const { return dim; }
  [[nodiscard]] bool is_diagonal_gaussian() const { return true; }
  [[nodiscard]] Cache make_cache(Index batch, Index) const {
    return {Matrix<T>(batch, dim), Matrix<T>(batch, dim), MomentGradient<T>(batch, dim)};
  }
  void initialize(const RandomStream&) {}

  void draw_noise(const RandomStream& stream, std::uint64_t first, MatrixOut<T> epsilon) const {
    fill_normal(std::span<T>(epsilon.data(), static_cast<std::size_t>(epsilon.size())), stream,
                first * static_cast<std::uint64_t>(dim));
  }

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
    return distribution(params, cache);
  }

  /// What `posterior` found.
  [[nodiscard]] DiagonalGaussian<T> distribution(MatrixIn<T> params, const Cache& cache) const {
    return {params.leftCols(dim), cache.logvar.topRows(params.rows())};
  }

  /// z = mu + exp(logvar/2) ∘ ε.
  ///
  /// Shapes  epsilon, z [n·samples × dim]
  void reparameterize(MatrixIn<T> params, MatrixIn<T> epsilon, const Cache& cache, MatrixOut<T> z) const {
    const Index samples = z.rows() / params.rows();
    for (Index row = 0; row < z.rows(); ++row) {
      const T* mu = params.data() + row / samples * params.outerStride();
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

  /// log q(z|x) of each sample.
  void log_prob(MatrixIn<T> params, MatrixIn<T>, MatrixIn<T> z, const Cache& cache, std::span<T> out) const {
    vaekit::log_prob(distribution(params, cache), z, out);
  }

  /// dz += dlog_q ∂ log q(z|x)/∂z = −dlog_q ε / exp(logvar/2), the distribution held fixed.
  void add_path_gradient(MatrixIn<T> params, MatrixIn<T> epsilon, MatrixIn<T>, std::span<const T> dlog_q,
                         const Cache& cache, MatrixOut<T> dz) const {
    const Index samples = dz.rows() / params.rows();
    for (Index row = 0; row < dz.rows(); ++row) {
      const Simd<T> upstream(dlog_q[static_cast<std::size_t>(row)]);
      const T* deviation = cache.deviation.data() + row / samples * dim;
      const T* noise = epsilon.data() + row * epsilon.outerStride();
      T* target = dz.data() + row * dz.outerStride();
      for_each_vector<T>(dim, [&](Index j, auto which) {
        const Simd<T> slope = load(noise + j, which) / load(deviation + j, which);
        store(target + j, Simd<T>(load(target + j, which) - upstream * slope), which);
      });
    }
  }

  /// Gradient of the head's outputs:
  ///
  ///   dparams = dq.mu + Σ dz  |  (dq.logvar + Σ ½ (dz ∘ ε ∘ exp(logvar/2) − dlog_q)) · [raw inside the
  ///   range]
  ///
  /// summed over samples; log q as a function of ε is −½ Σⱼ (εⱼ² + logvarⱼ + log 2π).
  /// Shapes  dz, epsilon [n·samples × dim]; dlog_q [n·samples] or empty; dparams [n × 2 dim]
  void backward(MatrixIn<T> params, MatrixIn<T> epsilon, MatrixIn<T>, MatrixIn<T> dz,
                std::span<const T> dlog_q, const Cache& cache, MatrixOut<T> dparams, GaussianLatent&) const {
    const Matrix<T>& dmu = cache.dq.mu;
    const Matrix<T>& dlogvar = cache.dq.logvar;
    const Index samples = dz.rows() / params.rows();
    for (Index row = 0; row < params.rows(); ++row) {
      const T* deviation = cache.deviation.data() + row * dim;
      T* to_mu = dparams.data() + row * dparams.outerStride();
      T* to_logvar = to_mu + dim;
      T density = 0;
      for (Index s = row * samples; !dlog_q.empty() && s < (row + 1) * samples; ++s) {
        density += dlog_q[static_cast<std::size_t>(s)];
      }
      const Simd<T> half_density(T{0.5} * density);
      for_each_vector<T>(dim, [&](Index j, auto which) {
        Simd<T> sum = load(dmu.data() + row * dim + j, which);
        Simd<T> noise_sum(T{0});
        for (Index s = row * samples; s < (row + 1) * samples; ++s) {
          const Simd<T> d = load(dz.data() + s * dz.outerStride() + j, which);
          sum += d;
          noise_sum = xsimd::fma(d, load(epsilon.data() + s * epsilon.outerStride() + j, which), noise_sum);
        }
        const Simd<T> half_deviation = load(deviation + j, which) * Simd<T>(T{0.5});
        const Simd<T> slope =
            xsimd::fma(half_deviation, noise_sum, load(dlogvar.data() + row * dim + j, which)) - half_density;
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

/// Kingma & Welling 2014, appendix B: see `kl_divergence`.
template <class T>
struct KlPair<GaussianLatent<T>, StandardNormal<T>> {
  using Latent = GaussianLatent<T>;
  using Cache = typename Latent::Cache;
  static bool closed_form(const Latent&, const StandardNormal<T>&) { return true; }
  static void forward(const Latent& latent, const StandardNormal<T>& prior, MatrixIn<T> params, Cache& cache,
                      typename StandardNormal<T>::Cache&, MatrixOut<T> kl) {
    kl_divergence(latent.distribution(params, cache), prior, kl);
  }
  static void backward(const Latent& latent, const StandardNormal<T>& prior, MatrixIn<T> params,
                       MatrixIn<T> dkl, Cache& cache, typename StandardNormal<T>::Cache&,
                       StandardNormal<T>&) {
    kl_divergence_backward(latent.distribution(params, cache), prior, dkl, top(cache.dq.mu, params.rows()),
                           top(cache.dq.logvar, params.rows()));
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
