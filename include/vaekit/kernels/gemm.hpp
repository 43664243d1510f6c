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

/// The lines of an operand that run along the depth of a product: rows of A, columns of B.
template <class T>
struct Lines {
  const T* data;
  Index line_stride;
  Index depth_stride;
  Index count;
};

/// Packs the panels `share` of the panels of `width` lines that start at line `first`, for depth
/// k0 ... k0 + depth − 1.
template <Index width, class T>
void pack_panels(const Lines<T>& lines, Index first, Chunk share, Index k0, Index depth, T* target) {
  if (depth == 0) {
    return;  // an operand without elements has no address
  }
  for (Index panel = share.first; panel < share.last; ++panel) {
    const Index line = first + panel * width;
    pack_panel(lines.data + line * lines.line_stride + k0 * lines.depth_stride, lines.line_stride,
               lines.depth_stride, std::min(width, lines.count - line), depth, width,
               target + panel * width * depth);
  }
}

/// The part of a product whose operands are packed at one time.
struct GemmBlock {
  Index row;    ///< first row of C
  Index col;    ///< first column of C
  Index depth;  ///< terms of the sum
  bool add_to_c;
  bool finish;  ///< the last terms: the epilogue follows
};

/// One product, shared by the threads that compute it.
template <class T, class Epilogue>
struct GemmTask {
  using Tile = GemmTile<T>;
  Index k;
  Lines<T> a;
  Lines<T> b;
  T* c;
  Index c_stride;
  Store mode;
  const Epilogue& epilogue;
  T* packed_a;
  T* packed_b;

  /// The share of one of `threads` threads, all of which must call it.
  void run(int thread, int threads) const {
    for (Index col = 0; col < b.count; col += Tile::col_block) {
      const Index b_panels = panels(std::min(Tile::col_block, b.count - col), Tile::cols);
      const Chunk b_share = chunk(b_panels, thread, threads);
      for (Index k0 = 0; k0 == 0 || k0 < k; k0 += Tile::depth) {
        const Index depth = std::min(Tile::depth, k - k0);
        pack_panels<Tile::cols>(b, col, b_share, k0, depth, packed_b);
        for (Index row = 0; row < a.count; row += Tile::row_block) {
          const Index a_panels = panels(std::min(Tile::row_block, a.count - row), Tile::rows);
          const Chunk a_share = chunk(a_panels, thread, threads);
          pack_panels<Tile::rows>(a, row, a_share, k0, depth, packed_a);
          parallel_barrier(threads);
          const GemmBlock block{row, col, depth, mode == Store::accumulate || k0 > 0, k0 + depth >= k};
          // Divide the longer side of the grid of tiles, so that narrow outputs keep every thread busy too.
          if (b_panels >= a_panels) {
            multiply_panels(block, Chunk{0, a_panels}, b_share);
          } else {
            multiply_panels(block, a_share, Chunk{0, b_panels});
          }
          parallel_barrier(threads);
        }
      }
    }
  }

  [[nodiscard]] static Index panels(Index count, Index width) { return (count + width - 1) / width; }

 private:
  /// All tiles of some panels of A times some panels of B, a group of A panels that stays in L2 at a time.
  void multiply_panels(const GemmBlock& block, Chunk a_panels, Chunk b_panels) const {
    for (Index p0 = a_panels.first; p0 < a_panels.last; p0 += Tile::l2_panels) {
      for (Index q = b_panels.first; q < b_panels.last; ++q) {
        for (Index p = p0; p < std::min(a_panels.last, p0 + Tile::l2_panels); ++p) {
          const Index row = block.row + p * Tile::rows;
          const Index col = block.col + q * Tile::cols;
          multiply_tile(block.depth, packed_a + p * Tile::rows * block.depth,
                        packed_b + q * Tile::cols * block.depth, c + row * c_stride + col, c_stride, row, col,
                        std::min(Tile::rows, a.count - row), std::min(Tile::cols, b.count - col),
                        block.add_to_c, block.finish, epilogue);
        }
      }
    }
  }
};

/// `lines` lines of at most `block` at a time, in whole panels of `width` and up to `depth` deep.
template <class T>
[[nodiscard]] T* reserve_panels(AlignedVector<T>& buffer, Index lines, Index block, Index width,
                                Index depth) {
  const Index panels = (std::min(lines, block) + width - 1) / width;
  const auto size = static_cast<std::size_t>(panels * width * depth);
  if (buffer.size() < size) {
    buffer.resize(size);
  }
  return buffer.data();
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
  detail::GemmBuffers<T>& buffers = detail::gemm_buffers<T>();
  const Index depth = std::min(k, Tile::depth);
  const detail::GemmTask<T, Epilogue> task{
      k,
      {a.data, a.row_stride, a.col_stride, m},
      {b.data, b.col_stride, b.row_stride, n},
      c,
      c_stride,
      mode,
      epilogue,
      detail::reserve_panels(buffers.a, m, Tile::row_block, Tile::rows, depth),
      detail::reserve_panels(buffers.b, n, Tile::col_block, Tile::cols, depth)};
  const int threads_wanted = m * n * k < detail::gemm_thread_gate ? 1 : thread_count();
  parallel_region(threads_wanted, [&task](int thread, int threads) { task.run(thread, threads); });
}

/// C (+)= A · B for strided operands, with the sizes taken from C.
template <class T, class Epilogue = NoEpilogue>
void gemm(Strided<T> a, Strided<T> b, Index k, MatrixOut<T> c, Store mode, const Epilogue& epilogue = {}) {
  gemm(c.rows(), c.cols(), k, a, b, c.data(), c.outerStride(), mode, epilogue);
}

}  // namespace vaekit::inline VAEKIT_ABI
