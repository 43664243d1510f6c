// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "vaekit/kernels/simd.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

/// Transposes `size × size` blocks in registers. xsimd 8 zips within 128-bit halves on AVX-512 and across
/// them on AVX, so the wide case is written in AVX's own terms.
template <class T>
struct BlockTranspose {
#if defined(__AVX__)
  static constexpr Index size = 32 / static_cast<Index>(sizeof(T));
#else
  static constexpr Index size = lanes<T>;
#endif

  static void run(const T* source, Index source_stride, T* target, Index target_stride) {
#if defined(__AVX__)
    run_avx(source, source_stride, target, target_stride);
#else
    Simd<T> line[size];
    for (Index i = 0; i < size; ++i) {
      line[i] = Simd<T>::load_unaligned(source + i * source_stride);
    }
    // A perfect shuffle of the lines, log2(size) times, is a transposition.
    for (Index round = 1; round < size; round *= 2) {
      Simd<T> next[size];
      for (Index i = 0; i < size / 2; ++i) {
        next[2 * i] = xsimd::zip_lo(line[i], line[i + size / 2]);
        next[2 * i + 1] = xsimd::zip_hi(line[i], line[i + size / 2]);
      }
      std::copy_n(next, size, line);
    }
    for (Index i = 0; i < size; ++i) {
      line[i].store_unaligned(target + i * target_stride);
    }
#endif
  }

 private:
#if defined(__AVX__)
  static void run_avx(const float* source, Index source_stride, float* target, Index target_stride) {
    // Line i and line i + 4 share a register, so that all shuffles stay within 128-bit halves.
    const auto both = [&](Index line, Index column) {
      const float* low = source + line * source_stride + column;
      return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)),
                                  _mm_loadu_ps(low + 4 * source_stride), 1);
    };
    for (Index column = 0; column < 8; column += 4) {
      const __m256 a = both(0, column), b = both(1, column), c = both(2, column), d = both(3, column);
      const __m256 ab_low = _mm256_unpacklo_ps(a, b), ab_high = _mm256_unpackhi_ps(a, b);
      const __m256 cd_low = _mm256_unpacklo_ps(c, d), cd_high = _mm256_unpackhi_ps(c, d);
      float* out = target + column * target_stride;
      _mm256_storeu_ps(out, _mm256_shuffle_ps(ab_low, cd_low, 0x44));
      _mm256_storeu_ps(out + target_stride, _mm256_shuffle_ps(ab_low, cd_low, 0xEE));
      _mm256_storeu_ps(out + 2 * target_stride, _mm256_shuffle_ps(ab_high, cd_high, 0x44));
      _mm256_storeu_ps(out + 3 * target_stride, _mm256_shuffle_ps(ab_high, cd_high, 0xEE));
    }
  }

  static void run_avx(const double* source, Index source_stride, double* target, Index target_stride) {
    const auto both = [&](Index line, Index column) {
      const double* low = source + line * source_stride + column;
      return _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(low)),
                                  _mm_loadu_pd(low + 2 * source_stride), 1);
    };
    for (Index column = 0; column < 4; column += 2) {
      const __m256d a = both(0, column), b = both(1, column);
      _mm256_storeu_pd(target + column * target_stride, _mm256_unpacklo_pd(a, b));
      _mm256_storeu_pd(target + (column + 1) * target_stride, _mm256_unpackhi_pd(a, b));
    }
  }
#endif
};

}  // namespace detail

/// target(c, r) = source(r, c).
///
/// Shapes  source [rows × cols], rows `source_stride` apart; target [cols × rows], rows `target_stride` apart
template <class T>
void transpose(const T* source, Index source_stride, Index rows, Index cols, T* target, Index target_stride) {
  using Block = detail::BlockTranspose<T>;
  constexpr Index prefetch_distance = 256 / static_cast<Index>(sizeof(T));
  const auto one_by_one = [&](Index row0, Index row1, Index col0, Index col1) {
    for (Index c = col0; c < col1; ++c) {
      for (Index r = row0; r < row1; ++r) {
        target[c * target_stride + r] = source[r * source_stride + c];
      }
    }
  };
  const Index whole_rows = rows - rows % Block::size;
  const Index whole_cols = cols - cols % Block::size;
  for (Index c = 0; c < whole_cols; c += Block::size) {
    for (Index r = 0; r < whole_rows; r += Block::size) {
      for (Index i = r; i < r + Block::size; ++i) {
        __builtin_prefetch(source + i * source_stride + c + prefetch_distance);
      }
      Block::run(source + r * source_stride + c, source_stride, target + c * target_stride + r,
                 target_stride);
    }
    one_by_one(whole_rows, rows, c, c + Block::size);
  }
  one_by_one(0, rows, whole_cols, cols);
}

}  // namespace vaekit::inline VAEKIT_ABI
