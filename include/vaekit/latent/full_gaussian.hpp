// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>

#include "vaekit/latent/gaussian.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct FullGaussianConfig {
  static constexpr std::string_view kind = "full_gaussian";
  Index dim = 20;

  static constexpr auto fields() {
    return std::tuple{field("dim", &FullGaussianConfig::dim, "number of latent variables", between(1, 512))};
  }
};

/// The posterior q(z|x) = N(mu, L Lᵀ) with a Cholesky factor for each input, z = mu + L ε:
///
///   L_ii = exp(clamp(raw logvar_i, −30, 20) / 2),   L_ij free for i > j
///   log q = −½ Σᵢ (εᵢ² + logvarᵢ + log 2π)
///   KL(q ‖ N(0, I)) = ½ Σᵢ (Σ_{j≤i} L_ij² + muᵢ² − 1 − logvarᵢ), the terms i being the columns
///
/// The head gives `params` [n × dim (dim + 3) / 2] = mu | raw logvar | rows of L below the diagonal.
///
/// Units    nats
/// Threads  const calls are safe with a cache each
/// Source   Kingma & Welling 2019 (arXiv:1906.02691), section 2.5.1
template <class T = float>
struct FullGaussianLatent {
  using Scalar = T;
  using Config = FullGaussianConfig;
  struct Cache {
    Matrix<T> logvar;      // [n × dim] marginal log-variances
    Matrix<T> deviation;   // [n × dim] L_ii
    Matrix<T> white;       // [1 × dim]
    MomentGradient<T> dq;  // of mu, and in `logvar` of raw logvar and L [n × dim (dim + 1) / 2]
  };

  Index dim = 0;

  FullGaussianLatent() = default;
  /// Throws ConfigError when `dim` is out of range.
  explicit FullGaussianLatent(const Config& config) : dim(checked("full_gaussian latent", config).dim) {}

  [[nodiscard]] Index head_size() const { return dim * (dim + 3) / 2; }
  [[nodiscard]] Index noise_size() const { return dim; }
  [[nodiscard]] Index kl_columns() const { return dim; }
  [[nodiscard]] Cache make_cache(Index batch, Index) const {
    Cache cache{Matrix<T>(batch, dim), Matrix<T>(batch, dim), Matrix<T>(1, dim), {}};
    cache.dq.mu = Matrix<T>(batch, dim);
    cache.dq.logvar = Matrix<T>(batch, head_size() - dim);
    return cache;
  }
  void initialize(const RandomStream&) {}

  void draw_noise(const RandomStream& stream, std::uint64_t first, MatrixOut<T> epsilon) const {
    fill_normal(std::span<T>(epsilon.data(), static_cast<std::size_t>(epsilon.size())), stream,
                first * static_cast<std::uint64_t>(dim));
  }

  /// Mean and marginal log-variances log (L Lᵀ)_ii.
  [[nodiscard]] DiagonalGaussian<T> posterior(MatrixIn<T> params, Cache& cache) const {
    for (Index row = 0; row < params.rows(); ++row) {
      for (Index i = 0; i < dim; ++i) {
        const T deviation = std::exp(clamped(params(row, dim + i)) / 2);
        const T* below = factor_row(params, row, i);
        T variance = deviation * deviation;
        for (Index j = 0; j < i; ++j) {
          variance += below[j] * below[j];
        }
        cache.deviation(row, i) = deviation;
        cache.logvar(row, i) = std::log(variance);
      }
    }
    return {params.leftCols(dim), cache.logvar.topRows(params.rows())};
  }

  void reparameterize(MatrixIn<T> params, MatrixIn<T> epsilon, const Cache& cache, MatrixOut<T> z) const {
    const Index samples = z.rows() / params.rows();
    parallel_for(z.rows(), row_grain(dim * dim), [&](Index first, Index last) {
      for (Index s = first; s < last; ++s) {
        const Index row = s / samples;
        const T* noise = epsilon.data() + s * epsilon.outerStride();
        for (Index i = 0; i < dim; ++i) {
          const T* below = factor_row(params, row, i);
          const T sum = sum_vectors<T>(i, [&](Index j, auto which) {
            return Simd<T>(load(below + j, which) * load(noise + j, which));
          });
          z(s, i) = params(row, i) + cache.deviation(row, i) * noise[i] + sum;
        }
      }
    });
  }

  /// log q(z|x) of the samples that ε gave.
  void log_prob(MatrixIn<T> params, MatrixIn<T> epsilon, MatrixIn<T>, const Cache&, std::span<T> out) const {
    const Index samples = epsilon.rows() / params.rows();
    for (Index s = 0; s < epsilon.rows(); ++s) {
      T logvars = 0;
      for (Index i = 0; i < dim; ++i) {
        logvars += clamped(params(s / samples, dim + i));
      }
      out[static_cast<std::size_t>(s)] = T{-0.5} * (epsilon.row(s).squaredNorm() + logvars +
                                                    static_cast<T>(log_two_pi) * static_cast<T>(dim));
    }
  }

  /// log q(z|x) of one input, params [1 × head_size], at m points in the columns of `points` [dim × m], which
  /// become L⁻¹ (z − mu).
  void point_log_prob(MatrixIn<T> params, MatrixOut<T> points, std::span<T> out) const {
    T logvars = 0;
    for (Index i = 0; i < dim; ++i) {
      logvars += clamped(params(0, dim + i));
    }
    std::ranges::fill(out, T{-0.5} * (logvars + static_cast<T>(log_two_pi) * static_cast<T>(dim)));
    for (Index i = 0; i < dim; ++i) {
      const T* below = factor_row(params, 0, i);
      const Simd<T> centre(params(0, i));
      const Simd<T> precision(std::exp(-clamped(params(0, dim + i)) / 2));
      T* white = points.data() + i * points.outerStride();
      for_each_vector<T>(points.cols(), [&](Index column, auto which) {
        Simd<T> value = load(white + column, which) - centre;
        for (Index j = 0; j < i; ++j) {
          const T* before = points.data() + j * points.outerStride();
          value = xsimd::fnma(Simd<T>(below[j]), load(before + column, which), value);
        }
        value *= precision;
        store(white + column, value, which);
        T* sum = out.data() + column;
        store(sum, Simd<T>(xsimd::fnma(Simd<T>(Simd<T>(T{0.5}) * value), value, load(sum, which))), which);
      });
    }
  }

  /// dz −= dlog_q L⁻ᵀ ε, the distribution held fixed.
  void add_path_gradient(MatrixIn<T> params, MatrixIn<T> epsilon, MatrixIn<T>, std::span<const T> dlog_q,
                         Cache& cache, MatrixOut<T> dz) const {
    const Index samples = dz.rows() / params.rows();
    for (Index s = 0; s < dz.rows(); ++s) {
      const Index row = s / samples;
      T* white = cache.white.data();
      for (Index i = 0; i < dim; ++i) {
        white[i] = epsilon(s, i);
      }
      for (Index i = dim - 1; i >= 0; --i) {
        white[i] /= cache.deviation(row, i);
        const T* below = factor_row(params, row, i);
        for (Index j = 0; j < i; ++j) {
          white[j] -= below[j] * white[i];
        }
        dz(s, i) -= dlog_q[static_cast<std::size_t>(s)] * white[i];
      }
    }
  }

  /// dmu = dq + Σ dz,  dL_ij = dq + Σ dzᵢ εⱼ,  draw logvarᵢ = dq + Σ ½ (dzᵢ εᵢ L_ii − dlog_q) inside the
  /// range, summed over samples.
  void backward(MatrixIn<T> params, MatrixIn<T> epsilon, MatrixIn<T>, MatrixIn<T> dz,
                std::span<const T> dlog_q, const Cache& cache, MatrixOut<T> dparams,
                FullGaussianLatent&) const {
    const Index samples = dz.rows() / params.rows();
    parallel_for(params.rows(), row_grain(samples * dim * dim), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        dparams.row(row).head(dim) = cache.dq.mu.row(row);
        dparams.row(row).tail(head_size() - dim) = cache.dq.logvar.row(row);
        for (Index s = row * samples; s < (row + 1) * samples; ++s) {
          add_sample(row, s, epsilon, dz, dlog_q.empty() ? T{0} : dlog_q[static_cast<std::size_t>(s)], cache,
                     dparams);
        }
        for (Index i = 0; i < dim; ++i) {
          const T raw = params(row, dim + i);
          if (raw < static_cast<T>(minimum_logvar) || raw > static_cast<T>(maximum_logvar)) {
            dparams(row, dim + i) = 0;
          }
        }
      }
    });
  }

  static void reflect(auto&, auto&&) {}

  [[nodiscard]] static T clamped(T raw) {
    const T low = static_cast<T>(minimum_logvar);
    const T high = static_cast<T>(maximum_logvar);
    return raw < low ? low : (raw > high ? high : raw);
  }
  /// L_i0 ... L_i,i-1.
  [[nodiscard]] const T* factor_row(MatrixIn<T> params, Index row, Index i) const {
    return params.data() + row * params.outerStride() + 2 * dim + i * (i - 1) / 2;
  }

 private:
  void add_sample(Index row, Index s, MatrixIn<T> epsilon, MatrixIn<T> dz, T dlog_q, const Cache& cache,
                  MatrixOut<T>& dparams) const {
    T* out = dparams.data() + row * dparams.outerStride();
    const T* noise = epsilon.data() + s * epsilon.outerStride();
    for (Index i = 0; i < dim; ++i) {
      const T slope = dz(s, i);
      out[i] += slope;
      out[dim + i] += T{0.5} * (slope * noise[i] * cache.deviation(row, i) - dlog_q);
      T* below = out + 2 * dim + i * (i - 1) / 2;
      for_each_vector<T>(i, [&](Index j, auto which) {
        store(below + j, Simd<T>(xsimd::fma(Simd<T>(slope), load(noise + j, which), load(below + j, which))),
              which);
      });
    }
  }
};

/// See `FullGaussianLatent`.
template <class T>
struct KlPair<FullGaussianLatent<T>, StandardNormal<T>> {
  using Latent = FullGaussianLatent<T>;
  using Cache = typename Latent::Cache;
  using PriorCache = typename StandardNormal<T>::Cache;
  static bool closed_form(const Latent&, const StandardNormal<T>&) { return true; }
  static void forward(const Latent& latent, const StandardNormal<T>&, MatrixIn<T> params, Cache& cache,
                      PriorCache&, MatrixOut<T> kl) {
    for (Index row = 0; row < params.rows(); ++row) {
      for (Index i = 0; i < latent.dim; ++i) {
        const T mu = params(row, i);
        const T deviation = cache.deviation(row, i);
        T squares = deviation * deviation;
        const T* below = latent.factor_row(params, row, i);
        for (Index j = 0; j < i; ++j) {
          squares += below[j] * below[j];
        }
        kl(row, i) = T{0.5} * (squares + mu * mu - T{1} - latent.clamped(params(row, latent.dim + i)));
      }
    }
  }
  static void backward(const Latent& latent, const StandardNormal<T>&, MatrixIn<T> params, MatrixIn<T> dkl,
                       Cache& cache, PriorCache&, StandardNormal<T>&) {
    for (Index row = 0; row < params.rows(); ++row) {
      for (Index i = 0; i < latent.dim; ++i) {
        const T upstream = dkl(row, i);
        const T deviation = cache.deviation(row, i);
        cache.dq.mu(row, i) += upstream * params(row, i);
        cache.dq.logvar(row, i) += T{0.5} * upstream * (deviation * deviation - T{1});
        const T* below = latent.factor_row(params, row, i);
        T* to_below = cache.dq.logvar.data() + row * cache.dq.logvar.cols() + latent.dim + i * (i - 1) / 2;
        for (Index j = 0; j < i; ++j) {
          to_below[j] += upstream * below[j];
        }
      }
    }
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
