// SPDX-License-Identifier: MIT
//
// A vector of one lane, for processors whose vectors xsimd does not know: the part of xsimd's interface that
// the kernels use.
#pragma once

#include <cmath>
#include <cstddef>

#include "vaekit/version.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// One T that looks like `xsimd::batch<T>`. Comparisons give `bool`.
template <class T>
struct ScalarBatch {
  using value_type = T;
  static constexpr std::size_t size = 1;

  T data;

  ScalarBatch() = default;
  ScalarBatch(T value) : data(value) {}  // NOLINT(google-explicit-constructor): as xsimd's

  [[nodiscard]] static ScalarBatch load_aligned(const T* source) { return *source; }
  [[nodiscard]] static ScalarBatch load_unaligned(const T* source) { return *source; }
  void store_aligned(T* target) const { *target = data; }
  void store_unaligned(T* target) const { *target = data; }

  ScalarBatch& operator+=(const ScalarBatch& other) { return *this = *this + other; }
  ScalarBatch& operator-=(const ScalarBatch& other) { return *this = *this - other; }
  ScalarBatch& operator*=(const ScalarBatch& other) { return *this = *this * other; }
  ScalarBatch& operator/=(const ScalarBatch& other) { return *this = *this / other; }

  friend ScalarBatch operator-(const ScalarBatch& a) { return -a.data; }
  friend ScalarBatch operator+(const ScalarBatch& a, const ScalarBatch& b) { return a.data + b.data; }
  friend ScalarBatch operator-(const ScalarBatch& a, const ScalarBatch& b) { return a.data - b.data; }
  friend ScalarBatch operator*(const ScalarBatch& a, const ScalarBatch& b) { return a.data * b.data; }
  friend ScalarBatch operator/(const ScalarBatch& a, const ScalarBatch& b) { return a.data / b.data; }
  friend ScalarBatch operator^(const ScalarBatch& a, const ScalarBatch& b) { return a.data ^ b.data; }
  friend ScalarBatch operator>>(const ScalarBatch& a, int bits) { return a.data >> bits; }

  friend bool operator==(const ScalarBatch& a, const ScalarBatch& b) { return a.data == b.data; }
  friend bool operator<(const ScalarBatch& a, const ScalarBatch& b) { return a.data < b.data; }
  friend bool operator>(const ScalarBatch& a, const ScalarBatch& b) { return a.data > b.data; }
  friend bool operator<=(const ScalarBatch& a, const ScalarBatch& b) { return a.data <= b.data; }
  friend bool operator>=(const ScalarBatch& a, const ScalarBatch& b) { return a.data >= b.data; }
};

/// The functions of a vector that the kernels call as `xsimd::`.
namespace scalar {

template <class T>
[[nodiscard]] ScalarBatch<T> abs(const ScalarBatch<T>& x) {
  return std::abs(x.data);
}
template <class T>
[[nodiscard]] ScalarBatch<T> copysign(const ScalarBatch<T>& magnitude, const ScalarBatch<T>& sign) {
  return std::copysign(magnitude.data, sign.data);
}
template <class T>
[[nodiscard]] ScalarBatch<T> erf(const ScalarBatch<T>& x) {
  return std::erf(x.data);
}
template <class T>
[[nodiscard]] ScalarBatch<T> exp(const ScalarBatch<T>& x) {
  return std::exp(x.data);
}
template <class T>
[[nodiscard]] ScalarBatch<T> expm1(const ScalarBatch<T>& x) {
  return std::expm1(x.data);
}
template <class T>
[[nodiscard]] ScalarBatch<T> log(const ScalarBatch<T>& x) {
  return std::log(x.data);
}
template <class T>
[[nodiscard]] ScalarBatch<T> nearbyint(const ScalarBatch<T>& x) {
  return std::nearbyint(x.data);
}
template <class T>
[[nodiscard]] ScalarBatch<T> sqrt(const ScalarBatch<T>& x) {
  return std::sqrt(x.data);
}
template <class T>
[[nodiscard]] ScalarBatch<T> tanh(const ScalarBatch<T>& x) {
  return std::tanh(x.data);
}

/// As those of xsimd, x y ± z is rounded twice where the processor has no such instruction: `std::fma` would
/// emulate it.
template <class T>
[[nodiscard]] ScalarBatch<T> fma(const ScalarBatch<T>& x, const ScalarBatch<T>& y, const ScalarBatch<T>& z) {
#if defined(__FP_FAST_FMA) && defined(__FP_FAST_FMAF)
  return std::fma(x.data, y.data, z.data);
#else
  return x.data * y.data + z.data;
#endif
}
template <class T>
[[nodiscard]] ScalarBatch<T> fms(const ScalarBatch<T>& x, const ScalarBatch<T>& y, const ScalarBatch<T>& z) {
  return fma(x, y, -z);
}
template <class T>
[[nodiscard]] ScalarBatch<T> fnma(const ScalarBatch<T>& x, const ScalarBatch<T>& y, const ScalarBatch<T>& z) {
  return fma(-x, y, z);
}

/// `max` and `min` give `b` where either is NaN, as x86 does.
template <class T>
[[nodiscard]] ScalarBatch<T> max(const ScalarBatch<T>& a, const ScalarBatch<T>& b) {
  return a.data > b.data ? a : b;
}
template <class T>
[[nodiscard]] ScalarBatch<T> min(const ScalarBatch<T>& a, const ScalarBatch<T>& b) {
  return a.data < b.data ? a : b;
}

template <class T>
[[nodiscard]] ScalarBatch<T> select(bool condition, const ScalarBatch<T>& yes, const ScalarBatch<T>& no) {
  return condition ? yes : no;
}
template <class T>
[[nodiscard]] T reduce_add(const ScalarBatch<T>& x) {
  return x.data;
}
/// One lane has no second half.
template <class T>
[[nodiscard]] ScalarBatch<T> zip_lo(const ScalarBatch<T>& a, const ScalarBatch<T>&) {
  return a;
}
template <class T>
[[nodiscard]] ScalarBatch<T> zip_hi(const ScalarBatch<T>&, const ScalarBatch<T>& b) {
  return b;
}

}  // namespace scalar

}  // namespace vaekit::inline VAEKIT_ABI

// Calls with the prefix xsimd:: look nowhere else.
namespace xsimd {
using vaekit::scalar::abs;
using vaekit::scalar::copysign;
using vaekit::scalar::erf;
using vaekit::scalar::exp;
using vaekit::scalar::expm1;
using vaekit::scalar::fma;
using vaekit::scalar::fms;
using vaekit::scalar::fnma;
using vaekit::scalar::log;
using vaekit::scalar::max;
using vaekit::scalar::min;
using vaekit::scalar::nearbyint;
using vaekit::scalar::reduce_add;
using vaekit::scalar::select;
using vaekit::scalar::sqrt;
using vaekit::scalar::tanh;
using vaekit::scalar::zip_hi;
using vaekit::scalar::zip_lo;
}  // namespace xsimd
