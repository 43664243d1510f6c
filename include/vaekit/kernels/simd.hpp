// SPDX-License-Identifier: MIT
//
// The few things on top of xsimd that every kernel needs: loads and stores of a vector's first elements, and
// the loop over an array whose length is no multiple of the vector width. Compiles with xsimd 8.1 to 14.
#pragma once

#include <algorithm>
#include <type_traits>
#include <xsimd/xsimd.hpp>

#include "vaekit/core/matrix.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// The widest vector of T for the instruction set of this translation unit.
template <class T>
using Simd = xsimd::batch<T>;

/// Elements of one vector.
template <class T>
inline constexpr Index lanes = static_cast<Index>(Simd<T>::size);

/// Says at compile time that all lanes take part, where an `Index` would say how many do.
struct AllLanes {};

template <class T>
[[nodiscard]] inline Simd<T> load(const T* source, AllLanes) {
  return Simd<T>::load_unaligned(source);
}

/// Loads `count` < lanes elements; the others are zero.
template <class T>
[[nodiscard]] inline Simd<T> load(const T* source, Index count) {
  alignas(alignment) T buffer[lanes<T>] = {};
  std::copy_n(source, count, buffer);
  return Simd<T>::load_aligned(buffer);
}

template <class T>
inline void store(T* target, const Simd<T>& value, AllLanes) {
  value.store_unaligned(target);
}

template <class T>
inline void store(T* target, const Simd<T>& value, Index count) {
  alignas(alignment) T buffer[lanes<T>];
  value.store_aligned(buffer);
  std::copy_n(buffer, count, target);
}

/// Zeroes the lanes that do not take part, so that they add nothing to a sum.
template <class T>
[[nodiscard]] inline Simd<T> keep(const Simd<T>& value, AllLanes) {
  return value;
}
template <class T>
[[nodiscard]] inline Simd<T> keep(const Simd<T>& value, Index count) {
  alignas(alignment) T buffer[lanes<T>];
  value.store_aligned(buffer);
  std::fill(buffer + count, buffer + lanes<T>, T{0});
  return Simd<T>::load_aligned(buffer);
}

/// Calls `body(i, which)` for vectors starting at i = 0, lanes, 2 lanes ...; `which` is `AllLanes` or, for
/// the remainder, the number of lanes. Full and partial vectors run the same arithmetic.
template <class T, class Body>
inline void for_each_vector(Index count, Body&& body) {
  Index i = 0;
  for (; i + lanes<T> <= count; i += lanes<T>) {
    body(i, AllLanes{});
  }
  if (i < count) {
    body(i, count - i);
  }
}

/// Sum of the lanes, in a fixed order.
template <class T>
[[nodiscard]] inline T sum_lanes(const Simd<T>& value) {
#if XSIMD_VERSION_MAJOR >= 9
  return xsimd::reduce_add(value);
#else
  return xsimd::hadd(value);
#endif
}

/// Indices below which a loop over elements is not worth a second thread.
inline constexpr Index elementwise_grain = 16384;

/// Rows of a matrix with `cols` columns that make up one `elementwise_grain`.
[[nodiscard]] constexpr Index row_grain(Index cols) {
  return std::max<Index>(1, elementwise_grain / std::max<Index>(cols, 1));
}

}  // namespace vaekit::inline VAEKIT_ABI
