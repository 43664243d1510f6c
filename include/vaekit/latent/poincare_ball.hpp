// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <concepts>
#include <string>

#include "vaekit/core/error.hpp"

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

}  // namespace vaekit::inline VAEKIT_ABI
