// SPDX-License-Identifier: MIT
//
// The innermost loops of a matrix product: register tiles, and how operands are laid out for them.
#pragma once

#include <algorithm>
#include <cstdint>

#include "vaekit/core/parallel.hpp"
#include "vaekit/kernels/simd.hpp"
#include "vaekit/kernels/transpose.hpp"

namespace vaekit::inline VAEKIT_ABI::detail {

/// The register tile: `rows × (vectors · lanes)` accumulators, `vectors` vectors of B and one broadcast of A
/// must fit the register file (16 vector registers up to AVX2, 32 with AVX-512 and on ARM).
template <class T>
struct GemmTile {
  static constexpr Index vectors = 2;
  static constexpr Index rows = lanes<T> * sizeof(T) == 64 ? 14 : 6;
  static constexpr Index cols = vectors * lanes<T>;
  static constexpr Index widest = cols + lanes<T>;  ///< columns of the last panel
  static constexpr Index size = rows * widest;
  /// One B panel stays in L1, or is read from L2 fast enough by the tall tile.
  static constexpr Index depth = (rows > 6 ? 512 : 400) * 4 / static_cast<Index>(sizeof(T));
  /// Of A that stay in L2, which has a megabyte or more beside AVX-512.
  static constexpr Index l2_elements = (rows > 6 ? 131072 : 65536) * 4 / static_cast<Index>(sizeof(T));
};

/// The lines of an operand that run along the depth of a product: rows of A, columns of B. Element (line, k)
/// is data[line · line_stride + k · depth_stride].
template <class T>
struct Lines {
  const T* data;
  Index line_stride;
  Index depth_stride;
  Index count;

  [[nodiscard]] const T* at(Index line, Index k) const {
    return data + line * line_stride + k * depth_stride;
  }
};

/// The rows of a product in panels of at most `GemmTile::rows`, of nearly equal heights: a tile with one row
/// less is as fast, one with a single row is not.
template <class T>
class RowPanels {
 public:
  explicit RowPanels(Index rows)
      : count_((rows + GemmTile<T>::rows - 1) / GemmTile<T>::rows),
        height_(rows / std::max<Index>(1, count_)),
        higher_(rows - height_ * count_) {}

  [[nodiscard]] Index count() const { return count_; }
  /// Where the panels of the height of panel `p` end.
  [[nodiscard]] Index same_height(Index p) const { return p < higher_ ? higher_ : count_; }
  [[nodiscard]] Chunk operator[](Index p) const {
    const Index first = p * height_ + std::min(p, higher_);
    return {first, first + height_ + (p < higher_ ? 1 : 0)};
  }

 private:
  Index count_;
  Index height_;
  Index higher_;  ///< panels with one row more, at the front
};

/// The columns of a product in panels of two vectors, the last one of up to three, so that less than a vector
/// is padding. Panel q starts at column q · GemmTile::cols.
template <class T>
struct ColumnPanels {
  Index cols;
  [[nodiscard]] Index vectors() const { return (cols + lanes<T> - 1) / lanes<T>; }
  [[nodiscard]] Index count() const { return std::max<Index>(1, vectors() / GemmTile<T>::vectors); }
  /// Columns of panel q, padding included.
  [[nodiscard]] Index width(Index q) const {
    return q + 1 < count() ? GemmTile<T>::cols : vectors() * lanes<T> - q * GemmTile<T>::cols;
  }
};

/// The depth of a product, cut into nearly equal blocks of at most `GemmTile::depth`.
template <class T>
struct DepthBlocks {
  Index depth;
  [[nodiscard]] Index count() const {
    return std::max<Index>(1, (depth + GemmTile<T>::depth - 1) / GemmTile<T>::depth);
  }
  [[nodiscard]] Chunk operator[](Index block) const { return chunk(depth, block, count(), 8); }
  /// Length of the longest block.
  [[nodiscard]] Index longest() const {
    const Index eights = (depth + 7) / 8;
    return std::min(depth, (eights + count() - 1) / count() * 8);
  }
};

/// Where a tile finds its operands, a(i, k) = a[i · a_line + k · a_depth] and b(k, :) = b[k · b_depth ...],
/// and where its sums go, out(i, :) = out[i · out_line ...].
template <class T>
struct TileOperands {
  const T* a;
  Index a_line;
  Index a_depth;
  const T* b;
  Index b_depth;
  T* out;
  Index out_line;
  bool add;                             ///< to what is in `out`
  Index panels = 1;                     ///< so many tiles with the same B,
  Index a_step = 0;                     ///< the next of which finds its A
  Index out_step = 0;                   ///< and its place in `out` so many elements on
  const std::int32_t* steps = nullptr;  ///< k of the terms; null: 0, 1, 2 ...
  T* b_copy = nullptr;                  ///< the first tile leaves B here for the others, packed; null: no
};

/// Rows of B that are asked for ahead: they lie in pages of their own, where no hardware prefetcher looks.
/// Into L2: in L1, rows at colliding strides would drive each other out before their turn.
inline constexpr Index prefetch_rows = 16;

/// Keeps the compiler from reading a vector again from memory at each use: a tile has two loads a cycle.
template <class T>
inline void hold_in_register([[maybe_unused]] Simd<T>& value) {
#if defined(__GNUC__) && defined(__x86_64__)
  asm("" : "+v"(value.data));
#endif
}

/// out[Rows × Vectors · lanes] (+)= Σ_k a(:, k) b(k, :), in index order, for every tile of `operands`; over
/// `depth` of its steps where these are `Chosen`.
template <class T, Index Rows, Index Vectors, bool Chosen>
void multiply_rows(Index depth, const TileOperands<T>& operands) {
  const Index a_line = operands.a_line;
  const Index out_line = operands.out_line;
  for (Index panel = 0; panel < operands.panels; ++panel) {
    const T* a = operands.a + panel * operands.a_step;
    const bool packed = panel > 0 && operands.b_copy != nullptr;
    const T* b = packed ? operands.b_copy : operands.b;
    const Index b_depth = packed ? Vectors * lanes<T> : operands.b_depth;
    T* copy = panel == 0 ? operands.b_copy : nullptr;
    T* out = operands.out + panel * operands.out_step;
    Simd<T> sum[Rows][Vectors];
#pragma GCC unroll 14
    for (Index i = 0; i < Rows; ++i) {
      __builtin_prefetch(out + i * out_line, 1);
      for (Simd<T>& value : sum[i]) {
        value = Simd<T>(T{0});
      }
    }
    for (Index k = 0; k < depth; ++k, a += operands.a_depth, b += b_depth) {
      if constexpr (Chosen) {
        a = operands.a + operands.steps[k] * operands.a_depth;
        b = operands.b + operands.steps[k] * operands.b_depth;
      }
      Simd<T> right[Vectors];
      for (Index v = 0; v < Vectors; ++v) {
        right[v] = Simd<T>::load_unaligned(b + v * lanes<T>);
        hold_in_register<T>(right[v]);
      }
      if (copy != nullptr) {
        __builtin_prefetch(b + prefetch_rows * b_depth, 0, 2);
        __builtin_prefetch(b + prefetch_rows * b_depth + (Vectors - 1) * lanes<T>, 0, 2);
        for (const Simd<T>& vector : right) {
          vector.store_unaligned(copy);
          copy += lanes<T>;
        }
      }
#pragma GCC unroll 14
      for (Index i = 0; i < Rows; ++i) {
        const Simd<T> left(a[i * a_line]);
        for (Index v = 0; v < Vectors; ++v) {
          sum[i][v] = xsimd::fma(left, right[v], sum[i][v]);
        }
      }
    }
#pragma GCC unroll 14
    for (Index i = 0; i < Rows; ++i) {
      for (Index v = 0; v < Vectors; ++v) {
        T* target = out + i * out_line + v * lanes<T>;
        if (operands.add) {
          sum[i][v] += Simd<T>::load_unaligned(target);
        }
        sum[i][v].store_unaligned(target);
      }
    }
  }
}

/// `multiply_rows` for a number of rows known at run time, 1 ... `Rows`.
template <class T, Index Vectors, Index Rows>
void multiply_up_to(Index rows, Index depth, const TileOperands<T>& operands) {
  if (rows == Rows && operands.steps == nullptr) {
    multiply_rows<T, Rows, Vectors, false>(depth, operands);
  } else if (rows == Rows) {
    multiply_rows<T, Rows, Vectors, true>(depth, operands);
  } else if constexpr (Rows > 1) {
    multiply_up_to<T, Vectors, Rows - 1>(rows, depth, operands);
  }
}

/// out[rows × vectors · lanes] for 1 to `GemmTile::rows` rows and 1 to 3 vectors.
template <class T>
void multiply_tile(Index rows, Index vectors, Index depth, const TileOperands<T>& operands) {
  constexpr Index most = GemmTile<T>::rows;
  if (vectors == 2) {
    multiply_up_to<T, 2, most>(rows, depth, operands);
  } else if (vectors == 1) {
    multiply_up_to<T, 1, most>(rows, depth, operands);
  } else {
    // Three vectors for half of the rows fit the registers.
    const Index half = (rows + 1) / 2;
    multiply_up_to<T, 3, (most + 1) / 2>(half, depth, operands);
    if (half < rows) {
      TileOperands<T> rest = operands;
      rest.a += half * operands.a_line;
      rest.out += half * operands.out_line;
      multiply_up_to<T, 3, (most + 1) / 2>(rows - half, depth, rest);
    }
  }
}

/// Copies lines `line` ... `line + lines − 1` of B to target[k · width + i], `width` a number of whole
/// vectors; lines up to it become zero.
template <class T>
void pack_panel(const Lines<T>& source, Index line, Index lines, Chunk depth, Index width, T* target) {
  const T* from = source.at(line, depth.first);
  const Index length = depth.last - depth.first;
  if (source.depth_stride == 1) {
    transpose(from, source.line_stride, lines, length, target, width);
    for (Index k = 0; lines < width && k < length; ++k) {
      std::fill_n(target + k * width + lines, width - lines, T{0});
    }
    return;
  }
  const Index vectors = width / lanes<T>;
  const Index rest = lines - (vectors - 1) * lanes<T>;  // columns of the last vector
  for (Index k = 0; k < length; ++k, from += source.depth_stride, target += width) {
    __builtin_prefetch(from + prefetch_rows * source.depth_stride);
    for (Index v = 0; v + 1 < vectors; ++v) {
      Simd<T>::load_unaligned(from + v * lanes<T>).store_unaligned(target + v * lanes<T>);
    }
    const Index last = (vectors - 1) * lanes<T>;
    const Simd<T> tail = rest == lanes<T> ? Simd<T>::load_unaligned(from + last) : load(from + last, rest);
    tail.store_unaligned(target + last);
  }
}

/// Copies a panel of rows of A; element (row, k) goes to target[rows.first · depth + k · height + i].
template <class T>
void pack_rows(const Lines<T>& source, Chunk rows, Chunk depth, T* target) {
  const Index height = rows.last - rows.first;
  const Index length = depth.last - depth.first;
  T* panel = target + rows.first * length;
  const T* const end = panel + height * length;
  const T* from = source.at(rows.first, depth.first);
  if (source.line_stride == 1) {
    for (Index k = 0; k < length; ++k, from += source.depth_stride, panel += height) {
      for_each_vector<T>(height, [&](Index i, auto which) {
        const Simd<T> values = load(from + i, which);
        // What is stored beyond the height is overwritten next, except at the end.
        if (end - (panel + i) >= lanes<T>) {
          store(panel + i, values, AllLanes{});
        } else {
          store(panel + i, values, which);
        }
      });
    }
    return;
  }
  if (source.depth_stride == 1) {
    transpose(from, source.line_stride, height, length, panel, height);
    return;
  }
  for (Index k = 0; k < length; ++k) {
    for (Index i = 0; i < height; ++i) {
      panel[k * height + i] = from[i * source.line_stride + k * source.depth_stride];
    }
  }
}

}  // namespace vaekit::inline VAEKIT_ABI::detail
