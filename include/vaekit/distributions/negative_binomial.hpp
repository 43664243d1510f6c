// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cmath>

#include "vaekit/distributions/poisson.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// The logarithm of every inverse dispersion r stays in this range, r in 10⁻⁶ .. 10⁶: beyond it the
/// distribution is a Poisson distribution for every count that T holds, or always 0.
inline constexpr double minimum_log_dispersion = -13.815510557964274;
inline constexpr double maximum_log_dispersion = 13.815510557964274;

struct NegativeBinomialConfig {
  static constexpr std::string_view kind = "negative_binomial";
  ParameterSource dispersion = ParameterSource::per_feature;
  double concentration = 1;
  bool zero_inflation = false;
  LibrarySize library_size = LibrarySize::none;
  double reference_size = 1e4;

  static constexpr auto fields() {
    using Config = NegativeBinomialConfig;
    return std::tuple{
        field("dispersion", &Config::dispersion,
              "r: fixed, one learned number, one for each feature, or predicted for each value"),
        field("concentration", &Config::concentration,
              "r (fixed) or its start (learned, per_feature); the larger, the nearer to poisson",
              between(1e-6, 1e6)),
        field("zero_inflation", &Config::zero_inflation,
              "the head also predicts how likely a value is 0 whatever its mean"),
        field("library_size", &Config::library_size,
              "observed: means are fractions of the sample's own total count"),
        field("reference_size", &Config::reference_size,
              "total count of a reconstruction or sample where library_size is observed", positive)};
  }
};

/// A gamma variate of scale 1, for finite shape > 0; any other shape is returned as it is.
///
/// Source  Marsaglia & Tsang: A simple method for generating gamma variables (ACM Transactions on
/// Mathematical
///         Software 26, 2000)
[[nodiscard]] inline double sample_gamma(double shape, RandomSequence& random) {
  if (!(std::isfinite(shape) && shape > 0)) {
    return shape;
  }
  if (shape < 1) {
    const double larger = sample_gamma(shape + 1, random);
    return larger * std::pow(random.uniform(), 1 / shape);
  }
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = random.normal();
    const double root = 1 + c * x;
    const double v = root * root * root;
    if (v > 0 && std::log(random.uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) {
      return d * v;
    }
  }
}

namespace detail {

/// log p of a count that is 0 with probability π = sigmoid(logits), else follows `log_prob`, and its
/// derivatives. No probability is formed: every finite logit is safe.
template <class T>
struct ZeroInflated {
  Simd<T> value;
  Simd<T> to_log_prob;
  Simd<T> to_logits;

  ZeroInflated(const Simd<T>& logits, const Simd<T>& log_prob, const Simd<T>& x) {
    const Simd<T> zero(T{0});
    const Simd<T> one(T{1});
    const Simd<T> odds = logits - log_prob;
    const math::detail::HalfSigmoid<T> half(logits);
    const math::detail::HalfSigmoid<T> half_odds(odds);
    const Simd<T> log_normalizer = math::log1p<T>(half.exponential);
    // log(π + (1 − π) p(0)), with max(logits, log p(0)) − max(logits, 0) in a form that does not cancel.
    const Simd<T> larger = xsimd::select(logits < log_prob, log_prob, logits);
    const Simd<T> at_zero =
        xsimd::select(logits < zero, larger, zero) + (math::log1p<T>(half_odds.exponential) - log_normalizer);
    const Simd<T> above_zero = log_prob - (xsimd::select(logits > zero, logits, zero) + log_normalizer);
    const auto is_zero = x == zero;
    const Simd<T> probability = half.sigmoid(logits);
    value = xsimd::select(is_zero, at_zero, above_zero);
    to_log_prob = xsimd::select(is_zero, half_odds.sigmoid(-odds), one);
    to_logits = xsimd::select(is_zero, half_odds.sigmoid(odds), zero) - probability;
  }
};

}  // namespace detail

/// Negative binomial of one feature with mean μ = exp(clamp(log_mean, −30, 20)), inverse dispersion r =
/// exp(clamp(log_dispersion, ±13.8)) and variance μ + μ² / r:
///
///   log p(x) = log Γ(x + r) − log Γ(r) − log x! + r log(r / (r + μ)) + x log(μ / (r + μ))
///   ∂/∂log_mean = r (x − μ) / (r + μ)
///   ∂/∂log_dispersion = r (ψ(x + r) − ψ(r) + log(r / (r + μ)) + (μ − x) / (r + μ))
///
/// each 0 outside the range of its parameter. With zero inflation, π = sigmoid(logits):
///
///   p(x) = π [x = 0] + (1 − π) NB(x)
template <class T>
struct NegativeBinomialDensity {
  using Scalar = T;
  static constexpr std::size_t parameters = 3;
  static constexpr std::array<std::string_view, 3> names = {"log_mean", "log_dispersion", "logits"};
  using Values = std::span<const Simd<T>, 3>;

  bool zero_inflation = false;

  [[nodiscard]] Support support() const { return {.minimum = 0, .integer = true}; }

  [[nodiscard]] Simd<T> evaluate(Values p, const Simd<T>& x, std::span<Simd<T>, 3> gradient) const {
    const Clamped<T> log_mean(p[0], minimum_log_mean, maximum_log_mean);
    const Clamped<T> log_dispersion(p[1], minimum_log_dispersion, maximum_log_dispersion);
    const Simd<T> r = math::exp<T>(log_dispersion.value());
    const detail::MeanOfCount<T> mu(log_mean.value(), x);
    // What the leading terms of the log Γ and the other terms leave together is the deviance,
    //   r log((r + μ) / (r + x)) + x log(x (r + μ) / (μ (r + x))),
    // which no large term enters. Both logarithms are of numbers whose difference is known: μ − x, r (x − μ).
    const Simd<T> total = r + mu.mean;
    const Simd<T> count = xsimd::select(x > Simd<T>(T{0}), x, Simd<T>(T{1}));  // no 0 · ∞
    const Simd<T> growth = math::log_ratio<T>(total, r + x, mu.excess);
    const Simd<T> odds_ratio = math::log_ratio<T>(count * total, mu.mean * (r + x), -r * mu.excess);
    const math::StirlingDifference<T> rest = math::stirling_difference<T>(r, x);
    const Simd<T> relative = mu.excess / total;
    Simd<T> log_prob =
        (rest.value - math::log_factorial_remainder<T>(x)) - xsimd::fma(r, growth, x * odds_ratio);
    Simd<T> to_mean = -r * relative;
    Simd<T> to_dispersion = r * ((relative - growth) + rest.to_r);
    gradient[2] = Simd<T>(T{0});
    if (zero_inflation) {
      const detail::ZeroInflated<T> inflated(p[2], log_prob, x);
      log_prob = inflated.value;
      to_mean *= inflated.to_log_prob;
      to_dispersion *= inflated.to_log_prob;
      gradient[2] = inflated.to_logits;
    }
    gradient[0] = log_mean.gradient(to_mean);
    gradient[1] = log_dispersion.gradient(to_dispersion);
    return log_prob;
  }

  [[nodiscard]] Simd<T> mean(Values p) const {
    const Simd<T> mu = math::exp<T>(Clamped<T>(p[0], minimum_log_mean, maximum_log_mean).value());
    return zero_inflation ? mu * math::sigmoid<T>(-p[2]) : mu;
  }

  /// A Poisson variate whose rate is a gamma variate.
  [[nodiscard]] double sample(std::span<const double, 3> p, RandomSequence& random) const {
    const double mu = std::exp(std::clamp(p[0], minimum_log_mean, maximum_log_mean));
    const double r = std::exp(std::clamp(p[1], minimum_log_dispersion, maximum_log_dispersion));
    if (zero_inflation && random.uniform() < 1 / (1 + std::exp(-p[2]))) {
      return 0;
    }
    return sample_poisson(mu / r * sample_gamma(r, random), random);
  }
};

/// Negative binomial likelihood of counts that vary more than Poisson's: the head gives log means, or with
/// `library_size` observed the logits of each feature's share in the sample's counts (see `LibrarySized`);
/// then log r where the dispersion is predicted, and logits of π with zero inflation.
///
///   log p(x) = Σⱼ log NB(xⱼ; μⱼ, rⱼ),   variance μ + μ² / r,   log μ in [−30, 20], r in [10⁻⁶, 10⁶]
///
/// Shapes    params = log μ [| log r] [| logits] [n·samples × 1, 2 or 3 features], x [n × features]
/// Units     nats, summed over features
/// Accuracy  a feature adds at most 2e-6 (double: 2e-13) of 1 + |log p| + √x to the rounding of the sum, for
///           means, counts and r of any size up to 10⁶; with the largest r it is Poisson
/// Threads   const calls are safe with a cache each
/// Source    Lopez, Regier, Cole, Jordan, Yosef: Deep generative modeling for single-cell transcriptomics
///           (Nature Methods 15, 2018)
template <class T = float>
struct NegativeBinomial : LibrarySized<NegativeBinomialDensity<T>> {
  using Config = NegativeBinomialConfig;
  using Base = LibrarySized<NegativeBinomialDensity<T>>;

  NegativeBinomial() = default;
  /// Throws ConfigError when `concentration` or `reference_size` is out of range.
  NegativeBinomial(const NegativeBinomialConfig& config, Index feature_count)
      : Base({.zero_inflation = config.zero_inflation}, feature_count,
             {{{},
               {config.dispersion, std::log(checked("negative_binomial", config).concentration)},
               {config.zero_inflation ? ParameterSource::predicted : ParameterSource::fixed, 0}}},
             config.library_size, config.reference_size) {}

  /// log r where it is not predicted: [1], or [features].
  [[nodiscard]] RowVector<T>& log_dispersion() { return this->own[1]; }
  [[nodiscard]] const RowVector<T>& log_dispersion() const { return this->own[1]; }
};

}  // namespace vaekit::inline VAEKIT_ABI
