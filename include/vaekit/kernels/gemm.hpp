// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <span>

#include "vaekit/core/matrix.hpp"
#include "vaekit/core/parallel.hpp"
#include "vaekit/kernels/simd.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// A matrix seen through two strides, so that one routine serves all four transpositions.
template <class T>
struct Strided {
  const T* data;
  Index row_stride;
  Index col_stride;
};

template <class T>
[[nodiscard]] Strided<T> as_is(MatrixIn<T> m) {
  return {m.data(), m.outerStride(), 1};
}
template <class T>
[[nodiscard]] Strided<T> transposed(MatrixIn<T> m) {
  return {m.data(), 1, m.outerStride()};
}

/// What a product does with the old contents of its output.
enum class Store { overwrite, accumulate };

namespace detail {

/// The register tile: `rows × (vectors · lanes)` accumulators, two vectors of B and one broadcast of A must
/// fit the register file (16 vector registers up to AVX2, 32 with AVX-512).
template <class T>
struct GemmTile {
  static constexpr Index vectors = 2;
  static constexpr Index rows = lanes<T> * sizeof(T) == 64 ? 14 : 6;
  static constexpr Index cols = vectors * lanes<T>;
  static constexpr Index depth = 384 * 4 / static_cast<Index>(sizeof(T));  ///< one B panel stays in L1
  static constexpr Index row_block = 170 * rows;                           ///< rows of A packed at a time
  static constexpr Index col_block = 256 * cols;                           ///< columns of B packed at a time
  static constexpr Index l2_panels = 22;                                   ///< A panels that stay in L2
};

/// Multiply-adds below which a second thread costs more than it brings.
inline constexpr Index gemm_thread_gate = 300'000;

/// Grow-only packing buffers of the calling thread.
template <class T>
struct GemmBuffers {
  AlignedVector<T> a;
  AlignedVector<T> b;
};
template <class T>
[[nodiscard]] GemmBuffers<T>& gemm_buffers() {
  thread_local GemmBuffers<T> buffers;
  return buffers;
}

/// Packs `width ≤ panel_width` lines of `depth` elements as `[depth × panel_width]`, zero padded.
/// Element (line, k) is source[line · line_stride + k · depth_stride].
template <class T>
void pack_panel(const T* source, Index line_stride, Index depth_stride, Index width, Index depth,
                Index panel_width, T* target) {
  if (line_stride == 1) {
    for (Index k = 0; k < depth; ++k) {
      std::copy_n(source + k * depth_stride, width, target + k * panel_width);
      std::fill_n(target + k * panel_width + width, panel_width - width, T{0});
    }
    return;
  }
  // Transposing: a short run of k at a time keeps the written lines of the panel in L1.
  constexpr Index run = 16;
  for (Index k0 = 0; k0 < depth; k0 += run) {
    const Index k1 = std::min(depth, k0 + run);
    for (Index line = 0; line < panel_width; ++line) {
      for (Index k = k0; k < k1; ++k) {
        target[k * panel_width + line] = line < width ? source[line * line_stride + k * depth_stride] : T{0};
      }
    }
  }
}

/// One register tile: C[rows × cols] (+)= A panel · B panel over `depth`, then the epilogue after the last
/// block of the depth.
template <class T, class Epilogue>
void multiply_tile(Index depth, const T* a, const T* b, T* c, Index c_stride, Index row, Index col,
                   Index rows, Index cols, bool add_to_c, bool finish, const Epilogue& epilogue) {
  using Tile = GemmTile<T>;
  Simd<T> sum[Tile::rows][Tile::vectors];
  for (auto& line : sum) {
    for (Simd<T>& value : line) {
      value = Simd<T>(T{0});
    }
  }
  for (Index k = 0; k < depth; ++k, a += Tile::rows, b += Tile::cols) {
    const Simd<T> b0 = Simd<T>::load_aligned(b);
    const Simd<T> b1 = Simd<T>::load_aligned(b + lanes<T>);
#pragma GCC unroll 14
    for (Index i = 0; i < Tile::rows; ++i) {
      const Simd<T> ai(a[i]);
      sum[i][0] = xsimd::fma(ai, b0, sum[i][0]);
      sum[i][1] = xsimd::fma(ai, b1, sum[i][1]);
    }
  }
  const auto finish_vector = [&](Index i, Index v, auto which) {
    T* target = c + i * c_stride + v * lanes<T>;
    Simd<T> value = sum[i][v];
    if (add_to_c) {
      value += load(target, which);
    }
    store(target, finish ? epilogue(value, row + i, col + v * lanes<T>, which) : value, which);
  };
  if (rows == Tile::rows && cols == Tile::cols) {
#pragma GCC unroll 14
    for (Index i = 0; i < Tile::rows; ++i) {
      finish_vector(i, 0, AllLanes{});
      finish_vector(i, 1, AllLanes{});
    }
    return;
  }
  for (Index i = 0; i < rows; ++i) {
    for (Index v = 0; v * lanes<T> < cols; ++v) {
      const Index count = cols - v * lanes<T>;
      count >= lanes<T> ? finish_vector(i, v, AllLanes{}) : finish_vector(i, v, count);
    }
  }
}

}  // namespace detail

/// Leaves the product as it is.
struct NoEpilogue {
  template <class T, class Which>
  Simd<T> operator()(const Simd<T>& value, Index, Index, Which) const {
    return value;
  }
};

/// C[m × n] (+)= A[m × k] · B[k × n], then `epilogue(vector, row, first column, lanes)` on every vector of C.
///
/// Operands are packed into register-tile panels; the sum over k is taken in blocks of fixed depth and in
/// index order for every element, and threads divide the tiles of C only: the bits do not depend on the
/// number of threads. Small products stay on the calling thread. C must not overlap A or B.
///
/// Threads  safe; packing buffers belong to the calling thread and grow only.
/// Source   Goto & van de Geijn: Anatomy of high-performance matrix multiplication (2008).
template <class T, class Epilogue = NoEpilogue>
void gemm(Index m, Index n, Index k, Strided<T> a, Strided<T> b, T* c, Index c_stride, Store mode,
          const Epilogue& epilogue = {}) {
  using Tile = detail::GemmTile<T>;
  if (m == 0 || n == 0) {
    return;
  }
  const auto panels = [](Index count, Index width) { return (count + width - 1) / width; };
  detail::GemmBuffers<T>& buffers = detail::gemm_buffers<T>();
  const Index depth_block = std::min(k, Tile::depth);
  const Index row_block = std::min(m, Tile::row_block);
  const Index col_block = std::min(n, Tile::col_block);
  const auto reserve = [](AlignedVector<T>& buffer, Index size) {
    if (buffer.size() < static_cast<std::size_t>(size)) {
      buffer.resize(static_cast<std::size_t>(size));
    }
  };
  reserve(buffers.a, panels(row_block, Tile::rows) * Tile::rows * depth_block);
  reserve(buffers.b, panels(col_block, Tile::cols) * Tile::cols * depth_block);
  T* packed_a = buffers.a.data();
  T* packed_b = buffers.b.data();

  const int threads_wanted = m * n * k < detail::gemm_thread_gate ? 1 : thread_count();
  parallel_region(threads_wanted, [&](int thread, int threads) {
    for (Index j0 = 0; j0 < n; j0 += Tile::col_block) {
      const Index block_cols = std::min(Tile::col_block, n - j0);
      const Index b_panels = panels(block_cols, Tile::cols);
      for (Index k0 = 0; k0 < std::max<Index>(k, 1); k0 += Tile::depth) {
        const Index depth = std::min(Tile::depth, k - k0);
        const bool add_to_c = mode == Store::accumulate || k0 > 0;
        const bool finish = k0 + depth >= k;
        const Chunk b_share = chunk(b_panels, thread, threads);
        for (Index p = b_share.first; p < b_share.last; ++p) {
          const Index col = j0 + p * Tile::cols;
          detail::pack_panel(b.data + k0 * b.row_stride + col * b.col_stride, b.col_stride, b.row_stride,
                             std::min(Tile::cols, n - col), depth, Tile::cols,
                             packed_b + p * Tile::cols * depth);
        }
        for (Index i0 = 0; i0 < m; i0 += Tile::row_block) {
          const Index a_panels = panels(std::min(Tile::row_block, m - i0), Tile::rows);
          const Chunk a_share = chunk(a_panels, thread, threads);
          for (Index p = a_share.first; p < a_share.last; ++p) {
            const Index row = i0 + p * Tile::rows;
            detail::pack_panel(a.data + row * a.row_stride + k0 * a.col_stride, a.row_stride, a.col_stride,
                               std::min(Tile::rows, m - row), depth, Tile::rows,
                               packed_a + p * Tile::rows * depth);
          }
          parallel_barrier(threads);
          // Divide the longer side of the grid of tiles, so that narrow outputs keep every thread busy too.
          const bool by_cols = b_panels >= a_panels;
          const Chunk cols = by_cols ? b_share : Chunk{0, b_panels};
          const Chunk rows = by_cols ? Chunk{0, a_panels} : a_share;
          for (Index p0 = rows.first; p0 < rows.last; p0 += Tile::l2_panels) {
            for (Index q = cols.first; q < cols.last; ++q) {
              for (Index p = p0; p < std::min(rows.last, p0 + Tile::l2_panels); ++p) {
                const Index row = i0 + p * Tile::rows;
                const Index col = j0 + q * Tile::cols;
                detail::multiply_tile(depth, packed_a + p * Tile::rows * depth,
                                      packed_b + q * Tile::cols * depth, c + row * c_stride + col, c_stride,
                                      row, col, std::min(Tile::rows, m - row), std::min(Tile::cols, n - col),
                                      add_to_c, finish, epilogue);
              }
            }
          }
          parallel_barrier(threads);
        }
      }
    }
  });
}

/// C (+)= A · B for strided operands, with the sizes taken from C.
template <class T, class Epilogue = NoEpilogue>
void gemm(Strided<T> a, Strided<T> b, Index k, MatrixOut<T> c, Store mode, const Epilogue& epilogue = {}) {
  gemm(c.rows(), c.cols(), k, a, b, c.data(), c.outerStride(), mode, epilogue);
}

}  // namespace vaekit::inline VAEKIT_ABI
