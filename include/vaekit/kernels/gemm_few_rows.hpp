// SPDX-License-Identifier: MIT
//
// Products of a few rows with a transposed matrix, as inference runs them. To pack a whole panel for them
// would cost more than the product: the weights are transposed on their way to the registers, or come
// prepared by `PackedMatrix`.
#pragma once

#include <type_traits>

#include "vaekit/kernels/gemm_task.hpp"

namespace vaekit::inline VAEKIT_ABI::detail {

/// Rows of C up to which this is faster than packing.
inline constexpr Index few_rows = 4;

/// Vectors of C under way: with several rows, fewer are enough to hide the latency of a multiply-add.
template <Index Rows>
inline constexpr Index few_rows_vectors = Rows <= 2 ? 4 : 2;

/// Running sums of `Rows` rows and a few vectors of columns, added in the order of `multiply_rows`.
template <class T, Index Rows>
struct FewRowsSums {
  static constexpr Index vectors = few_rows_vectors<Rows>;
  static constexpr Index width = vectors * lanes<T>;
  Simd<T> sum[Rows][vectors];

  FewRowsSums() {
    for (auto& row : sum) {
      std::fill_n(row, vectors, Simd<T>(T{0}));
    }
  }
  void store(T* target) const {
    for (Index i = 0; i < Rows; ++i) {
      for (Index v = 0; v < vectors; ++v) {
        sum[i][v].store_aligned(target + i * width + v * lanes<T>);
      }
    }
  }
};

/// sums[Rows × width] of the lines of B from `col` on, transposed on their way to the registers.
template <class T, Index Rows>
void multiply_lines(Chunk depth, const Lines<T>& a, const Lines<T>& b, Index col, T* sums) {
  FewRowsSums<T, Rows> result;
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
      for (Index v = 0; v < result.vectors; ++v) {
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

/// The same, from panels that `PackedMatrix` prepared for this block of the depth.
template <class T, Index Rows>
void multiply_prepared(Chunk depth, const Lines<T>& a, const Lines<T>& b, const T* panels, Index col,
                       T* sums) {
  FewRowsSums<T, Rows> result;
  const ColumnPanels<T> columns{b.count};
  const Index length = depth.last - depth.first;
  const T* right[result.vectors];
  Index stride[result.vectors];
  for (Index v = 0; v < result.vectors; ++v) {
    const Index vector = std::min(col / lanes<T> + v, columns.vectors() - 1);
    const Index panel = std::min(vector / GemmTile<T>::vectors, columns.count() - 1);
    const Index first = panel * GemmTile<T>::cols;
    right[v] = panels + first * length + (vector * lanes<T> - first);
    stride[v] = columns.width(panel);
  }
  for (Index k = 0; k < length; ++k) {
    for (Index v = 0; v < result.vectors; ++v) {
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

/// sums[a.count × width] of the columns from `col` on; `panels` are prepared, or null.
template <class T, Index Rows = few_rows>
void multiply_columns(Chunk depth, const Lines<T>& a, const Lines<T>& b, const T* panels, Index col,
                      T* sums) {
  if (a.count < Rows) {
    if constexpr (Rows > 1) {
      multiply_columns<T, Rows - 1>(depth, a, b, panels, col, sums);
    }
  } else if (panels != nullptr) {
    multiply_prepared<T, Rows>(depth, a, b, panels, col, sums);
  } else {
    multiply_lines<T, Rows>(depth, a, b, col, sums);
  }
}

/// C (+)= A B for a few rows.
template <class T, class Epilogue>
void multiply_few_rows(const GemmTask<T, Epilogue>& task) {
  parallel_region(task.plan.threads, [&task](int thread, int threads) {
    const Index rows = task.a.count;
    const Index width = (rows <= 2 ? few_rows_vectors<2> : few_rows_vectors<few_rows>)*lanes<T>;
    const DepthBlocks<T> depths{task.k};
    const Chunk share = chunk(task.b.count, thread, threads, width);
    const Index strips = (share.last - share.first + width - 1) / width;
    for (Index i = 0; i < strips; ++i) {
      const Index strip = task.extras.sweep == Sweep::forwards ? i : strips - 1 - i;
      const Index col = share.first + width * strip;
      for (Index d = 0; d < depths.count(); ++d) {
        alignas(alignment) T sums[few_rows * few_rows_vectors<1> * lanes<T>];
        const T* panels = task.extras.prepared != nullptr ? task.prepared_block(depths[d]) : nullptr;
        multiply_columns<T>(depths[d], task.a, task.b, panels, col, sums);
        task.finish_rows(sums, width, Chunk{0, rows}, col, std::min(width, task.b.count - col),
                         task.mode == Store::accumulate || d > 0, d + 1 == depths.count());
      }
    }
  });
}

}  // namespace vaekit::inline VAEKIT_ABI::detail
