// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cmath>

#include "vaekit/distributions/library_size.hpp"
#include "vaekit/kernels/gamma_function.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// The logarithm of every mean count stays in this range: means 9·10⁻¹⁴ to 4.9·10⁸.
inline constexpr double minimum_log_mean = -30;
inline constexpr double maximum_log_mean = 20;

struct PoissonConfig {
  static constexpr std::string_view kind = "poisson";
  LibrarySize library_size = LibrarySize::none;
  double reference_size = 1e4;

  static constexpr auto fields() {
    return std::tuple{
        field("library_size", &PoissonConfig::library_size,
              "observed: means are fractions of the sample's own total count"),
        field("reference_size", &PoissonConfig::reference_size,
              "total count of a reconstruction or sample where library_size is observed", positive)};
  }
};

namespace detail {

/// A mean μ = exp(log_mean) beside a count x, log_mean in its range. For large counts log p is a small
/// difference of large terms; these two carry the error of log(μ / x) only to second order.
template <class T>
struct MeanOfCount {
  Simd<T> mean;
  Simd<T> excess;        // μ − x
  Simd<T> weighted_log;  // x log(μ / x), 0 at x = 0

  MeanOfCount(const Simd<T>& log_mean, const Simd<T>& x) : mean(math::exp<T>(log_mean)) {
    const Simd<T> none(T{1e-30F});  // x = 0 is far below every mean
    const Simd<T> log_ratio = log_mean - math::log<T>(xsimd::select(x > Simd<T>(T{0}), x, none));
    weighted_log = x * log_ratio;
    excess = xsimd::select(xsimd::abs(log_ratio) < Simd<T>(T{1}), x * math::expm1<T>(log_ratio), mean - x);
  }
};

/// log p(x) of a Poisson distribution.
template <class T>
[[nodiscard]] Simd<T> poisson_log_prob(const MeanOfCount<T>& rate, const Simd<T>& x) {
  return (rate.weighted_log - rate.excess) - math::log_factorial_remainder<T>(x);
}

[[nodiscard]] inline double poisson_log_prob(double log_rate, double x) {
  const Simd<double> count(x);
  std::array<double, static_cast<std::size_t>(lanes<double>)> buffer;
  poisson_log_prob<double>(MeanOfCount<double>(Simd<double>(log_rate), count), count)
      .store_unaligned(buffer.data());
  return buffer[0];
}

}  // namespace detail

/// A Poisson variate, for finite rate ≥ 0; any other rate is returned as it is. Below a rate of 10 by
/// inversion, one uniform number; else by rejection, three on average.
///
/// Source  Hörmann: The transformed rejection method for generating Poisson random variables (Insurance:
///         Mathematics and Economics 12, 1993), algorithm PTRS
[[nodiscard]] inline double sample_poisson(double rate, RandomSequence& random) {
  if (!std::isfinite(rate)) {
    return rate;
  }
  if (rate < 10) {
    double rest = random.uniform();
    double probability = std::exp(-rate);
    double count = 0;
    for (; rest > probability && count < 100; probability *= rate / count) {
      rest -= probability;
      ++count;
    }
    return count;
  }
  const double log_rate = std::log(rate);
  const double b = 0.931 + 2.53 * std::sqrt(rate);
  const double a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
  const double v_accept = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const double u = random.uniform() - 0.5;
    const double v = random.uniform();
    const double us = 0.5 - std::abs(u);
    const double count = std::floor((2 * a / us + b) * u + rate + 0.43);
    if (us >= 0.07 && v <= v_accept) {
      return count;
    }
    if (count < 0 || (us < 0.013 && v > us)) {
      continue;
    }
    if (std::log(v * inverse_alpha / (a / (us * us) + b)) <= detail::poisson_log_prob(log_rate, count)) {
      return count;
    }
  }
}

/// Poisson of one feature, r = exp(clamp(log_rate, −30, 20)):
///
///   log p(x) = x log r − r − log x!
///   ∂/∂log_rate = x − r inside the range of log_rate, 0 outside
template <class T>
struct PoissonDensity {
  using Scalar = T;
  static constexpr std::size_t parameters = 1;
  static constexpr std::array<std::string_view, 1> names = {"log_rate"};

  [[nodiscard]] Support support() const { return {.minimum = 0, .integer = true}; }

  [[nodiscard]] Simd<T> evaluate(std::span<const Simd<T>, 1> p, const Simd<T>& x,
                                 std::span<Simd<T>, 1> gradient) const {
    const Clamped<T> log_rate(p[0], minimum_log_mean, maximum_log_mean);
    const detail::MeanOfCount<T> rate(log_rate.value(), x);
    gradient[0] = log_rate.gradient(-rate.excess);
    return detail::poisson_log_prob<T>(rate, x);
  }

  [[nodiscard]] Simd<T> mean(std::span<const Simd<T>, 1> p) const {
    return math::exp<T>(Clamped<T>(p[0], minimum_log_mean, maximum_log_mean).value());
  }

  [[nodiscard]] double sample(std::span<const double, 1> p, RandomSequence& random) const {
    return sample_poisson(std::exp(std::clamp(p[0], minimum_log_mean, maximum_log_mean)), random);
  }
};

/// Poisson likelihood of counts: the head gives log rates, or with `library_size` observed the logits of each
/// feature's share in the sample's counts (see `LibrarySized`).
///
///   log p(x) = Σⱼ xⱼ log rⱼ − rⱼ − log xⱼ!,   mean = r,   log r in [−30, 20]
///
/// Shapes    params = log r [n·samples × features], x [n × features]
/// Units     nats, summed over features
/// Accuracy  a feature adds at most 2e-6 + 1e-6 √x (double: 1e-14 + 2e-15 √x) nats to the rounding of the sum
///           where count and rate are within a standard deviation of each other, for counts up to 10⁶
/// Threads   const calls are safe with a cache each
template <class T = float>
struct Poisson : LibrarySized<PoissonDensity<T>> {
  using Config = PoissonConfig;

  Poisson() = default;
  /// Throws ConfigError when `reference_size` is not positive.
  Poisson(const PoissonConfig& config, Index feature_count)
      : LibrarySized<PoissonDensity<T>>({}, feature_count, {}, config.library_size,
                                        checked("poisson", config).reference_size) {}
};

}  // namespace vaekit::inline VAEKIT_ABI
