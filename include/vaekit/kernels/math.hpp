// SPDX-License-Identifier: MIT
//
// Vector functions. Maximum errors are measured by tests/kernels/math.cpp against long double.
#pragma once

#include <numbers>

#include "vaekit/kernels/simd.hpp"

namespace vaekit::inline VAEKIT_ABI::math {

/// eˣ. Overflows to infinity, underflows to 0.
template <class T>
[[nodiscard]] inline Simd<T> exp(const Simd<T>& x) {
  return xsimd::exp(x);
}

/// log x for x > 0.
template <class T>
[[nodiscard]] inline Simd<T> log(const Simd<T>& x) {
  return xsimd::log(x);
}

template <class T>
[[nodiscard]] inline Simd<T> tanh(const Simd<T>& x) {
  return xsimd::tanh(x);
}

/// log(1 + x) for x in [0, 1].
template <class T>
[[nodiscard]] inline Simd<T> log1p(const Simd<T>& x) {
  return xsimd::log1p(x);
}

/// Gauss error function.
template <class T>
[[nodiscard]] inline Simd<T> erf(const Simd<T>& x) {
  return xsimd::erf(x);
}

/// Sigmoid and softplus of one argument, which share the exponential.
template <class T>
struct SigmoidSoftplus {
  Simd<T> sigmoid;
  Simd<T> softplus;
};

/// 1 / (1 + e⁻ˣ) and log(1 + eˣ); neither overflows for any finite x.
template <class T>
[[nodiscard]] inline SigmoidSoftplus<T> sigmoid_softplus(const Simd<T>& x) {
  const Simd<T> zero(T{0});
  const Simd<T> one(T{1});
  const Simd<T> e = xsimd::exp(-xsimd::abs(x));
  const Simd<T> reciprocal = one / (one + e);
  return {xsimd::select(x < zero, e * reciprocal, reciprocal), xsimd::max(x, zero) + xsimd::log1p(e)};
}

template <class T>
[[nodiscard]] inline Simd<T> sigmoid(const Simd<T>& x) {
  const Simd<T> one(T{1});
  const Simd<T> e = xsimd::exp(-xsimd::abs(x));
  const Simd<T> reciprocal = one / (one + e);
  return xsimd::select(x < Simd<T>(T{0}), e * reciprocal, reciprocal);
}

template <class T>
[[nodiscard]] inline Simd<T> softplus(const Simd<T>& x) {
  return sigmoid_softplus<T>(x).softplus;
}

}  // namespace vaekit::inline VAEKIT_ABI::math
