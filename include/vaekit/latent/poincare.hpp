// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "vaekit/core/fields.hpp"
#include "vaekit/distributions/gaussian.hpp"
#include "vaekit/kernels/random.hpp"
#include "vaekit/latent/latent.hpp"
#include "vaekit/latent/poincare_ball.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct PoincareConfig {
  static constexpr std::string_view kind = "poincare";
  Index dim = 2;
  double curvature = 1;

  static constexpr auto fields() {
    return std::tuple{field("dim", &PoincareConfig::dim, "number of latent variables", size_range),
                      field("curvature", &PoincareConfig::curvature,
                            "c of the ball of curvature -c, whose radius is 1/sqrt(c)", between(1e-4, 1e4))};
  }
};

/// The wrapped normal posterior in the Poincaré ball of curvature −c, |z| < 1/√c:
///
///   mu = tanh(√c |m|) m / (√c |m|)
///   v = exp(logvar/2) ∘ ε,   z = mu ⊕ tanh(√c |v| / 2) v / (√c |v|)
///   log q(z|x) = log N(v; 0, exp(logvar)) + (dim − 1) log(√c r / sinh(√c r)),   r = |v|
///
/// r is the distance between mu and z, ⊕ Möbius addition, and the density is with respect to the ball's
/// volume, (2 / (1 − c |z|²))^dim dz. The head gives `params` [n × 2 dim] = m | raw logvar, the latter
/// clamped to [−30, 20] as in `GaussianLatent`.
///
/// Points stay `poincare::margin` inside the ball, √c |z| ≤ 1 − 10⁻⁵ (float) or 1 − 10⁻⁸ (double): lengths of
/// m and v, and in the end of z, are cut off where they would leave it, and what was cut off has gradient 0
/// in that direction. The density of a v that was cut off is that of what is left.
///
/// Units     nats
/// Accuracy  vectors are stored in T, everything else is in double
/// Threads   const calls are safe with a cache each; no bit depends on the number of threads
/// Source    Mathieu et al. 2019 (arXiv:1901.06033), section 3.2 and appendix B
template <class T = float>
struct PoincareLatent {
  using Scalar = T;
  using Config = PoincareConfig;
  /// What one noise row gives.
  struct Draw {
    poincare::Radial radial;  // of √c v / 2
    double scaled = 0;        // √c r, limited
    double noise = 0;         // Σ (v/σ)² of the v that is left
    double volume = 0;        // d log q / d(√c r), divided by √c r
    double closeness = 0;     // 1 + cos of the angle between mu and v
    double length = 0;        // √c |z| before it is limited
  };
  struct Cache {
    Matrix<T> mu;                        // [n × dim]
    Matrix<T> no_logvar;                 // [n × 0]
    Matrix<T> deviation;                 // [n × dim]
    std::vector<double> logvars;         // [n] Σ logvar
    std::vector<poincare::Radial> mean;  // [n] of √c m
    std::vector<Draw> draws;             // [rows]
    MomentGradient<T> dq;                // of mu [n × dim]
  };

  Index dim = 0;
  double curvature = 1;
  std::string space_name;

  PoincareLatent() = default;
  /// Throws ConfigError when a number is out of range.
  explicit PoincareLatent(const Config& config)
      : dim(checked("poincare latent", config).dim),
        curvature(config.curvature),
        space_name(poincare::space(curvature)) {}

  [[nodiscard]] Index head_size() const { return 2 * dim; }
  [[nodiscard]] Index noise_size() const { return dim; }
  [[nodiscard]] Index kl_columns() const { return 1; }
  [[nodiscard]] bool reports_mean() const { return false; }
  [[nodiscard]] std::string_view space() const { return space_name; }
  [[nodiscard]] bool holds(const T* z) const {
    double square = 0;
    for (Index j = 0; j < dim; ++j) {
      square += static_cast<double>(z[j]) * static_cast<double>(z[j]);
    }
    return curvature * square < 1;
  }
  [[nodiscard]] Cache make_cache(Index batch, Index rows) const {
    Cache cache{Matrix<T>(batch, dim),
                Matrix<T>(batch, 0),
                Matrix<T>(batch, dim),
                std::vector<double>(static_cast<std::size_t>(batch)),
                std::vector<poincare::Radial>(static_cast<std::size_t>(batch)),
                std::vector<Draw>(static_cast<std::size_t>(rows)),
                MomentGradient<T>(batch, dim)};
    cache.dq.logvar = Matrix<T>(batch, 0);
    return cache;
  }
  void initialize(const RandomStream&) {}

  void draw_noise(const RandomStream& stream, std::uint64_t first, MatrixOut<T> epsilon) const {
    fill_normal(std::span<T>(epsilon.data(), static_cast<std::size_t>(epsilon.size())), stream,
                first * static_cast<std::uint64_t>(dim));
  }

  [[nodiscard]] DiagonalGaussian<T> posterior(MatrixIn<T> params, Cache& cache) const {
    for (Index row = 0; row < params.rows(); ++row) {
      double square = 0;
      double logvars = 0;
      for (Index j = 0; j < dim; ++j) {
        const auto m = static_cast<double>(params(row, j));
        const double logvar = clamped(static_cast<double>(params(row, dim + j)));
        square += m * m;
        logvars += logvar;
        cache.deviation(row, j) = static_cast<T>(std::exp(logvar / 2));
      }
      const poincare::Radial radial(std::sqrt(curvature * square), limit());
      cache.logvars[static_cast<std::size_t>(row)] = logvars;
      cache.mean[static_cast<std::size_t>(row)] = radial;
      cache.mu.row(row) = static_cast<T>(radial.ratio) * params.row(row).head(dim);
    }
    return {cache.mu.topRows(params.rows()), cache.no_logvar.topRows(params.rows())};
  }

  void reparameterize(MatrixIn<T> params, MatrixIn<T> epsilon, Cache& cache, MatrixOut<T> z) const {
    const Index samples = z.rows() / params.rows();
    parallel_for(z.rows(), row_grain(16 * dim + 256), [&](Index first, Index last) {
      for (Index s = first; s < last; ++s) {
        const Sample sample(*this, params, epsilon, cache, s / samples, s);
        Draw& draw = cache.draws[static_cast<std::size_t>(s)];
        draw = sample.draw(*this);
        const poincare::MobiusAddition sum = addition(cache, s / samples, s);
        const double of_m = sum.of_x * sample.x_factor;
        const double of_v = sum.of_y * draw.radial.ratio * sample.half_root;
        double square = 0;
        for (Index j = 0; j < dim; ++j) {
          const double value = of_m * sample.m(j) + of_v * sample.v(j);
          square += value * value;
        }
        draw.length = std::sqrt(square);
        const double scale = (draw.length > outermost ? outermost / draw.length : 1) / std::sqrt(curvature);
        for (Index j = 0; j < dim; ++j) {
          z(s, j) = static_cast<T>(scale * (of_m * sample.m(j) + of_v * sample.v(j)));
        }
      }
    });
  }

  /// log q(z|x) of the samples that ε gave.
  void log_prob(MatrixIn<T> params, MatrixIn<T> epsilon, MatrixIn<T>, const Cache& cache,
                std::span<T> out) const {
    const Index samples = epsilon.rows() / params.rows();
    const auto size = static_cast<double>(dim);
    for (Index s = 0; s < epsilon.rows(); ++s) {
      const Draw& draw = cache.draws[static_cast<std::size_t>(s)];
      const double logvars = cache.logvars[static_cast<std::size_t>(s / samples)];
      out[static_cast<std::size_t>(s)] = static_cast<T>(-0.5 * (draw.noise + logvars + size * log_two_pi) +
                                                        (size - 1) * poincare::log_volume(draw.scaled));
    }
  }

  /// dz += dlog_q ∂ log q/∂z, back through v → y → z = mu ⊕ y by y = (−mu) ⊕ z. Nothing where the sample was
  /// cut off.
  void add_path_gradient(MatrixIn<T> params, MatrixIn<T> epsilon, MatrixIn<T> z, std::span<const T> dlog_q,
                         const Cache& cache, MatrixOut<T> dz) const {
    const Index samples = dz.rows() / params.rows();
    parallel_for(dz.rows(), row_grain(64 * dim + 64), [&](Index first, Index last) {
      for (Index s = first; s < last; ++s) {
        const Draw& draw = cache.draws[static_cast<std::size_t>(s)];
        if (!draw.radial.is_limited && !(draw.length > outermost)) {
          const Sample sample(*this, params, epsilon, cache, s / samples, s);
          add_path(sample, cache.mean[static_cast<std::size_t>(s / samples)], draw, s, z,
                   static_cast<double>(dlog_q[static_cast<std::size_t>(s)]), dz);
        }
      }
    });
  }

  /// Gradients through the two radial maps and the addition, see `Radial` and `MobiusAddition`; of log q,
  ///
  ///   d log q/dlogvarⱼ = −½ + ½ c vⱼ² (dim − 1) (1/R − coth R) / R,   R = √c r
  void backward(MatrixIn<T> params, MatrixIn<T> epsilon, MatrixIn<T>, MatrixIn<T> dz,
                std::span<const T> dlog_q, const Cache& cache, MatrixOut<T> dparams, PoincareLatent&) const {
    const Index samples = dz.rows() / params.rows();
    parallel_for(params.rows(), row_grain(samples * (32 * dim + 64)), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        start_gradient(params, row, cache, dparams);
        for (Index s = row * samples; s < (row + 1) * samples; ++s) {
          const Sample sample(*this, params, epsilon, cache, row, s);
          const double density =
              dlog_q.empty() ? 0 : static_cast<double>(dlog_q[static_cast<std::size_t>(s)]);
          add_sample(sample, row, s, dz, density, cache, dparams);
        }
        for (Index j = 0; j < dim; ++j) {
          const auto raw = static_cast<double>(params(row, dim + j));
          if (raw < minimum_logvar || raw > maximum_logvar) {
            dparams(row, dim + j) = 0;
          }
        }
      }
    });
  }

  static void reflect(auto&, auto&&) {}

 private:
  /// √c |z| of every point.
  static constexpr double outermost = 1 - poincare::margin<T>;
  /// artanh of it: of √c |m| and √c |v| / 2.
  [[nodiscard]] static double limit() { return std::atanh(outermost); }

  // Comparisons, so that NaN stays NaN.
  [[nodiscard]] static double clamped(double raw) {
    return raw < minimum_logvar ? minimum_logvar : (raw > maximum_logvar ? maximum_logvar : raw);
  }

  /// m and v of one sample, in double.
  struct Sample {
    const T* mean;
    const T* deviation;
    const T* noise;
    Index dim;
    double x_factor;   // x = x_factor m, in the ball of radius 1
    double half_root;  // √c / 2

    Sample(const PoincareLatent& latent, MatrixIn<T> params, MatrixIn<T> epsilon, const Cache& cache,
           Index row, Index s)
        : mean(params.data() + row * params.outerStride()),
          deviation(cache.deviation.data() + row * latent.dim),
          noise(epsilon.data() + s * epsilon.outerStride()),
          dim(latent.dim),
          x_factor(std::sqrt(latent.curvature) * cache.mean[static_cast<std::size_t>(row)].ratio),
          half_root(std::sqrt(latent.curvature) / 2) {}

    [[nodiscard]] double m(Index j) const { return static_cast<double>(mean[j]); }
    [[nodiscard]] double v(Index j) const {
      return static_cast<double>(deviation[j]) * static_cast<double>(noise[j]);
    }

    [[nodiscard]] Draw draw(const PoincareLatent& latent) const {
      double mm = 0;
      double vv = 0;
      double noises = 0;
      for (Index j = 0; j < dim; ++j) {
        const auto e = static_cast<double>(noise[j]);
        mm += m(j) * m(j);
        vv += v(j) * v(j);
        noises += e * e;
      }
      // Of directions, ½ |x + y|², which has all digits where they are opposite.
      const double of_m = mm > 0 ? 1 / std::sqrt(mm) : 0;
      const double of_v = vv > 0 ? 1 / std::sqrt(vv) : 0;
      double closeness = 0;
      for (Index j = 0; j < dim; ++j) {
        const double sum = of_m * m(j) + of_v * v(j);
        closeness += 0.5 * sum * sum;
      }
      const double half = half_root * std::sqrt(vv);
      Draw draw;
      draw.radial = poincare::Radial(half, limit());
      draw.closeness = closeness;
      const double kept = draw.radial.is_limited ? limit() / half : 1;
      draw.scaled = 2 * kept * half;
      draw.noise = kept * kept * noises;
      draw.volume = draw.radial.is_limited
                        ? draw.noise / (4 * half * half)
                        : static_cast<double>(latent.dim - 1) * poincare::log_volume_slope(draw.scaled);
      return draw;
    }
  };

  [[nodiscard]] poincare::MobiusAddition addition(const Cache& cache, Index row, Index s) const {
    const poincare::Radial& x = cache.mean[static_cast<std::size_t>(row)];
    const Draw& draw = cache.draws[static_cast<std::size_t>(s)];
    return {x.value, x.rest, draw.radial.value, draw.radial.rest, draw.closeness};
  }

  /// What `cache.dq` holds of mu, and nothing of the log-variance.
  void start_gradient(MatrixIn<T> params, Index row, const Cache& cache, MatrixOut<T>& dparams) const {
    const poincare::Radial& radial = cache.mean[static_cast<std::size_t>(row)];
    double along = 0;  // x·dx
    for (Index j = 0; j < dim; ++j) {
      along += static_cast<double>(cache.mu(row, j)) * static_cast<double>(cache.dq.mu(row, j));
    }
    const double of_m = curvature * radial.bend * along * radial.ratio;
    for (Index j = 0; j < dim; ++j) {
      dparams(row, j) = static_cast<T>(radial.ratio * static_cast<double>(cache.dq.mu(row, j)) +
                                       of_m * static_cast<double>(params(row, j)));
      dparams(row, dim + j) = 0;
    }
  }

  void add_path(const Sample& sample, const poincare::Radial& mean, const Draw& draw, Index s, MatrixIn<T> z,
                double dlog_q, MatrixOut<T>& dz) const {
    const double root = std::sqrt(curvature);
    const double y_factor = draw.radial.ratio * sample.half_root;
    // Of √c v / 2: the radial map's derivative is `ratio` across, `slope` along y.
    const auto to_step = [&](Index j) {
      return 2 / root *
             (draw.volume * curvature * sample.v(j) -
              static_cast<double>(sample.noise[j]) / static_cast<double>(sample.deviation[j]));
    };
    double along = 0;
    double mm = 0;
    for (Index j = 0; j < dim; ++j) {
      along += to_step(j) * y_factor * sample.v(j);
      mm += sample.m(j) * sample.m(j);
    }
    const double slope = draw.radial.rest * (1 + draw.radial.value);
    const double bend = draw.radial.value < 1e-8 ? 0
                                                 : (1 / slope - 1 / draw.radial.ratio) * along /
                                                       (draw.radial.value * draw.radial.value);
    const auto to_y = [&](Index j) { return to_step(j) / draw.radial.ratio + bend * y_factor * sample.v(j); };
    const double of_m = mm > 0 ? 1 / std::sqrt(mm) : 0;
    const double of_z = draw.length > 0 ? root / draw.length : 0;
    double closeness = 0;  // of −mu and z
    double g_x = 0;
    double g_z = 0;
    for (Index j = 0; j < dim; ++j) {
      const auto value = static_cast<double>(z(s, j));
      const double sum = of_z * value - of_m * sample.m(j);
      closeness += 0.5 * sum * sum;
      g_x -= to_y(j) * sample.x_factor * sample.m(j);
      g_z += to_y(j) * root * value;
    }
    const poincare::MobiusAddition back(mean.value, mean.rest, draw.length, 1 - draw.length, closeness);
    const auto d = back.gradient(g_x, g_z);
    for (Index j = 0; j < dim; ++j) {
      const double gradient = back.of_y * to_y(j) - d.cross * sample.x_factor * sample.m(j) +
                              2 * d.to_yy * root * static_cast<double>(z(s, j));
      dz(s, j) += static_cast<T>(dlog_q * root * gradient);
    }
  }

  void add_sample(const Sample& sample, Index row, Index s, MatrixIn<T> dz, double dlog_q, const Cache& cache,
                  MatrixOut<T>& dparams) const {
    const poincare::Radial& mean = cache.mean[static_cast<std::size_t>(row)];
    const Draw& draw = cache.draws[static_cast<std::size_t>(s)];
    const poincare::MobiusAddition sum = addition(cache, row, s);
    const double root = std::sqrt(curvature);
    const double y_factor = draw.radial.ratio * sample.half_root;
    double g_x = 0;
    double g_y = 0;
    for (Index j = 0; j < dim; ++j) {
      const double g = static_cast<double>(dz(s, j)) / root;
      g_x += g * sample.x_factor * sample.m(j);
      g_y += g * y_factor * sample.v(j);
    }
    // A limited z passes what is orthogonal to it: g − pull (x ⊕ y), scaled.
    const bool is_limited = draw.length > outermost;
    const double shrink = is_limited ? outermost / draw.length : 1;
    const double pull = is_limited ? (sum.of_x * g_x + sum.of_y * g_y) / (draw.length * draw.length) : 0;
    g_x = shrink * (g_x - pull * (sum.of_x * sum.xx + sum.of_y * sum.xy));
    g_y = shrink * (g_y - pull * (sum.of_x * sum.xy + sum.of_y * sum.yy));
    const auto d = sum.gradient(g_x, g_y);
    for (Index j = 0; j < dim; ++j) {
      const double x = sample.x_factor * sample.m(j);
      const double v = sample.v(j);
      const double y = y_factor * v;
      const double g = shrink * (static_cast<double>(dz(s, j)) / root - pull * (sum.of_x * x + sum.of_y * y));
      const double dx = sum.of_x * g + d.cross * y + 2 * d.to_xx * x;
      const double dy = sum.of_y * g + d.cross * x + 2 * d.to_yy * y;
      const double dv = sample.half_root * (draw.radial.ratio * dy + draw.radial.bend * d.y_dy * y);
      dparams(row, j) += static_cast<T>(root * (mean.ratio * dx + mean.bend * d.x_dx * x));
      dparams(row, dim + j) +=
          static_cast<T>(0.5 * (dv * v + dlog_q * (draw.volume * curvature * v * v - 1)));
    }
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
