// SPDX-License-Identifier: MIT
//
// The gamma function's logarithm, its differences and its derivative on vectors. Errors are |error| / max(1,
// |exact|), float / double, as tests/kernels/gamma_function.cpp measures them against long double. NaN gives
// NaN.
//
// Everything rests on Stirling's series, log Γ(z) = (z − ½) log z − z + ½ log 2π + 1/(12 z) − ..., for z ≥ 4
// (float) or 8 (double); smaller arguments are first shifted up by that much: Γ(z) = Γ(z + n) / (z (z + 1)
// ... (z + n − 1)). No two large logarithms of Γ are ever subtracted: terms that cancel are cancelled on
// paper.
//
// Source  Abramowitz & Stegun, Handbook of Mathematical Functions, 6.1.41, 6.1.15, 6.3.18 and 6.3.6
#pragma once

#include <concepts>

#include "vaekit/kernels/math.hpp"

namespace vaekit::inline VAEKIT_ABI::math {

/// log(a / b) for a, b > 0, given a − b: as accurate as the difference is, also where a / b rounds to 1.
/// Relative error 3e-7 / 5e-16.
template <class T>
[[nodiscard, gnu::always_inline]] inline Simd<T> log_ratio(const Simd<T>& a, const Simd<T>& b,
                                                           const Simd<T>& difference) {
  // log(a / b) = 2 atanh((a − b) / (a + b)), for 1/2 ≤ a / b ≤ 2.
  const Simd<T> s = difference / (a + b);
  const Simd<T> z = s * s;
  const Simd<T> close = s * xsimd::fma(z, detail::log1p_remainder<T>(z), Simd<T>(T{2}));
  return xsimd::select(z < Simd<T>(T{1} / T{9}), close, log<T>(a / b));
}

namespace detail {

/// From here on Stirling's series has the precision of T.
template <class T>
inline constexpr int stirling_start = std::same_as<T, float> ? 4 : 8;

/// Stirling's series at z ≥ stirling_start.
template <class T>
struct StirlingSeries {
  Simd<T> log_gamma;  // log Γ(z) − (z − ½) log z + z − ½ log 2π
  Simd<T> digamma;    // ψ(z) − log z

  explicit StirlingSeries(const Simd<T>& z) {
    const Simd<T> inverse = Simd<T>(T{1}) / z;
    const Simd<T> square = inverse * inverse;
    const Simd<T> half(T{-0.5});
    if constexpr (std::same_as<T, float>) {
      log_gamma = inverse * polynomial<T>(square, 1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680);
      digamma = inverse *
                xsimd::fma(inverse, polynomial<T>(square, -1.0 / 12, 1.0 / 120, -1.0 / 252, 1.0 / 240), half);
    } else {
      log_gamma = inverse * polynomial<T>(square, 1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188,
                                          -691.0 / 360360, 1.0 / 156, -3617.0 / 122400);
      digamma = inverse * xsimd::fma(inverse,
                                     polynomial<T>(square, -1.0 / 12, 1.0 / 120, -1.0 / 252, 1.0 / 240,
                                                   -1.0 / 132, 691.0 / 32760, -1.0 / 12, 3617.0 / 8160),
                                     half);
    }
  }
};

/// z moved to Z = z + n, n = stirling_start, where `smallest` < n; elsewhere Z = z.
///
///   log Γ(z) = (z − ½) log Z − Z + ½ log 2π + series − log quotient,   ψ(z) = log Z + series − sum
template <class T>
struct ShiftedArgument {
  Simd<T> shift;     // n or 0
  Simd<T> value;     // Z
  Simd<T> quotient;  // z (z + 1) ... (z + n − 1) / Zⁿ or 1: in (0, 1], nothing overflows
  Simd<T> sum;       // 1/z + 1/(z + 1) ... + 1/(z + n − 1) or 0
  StirlingSeries<T> series;

  ShiftedArgument(const Simd<T>& z, const Simd<T>& smallest)
      : shift(xsimd::select(smallest < Simd<T>(T{n}), Simd<T>(T{n}), Simd<T>(T{0}))),
        value(z + shift),
        quotient(T{1}),
        sum(T{0}),
        series(value) {
    // Two factors at a time: (z + i) (z + n − 1 − i) = z (z + n − 1) + i (n − 1 − i).
    const Simd<T> ends = z * (z + Simd<T>(T{n - 1}));
    const Simd<T> scale = Simd<T>(T{1}) / (value * value);
    for (int i = 0; i < n / 2; ++i) {
      const Simd<T> pair = ends + Simd<T>(static_cast<T>(i * (n - 1 - i)));
      quotient *= pair * scale;
      sum += Simd<T>(T{1}) / pair;
    }
    const auto is_shifted = smallest < Simd<T>(T{n});
    quotient = xsimd::select(is_shifted, quotient, Simd<T>(T{1}));
    sum = xsimd::select(is_shifted, sum * (z + z + Simd<T>(T{n - 1})), Simd<T>(T{0}));
  }

 private:
  static constexpr int n = stirling_start<T>;
};

}  // namespace detail

/// Digamma, ψ(x) = d log Γ(x) / dx, for x > 0: error 6e-7 / 2e-15.
template <class T>
[[nodiscard]] inline Simd<T> digamma(const Simd<T>& x) {
  const detail::ShiftedArgument<T> shifted(x, x);
  return log<T>(shifted.value) + shifted.series.digamma - shifted.sum;
}

/// log x! − x log x + x = ½ log 2πx + 1/(12 x) − ..., for x ≥ 0: error 1.5e-6 / 6e-15. Exactly 0 at 0.
///
/// A log-probability of large counts is written with it, because x log x cancels there.
template <class T>
[[nodiscard]] inline Simd<T> log_factorial_remainder(const Simd<T>& x) {
  const Simd<T> zero(T{0});
  const Simd<T> one(T{1});
  const Simd<T> above = x + one;  // x! = Γ(x + 1)
  const detail::ShiftedArgument<T> shifted(above, above);
  const Simd<T> distance = one + shifted.shift;
  const Simd<T> argument = xsimd::select(x > zero, x, Simd<T>(T{1e-30F}));  // no 0 · ∞
  const Simd<T> log_growth = log_ratio<T>(shifted.value, argument, distance);
  const Simd<T> half_log = Simd<T>(T{0.5}) * log<T>(shifted.value / (shifted.quotient * shifted.quotient));
  const Simd<T> half_log_two_pi(static_cast<T>(0.91893853320467274178));
  const Simd<T> remainder =
      (x * log_growth - distance) + (half_log + half_log_two_pi + shifted.series.log_gamma);
  return xsimd::select(x == zero, zero, remainder);
}

/// log x! = log Γ(x + 1) for real x ≥ 0: error 1.5e-6 / 6e-15. Exactly 0 at 0.
template <class T>
[[nodiscard]] inline Simd<T> log_factorial(const Simd<T>& x) {
  const Simd<T> one(T{1});
  const Simd<T> argument = xsimd::select(x > Simd<T>(T{0}), x, one);
  return x * (log<T>(argument) - one) + log_factorial_remainder<T>(x);
}

namespace detail {

/// The arguments of log Γ(r + x) − log Γ(r), shifted alike.
template <class T>
struct ShiftedPair {
  Simd<T> s;
  ShiftedArgument<T> low;   // r
  ShiftedArgument<T> high;  // s = r + x
  Simd<T> quotient;         // low.quotient / high.quotient
  Simd<T> digamma_series;   // of high, minus that of low

  ShiftedPair(const Simd<T>& r, const Simd<T>& x)
      : s(r + x), low(r, r), high(s, r), quotient(low.quotient / high.quotient) {
    // 1/(r + i) − 1/(s + i) = x / ((r + i) (s + i)): the large reciprocals of a small r do not cancel.
    constexpr int n = stirling_start<T>;
    Simd<T> sum(T{0});
    for (int i = 0; i < n; ++i) {
      const Simd<T> step(static_cast<T>(i));
      sum += Simd<T>(T{1}) / ((r + step) * (s + step));
    }
    digamma_series =
        high.series.digamma - low.series.digamma + xsimd::select(r < Simd<T>(T{n}), x * sum, Simd<T>(T{0}));
  }

  /// Equal terms need not cancel exactly: the compiler may fuse the last product of one with the subtraction.
  [[nodiscard]] Simd<T> exact_at_zero(const Simd<T>& value, const Simd<T>& x) const {
    return xsimd::select(x == Simd<T>(T{0}), s - s, value);
  }
  [[nodiscard]] Simd<T> log_gamma_series() const { return high.series.log_gamma - low.series.log_gamma; }
};

}  // namespace detail

/// Of log Γ(r + x) − log Γ(r), what its leading terms leave.
template <class T>
struct StirlingDifference {
  Simd<T> value;  ///< log Γ(r + x) − log Γ(r) − (r log((r + x) / r) + x log(r + x) − x)
  Simd<T> to_r;   ///< ψ(r + x) − ψ(r) − log((r + x) / r)
};

/// For r in [1e-6, 1e7] and real x in [0, 1e6]: error of value 1.5e-6 / 6e-15, of to_r 1e-6 / 3e-15.
/// Both are exactly 0 at x = 0.
template <class T>
[[nodiscard]] inline StirlingDifference<T> stirling_difference(const Simd<T>& r, const Simd<T>& x) {
  const detail::ShiftedPair<T> pair(r, x);
  const auto& [s, low, high, quotient, digamma_series] = pair;
  const Simd<T> high_growth = log_ratio<T>(high.value, s, high.shift);
  const Simd<T> growth = high_growth - log_ratio<T>(low.value, r, low.shift);
  const Simd<T> half_log = Simd<T>(T{0.5}) * log<T>(quotient * quotient * (low.value / high.value));
  const Simd<T> value = (r * growth + x * high_growth) + (half_log + pair.log_gamma_series());
  return {pair.exact_at_zero(value, x), pair.exact_at_zero(growth + digamma_series, x)};
}

/// A difference of log Γ and its derivatives.
template <class T>
struct LogGammaDifference {
  Simd<T> value;  ///< log Γ(r + x) − log Γ(r)
  Simd<T> to_r;   ///< ψ(r + x) − ψ(r)
  Simd<T> to_x;   ///< ψ(r + x)
};

/// log Γ(r + x) − log Γ(r) for r in [1e-6, 1e7] and real x in [0, 1e6]: error of value 4e-6 / 1.5e-14,
/// or 1.5e-6 / 5e-15 for r ≥ 0.1; of to_r 6e-7 / 2e-15; of to_x 8e-7 / 2e-15. value and to_r are exactly 0 at
/// x = 0.
template <class T>
[[nodiscard]] inline LogGammaDifference<T> log_gamma_difference(const Simd<T>& r, const Simd<T>& x) {
  const detail::ShiftedPair<T> pair(r, x);
  const auto& [s, low, high, quotient, digamma_series] = pair;
  const Simd<T> growth = log_ratio<T>(high.value, low.value, x);
  const Simd<T> log_high = log<T>(high.value);
  const Simd<T> value = (r - Simd<T>(T{0.5})) * growth + x * (log_high - Simd<T>(T{1})) +
                        (log<T>(quotient) + pair.log_gamma_series());
  return {pair.exact_at_zero(value, x), pair.exact_at_zero(growth + digamma_series, x),
          log_high + high.series.digamma - high.sum};
}

}  // namespace vaekit::inline VAEKIT_ABI::math
