// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "vaekit/core/fields.hpp"
#include "vaekit/latent/sphere_prior.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct VonMisesFisherConfig {
  static constexpr std::string_view kind = "von_mises_fisher";
  Index dim = 10;

  static constexpr auto fields() {
    return std::tuple{field("dim", &VonMisesFisherConfig::dim,
                            "numbers of a latent point; the sphere has one dimension less", between(2, 256))};
  }
};

/// The posterior q(z|x) = vMF(mu, κ) on the unit sphere S^(dim−1), log q(z) = κ mu·z − log ∫ exp(κ mu·z) dz.
///
/// The head gives `params` [n × (dim + 1)] = a | raw:
///
///   mu = a / |a|; a direction shorter than 10⁻¹² counts as e₁ = (1, 0, ...), with gradient 0
///   κ = softplus(raw) clamped to [10⁻⁶, 10⁶]; outside, the gradient of raw is exactly 0
///
/// A sample is z = cos t mu + sin t v. Of its noise [1 + dim], ε₀ gives the angle t by the inverse of its
/// distribution function, F(t) = Φ(ε₀), with dt/dκ = −(∂F/∂κ) / F′(t); the other numbers, orthogonal to mu
/// and scaled to length 1, are the tangent v. Where they are all 0, z = mu.
///
/// `posterior` reports mu and no log-variance. `cache.dq` holds the gradients of mu and, in `logvar` [n × 1],
/// of κ.
///
/// Units     nats
/// Accuracy  angles and normaliser in double, see `VonMisesFisherAngle`; vectors in T
/// Threads   const calls are safe with a cache each; no bit depends on the number of threads
/// Source    Davidson et al. 2018 (arXiv:1804.00891); implicit gradients: Figurnov et al. 2018
/// (arXiv:1805.08498)
template <class T = float>
struct VonMisesFisherLatent {
  using Scalar = T;
  using Config = VonMisesFisherConfig;
  /// What one input's head says.
  struct Input {
    VonMisesFisherAngle angle;
    double length = 0;  // |a|, 0 where it is too short
    double to_raw = 0;  // dκ/draw
  };
  /// What one noise row gives.
  struct Draw {
    PolarAngle angle;
    double tilt = 0;  // (ε·mu) / |ε orthogonal to mu|
  };
  struct Cache {
    Matrix<T> mu;               // [n × dim]
    Matrix<T> logvar;           // [n × 0]
    Matrix<T> tangent;          // [rows × dim] v
    std::vector<Input> inputs;  // [n]
    std::vector<Draw> draws;    // [rows]
    MomentGradient<T> dq;       // of mu [n × dim] and, in `logvar`, of κ [n × 1]
  };

  static constexpr double minimum_kappa = 1e-6;
  static constexpr double maximum_kappa = 1e6;
  static constexpr double minimum_length = 1e-12;

  Index dim = 0;
  SphereConstants sphere;

  VonMisesFisherLatent() = default;
  /// Throws ConfigError when `dim` is out of range.
  explicit VonMisesFisherLatent(const Config& config)
      : dim(checked("von_mises_fisher latent", config).dim), sphere(config.dim) {}

  [[nodiscard]] Index head_size() const { return dim + 1; }
  [[nodiscard]] Index noise_size() const { return dim + 1; }
  [[nodiscard]] Index kl_columns() const { return 1; }
  [[nodiscard]] bool reports_mean() const { return false; }
  [[nodiscard]] std::string_view space() const { return "the unit sphere"; }
  [[nodiscard]] bool holds(const T* z) const {
    return std::abs(std::sqrt(static_cast<double>(dot(z, z))) - 1) <= 1e-3;
  }
  [[nodiscard]] Cache make_cache(Index batch, Index rows) const {
    Cache cache{Matrix<T>(batch, dim),
                Matrix<T>(batch, 0),
                Matrix<T>(rows, dim),
                std::vector<Input>(static_cast<std::size_t>(batch)),
                std::vector<Draw>(static_cast<std::size_t>(rows)),
                MomentGradient<T>(batch, dim)};
    cache.dq.logvar = Matrix<T>(batch, 1);
    return cache;
  }
  void initialize(const RandomStream&) {}

  void draw_noise(const RandomStream& stream, std::uint64_t first, MatrixOut<T> epsilon) const {
    fill_normal(std::span<T>(epsilon.data(), static_cast<std::size_t>(epsilon.size())), stream,
                first * static_cast<std::uint64_t>(noise_size()));
  }

  [[nodiscard]] DiagonalGaussian<T> posterior(MatrixIn<T> params, Cache& cache) const {
    parallel_for(params.rows(), row_grain(cost), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        Input& input = cache.inputs[static_cast<std::size_t>(row)];
        const T* direction = params.data() + row * params.outerStride();
        input.length = normalize(direction, cache.mu.data() + row * dim);
        const auto raw = static_cast<double>(direction[dim]);
        const double decay = std::exp(-std::abs(raw));
        const double softplus = std::max(raw, 0.0) + std::log1p(decay);
        const bool is_low = softplus < minimum_kappa;
        const bool is_high = softplus > maximum_kappa;
        input.to_raw = is_low || is_high ? 0 : (raw < 0 ? decay : 1) / (1 + decay);
        input.angle =
            VonMisesFisherAngle(sphere, is_low ? minimum_kappa : (is_high ? maximum_kappa : softplus));
      }
    });
    return {cache.mu.topRows(params.rows()), cache.logvar.topRows(params.rows())};
  }

  void reparameterize(MatrixIn<T> params, MatrixIn<T> epsilon, Cache& cache, MatrixOut<T> z) const {
    const Index samples = z.rows() / params.rows();
    parallel_for(z.rows(), row_grain(cost), [&](Index first, Index last) {
      for (Index s = first; s < last; ++s) {
        const Index row = s / samples;
        const T* noise = epsilon.data() + s * epsilon.outerStride();
        const T* mu = cache.mu.data() + row * dim;
        T* tangent = cache.tangent.data() + s * dim;
        Draw& draw = cache.draws[static_cast<std::size_t>(s)];
        const bool has_direction = make_tangent(mu, noise + 1, tangent, draw.tilt);
        draw.angle =
            has_direction
                ? cache.inputs[static_cast<std::size_t>(row)].angle.quantile(static_cast<double>(noise[0]))
                : PolarAngle{};
        const Simd<T> cosine(static_cast<T>(1 - draw.angle.deficit));
        const Simd<T> sine(static_cast<T>(draw.angle.sine));
        T* target = z.data() + s * z.outerStride();
        for_each_vector<T>(dim, [&](Index j, auto which) {
          store(target + j,
                Simd<T>(xsimd::fma(cosine, load(mu + j, which), Simd<T>(sine * load(tangent + j, which)))),
                which);
        });
      }
    });
  }

  /// log q(z|x) of the samples that ε gave.
  void log_prob(MatrixIn<T> params, MatrixIn<T> epsilon, MatrixIn<T>, const Cache& cache,
                std::span<T> out) const {
    const Index samples = epsilon.rows() / params.rows();
    for (Index s = 0; s < epsilon.rows(); ++s) {
      const VonMisesFisherAngle& q = cache.inputs[static_cast<std::size_t>(s / samples)].angle;
      const double deficit = cache.draws[static_cast<std::size_t>(s)].angle.deficit;
      out[static_cast<std::size_t>(s)] = static_cast<T>(-q.kappa() * deficit - q.log_normalizer());
    }
  }

  /// dz += dlog_q times the part of κ mu in the tangent plane at z, κ sin t (sin t mu − cos t v).
  void add_path_gradient(MatrixIn<T> params, MatrixIn<T>, MatrixIn<T>, std::span<const T> dlog_q,
                         const Cache& cache, MatrixOut<T> dz) const {
    const Index samples = dz.rows() / params.rows();
    for (Index s = 0; s < dz.rows(); ++s) {
      const PolarAngle& angle = cache.draws[static_cast<std::size_t>(s)].angle;
      const double pull = static_cast<double>(dlog_q[static_cast<std::size_t>(s)]) *
                          cache.inputs[static_cast<std::size_t>(s / samples)].angle.kappa() * angle.sine;
      dz.row(s) += static_cast<T>(pull * angle.sine) * cache.mu.row(s / samples) -
                   static_cast<T>(pull * (1 - angle.deficit)) * cache.tangent.row(s);
    }
  }

  /// With g = dz and everything summed over samples:
  ///
  ///   dκ = dq + Σ (cos t g·v − sin t g·mu) dt/dκ + dlog_q (cos t − A − κ sin t dt/dκ),   draw = dκ σ(raw)
  ///   dmu = dq + Σ cos t g − sin t ((g·mu) v + tilt (g − (g·v) v)),   da = (dmu − (dmu·mu) mu) / |a|
  void backward(MatrixIn<T> params, MatrixIn<T>, MatrixIn<T>, MatrixIn<T> dz, std::span<const T> dlog_q,
                const Cache& cache, MatrixOut<T> dparams, VonMisesFisherLatent&) const {
    const Index samples = dz.rows() / params.rows();
    parallel_for(params.rows(), row_grain(8 * samples * dim), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        const Input& input = cache.inputs[static_cast<std::size_t>(row)];
        T* out = dparams.data() + row * dparams.outerStride();
        std::copy_n(cache.dq.mu.data() + row * dim, dim, out);
        auto to_kappa = static_cast<double>(cache.dq.logvar(row, 0));
        for (Index s = row * samples; s < (row + 1) * samples; ++s) {
          const double density =
              dlog_q.empty() ? 0 : static_cast<double>(dlog_q[static_cast<std::size_t>(s)]);
          to_kappa += add_sample(row, s, dz.data() + s * dz.outerStride(), density, cache, out);
        }
        project(cache.mu.data() + row * dim, input.length, out);
        out[dim] = input.to_raw == 0 ? T{0} : static_cast<T>(to_kappa * input.to_raw);
      }
    });
  }

  static void reflect(auto&, auto&&) {}

 private:
  /// Of an angle, in elements of a cheap loop: what decides about a second thread.
  static constexpr Index cost = 1024;

  [[nodiscard]] T dot(const T* a, const T* b) const {
    return sum_vectors<T>(
        dim, [&](Index j, auto which) { return Simd<T>(load(a + j, which) * load(b + j, which)); });
  }

  /// mu = direction / |direction|. Returns the length, or 0 where it is too short.
  double normalize(const T* direction, T* mu) const {
    double square = 0;  // in double, where the square of no float overflows
    for (Index j = 0; j < dim; ++j) {
      const auto value = static_cast<double>(direction[j]);
      square += value * value;
    }
    const double length = std::sqrt(square);
    if (length < minimum_length) {
      std::fill_n(mu, dim, T{0});
      mu[0] = 1;
      return 0;
    }
    for (Index j = 0; j < dim; ++j) {
      mu[j] = static_cast<T>(static_cast<double>(direction[j]) / length);
    }
    return length;
  }

  /// tangent = the part of the noise orthogonal to mu, scaled to length 1. False when there is none.
  bool make_tangent(const T* mu, const T* noise, T* tangent, double& tilt) const {
    const T along = dot(mu, noise);
    const auto subtract = [&](const T* from, T factor) {
      const Simd<T> f(factor);
      for_each_vector<T>(dim, [&](Index j, auto which) {
        store(tangent + j, Simd<T>(load(from + j, which) - f * load(mu + j, which)), which);
      });
    };
    subtract(noise, along);
    subtract(tangent, dot(mu, tangent));  // once more: noise close to mu leaves mostly rounding
    const T length = std::sqrt(dot(tangent, tangent));
    if (length == 0) {
      tilt = 0;
      return false;
    }
    const Simd<T> scale(1 / length);
    for_each_vector<T>(dim, [&](Index j, auto which) {
      store(tangent + j, Simd<T>(load(tangent + j, which) * scale), which);
    });
    // On the circle the tangent is one of two, whatever the length of the noise.
    tilt = dim == 2 ? 0 : static_cast<double>(along) / static_cast<double>(length);
    return true;
  }

  /// Adds a sample's gradient of mu, up to multiples of mu, to `out`; returns that of κ.
  double add_sample(Index row, Index s, const T* g, double dlog_q, const Cache& cache, T* out) const {
    const auto& [angle, tilt] = cache.draws[static_cast<std::size_t>(s)];
    const VonMisesFisherAngle& q = cache.inputs[static_cast<std::size_t>(row)].angle;
    const T* v = cache.tangent.data() + s * dim;
    const auto along_mu = static_cast<double>(dot(g, cache.mu.data() + row * dim));
    const auto along_v = static_cast<double>(dot(g, v));
    const double cosine = 1 - angle.deficit;
    const Simd<T> of_g(static_cast<T>(cosine - angle.sine * tilt));
    const Simd<T> of_v(static_cast<T>(angle.sine * (tilt * along_v - along_mu)));
    for_each_vector<T>(dim, [&](Index j, auto which) {
      const Simd<T> sum = xsimd::fma(of_g, load(g + j, which), load(out + j, which));
      store(out + j, Simd<T>(xsimd::fma(of_v, load(v + j, which), sum)), which);
    });
    const double to_angle = cosine * along_v - angle.sine * along_mu;
    const double to_density = q.mean_deficit() - angle.deficit - q.kappa() * angle.sine * angle.to_kappa;
    return to_angle * angle.to_kappa + dlog_q * to_density;
  }

  /// From the gradient of mu to that of a.
  void project(const T* mu, double length, T* gradient) const {
    if (length == 0) {
      std::fill_n(gradient, dim, T{0});
      return;
    }
    const Simd<T> along(dot(gradient, mu));
    const Simd<T> scale(static_cast<T>(1 / length));
    for_each_vector<T>(dim, [&](Index j, auto which) {
      store(gradient + j, Simd<T>((load(gradient + j, which) - along * load(mu + j, which)) * scale), which);
    });
  }
};

/// κ A − log ∫ exp(κ mu·z) dz + log |S^(dim−1)|, one column; dKL/dκ = κ Var cos t.
template <class T>
struct KlPair<VonMisesFisherLatent<T>, UniformSphere<T>> {
  using Latent = VonMisesFisherLatent<T>;
  using Prior = UniformSphere<T>;
  using Cache = typename Latent::Cache;
  using PriorCache = typename Prior::Cache;
  static bool closed_form(const Latent&, const Prior&) { return true; }
  static void forward(const Latent&, const Prior&, MatrixIn<T> params, Cache& cache, PriorCache&,
                      MatrixOut<T> kl) {
    for (Index row = 0; row < params.rows(); ++row) {
      kl(row, 0) = static_cast<T>(cache.inputs[static_cast<std::size_t>(row)].angle.divergence());
    }
  }
  static void backward(const Latent&, const Prior&, MatrixIn<T> params, MatrixIn<T> dkl, Cache& cache,
                       PriorCache&, Prior&) {
    for (Index row = 0; row < params.rows(); ++row) {
      const VonMisesFisherAngle& q = cache.inputs[static_cast<std::size_t>(row)].angle;
      cache.dq.logvar(row, 0) += dkl(row, 0) * static_cast<T>(q.kappa() * q.variance());
    }
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
