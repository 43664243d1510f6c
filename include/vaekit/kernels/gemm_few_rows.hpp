// SPDX-License-Identifier: MIT
//
// Products of a few rows with a transposed matrix, as inference runs them. To pack a whole panel for them
// would cost more than the product: the weights are transposed on their way to the registers, or come
// prepared by `PackedMatrix`.
#pragma once

#include <cstdint>
#include <type_traits>

#include "vaekit/kernels/gemm_task.hpp"

namespace vaekit::inline VAEKIT_ABI::detail {

/// Rows of C up to which this is faster than packing.
inline constexpr Index few_rows = 4;

/// Most vectors of C under way: with several rows, fewer are enough to hide the latency of a multiply-add.
[[nodiscard]] constexpr Index few_rows_vectors(Index rows) { return rows <= 2 ? 4 : 2; }

/// Running sums of `Rows` rows and a few vectors of columns, added in the order of `multiply_rows`.
template <class T, Index Rows, Index Vectors>
struct FewRowsSums {
  static constexpr Index width = Vectors * lanes<T>;
  Simd<T> sum[Rows][Vectors];

  FewRowsSums() {
    for (auto& row : sum) {
      std::fill_n(row, Vectors, Simd<T>(T{0}));
    }
  }
  void store(T* target) const {
    for (Index i = 0; i < Rows; ++i) {
      for (Index v = 0; v < Vectors; ++v) {
        sum[i][v].store_aligned(target + i * width + v * lanes<T>);
      }
    }
  }
};

/// sums[Rows × width] of the lines of B from `col` on, transposed on their way to the registers.
template <class T, Index Rows, Index Vectors>
void multiply_lines(Chunk depth, const Lines<T>& a, const Lines<T>& b, Index col, T* sums) {
  FewRowsSums<T, Rows, Vectors> result;
  const auto add_block = [&](Index k0, Index v, Index lines, auto length) {
    Simd<T> columns[lanes<T>];
    load_columns(b.at(col + v * lanes<T>, k0), b.line_stride, lines, length, columns);
    for (Index i = 0; i < Rows; ++i) {
      const T* left = a.at(i, k0);
      Simd<T> total = result.sum[i][v];
      for (Index k = 0; k < length; ++k) {
        total = xsimd::fma(Simd<T>(left[k * a.depth_stride]), columns[k], total);
      }
      result.sum[i][v] = total;
    }
  };
  using Whole = std::integral_constant<Index, lanes<T>>;
  const Index lines = std::min(result.width, b.count - col);
  for (Index k0 = depth.first; k0 < depth.last; k0 += lanes<T>) {
    const Index length = std::min(lanes<T>, depth.last - k0);
    if (lines == result.width && length == lanes<T>) {
      for (Index v = 0; v < Vectors; ++v) {
        add_block(k0, v, lanes<T>, Whole{});
      }
    } else {
      for (Index v = 0; v * lanes<T> < lines; ++v) {
        add_block(k0, v, std::min(lanes<T>, lines - v * lanes<T>), length);
      }
    }
  }
  result.store(sums);
}

/// Panels that `PackedMatrix` prepared for a block of the depth, and the steps of it to take.
template <class T>
struct PreparedBlock {
  const T* panels;            ///< null: not prepared
  const std::int32_t* steps;  ///< null: all `count`
  Index count;
};

/// The same, from prepared panels.
template <class T, Index Rows, Index Vectors, bool Chosen>
void multiply_prepared(Chunk depth, const Lines<T>& a, const Lines<T>& b, const PreparedBlock<T>& block,
                       Index col, T* sums) {
  FewRowsSums<T, Rows, Vectors> result;
  const ColumnPanels<T> columns{b.count};
  const T* right[Vectors];
  Index stride[Vectors];
  for (Index v = 0; v < Vectors; ++v) {
    const Index vector = col / lanes<T> + v;
    const Index panel = std::min(vector / GemmTile<T>::vectors, columns.count() - 1);
    const Index first = panel * GemmTile<T>::cols;
    right[v] = block.panels + first * (depth.last - depth.first) + (vector * lanes<T> - first);
    stride[v] = columns.width(panel);
  }
  for (Index step = 0; step < block.count; ++step) {
    const Index k = Chosen ? block.steps[step] : step;
    for (Index v = 0; v < Vectors; ++v) {
      const Simd<T> weights = Simd<T>::load_aligned(right[v] + k * stride[v]);
      for (Index i = 0; i < Rows; ++i) {
        result.sum[i][v] = xsimd::fma(Simd<T>(*a.at(i, depth.first + k)), weights, result.sum[i][v]);
      }
    }
  }
  result.store(sums);
}

/// Whether `multiply_few_rows` can compute a product.
template <class T>
[[nodiscard]] bool has_few_rows(Index k, const Lines<T>& a, const Lines<T>& b, bool prepared) {
  return a.count <= few_rows && k > 0 && (prepared || b.depth_stride == 1);
}

/// sums[a.count × vectors · lanes] of the columns from `col` on.
template <class T, Index Rows = few_rows, Index Vectors = few_rows_vectors(Rows)>
void multiply_columns(Chunk depth, const Lines<T>& a, const Lines<T>& b, const PreparedBlock<T>& block,
                      Index col, Index vectors, T* sums) {
  if (a.count < Rows) {
    if constexpr (Rows > 1) {
      multiply_columns<T, Rows - 1>(depth, a, b, block, col, vectors, sums);
    }
  } else if (vectors < Vectors) {
    if constexpr (Vectors > 1) {
      multiply_columns<T, Rows, Vectors - 1>(depth, a, b, block, col, vectors, sums);
    }
  } else if (block.panels == nullptr) {
    multiply_lines<T, Rows, Vectors>(depth, a, b, col, sums);
  } else if (block.steps == nullptr) {
    multiply_prepared<T, Rows, Vectors, false>(depth, a, b, block, col, sums);
  } else {
    multiply_prepared<T, Rows, Vectors, true>(depth, a, b, block, col, sums);
  }
}

/// The share of one thread of C (+)= A B for a few rows.
template <class T, class Epilogue>
void multiply_few_rows(const GemmTask<T, Epilogue>& task, int thread, int threads) {
  const Index rows = task.a.count;
  const DepthBlocks<T> depths{task.k};
  const ColumnPanels<T> panels{task.b.count};
  const Chunk share = chunk(panels.count(), thread, threads);
  // The last panel may have a vector more than the others.
  const Index begin = share.first * GemmTile<T>::vectors;
  const Index end = share.last == panels.count() ? panels.vectors() : share.last * GemmTile<T>::vectors;
  const Index most = few_rows_vectors(rows);
  const Index strips = (end - begin + most - 1) / most;
  for (Index i = 0; i < strips; ++i) {
    // Strips of nearly equal width: one of a single vector would wait for its multiply-adds.
    const Chunk strip = chunk(end - begin, task.extras.sweep == Sweep::forwards ? i : strips - 1 - i, strips);
    const Index col = (begin + strip.first) * lanes<T>;
    const Index width = (strip.last - strip.first) * lanes<T>;
    for (Index d = 0; d < depths.count(); ++d) {
      alignas(alignment) T sums[few_rows * few_rows_vectors(1) * lanes<T>];
      PreparedBlock<T> block{nullptr, nullptr, depths[d].last - depths[d].first};
      if (task.extras.prepared != nullptr) {
        block.panels = task.prepared_block(depths[d]);
      }
      if (task.live != nullptr) {
        block.steps = task.live->steps(0, d);
        block.count = task.live->count(0, d);
      }
      multiply_columns<T>(depths[d], task.a, task.b, block, col, strip.last - strip.first, sums);
      task.finish_rows(sums, width, Chunk{0, rows}, col, std::min(width, task.b.count - col),
                       task.mode == Store::accumulate || d > 0, d + 1 == depths.count());
    }
  }
}

}  // namespace vaekit::inline VAEKIT_ABI::detail
