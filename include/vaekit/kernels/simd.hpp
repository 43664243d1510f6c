// SPDX-License-Identifier: MIT
//
// The few things on top of xsimd that every kernel needs: loads and stores of a vector's first elements, and
// the loop over an array whose length is no multiple of the vector width. Compiles with xsimd 8.1 to 14.
#pragma once

#include <algorithm>
#include <type_traits>
#include <xsimd/xsimd.hpp>

#include "vaekit/core/matrix.hpp"

#if defined(XSIMD_NO_SUPPORTED_ARCHITECTURE) && !defined(VAEKIT_SCALAR)
#define VAEKIT_SCALAR
#endif
#if defined(VAEKIT_SCALAR)
#include "vaekit/kernels/scalar_batch.hpp"
#endif

// Without optimisation g++ makes macros of AVX-512 intrinsics, which do not take xsimd 8's batches.
#if defined(__GNUC__) && !defined(__clang__) && !defined(__OPTIMIZE__) && defined(__AVX512BW__) && \
    XSIMD_VERSION_MAJOR == 8 && !defined(VAEKIT_SCALAR)
#error "vaekit: xsimd 8 does not compile for AVX-512 with g++ -O0; use -Og, or define VAEKIT_SCALAR"
#endif

namespace vaekit::inline VAEKIT_ABI {

/// The widest vector of T for the instruction set of this translation unit; a single T where xsimd has no
/// vectors for it, or on request: -DVAEKIT_SCALAR.
#if defined(VAEKIT_SCALAR)
template <class T>
using Simd = ScalarBatch<T>;
#else
template <class T>
using Simd = xsimd::batch<T>;
#endif

/// Elements of one vector.
template <class T>
inline constexpr Index lanes = static_cast<Index>(Simd<T>::size);

/// Says at compile time that all lanes take part, where an `Index` would say how many do.
struct AllLanes {};

namespace detail {

#if defined(__AVX__) && !defined(VAEKIT_SCALAR)
/// A mask of the first `count` lanes is the window of these numbers that starts at `lanes − count`.
template <class Integer, std::size_t L>
struct LaneMask {
  alignas(alignment) Integer values[2 * L] = {};
  constexpr LaneMask() {
    for (std::size_t i = 0; i < L; ++i) {
      values[i] = Integer{-1};
    }
  }
};
inline constexpr LaneMask<int, 8> float_mask;
inline constexpr LaneMask<long long, 4> double_mask;

[[nodiscard]] inline __m256i first_lanes(const float*, Index count) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(float_mask.values + 8 - count));
}
[[nodiscard]] inline __m256i first_lanes(const double*, Index count) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(double_mask.values + 4 - count));
}
#endif

/// What a partial vector costs decides the speed of narrow matrices: instructions with a mask where there are
/// any, else a copy through memory.
template <class T>
struct PartialVector {
  [[nodiscard]] static Simd<T> load(const T* source, Index count) {
    alignas(alignment) T buffer[lanes<T>] = {};
    std::copy_n(source, count, buffer);
    return Simd<T>::load_aligned(buffer);
  }
  static void store(T* target, const Simd<T>& value, Index count) {
    alignas(alignment) T buffer[lanes<T>];
    value.store_aligned(buffer);
    std::copy_n(buffer, count, target);
  }
};

#if defined(VAEKIT_SCALAR)
// A vector of one lane has no parts.
#elif defined(__AVX512F__)
template <>
struct PartialVector<float> {
  [[nodiscard]] static __mmask16 mask(Index count) { return static_cast<__mmask16>((1U << count) - 1U); }
  [[nodiscard]] static Simd<float> load(const float* source, Index count) {
    return _mm512_maskz_loadu_ps(mask(count), source);
  }
  static void store(float* target, const Simd<float>& value, Index count) {
    _mm512_mask_storeu_ps(target, mask(count), value);
  }
};
template <>
struct PartialVector<double> {
  [[nodiscard]] static __mmask8 mask(Index count) { return static_cast<__mmask8>((1U << count) - 1U); }
  [[nodiscard]] static Simd<double> load(const double* source, Index count) {
    return _mm512_maskz_loadu_pd(mask(count), source);
  }
  static void store(double* target, const Simd<double>& value, Index count) {
    _mm512_mask_storeu_pd(target, mask(count), value);
  }
};
#elif defined(__AVX__)
template <>
struct PartialVector<float> {
  [[nodiscard]] static Simd<float> load(const float* source, Index count) {
    return _mm256_maskload_ps(source, first_lanes(source, count));
  }
  static void store(float* target, const Simd<float>& value, Index count) {
    _mm256_maskstore_ps(target, first_lanes(target, count), value);
  }
};
template <>
struct PartialVector<double> {
  [[nodiscard]] static Simd<double> load(const double* source, Index count) {
    return _mm256_maskload_pd(source, first_lanes(source, count));
  }
  static void store(double* target, const Simd<double>& value, Index count) {
    _mm256_maskstore_pd(target, first_lanes(target, count), value);
  }
};
#endif

}  // namespace detail

template <class T>
[[nodiscard]] inline Simd<T> load(const T* source, AllLanes) {
  return Simd<T>::load_unaligned(source);
}

/// Loads `count` < lanes elements; the others are zero.
template <class T>
[[nodiscard]] inline Simd<T> load(const T* source, Index count) {
  return detail::PartialVector<T>::load(source, count);
}

template <class T>
inline void store(T* target, const Simd<T>& value, AllLanes) {
  value.store_unaligned(target);
}

template <class T>
inline void store(T* target, const Simd<T>& value, Index count) {
  detail::PartialVector<T>::store(target, value, count);
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
  return load(buffer, count);
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

/// All lanes, or the first `count`, known at run time only: for long bodies, which `for_each_vector` would
/// compile twice.
struct SomeLanes {
  Index count;
};

template <class T>
[[nodiscard]] inline Simd<T> load(const T* source, SomeLanes some) {
  return some.count == lanes<T> ? load(source, AllLanes{}) : load(source, some.count);
}
template <class T>
inline void store(T* target, const Simd<T>& value, SomeLanes some) {
  if (some.count == lanes<T>) {
    store(target, value, AllLanes{});
  } else {
    store(target, value, some.count);
  }
}
template <class T>
[[nodiscard]] inline Simd<T> keep(const Simd<T>& value, SomeLanes some) {
  return some.count == lanes<T> ? value : keep<T>(value, some.count);
}

/// `for_each_vector` for a long body: `body(i, SomeLanes)`.
template <class T, class Body>
inline void for_some_lanes(Index count, Body&& body) {
  for (Index i = 0; i < count; i += lanes<T>) {
    body(i, SomeLanes{std::min(lanes<T>, count - i)});
  }
}

/// Sum of the lanes, in a fixed order.
template <class T>
[[nodiscard]] inline T sum_lanes(const Simd<T>& value) {
#if XSIMD_VERSION_MAJOR >= 9 || defined(VAEKIT_SCALAR)
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
