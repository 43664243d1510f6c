// SPDX-License-Identifier: MIT
//
// Vector functions. Each states the range on which it is accurate and its largest error there in units in the
// last place, float / double, as tests/kernels/math.cpp measures it against long double on every machine. NaN
// gives NaN; a result smaller than the smallest normal number may be 0.
#pragma once

#include <concepts>
#include <limits>

#include "vaekit/kernels/simd.hpp"

namespace vaekit::inline VAEKIT_ABI::math {

namespace detail {

/// c₀ + c₁ x + c₂ x² + ...
template <class T>
[[nodiscard, gnu::always_inline]] inline Simd<T> polynomial(const Simd<T>&, double c0) {
  return Simd<T>(static_cast<T>(c0));
}
template <class T, std::same_as<double>... Rest>
[[nodiscard, gnu::always_inline]] inline Simd<T> polynomial(const Simd<T>& x, double c0, Rest... rest) {
  return xsimd::fma(x, polynomial<T>(x, rest...), Simd<T>(static_cast<T>(c0)));
}

/// `function(x)`, for functions that are constant or infinite beyond ±1000. xsimd takes doubles to integers
/// one by one, which is undefined where no integer fits: they get bounded arguments, and NaN goes around
/// them.
template <class T, class Function>
[[nodiscard, gnu::always_inline]] inline Simd<T> bounded(const Simd<T>& x, Function&& function) {
  if constexpr (std::same_as<T, double>) {
    const Simd<T> limit(T{1000});
    const Simd<T> argument = xsimd::select(xsimd::abs(x) < limit, x, xsimd::copysign(limit, x));
    return xsimd::select(x == x, function(argument), x);  // NOLINT(misc-redundant-expression): false for NaN
  } else {
    return function(x);
  }
}

/// (2 atanh(√z) / √z − 2) / z on [0, 1/9]: minimax, absolute error 9e-9 / 3e-18 of z times it.
template <class T>
[[nodiscard, gnu::always_inline]] inline Simd<T> log1p_remainder(const Simd<T>& z) {
  if constexpr (std::same_as<T, float>) {
    return polynomial<T>(z, 0.66666413124620183, 0.40021699386790091, 0.27999136931771081,
                         0.28024475707347380);
  } else {
    return polynomial<T>(z, 0.66666666666666303725, 0.40000000000157262963, 0.28571428547851910101,
                         0.22222223969830686971, 0.18181743921997812344, 0.15386559976035743395,
                         0.13300972983089651730, 0.12106090341049219385, 0.083400859549710790517,
                         0.17018600569574644566);
  }
}

}  // namespace detail

/// eˣ on [log(smallest normal), 88.37 / 709.43]: 2 / 1 ULP. Above it infinity, below it 0.
template <class T>
[[nodiscard, gnu::always_inline]] inline Simd<T> exp(const Simd<T>& x) {
  return detail::bounded<T>(x, [](const Simd<T>& argument) { return xsimd::exp(argument); });
}

/// eˣ − 1 for x ≤ 88.37 / 709.43: 2 / 2 ULP. Above it infinity.
template <class T>
[[nodiscard, gnu::always_inline]] inline Simd<T> expm1(const Simd<T>& x) {
  return detail::bounded<T>(x, [](const Simd<T>& argument) { return xsimd::expm1(argument); });
}

/// log x for normal x > 0: 1 / 1 ULP. −∞ at 0, NaN below.
template <class T>
[[nodiscard, gnu::always_inline]] inline Simd<T> log(const Simd<T>& x) {
  return xsimd::log(x);
}

/// Hyperbolic tangent: 2 / 2 ULP.
template <class T>
[[nodiscard, gnu::always_inline]] inline Simd<T> tanh(const Simd<T>& x) {
  return detail::bounded<T>(x, [](const Simd<T>& argument) { return xsimd::tanh(argument); });
}

/// log(1 + x) for x in [0, 1]: 2 / 2 ULP.
template <class T>
[[nodiscard, gnu::always_inline]] inline Simd<T> log1p(const Simd<T>& x) {
  // Below `tiny` the result rounds to x; raising x to it there keeps the powers of x out of the subnormal
  // numbers, which are slow.
  const Simd<T> tiny(std::numeric_limits<T>::epsilon() / 64);
  const Simd<T> y = xsimd::max(x, tiny);
  // With s = y / (2 + y): log(1 + y) = 2 atanh(s) = y − y²/2 + s (y²/2 + s² r(s²)), whose first term is
  // exact.
  const Simd<T> half_square = Simd<T>(T{0.5}) * y * y;
  const Simd<T> s = y / (y + Simd<T>(T{2}));
  const Simd<T> z = s * s;
  const Simd<T> tail = xsimd::fma(z, detail::log1p_remainder<T>(z), half_square);
  return xsimd::select(x > tiny, y - (half_square - s * tail), x);
}

/// Gauss error function: 3 / 3 ULP.
///
/// Source  rational approximations of erf on [0, 1] and erfc on [1, 8] in double: Cephes, ndtr.c (Moshier)
template <class T>
[[nodiscard, gnu::always_inline]] inline Simd<T> erf(const Simd<T>& x) {
  using detail::polynomial;
  if constexpr (std::same_as<T, float>) {
    return xsimd::erf(x);
  } else {
    const Simd<T> one(T{1});
    const Simd<T> limit(T{6});  // erf(6) rounds to 1
    const Simd<T> magnitude = xsimd::abs(x);
    const Simd<T> square = x * x;
    const Simd<T> small =
        x *
        polynomial<T>(square, 5.55923013010394962768e4, 7.00332514112805075473e3, 2.23200534594684319226e3,
                      9.00260197203842689217e1, 9.60497373987051638749e0) /
        polynomial<T>(square, 4.92673942608635921086e4, 2.26290000613890934246e4, 4.59432382970980127987e3,
                      5.21357949780152679795e2, 3.35617141647503099647e1, 1.0);
    const Simd<T> a = xsimd::min(magnitude, limit);
    const Simd<T> complement =
        exp<T>(-a * a) *
        polynomial<T>(a, 5.57535335369399327526e2, 1.02755188689515710272e3, 9.34528527171957607540e2,
                      5.26445194995477358631e2, 1.96520832956077098242e2, 4.86371970985681366614e1,
                      7.46321056442269912687e0, 5.64189564831068821977e-1, 2.46196981473530512524e-10) /
        polynomial<T>(a, 5.57535340817727675546e2, 1.65666309194161350182e3, 2.24633760818710981792e3,
                      1.82390916687909736289e3, 9.75708501743205489753e2, 3.54937778887819891062e2,
                      8.67072140885989742329e1, 1.32281951154744992508e1, 1.0);
    return xsimd::select(magnitude > one, xsimd::copysign(one - complement, x), small);
  }
}

/// Sine and cosine of one angle.
template <class T>
struct SinCos {
  Simd<T> sin;
  Simd<T> cos;
};

namespace detail {
/// Of 2πf for |f| ≤ 1/8 + 2⁻¹⁶; near-minimax, relative error 4e-9 / 4e-18 before rounding.
template <class T>
[[nodiscard, gnu::always_inline]] inline SinCos<T> sincos_octant(const Simd<T>& f) {
  const Simd<T> z = f * f;
  const Simd<T> one(T{1});
  if constexpr (std::same_as<T, float>) {
    return {
        f * polynomial<T>(z, 6.283185287794079, -41.341662541591055, 81.592536697188032, -75.401296715559325),
        xsimd::fma(z,
                   polynomial<T>(z, -19.739208789975627, 64.939369033180835, -85.448816200518073,
                                 59.423906929053519),
                   one)};
  } else {
    return {f * polynomial<T>(z, 6.2831853071795864571, -41.341702240399636025, 81.605249275947880313,
                              -76.705859704226977038, 42.058685013637803483, -15.093803801861703614,
                              3.7808594627603658755),
            xsimd::fma(z,
                       polynomial<T>(z, -19.73920880217871723, 64.939394022668242671, -85.456817206643743355,
                                     60.244641352683307175, -26.426253273290394422, 7.9032067511282148308,
                                     -1.6990306607826168808),
                       one)};
  }
}
}  // namespace detail

/// Sine and cosine of 2π (u + rest), i.e. of u + rest turns, for any finite u: 2 / 2 ULP. `rest`, |rest| ≤
/// 2⁻¹⁶, holds digits that do not fit into u. The reduction is exact: quarters of a turn are binary
/// fractions.
template <class T>
[[nodiscard, gnu::always_inline]] inline SinCos<T> sincos_turn(const Simd<T>& u,
                                                               const Simd<T>& rest = Simd<T>(T{0})) {
  const Simd<T> one(T{1});
  const Simd<T> turn = u - xsimd::nearbyint(u);  // −1/2 .. 1/2
  const Simd<T> quarter = xsimd::nearbyint(Simd<T>(T{4}) * turn);
  const SinCos<T> octant = detail::sincos_octant<T>((turn - Simd<T>(T{0.25}) * quarter) + rest);
  // Cosine and sine of −2 .. 2 quarters of a turn, each −1, 0 or 1: one of the products below is 0.
  const Simd<T> magnitude = xsimd::abs(quarter);
  const Simd<T> c = one - magnitude;
  const Simd<T> s = quarter * (one + c);
  return {s * octant.cos + c * octant.sin, c * octant.cos - s * octant.sin};
}

/// Sigmoid and softplus of one argument, which share the exponential.
template <class T>
struct SigmoidSoftplus {
  Simd<T> sigmoid;
  Simd<T> softplus;
};

namespace detail {
/// e⁻|x| and 1 / (1 + e⁻|x|): neither overflows.
template <class T>
struct HalfSigmoid {
  Simd<T> exponential;
  Simd<T> reciprocal;
  explicit HalfSigmoid(const Simd<T>& x)
      : exponential(exp<T>(-xsimd::abs(x))), reciprocal(Simd<T>(T{1}) / (Simd<T>(T{1}) + exponential)) {}

  [[nodiscard]] Simd<T> sigmoid(const Simd<T>& x) const {
    return xsimd::select(x < Simd<T>(T{0}), exponential * reciprocal, reciprocal);
  }
};
}  // namespace detail

/// 1 / (1 + e⁻ˣ): 3 / 3 ULP.
template <class T>
[[nodiscard, gnu::always_inline]] inline Simd<T> sigmoid(const Simd<T>& x) {
  return detail::HalfSigmoid<T>(x).sigmoid(x);
}

/// log(1 + eˣ): 3 / 3 ULP; overflows for no finite x.
template <class T>
[[nodiscard, gnu::always_inline]] inline Simd<T> softplus(const Simd<T>& x) {
  return xsimd::max(x, Simd<T>(T{0})) + log1p<T>(exp<T>(-xsimd::abs(x)));
}

/// Both, with the bits of `sigmoid` and `softplus`.
template <class T>
[[nodiscard, gnu::always_inline]] inline SigmoidSoftplus<T> sigmoid_softplus(const Simd<T>& x) {
  const detail::HalfSigmoid<T> half(x);
  return {half.sigmoid(x), xsimd::max(x, Simd<T>(T{0})) + log1p<T>(half.exponential)};
}

}  // namespace vaekit::inline VAEKIT_ABI::math
