// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <numbers>

#include "vaekit/distributions/factorized.hpp"
#include "vaekit/distributions/gaussian.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct LaplaceConfig {
  static constexpr std::string_view kind = "laplace";
  ParameterSource spread = ParameterSource::fixed;
  double scale = 1;

  static constexpr auto fields() {
    return std::tuple{
        field("spread", &LaplaceConfig::spread,
              "the scale: fixed, one learned number, one for each feature, or predicted for "
              "each value"),
        field("scale", &LaplaceConfig::scale,
              "mean absolute deviation (fixed) or its start (learned, per_feature)", between(1e-6, 1e4))};
  }
};

/// The Laplace density of one feature:
///
///   log p(x) = −|x − μ| / b − log 2b,   b = exp(clamp(log_scale, −15, 10)), the Gaussian's deviations
///   ∂/∂μ = sign(x − μ) / b, 0 at x = μ;   ∂/∂log_scale = |x − μ| / b − 1 inside its range, 0 outside
template <class T>
struct LaplaceDensity {
  using Scalar = T;
  static constexpr std::size_t parameters = 2;
  static constexpr std::array<std::string_view, 2> names = {"mu", "log_scale"};
  static constexpr double minimum_log_scale = minimum_logvar / 2;
  static constexpr double maximum_log_scale = maximum_logvar / 2;
  using Values = std::span<const Simd<T>, 2>;

  [[nodiscard]] Support support() const { return {}; }

  [[nodiscard]] Simd<T> evaluate(Values p, const Simd<T>& x, std::span<Simd<T>, 2> gradient) const {
    const Simd<T> zero(T{0});
    const Clamped<T> log_scale(p[1], minimum_log_scale, maximum_log_scale);
    const Simd<T> inverse = math::exp<T>(-log_scale.value());
    const Simd<T> error = x - p[0];
    const Simd<T> scaled = error * inverse;
    // What is neither above nor below is 0 or NaN, as the product.
    gradient[0] = xsimd::select(error > zero, inverse, xsimd::select(error < zero, -inverse, scaled));
    const Simd<T> magnitude = xsimd::abs(scaled);
    gradient[1] = log_scale.gradient(magnitude - Simd<T>(T{1}));
    return -(magnitude + log_scale.value() + Simd<T>(static_cast<T>(std::numbers::ln2)));
  }

  [[nodiscard]] Simd<T> mean(Values p) const { return p[0]; }

  [[nodiscard]] double sample(std::span<const double, 2> p, RandomSequence& random) const {
    const double scale = std::exp(std::clamp(p[1], minimum_log_scale, maximum_log_scale));
    const double magnitude = -scale * std::log(random.uniform());
    return p[0] + (random.uniform() < 0.5 ? -magnitude : magnitude);
  }
};

/// Laplace likelihood, the absolute error in place of the Gaussian's squared one: the head gives the median,
/// and the logarithm of the scale where it is predicted.
///
///   log p(x|μ) = −Σⱼ (|xⱼ − μⱼ| / bⱼ + log 2bⱼ),   mean = μ
///
/// Shapes    params = μ [n·samples × features], or μ | log_scale [n·samples × 2 features]; x [n × features]
/// Units     nats, summed over features
/// Threads   const calls are safe with a cache each
/// Source    Laplace: Mémoire sur la probabilité des causes par les événements (1774)
template <class T = float>
struct Laplace : Factorized<LaplaceDensity<T>> {
  using Config = LaplaceConfig;
  using Base = Factorized<LaplaceDensity<T>>;

  Laplace() = default;
  /// Throws ConfigError when `scale` is out of range.
  Laplace(const LaplaceConfig& config, Index feature_count)
      : Base({}, feature_count, {{{}, {config.spread, std::log(checked("laplace", config).scale)}}}) {}

  /// Where it is not predicted: [1], or [features].
  [[nodiscard]] RowVector<T>& log_scale() { return this->own[1]; }
  [[nodiscard]] const RowVector<T>& log_scale() const { return this->own[1]; }
};

}  // namespace vaekit::inline VAEKIT_ABI
