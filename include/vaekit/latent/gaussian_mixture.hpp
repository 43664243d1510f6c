// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "vaekit/core/fields.hpp"
#include "vaekit/distributions/factorized.hpp"
#include "vaekit/distributions/gaussian.hpp"
#include "vaekit/kernels/log_softmax.hpp"
#include "vaekit/kernels/random.hpp"
#include "vaekit/latent/latent.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// What the calls of a mixture write. Components lie in the columns, so that a vector holds several of them.
template <class T>
struct MixtureCache {
  Matrix<T> responsibilities;  // [rows × C]
  RowVector<T> log_weights;    // [C]
  RowVector<T> constants;      // [C] log weight − ½ Σ (logvar + log 2π)
  Matrix<T> mu;                // [dim × C]
  Matrix<T> precision;         // [dim × C] exp(−logvar)

  MixtureCache() = default;
  MixtureCache(Index rows, Index components, Index dim)
      : responsibilities(rows, components),
        log_weights(components),
        constants(components),
        mu(dim, components),
        precision(dim, components) {}
};

/// C diagonal Gaussians with log-weights (those of the cache), what priors that are mixtures share:
///
///   log p(z) = log Σ_c exp(log_weights_c) N(z; mu_c, exp(clamp(logvar_c, −30, 20)))
///
/// Shapes   mu, logvar [C × dim]
/// Units    nats
/// Threads  pure but for the cache; no bit depends on their number
template <class T>
struct MixtureView {
  const Matrix<T>& mu;
  const Matrix<T>& logvar;

  [[nodiscard]] Index components() const { return mu.rows(); }
  [[nodiscard]] Index dim() const { return mu.cols(); }

  /// Shares of the components in each row's density go to the responsibilities of the cache.
  void log_prob(MatrixIn<T> z, MixtureCache<T>& cache, std::span<T> out) const {
    turn_components(cache);
    parallel_for(z.rows(), row_grain(mu.size()), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        out[static_cast<std::size_t>(row)] = row_log_prob(z.data() + row * z.outerStride(), row, cache);
      }
    });
  }

  /// Adds dlog_p ∂ log p/∂z to dz, and those of mu and logvar to dmu, dlogvar [C × dim], with the cache of
  /// `log_prob`.
  void backward(MatrixIn<T> z, std::span<const T> dlog_p, const MixtureCache<T>& cache, MatrixOut<T> dz,
                Matrix<T>& dmu, Matrix<T>& dlogvar) const {
    parallel_for(z.rows(), row_grain(mu.size()), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        const T* shares = cache.responsibilities.data() + row * components();
        for (Index d = 0; d < dim(); ++d) {
          const Simd<T> value(z(row, d));
          const T* centre = cache.mu.data() + d * components();
          const T* precision = cache.precision.data() + d * components();
          dz(row, d) -=
              dlog_p[static_cast<std::size_t>(row)] * sum_vectors<T>(components(), [&](Index c, auto which) {
                const Simd<T> slope = (value - load(centre + c, which)) * load(precision + c, which);
                return Simd<T>(load(shares + c, which) * slope);
              });
        }
      }
    });
    parallel_for(
        components(), row_grain(z.rows() * dim()),
        [&](Index first, Index last) {
          for_each_vector<T>(last - first, [&](Index c, auto which) {
            for (Index d = 0; d < dim(); ++d) {
              add_component_gradient(first + c, d, z, dlog_p, cache, dmu, dlogvar, which);
            }
          });
        },
        lanes<T>);
  }

  /// Row r: a component by its weight, then z ~ N(mu, temperature² exp(logvar)).
  void sample(const RandomStream& stream, std::uint64_t first, double temperature,
              const RowVector<T>& log_weights, MatrixOut<T> z) const {
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
  void turn_components(MixtureCache<T>& cache) const {
    for (Index c = 0; c < components(); ++c) {
      for (Index d = 0; d < dim(); ++d) {
        cache.mu(d, c) = mu(c, d);
        cache.precision(d, c) = logvar(c, d);
      }
    }
    for_each_vector<T>(components(), [&](Index c, auto which) {
      Simd<T> sum(static_cast<T>(log_two_pi) * static_cast<T>(dim()));
      for (Index d = 0; d < dim(); ++d) {
        T* spread = cache.precision.data() + d * components() + c;
        const Simd<T> value = Clamped<T>(load(spread, which), minimum_logvar, maximum_logvar).value();
        sum += value;
        store(spread, math::exp<T>(-value), which);
      }
      store(cache.constants.data() + c,
            Simd<T>(load(cache.log_weights.data() + c, which) - Simd<T>(T{0.5}) * sum), which);
    });
  }

  [[nodiscard]] T row_log_prob(const T* value, Index row, MixtureCache<T>& cache) const {
    T* const shares = cache.responsibilities.data() + row * components();
    for_each_vector<T>(components(), [&](Index c, auto which) {
      Simd<T> sum(T{0});
      for (Index d = 0; d < dim(); ++d) {
        const Simd<T> deviation = Simd<T>(value[d]) - load(cache.mu.data() + d * components() + c, which);
        sum = xsimd::fma(Simd<T>(deviation * deviation),
                         load(cache.precision.data() + d * components() + c, which), sum);
      }
      store(shares + c, Simd<T>(load(cache.constants.data() + c, which) - Simd<T>(T{0.5}) * sum), which);
    });
    const LogPartition<T> sum = softmax(shares, components(), shares);
    return sum.maximum + sum.log_sum;
  }

  /// Of column d of components c ..., summed over rows in their order.
  template <class Which>
  void add_component_gradient(Index c, Index d, MatrixIn<T> z, std::span<const T> dlog_p,
                              const MixtureCache<T>& cache, Matrix<T>& dmu, Matrix<T>& dlogvar,
                              Which which) const {
    const Simd<T> centre = load(cache.mu.data() + d * components() + c, which);
    const Simd<T> precision = load(cache.precision.data() + d * components() + c, which);
    const T* shares = cache.responsibilities.data() + c;
    Simd<T> to_mu(T{0});
    Simd<T> to_spread(T{0});
    for (Index row = 0; row < z.rows(); ++row) {
      const Simd<T> share =
          load(shares + row * components(), which) * Simd<T>(dlog_p[static_cast<std::size_t>(row)]);
      const Simd<T> deviation = Simd<T>(z(row, d)) - centre;
      const Simd<T> slope = deviation * precision;
      to_mu = xsimd::fma(share, slope, to_mu);
      to_spread = xsimd::fma(share, Simd<T>(deviation * slope - Simd<T>(T{1})), to_spread);
    }
    alignas(alignment) std::array<T, static_cast<std::size_t>(lanes<T>)> means;
    alignas(alignment) std::array<T, static_cast<std::size_t>(lanes<T>)> spreads;
    to_mu.store_aligned(means.data());
    to_spread.store_aligned(spreads.data());
    const Index count = std::min(lanes<T>, components() - c);
    for (Index i = 0; i < count; ++i) {
      const T raw = logvar(c + i, d);
      const bool is_clamped = raw < static_cast<T>(minimum_logvar) || raw > static_cast<T>(maximum_logvar);
      dmu(c + i, d) += means[static_cast<std::size_t>(i)];
      dlogvar(c + i, d) += is_clamped ? T{0} : T{0.5} * spreads[static_cast<std::size_t>(i)];
    }
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
  using Cache = MixtureCache<T>;

  RowVector<T> logits;  // [C]
  Matrix<T> mu;         // [C × dim]
  Matrix<T> logvar;     // [C × dim]

  GaussianMixture() = default;
  /// Throws ConfigError when `components` is out of range.
  GaussianMixture(const Config& config, Index dim, Index = 0)
      : logits(checked("gaussian_mixture prior", config).components),
        mu(config.components, dim),
        logvar(config.components, dim) {}

  [[nodiscard]] Cache make_cache(Index rows) const { return {rows, mu.rows(), mu.cols()}; }
  void initialize(const RandomStream& stream) {
    logits.setZero();
    logvar.setZero();
    fill_normal(mu.span(), stream);
  }

  void log_prob(MatrixIn<T> z, Cache& cache, std::span<T> out) const {
    find_log_weights(cache);
    view().log_prob(z, cache, out);
  }

  void backward(MatrixIn<T> z, std::span<const T> dlog_p, Cache& cache, MatrixOut<T> dz,
                GaussianMixture& grad) const {
    view().backward(z, dlog_p, cache, dz, grad.mu, grad.logvar);
    T total = 0;
    for (Index row = 0; row < z.rows(); ++row) {
      const T upstream = dlog_p[static_cast<std::size_t>(row)];
      total += upstream;
      const T* shares = cache.responsibilities.data() + row * logits.size();
      for_each_vector<T>(logits.size(), [&](Index c, auto which) {
        T* target = grad.logits.data() + c;
        store(target, Simd<T>(xsimd::fma(Simd<T>(upstream), load(shares + c, which), load(target, which))),
              which);
      });
    }
    for (Index c = 0; c < logits.size(); ++c) {
      grad.logits[c] -= total * std::exp(cache.log_weights[c]);
    }
  }

  void sample(const RandomStream& stream, std::uint64_t first, double temperature, Cache& cache,
              MatrixOut<T> z) const {
    find_log_weights(cache);
    view().sample(stream, first, temperature, cache.log_weights, z);
  }

  static void reflect(auto& self, auto&& visit) {
    visit("logits", self.logits);
    visit("mu", self.mu);
    visit("logvar", self.logvar);
  }

 private:
  [[nodiscard]] MixtureView<T> view() const { return {mu, logvar}; }
  void find_log_weights(Cache& cache) const {
    LogSumExp total;
    for (Index c = 0; c < logits.size(); ++c) {
      total.add(static_cast<double>(logits[c]));
    }
    for (Index c = 0; c < logits.size(); ++c) {
      cache.log_weights[c] = static_cast<T>(static_cast<double>(logits[c]) - total.value());
    }
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
