// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>

#include "vaekit/distributions/factorized.hpp"
#include "vaekit/distributions/gaussian.hpp"
#include "vaekit/kernels/gamma_function.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct StudentTConfig {
  static constexpr std::string_view kind = "student_t";
  ParameterSource spread = ParameterSource::fixed;
  double scale = 1;
  ParameterSource freedom_source = ParameterSource::fixed;
  double freedom = 5;

  static constexpr auto fields() {
    return std::tuple{
        field("spread", &StudentTConfig::spread,
              "the scale: fixed, one learned number, one for each feature, or predicted for each value"),
        field("scale", &StudentTConfig::scale,
              "scale (fixed) or its start (learned, per_feature); the deviation is larger by "
              "sqrt(freedom / (freedom - 2))",
              between(1e-6, 1e4)),
        field(
            "freedom_source", &StudentTConfig::freedom_source,
            "the degrees of freedom: fixed, one learned number, one for each feature, or predicted for each "
            "value"),
        field("freedom", &StudentTConfig::freedom,
              "degrees of freedom (fixed) or their start (learned, per_feature): 1 is Cauchy's distribution, "
              "many are a Gaussian",
              between(1e-2, 1e6))};
  }
};

/// Student's t of one feature with location μ, scale b = exp(clamp(log_scale, −15, 10)), ν degrees of
/// freedom, log ν = clamp(log_freedom, log 10⁻², log 10⁶), error e = (x − μ) / b and w = e² / (ν + e²):
///
///   log p(x) = log Γ((ν + 1)/2) − log Γ(ν/2) − ½ log νπ − log b − (ν + 1)/2 log(1 + e²/ν)
///   ∂/∂μ = (ν + 1) e / (ν + e²) / b;   ∂/∂log_scale = (ν + 1) w − 1 inside its range, 0 outside
///   ∂/∂log_freedom = ν/2 (ψ((ν + 1)/2) − ψ(ν/2) − log(1 + e²/ν)) + ½ ((ν + 1) w − 1), 0 outside its range
template <class T>
struct StudentTDensity {
  using Scalar = T;
  static constexpr std::size_t parameters = 3;
  static constexpr std::array<std::string_view, 3> names = {"mu", "log_scale", "log_freedom"};
  static constexpr double minimum_log_scale = minimum_logvar / 2;
  static constexpr double maximum_log_scale = maximum_logvar / 2;
  static constexpr double minimum_log_freedom = -4.605170185988091368;  // log 10⁻²
  static constexpr double maximum_log_freedom = 13.81551055796427410;   // log 10⁶
  using Values = std::span<const Simd<T>, 3>;

  [[nodiscard]] Support support() const { return {}; }

  [[nodiscard]] Simd<T> evaluate(Values p, const Simd<T>& x, std::span<Simd<T>, 3> gradient) const {
    const Simd<T> one(T{1});
    const Simd<T> half(T{0.5});
    const Clamped<T> log_scale(p[1], minimum_log_scale, maximum_log_scale);
    const Clamped<T> log_freedom(p[2], minimum_log_freedom, maximum_log_freedom);
    const Simd<T> inverse_scale = math::exp<T>(-log_scale.value());
    const Simd<T> freedom = math::exp<T>(log_freedom.value());
    const Simd<T> root = xsimd::sqrt(freedom);
    const Normaliser normaliser(half * freedom);

    // |e| / √ν or its inverse, whichever is at most 1: its square may vanish, but never overflows.
    const Simd<T> error = (x - p[0]) * inverse_scale;
    const Simd<T> relative = xsimd::abs(error) / root;
    const auto is_near = relative <= one;
    const Simd<T> u = xsimd::select(is_near, relative, one / relative);
    const Simd<T> square = u * u;
    const Simd<T> tail = xsimd::select(is_near, Simd<T>(T{0}), math::log<T>(relative));
    const Simd<T> growth = tail + tail + math::log1p<T>(square);  // log(1 + e²/ν)
    const Simd<T> inverse = one / (one + square);
    const Simd<T> weight = xsimd::select(is_near, square, one) * inverse;

    // (ν + 1) |e| / (ν + e²) is the same for e/√ν and its inverse.
    const Simd<T> slope = (root + one / root) * u * inverse * inverse_scale;
    gradient[0] = xsimd::copysign(slope, error);
    const Simd<T> pull = xsimd::fma(freedom, weight, weight) - one;
    gradient[1] = log_scale.gradient(pull);
    gradient[2] =
        log_freedom.gradient(normaliser.to_log_freedom + half * (pull + one) - half * freedom * growth);
    return normaliser.value - log_scale.value() - half * (freedom + one) * growth;
  }

  [[nodiscard]] Simd<T> mean(Values p) const { return p[0]; }

  /// Bailey's polar method, without a gamma variate. Samples further than 10³⁰ scales away, which few degrees
  /// of freedom bring, are returned at that distance: floats are finite.
  [[nodiscard]] double sample(std::span<const double, 3> p, RandomSequence& random) const {
    const double scale = std::exp(std::clamp(p[1], minimum_log_scale, maximum_log_scale));
    const double freedom = std::exp(std::clamp(p[2], minimum_log_freedom, maximum_log_freedom));
    double u = 0;
    double square = 0;
    do {
      u = 2 * random.uniform() - 1;
      const double v = 2 * random.uniform() - 1;
      square = u * u + v * v;
    } while (square > 1);
    const double t = u * std::sqrt(freedom * std::expm1(-2 / freedom * std::log(square)) / square);
    return p[0] + scale * std::clamp(t, -1e30, 1e30);
  }

 private:
  /// With r = ν/2: log Γ(r + ½) − log Γ(r) − ½ log 2πr, and its derivative by log ν.
  struct Normaliser {
    Simd<T> value;
    Simd<T> to_log_freedom;

    explicit Normaliser(const Simd<T>& r) {
      const Simd<T> half(T{0.5});
      const math::StirlingDifference<T> rest = math::stirling_difference<T>(r, half);
      const Simd<T> growth = math::log_ratio<T>(r + half, r, half);
      const Simd<T> half_log_two_pi(static_cast<T>(log_two_pi / 2));
      value = rest.value + xsimd::fms(r + half, growth, half) - half_log_two_pi;
      to_log_freedom = xsimd::fms(r, rest.to_r + growth, half);
    }
  };
};

/// Student's t likelihood, which forgives outliers: the head gives the location, and the logarithms of the
/// scale and of the degrees of freedom where they are predicted.
///
///   log p(x|μ) = Σⱼ log Γ((ν + 1)/2) − log Γ(ν/2) − ½ log νπ − log b − (ν + 1)/2 log(1 + e²/ν),
///   e = (xⱼ − μⱼ) / b
///
/// `mean` gives μ. For ν ≤ 1 that is the location alone: there is no mean then, and for ν ≤ 2 no variance.
///
/// Shapes    params = μ | log_scale | log_freedom [n·samples × 1 to 3 features], those that are predicted;
///           x [n × features]
/// Units     nats, summed over features
/// Accuracy  a feature's log p has an error below 1e-6 (double: 3e-15), relative where |log p| > 1
/// Threads   const calls are safe with a cache each
/// Source    Bailey: Polar generation of random variates with the t-distribution (1994), for the samples;
///           Takahashi et al.: Student-t variational autoencoder for robust density estimation (IJCAI 2018)
template <class T = float>
struct StudentT : Factorized<StudentTDensity<T>> {
  using Config = StudentTConfig;
  using Base = Factorized<StudentTDensity<T>>;

  StudentT() = default;
  /// Throws ConfigError when `scale` or `freedom` is out of range.
  StudentT(const StudentTConfig& config, Index feature_count)
      : Base({}, feature_count,
             {{{},
               {config.spread, std::log(checked("student_t", config).scale)},
               {config.freedom_source, std::log(config.freedom)}}}) {}

  /// Where they are not predicted: [1], or [features].
  [[nodiscard]] RowVector<T>& log_scale() { return this->own[1]; }
  [[nodiscard]] const RowVector<T>& log_scale() const { return this->own[1]; }
  [[nodiscard]] RowVector<T>& log_freedom() { return this->own[2]; }
  [[nodiscard]] const RowVector<T>& log_freedom() const { return this->own[2]; }
};

}  // namespace vaekit::inline VAEKIT_ABI
