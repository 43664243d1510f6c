// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include "vaekit/core/fields.hpp"
#include "vaekit/core/reflect.hpp"
#include "vaekit/distributions/diagonal_gaussian.hpp"
#include "vaekit/kernels/random.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Φ⁻¹(p), the inverse of the standard normal distribution function, for p in (0, 1).
///
/// Accuracy  absolute error below 10⁻¹³ for p in [10⁻¹⁰, 1 − 10⁻¹⁰]: Newton's method on erfc
[[nodiscard]] inline double inverse_normal_cdf(double p) {
  double x = 0;
  for (int i = 0; i < 100; ++i) {
    const double error = 0.5 * std::erfc(-x / std::numbers::sqrt2) - p;
    const double density = std::exp(-0.5 * x * x) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
    const double step = std::clamp(error / density, -1.0, 1.0);
    x -= step;
    if (std::abs(step) < 1e-15) {
      break;
    }
  }
  return x;
}

/// N(0, I): no parameters.
struct StandardNormalConfig {
  static constexpr std::string_view kind = "standard_normal";
  static constexpr std::string_view noun = "prior";
  static constexpr auto fields() { return std::tuple{}; }
};

/// The prior N(0, I); log p(z) = −½ Σⱼ (zⱼ² + log 2π), nats.
///
/// Shapes   z [n × dim]
/// Threads  const calls are safe
template <class T = float>
struct StandardNormal {
  using Scalar = T;
  using Config = StandardNormalConfig;
  struct Cache {};

  StandardNormal() = default;
  StandardNormal(const Config&, Index, Index = 0) {}

  [[nodiscard]] Cache make_cache(Index) const { return {}; }
  void initialize(const RandomStream&) {}

  void log_prob(MatrixIn<T> z, Cache&, std::span<T> out) const {
    parallel_for(z.rows(), row_grain(z.cols()), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        const T* value = z.data() + row * z.outerStride();
        Simd<T> sum(T{0});
        for_each_vector<T>(z.cols(), [&](Index j, auto which) {
          const Simd<T> v = load(value + j, which);
          sum += v * v;
        });
        out[static_cast<std::size_t>(row)] =
            T{-0.5} * (sum_lanes<T>(sum) + static_cast<T>(log_two_pi) * static_cast<T>(z.cols()));
      }
    });
  }

  /// dz −= dlog_p z
  void backward(MatrixIn<T> z, std::span<const T> dlog_p, Cache&, MatrixOut<T> dz, StandardNormal&) const {
    for (Index row = 0; row < z.rows(); ++row) {
      dz.row(row) -= dlog_p[static_cast<std::size_t>(row)] * z.row(row);
    }
  }

  /// z ~ N(0, temperature² I)
  void sample(const RandomStream& stream, std::uint64_t first, double temperature, Cache&,
              MatrixOut<T> z) const {
    for (Index row = 0; row < z.rows(); ++row) {
      fill_normal(std::span<T>(z.data() + row * z.outerStride(), static_cast<std::size_t>(z.cols())), stream,
                  (first + static_cast<std::uint64_t>(row)) * static_cast<std::uint64_t>(z.cols()));
    }
    z *= static_cast<T>(temperature);
  }

  static void reflect(auto&, auto&&) {}
};

}  // namespace vaekit::inline VAEKIT_ABI
