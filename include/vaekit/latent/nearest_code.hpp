// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <limits>

#include "vaekit/core/parallel.hpp"
#include "vaekit/kernels/gemm.hpp"
#include "vaekit/kernels/reduce.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// The nearest of `codes` vectors of each row of x, by the largest x·e − ½|e|²; of equals the first. −1 for
/// a row with a NaN. Products of a tile stay in the L1 cache: the scores lie [codes × rows], so that each
/// lane of a vector looks for the nearest code of a row of its own.
///
/// Shapes  x, codebook [· × width], rows and codes without gaps
template <class T>
struct NearestCode {
  static constexpr Index tile_rows = 128;
  static constexpr Index tile_codes = 64;

  const T* codebook;
  Index codes;
  Index width;

  /// Calls `assign(row, code)` once for each row, from several threads.
  template <class Assign>
  void operator()(const T* x, Index rows, Assign&& assign) const {
    // A multiply-add of a vector is about as cheap as the comparison of a score.
    const Index work = codes * (width + 4) / lanes<T>;
    parallel_for(rows, row_grain(work), [&](Index first, Index last) {
      for (Index row = first; row < last; row += tile_rows) {
        const Index count = std::min(tile_rows, last - row);
        alignas(alignment) std::array<T, tile_rows> nearest;
        search(x + row * width, count, nearest);
        for (Index r = 0; r < count; ++r) {
          assign(row + r, static_cast<Index>(nearest[static_cast<std::size_t>(r)]));
        }
      }
    });
  }

 private:
  void search(const T* x, Index rows, std::array<T, tile_rows>& nearest) const {
    alignas(alignment) std::array<T, tile_codes * tile_rows> scores;
    alignas(alignment) std::array<T, tile_rows> lowest;
    std::array<T, tile_codes> half_norms;
    lowest.fill(std::numeric_limits<T>::infinity());
    nearest.fill(T{-1});
    for (Index first = 0; first < codes; first += tile_codes) {
      const Index count = std::min(tile_codes, codes - first);
      const T* e = codebook + first * width;
      for (Index c = 0; c < count; ++c) {
        half_norms[static_cast<std::size_t>(c)] = T{0.5} * sum_vectors<T>(width, [&](Index i, auto which) {
                                                    const Simd<T> value = load(e + c * width + i, which);
                                                    return Simd<T>(value * value);
                                                  });
      }
      gemm<T>(count, rows, width, {e, width, 1}, {x, 1, width}, scores.data(), tile_rows, Store::overwrite);
      for_each_vector<T>(rows, [&](Index r, auto which) {
        Simd<T> low = load(lowest.data() + r, which);
        Simd<T> at = load(nearest.data() + r, which);
        for (Index c = 0; c < count; ++c) {
          const Simd<T> score = Simd<T>(half_norms[static_cast<std::size_t>(c)]) -
                                load(scores.data() + c * tile_rows + r, which);
          const auto lower = score < low;  // never of a NaN
          low = xsimd::select(lower, score, low);
          at = xsimd::select(lower, Simd<T>(static_cast<T>(first + c)), at);
        }
        store(lowest.data() + r, low, which);
        store(nearest.data() + r, at, which);
      });
    }
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
