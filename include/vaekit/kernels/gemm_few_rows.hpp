// SPDX-License-Identifier: MIT
//
// Products of a few rows with a transposed matrix, as inference runs them: Σ_k goes along vectors, over rows
// of both operands as they lie in memory, so that nothing is packed and each weight is read once.
#pragma once

#include "vaekit/kernels/gemm_task.hpp"

namespace vaekit::inline VAEKIT_ABI::detail {

/// Rows of C up to which this is faster than packing.
inline constexpr Index few_rows = 4;

/// sums[Rows × cols] = the products of `Rows` rows of A with lines `col` ... of B.
template <class T, Index Rows>
void multiply_lines(Index depth, const T* a, Index a_stride, const Lines<T>& b, Index col, T* sums) {
  constexpr Index cols = GemmTile<T>::cols;
  // Eight sums or more are under way: as many as two FMA units of four cycles' latency can take.
  constexpr Index group = std::min<Index>(cols, Rows == 1 ? 8 : 4);
  for (Index j = 0; j < cols; j += group) {
    const T* line[group];
    Simd<T> sum[Rows][group];
    for (Index g = 0; g < group; ++g) {
      line[g] = b.at(std::min(col + j + g, b.count - 1), 0);
      for (Index i = 0; i < Rows; ++i) {
        sum[i][g] = Simd<T>(T{0});
      }
    }
    for_each_vector<T>(depth, [&](Index k, auto which) {
      Simd<T> left[Rows];
      for (Index i = 0; i < Rows; ++i) {
        left[i] = load(a + i * a_stride + k, which);
      }
#pragma GCC unroll 8
      for (Index g = 0; g < group; ++g) {
        Simd<T> right = load(line[g] + k, which);
        if constexpr (Rows > 1) {
          hold_in_register<T>(right);
        }
        for (Index i = 0; i < Rows; ++i) {
          sum[i][g] = xsimd::fma(left[i], right, sum[i][g]);
        }
      }
    });
    for (Index i = 0; i < Rows; ++i) {
      for (Index g = 0; g < group; ++g) {
        sums[i * cols + j + g] = sum_lanes<T>(sum[i][g]);
      }
    }
  }
}

/// Whether `multiply_few_rows` can compute a product.
template <class T>
[[nodiscard]] bool has_few_rows(Index k, const Lines<T>& a, const Lines<T>& b) {
  return a.count <= few_rows && k > 0 && a.depth_stride == 1 && b.depth_stride == 1;
}

/// C (+)= A B for `Rows` rows or less.
template <class T, class Epilogue, Index Rows = few_rows>
void multiply_few_rows(const GemmTask<T, Epilogue>& task) {
  if (task.a.count < Rows) {
    if constexpr (Rows > 1) {
      multiply_few_rows<T, Epilogue, Rows - 1>(task);
    }
    return;
  }
  parallel_region(task.plan.threads, [&task](int thread, int threads) {
    constexpr Index cols = GemmTile<T>::cols;
    const Chunk share = chunk(task.b.count, thread, threads, cols);
    for (Index col = share.first; col < share.last; col += cols) {
      alignas(alignment) T sums[Rows * cols];
      multiply_lines<T, Rows>(task.k, task.a.data, task.a.line_stride, task.b, col, sums);
      task.finish_tile(sums, cols, Chunk{0, Rows}, col, std::min<Index>(cols, task.b.count - col),
                       task.mode == Store::accumulate, true);
    }
  });
}

}  // namespace vaekit::inline VAEKIT_ABI::detail
