// SPDX-License-Identifier: MIT
//
// Products with so few columns that their vectors would be padding for a good part, as those with a latent
// space of 20 dimensions on AVX-512: the transposed product, Cᵀ = Bᵀ Aᵀ, has full vectors.
#pragma once

#include <algorithm>

#include "vaekit/kernels/gemm_task.hpp"

namespace vaekit::inline VAEKIT_ABI::detail {

/// Vectors of the widest narrow product: with more, less than a fifth of them can be padding.
inline constexpr Index narrow_vectors = 4;

/// Whether C = A B is computed as Cᵀ = Bᵀ Aᵀ. Its elements are the same sums in the same order, as long as
/// C is overwritten or the depth is one block.
template <class T>
[[nodiscard]] bool is_narrow(Index k, const Lines<T>& a, const Lines<T>& b, Store mode) {
  const Index padded = ColumnPanels<T>{b.count}.vectors() * lanes<T>;
  return 4 * padded > 5 * b.count && a.count >= narrow_vectors * lanes<T> &&
         (mode == Store::overwrite || DepthBlocks<T>{k}.count() == 1);
}

/// Elements from one row of Cᵀ to the next.
template <class T>
[[nodiscard]] Index narrow_stride(Index rows) {
  return (rows + lanes<T> - 1) / lanes<T> * lanes<T>;
}

/// One thread's share of `task`, given the task of Cᵀ, both of which all threads must have.
template <class T, class Epilogue>
void multiply_narrow(const GemmTask<T, Epilogue>& task, const GemmTask<T, NoEpilogue>& transposed, int thread,
                     int threads) {
  transposed.run(thread, threads);
  parallel_barrier(threads);
  const Index cols = task.b.count;
  const Index width = ColumnPanels<T>{cols}.vectors() * lanes<T>;
  alignas(alignment) T sums[lanes<T> * narrow_vectors * lanes<T>] = {};
  const Chunk share = chunk(task.a.count, thread, threads, lanes<T>);
  for (Index row = share.first; row < share.last; row += lanes<T>) {
    const Chunk rows{row, std::min(row + lanes<T>, share.last)};
    transpose(transposed.c + row, transposed.c_stride, cols, rows.last - rows.first, sums, width);
    task.finish_rows(sums, width, rows, 0, cols, task.mode == Store::accumulate, true);
  }
}

}  // namespace vaekit::inline VAEKIT_ABI::detail
