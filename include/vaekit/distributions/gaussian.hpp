// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include "vaekit/distributions/diagonal_gaussian.hpp"
#include "vaekit/distributions/factorized.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Every log-variance of the library stays in this range, where every term and gradient is finite in float:
/// standard deviations 3·10⁻⁷ to 2.2·10⁴.
inline constexpr double minimum_logvar = -30;
inline constexpr double maximum_logvar = 20;

struct GaussianConfig {
  static constexpr std::string_view kind = "gaussian";
  ParameterSource variance = ParameterSource::fixed;
  double deviation = 1;

  static constexpr auto fields() {
    return std::tuple{
        field("variance", &GaussianConfig::variance,
              "fixed, one learned number, one for each feature, or predicted for each value"),
        field("deviation", &GaussianConfig::deviation,
              "standard deviation (fixed) or its start (learned, per_feature)", between(1e-6, 1e4))};
  }
};

/// N(μ, exp(logvar)) of one feature:
///
///   log p(x) = −½ ((x − μ)² / v + log v + log 2π),   v = exp(clamp(logvar, −30, 20))
///   ∂/∂μ = (x − μ) / v,   ∂/∂logvar = ½ ((x − μ)² / v − 1) inside the range of logvar, 0 outside
template <class T>
struct GaussianDensity {
  using Scalar = T;
  static constexpr std::size_t parameters = 2;
  static constexpr std::array<std::string_view, 2> names = {"mu", "logvar"};
  using Values = std::span<const Simd<T>, 2>;

  [[nodiscard]] Support support() const { return {}; }

  [[nodiscard]] Simd<T> evaluate(Values p, const Simd<T>& x, std::span<Simd<T>, 2> gradient) const {
    const Simd<T> half(T{0.5});
    const Clamped<T> logvar(p[1], minimum_logvar, maximum_logvar);
    const Simd<T> precision = math::exp<T>(-logvar.value());
    const Simd<T> error = x - p[0];
    gradient[0] = error * precision;
    const Simd<T> square = error * gradient[0];
    gradient[1] = logvar.gradient(half * square - half);
    return -half * (square + logvar.value() + Simd<T>(static_cast<T>(log_two_pi)));
  }

  [[nodiscard]] Simd<T> mean(Values p) const { return p[0]; }

  [[nodiscard]] double sample(std::span<const double, 2> p, RandomSequence& random) const {
    return p[0] + std::exp(0.5 * std::clamp(p[1], minimum_logvar, maximum_logvar)) * random.normal();
  }
};

/// Gaussian likelihood: the head gives the mean, and the log-variance where it is predicted.
///
///   log p(x|μ) = −½ Σⱼ ((xⱼ − μⱼ)² / vⱼ + log vⱼ + log 2π)
///
/// Shapes    params = μ [n·samples × features], or μ | logvar [n·samples × 2 features]; x [n × features]
/// Units     nats, summed over features
/// Threads   const calls are safe with a cache each
template <class T = float>
struct Gaussian : Factorized<GaussianDensity<T>> {
  using Config = GaussianConfig;
  using Base = Factorized<GaussianDensity<T>>;

  Gaussian() = default;
  /// Throws ConfigError when `deviation` is out of range.
  Gaussian(const GaussianConfig& config, Index feature_count)
      : Base({}, feature_count,
             {{{}, {config.variance, 2 * std::log(checked("gaussian", config).deviation)}}}) {}

  /// Where it is not predicted: [1], or [features].
  [[nodiscard]] RowVector<T>& logvar() { return this->own[1]; }
  [[nodiscard]] const RowVector<T>& logvar() const { return this->own[1]; }
};

}  // namespace vaekit::inline VAEKIT_ABI
