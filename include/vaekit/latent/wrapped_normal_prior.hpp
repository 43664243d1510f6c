// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <string>

#include "vaekit/core/fields.hpp"
#include "vaekit/distributions/diagonal_gaussian.hpp"
#include "vaekit/kernels/random.hpp"
#include "vaekit/latent/latent.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Geometry of the Poincaré ball, in coordinates scaled by √c, where the ball has radius 1 and curvature −1.
namespace poincare {

/// Points stay this far inside: √c |z| ≤ 1 − margin. Further out, T cannot tell distances apart.
template <std::floating_point T>
inline constexpr double margin = std::same_as<T, float> ? 1e-5 : 1e-8;

/// tanh s, what it lacks to 1, and its derivative, at s ≥ 0.
struct Tanh {
  double value;
  double rest;   // 1 − tanh s
  double slope;  // 1 − tanh² s
  explicit Tanh(double s) : value(std::tanh(s)), rest(2 / (std::exp(2 * s) + 1)), slope(rest * (2 - rest)) {}
};

/// log(R / sinh R), R ≥ 0: what the volume of the ball adds to a density, for each dimension but one.
/// Relative error 1e-14.
[[nodiscard]] inline double log_volume(double r) {
  if (r < 0.5) {
    const double square = r * r;
    double tail = 1;  // sinh R / R = 1 + R²/6 (1 + R²/20 (1 + ...))
    for (int k = 7; k > 1; --k) {
      tail = 1 + tail * square / (2 * k * (2 * k + 1));
    }
    return -std::log1p(tail * square / 6);
  }
  return std::log(2 * r) - r - std::log1p(-std::exp(-2 * r));
}

/// d log(R / sinh R) / dR, divided by R: (1/R − coth R) / R, −1/3 at 0. Relative error 1e-13.
[[nodiscard]] inline double log_volume_slope(double r) {
  if (r < 0.1) {
    const double x = r * r;
    return -1.0 / 3 + x * (1.0 / 45 + x * (-2.0 / 945 + x * (1.0 / 4725 - x * (2.0 / 93555))));
  }
  return (1 / r - 1 / std::tanh(r)) / r;
}

/// Möbius addition of two points x, y of the unit ball, x ⊕ y = (N x + q y) / D:
///
///   N = 1 + 2 x·y + |y|²,   q = 1 − |x|²,   D = 1 + 2 x·y + |x|² |y|²
///
/// as sums of positive terms, from the distances to the boundary: nothing cancels close to it.
struct MobiusAddition {
  double xx, yy, xy;
  double of_x;   // N / D
  double of_y;   // q / D
  double scale;  // 1 / D

  /// `closeness` = 1 + cos of the angle between x and y.
  MobiusAddition(double x, double x_rest, double y, double y_rest, double closeness)
      : xx(x * x), yy(y * y), xy(x * y * (closeness - 1)) {
    const double gap = x_rest + x * y_rest;  // 1 − |x| |y|
    scale = 1 / (gap * gap + 2 * x * y * closeness);
    of_x = (y_rest * y_rest + 2 * y * (x_rest + x * closeness)) * scale;
    of_y = x_rest * (1 + x) * scale;
  }

  /// Gradients of a function of x ⊕ y whose gradient is g:
  ///
  ///   dx = of_x g + cross y + 2 to_xx x,   dy = of_y g + cross x + 2 to_yy y
  struct Gradient {
    double cross, to_xx, to_yy;
    double x_dx, y_dy;  // x·dx, y·dy
  };
  [[nodiscard]] Gradient gradient(double g_x, double g_y) const {
    const double g_sum = of_x * g_x + of_y * g_y;
    Gradient d{};
    d.cross = 2 * scale * (g_x - g_sum);
    d.to_xx = -scale * (g_y + yy * g_sum);
    d.to_yy = scale * (g_x - xx * g_sum);
    d.x_dx = of_x * g_x + d.cross * xy + 2 * d.to_xx * xx;
    d.y_dy = of_y * g_y + d.cross * xy + 2 * d.to_yy * yy;
    return d;
  }
};

/// A vector u of length s sent to tanh(s) u / s, at most `limit` from the origin in s.
struct Radial {
  double value = 0;  // tanh s
  double rest = 1;   // 1 − tanh s
  double ratio = 1;  // tanh(s) / s
  double bend = 0;   // (d tanh s/ds − ratio) / tanh² s: du = ratio dy + bend (y·dy) y
  bool is_limited = false;

  Radial() = default;
  Radial(double s, double limit) : is_limited(s > limit) {
    const Tanh t(is_limited ? limit : s);
    value = t.value;
    rest = t.rest;
    ratio = s < 1e-8 ? 1 : value / s;
    bend = s < 1e-8 ? 0 : ((is_limited ? 0 : t.slope) - ratio) / (value * value);
  }
};

[[nodiscard]] inline std::string space(double curvature) {
  return concat("the Poincare ball of curvature ", -curvature);
}

}  // namespace poincare

struct WrappedNormalConfig {
  static constexpr std::string_view kind = "wrapped_normal";
  double curvature = 1;
  double deviation = 1;

  static constexpr auto fields() {
    return std::tuple{field("curvature", &WrappedNormalConfig::curvature,
                            "c of the ball of curvature -c, that of the posterior", between(1e-4, 1e4)),
                      field("deviation", &WrappedNormalConfig::deviation,
                            "standard deviation, as a distance in the ball", between(1e-6, 1e4))};
  }
};

/// The wrapped normal distribution around the origin of the Poincaré ball of curvature −c, |z| < 1/√c:
///
///   z = tanh(√c |v| / 2) v / (√c |v|),   v ~ N(0, deviation² I)
///   log p(z) = log N(v; 0, deviation² I) + (dim − 1) log(√c r / sinh(√c r)),   r = |v| = 2 artanh(√c |z|) /
///   √c
///
/// a density with respect to the ball's volume, (2 / (1 − c |z|²))^dim dz. Points stay `poincare::margin`
/// inside the ball; one beyond half of it counts as one there, with gradient 0.
///
/// Shapes   z [n × dim]
/// Units    nats
/// Accuracy relative 1e-13 in double, times what z has lost: 1 ULP of |z| is ULP / (1 − c |z|²) of r
/// Threads  const calls are safe; no bit depends on their number
/// Source   Mathieu et al. 2019 (arXiv:1901.06033), section 3.2; Nagano et al. 2019 (arXiv:1902.02992)
template <class T = float>
struct WrappedNormal {
  using Scalar = T;
  using Config = WrappedNormalConfig;
  struct Cache {};

  double curvature = 1;
  double deviation = 1;
  std::string space_name;

  WrappedNormal() = default;
  /// Throws ConfigError when a number is out of range.
  WrappedNormal(const Config& config, Index, Index = 0)
      : curvature(checked("wrapped_normal prior", config).curvature),
        deviation(config.deviation),
        space_name(poincare::space(curvature)) {}

  [[nodiscard]] std::string_view space() const { return space_name; }
  [[nodiscard]] Cache make_cache(Index) const { return {}; }
  void initialize(const RandomStream&) {}

  void log_prob(MatrixIn<T> z, Cache&, std::span<T> out) const {
    const auto dim = static_cast<double>(z.cols());
    const double constant = -dim * (std::log(deviation) + 0.5 * log_two_pi);
    parallel_for(z.rows(), row_grain(8 * z.cols() + 64), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        const double scaled = distance(length(z, row));
        const double ratio = scaled / deviation;
        out[static_cast<std::size_t>(row)] = static_cast<T>(constant - 0.5 * ratio * ratio / curvature +
                                                            (dim - 1) * poincare::log_volume(scaled));
      }
    });
  }

  /// dz += dlog_p (−R / (c deviation²) + (dim − 1) (1/R − coth R)) dR/da √c z / |z|,  a = √c |z|,  R = 2
  /// artanh a
  void backward(MatrixIn<T> z, std::span<const T> dlog_p, Cache&, MatrixOut<T> dz, WrappedNormal&) const {
    const auto dim = static_cast<double>(z.cols());
    for (Index row = 0; row < z.rows(); ++row) {
      const double a = length(z, row);
      const double scaled = distance(a);
      if (a > outermost) {
        continue;
      }
      const double to_scaled = (dim - 1) * poincare::log_volume_slope(scaled) -
                               1 / (curvature * deviation * deviation);  // divided by R
      const double stretch = (a < 1e-8 ? 2 : scaled / a) * 2 / ((1 - a) * (1 + a));
      const double factor =
          static_cast<double>(dlog_p[static_cast<std::size_t>(row)]) * to_scaled * stretch * curvature;
      dz.row(row) += static_cast<T>(factor) * z.row(row);
    }
  }

  /// z of v ~ N(0, temperature² deviation² I).
  void sample(const RandomStream& stream, std::uint64_t first, double temperature, Cache&,
              MatrixOut<T> z) const {
    const double spread = temperature * deviation;
    for (Index row = 0; row < z.rows(); ++row) {
      fill_normal(std::span<T>(z.data() + row * z.outerStride(), static_cast<std::size_t>(z.cols())), stream,
                  (first + static_cast<std::uint64_t>(row)) * static_cast<std::uint64_t>(z.cols()));
      const double scaled = spread * length(z, row);  // √c |v|
      const double a = std::min(std::tanh(scaled / 2), 1 - poincare::margin<T>);
      z.row(row) *= static_cast<T>(scaled > 0 ? a * spread / scaled : spread / 2);
    }
  }

  static void reflect(auto&, auto&&) {}

 private:
  static constexpr double outermost = 1 - poincare::margin<T> / 2;

  /// √c |z|
  [[nodiscard]] double length(MatrixIn<T> z, Index row) const {
    double square = 0;
    for (Index j = 0; j < z.cols(); ++j) {
      const auto value = static_cast<double>(z(row, j));
      square += value * value;
    }
    return std::sqrt(curvature * square);
  }
  /// √c r = 2 artanh a.
  [[nodiscard]] static double distance(double a) { return 2 * std::atanh(a > outermost ? outermost : a); }
};

}  // namespace vaekit::inline VAEKIT_ABI
