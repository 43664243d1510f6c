// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include "vaekit/core/fields.hpp"
#include "vaekit/distributions/diagonal_gaussian.hpp"
#include "vaekit/kernels/random.hpp"
#include "vaekit/latent/latent.hpp"
#include "vaekit/latent/poincare_ball.hpp"

namespace vaekit::inline VAEKIT_ABI {

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
