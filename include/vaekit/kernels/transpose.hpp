// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "vaekit/kernels/simd.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

/// Transposes `size × size` blocks in registers. xsimd 8 zips within 128-bit halves on AVX-512 and across
/// them on AVX, so the wide case is written in AVX's own terms.
#if defined(__AVX__)
template <class T>
struct BlockTranspose;

template <>
struct BlockTranspose<float> {
  static constexpr Index size = 8;

  template <class Register>
  [[gnu::always_inline]] static void load(const float* source, Index stride, Register* lines) {
    // Line i and line i + 4 share a register, so that all shuffles stay within 128-bit halves.
    const auto both = [&](Index line, Index column) {
      const float* low = source + line * stride + column;
      return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(low + 4 * stride),
                                  1);
    };
    for (Index column = 0; column < size; column += 4) {
      const __m256 a = both(0, column), b = both(1, column), c = both(2, column), d = both(3, column);
      const __m256 ab_low = _mm256_unpacklo_ps(a, b), ab_high = _mm256_unpackhi_ps(a, b);
      const __m256 cd_low = _mm256_unpacklo_ps(c, d), cd_high = _mm256_unpackhi_ps(c, d);
      lines[column] = _mm256_shuffle_ps(ab_low, cd_low, 0x44);
      lines[column + 1] = _mm256_shuffle_ps(ab_low, cd_low, 0xEE);
      lines[column + 2] = _mm256_shuffle_ps(ab_high, cd_high, 0x44);
      lines[column + 3] = _mm256_shuffle_ps(ab_high, cd_high, 0xEE);
    }
  }

  static void run(const float* source, Index source_stride, float* target, Index target_stride) {
    __m256 lines[size];
    load(source, source_stride, lines);
    for (Index i = 0; i < size; ++i) {
      _mm256_storeu_ps(target + i * target_stride, lines[i]);
    }
  }
};

template <>
struct BlockTranspose<double> {
  static constexpr Index size = 4;

  template <class Register>
  [[gnu::always_inline]] static void load(const double* source, Index stride, Register* lines) {
    const auto both = [&](Index line, Index column) {
      const double* low = source + line * stride + column;
      return _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(low)), _mm_loadu_pd(low + 2 * stride),
                                  1);
    };
    for (Index column = 0; column < size; column += 2) {
      const __m256d a = both(0, column), b = both(1, column);
      lines[column] = _mm256_unpacklo_pd(a, b);
      lines[column + 1] = _mm256_unpackhi_pd(a, b);
    }
  }

  static void run(const double* source, Index source_stride, double* target, Index target_stride) {
    __m256d lines[size];
    load(source, source_stride, lines);
    for (Index i = 0; i < size; ++i) {
      _mm256_storeu_pd(target + i * target_stride, lines[i]);
    }
  }
};
#else
template <class T>
struct BlockTranspose {
  static constexpr Index size = lanes<T>;

  [[gnu::always_inline]] static void load(const T* source, Index stride, Simd<T>* lines) {
    for (Index i = 0; i < size; ++i) {
      lines[i] = Simd<T>::load_unaligned(source + i * stride);
    }
    // A perfect shuffle of the lines, log2(size) times, is a transposition.
    for (Index round = 1; round < size; round *= 2) {
      Simd<T> next[size];
      for (Index i = 0; i < size / 2; ++i) {
        next[2 * i] = xsimd::zip_lo(lines[i], lines[i + size / 2]);
        next[2 * i + 1] = xsimd::zip_hi(lines[i], lines[i + size / 2]);
      }
      std::copy_n(next, size, lines);
    }
  }

  static void run(const T* source, Index source_stride, T* target, Index target_stride) {
    Simd<T> lines[size];
    load(source, source_stride, lines);
    for (Index i = 0; i < size; ++i) {
      lines[i].store_unaligned(target + i * target_stride);
    }
  }
};
#endif

}  // namespace detail

/// target(c, r) = source(r, c).
///
/// Shapes  source [rows × cols], rows `source_stride` apart; target [cols × rows], rows `target_stride` apart
template <class T>
void transpose(const T* source, Index source_stride, Index rows, Index cols, T* target, Index target_stride) {
  using Block = detail::BlockTranspose<T>;
  constexpr Index prefetch_distance = 256 / static_cast<Index>(sizeof(T));
  if (rows < Block::size || cols < Block::size) {
    for (Index c = 0; c < cols; ++c) {
      for (Index r = 0; r < rows; ++r) {
        target[c * target_stride + r] = source[r * source_stride + c];
      }
    }
    return;
  }
  // The last blocks reach back over the ones before them, and write the same values again.
  for (Index next_col = 0; next_col < cols; next_col += Block::size) {
    const Index c = std::min(next_col, cols - Block::size);
    for (Index next_row = 0; next_row < rows; next_row += Block::size) {
      const Index r = std::min(next_row, rows - Block::size);
      for (Index i = r; i < r + Block::size; ++i) {
        __builtin_prefetch(source + i * source_stride + c + prefetch_distance);
      }
      Block::run(source + r * source_stride + c, source_stride, target + c * target_stride + r,
                 target_stride);
    }
  }
}

/// columns[c] = the first `rows` ≤ lanes elements of column c of source [rows × cols], zero beyond them, for
/// cols ≤ lanes.
template <class T>
[[gnu::always_inline]] inline void load_columns(const T* source, Index source_stride, Index rows, Index cols,
                                                Simd<T>* columns) {
  if constexpr (detail::BlockTranspose<T>::size == lanes<T>) {
    if (rows == lanes<T> && cols == lanes<T>) {
      detail::BlockTranspose<T>::load(source, source_stride, columns);
      return;
    }
  }
  alignas(alignment) T buffer[lanes<T> * lanes<T>] = {};
  transpose(source, source_stride, rows, cols, buffer, lanes<T>);
  for (Index c = 0; c < cols; ++c) {
    columns[c] = Simd<T>::load_aligned(buffer + c * lanes<T>);
  }
}

}  // namespace vaekit::inline VAEKIT_ABI
