// SPDX-License-Identifier: MIT
//
// How one matrix product is divided among caches and threads.
#pragma once

#include "vaekit/kernels/gemm_tile.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// What a product does with the old contents of its output.
enum class Store { overwrite, accumulate };

namespace detail {

/// Multiply-adds below which a second thread costs more than it brings.
inline constexpr Index gemm_thread_gate = 300'000;

/// Panels of the other operand from which packing an operand pays.
inline constexpr Index pack_gate = 4;

/// Where the tiles find B.
enum class PackB {
  never,     ///< as it lies in memory
  panel,     ///< each thread packs a panel when it comes to it, into a buffer that stays in its cache
  block,     ///< all panels of a block of the depth, by all threads, for many rows of A
  prepared,  ///< packed before, by `PackedMatrix`
};

/// How a product is computed. No choice changes a bit of the result: each element is summed in one order.
struct GemmPlan {
  bool pack_a;
  PackB pack_b;
  bool divide_rows;  ///< the threads share the rows of C, else its columns
  int threads;       ///< to ask for
};

/// Lines that start a multiple of this many bytes after each other compete for few sets of the L1 cache.
[[nodiscard]] constexpr bool strides_collide(Index bytes) { return bytes % 2048 == 0; }

template <class T>
[[nodiscard]] GemmPlan make_plan(Index k, const Lines<T>& a, const Lines<T>& b, bool prepared) {
  const Index a_panels = RowPanels<T>{a.count}.count();
  const Index b_panels = ColumnPanels<T>{b.count}.count();
  GemmPlan plan{};
  plan.threads = a.count * b.count * k < gemm_thread_gate ? 1 : thread_count();
  const Index threads = plan.threads;
  const auto largest_share = [threads](Index count) {
    return static_cast<double>((count + threads - 1) / threads) / static_cast<double>(count);
  };
  // Threads that share columns pack what they use themselves, which is worth some balance.
  plan.divide_rows = largest_share(a_panels) < 0.9 * largest_share(b_panels);
  // A is read as it lies, one element for each row of the tile, unless its lines collide in the cache.
  const Index a_stride = a.depth_stride == 1 ? a.line_stride : a.depth_stride;
  plan.pack_a = b_panels >= pack_gate && strides_collide(a_stride * static_cast<Index>(sizeof(T)));
  // Panels of B are read many times: packing pays, and is needed where they lie across the rows of B or
  // would be read past its end.
  const bool readable = b.line_stride == 1 && b.count % lanes<T> == 0;
  const Index l2_rows = GemmTile<T>::l2_elements / std::max<Index>(1, std::min(k, GemmTile<T>::depth));
  plan.pack_b = prepared                           ? PackB::prepared
                : readable && a_panels < pack_gate ? PackB::never
                : a.count <= l2_rows               ? PackB::panel
                                                   : PackB::block;
  return plan;
}

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
  GemmPlan plan;
  T* packed_a;        // [longest depth × rows]
  T* packed_b;        // a panel for each thread, or [longest depth × padded columns]
  const T* prepared;  // [depth × padded columns]: block after block, panel after panel

  /// The share of one of `threads` threads, all of which must call it.
  void run(int thread, int threads) const {
    const DepthBlocks<T> depths{k};
    const Chunk a_share = chunk(RowPanels<T>{a.count}.count(), thread, threads);
    const Chunk b_share = chunk(ColumnPanels<T>{b.count}.count(), thread, threads);
    const bool packs_block = plan.pack_a || plan.pack_b == PackB::block;
    for (Index d = 0; d < depths.count(); ++d) {
      const Block block{depths[d], mode == Store::accumulate || d > 0, d + 1 == depths.count(), thread};
      if (packs_block) {
        if (d > 0) {
          parallel_barrier(threads);  // nobody reads the panels that are about to be overwritten
        }
        pack_block(block, a_share, b_share);
        parallel_barrier(threads);
      }
      multiply_block(block, plan.divide_rows ? a_share : Chunk{0, RowPanels<T>{a.count}.count()},
                     plan.divide_rows ? Chunk{0, ColumnPanels<T>{b.count}.count()} : b_share);
    }
  }

  /// C(row ..., col ...) (+)= sums [rows × width], then the epilogue where the sums are complete. `cols` of
  /// the columns belong to C.
  void finish_tile(const T* sums, Index width, Chunk rows, Index col, Index cols, bool add_to_c,
                   bool finish) const {
    const auto finish_vector = [&](Index row, Index v, const T* from, auto which) {
      T* target = c + row * c_stride + col + v;
      Simd<T> value = Simd<T>::load_aligned(from + v);
      if (add_to_c) {
        value += load(target, which);
      }
      store(target, finish ? epilogue(value, row, col + v, which) : value, which);
    };
    const bool whole = cols == Tile::cols;
    for (Index row = rows.first; row < rows.last; ++row, sums += width) {
      if (whole) {
        finish_vector(row, 0, sums, AllLanes{});
        finish_vector(row, lanes<T>, sums, AllLanes{});
      } else {
        for_each_vector<T>(cols, [&](Index v, auto which) { finish_vector(row, v, sums, which); });
      }
    }
  }

 private:
  /// A part of the depth, as one thread sees it.
  struct Block {
    Chunk depth;
    bool add_to_c;
    bool finish;  ///< the last terms: the epilogue follows
    int thread;
    [[nodiscard]] Index length() const { return depth.last - depth.first; }
  };

  void pack_block(const Block& block, Chunk a_share, Chunk b_share) const {
    if (plan.pack_a) {
      for (Index p = a_share.first; p < a_share.last; ++p) {
        pack_rows(a, RowPanels<T>{a.count}[p], block.depth, packed_a);
      }
    }
    if (plan.pack_b == PackB::block) {
      for (Index q = b_share.first; q < b_share.last; ++q) {
        pack_columns(block, q, packed_b + q * Tile::cols * block.length());
      }
    }
  }

  void pack_columns(const Block& block, Index q, T* target) const {
    const Index width = ColumnPanels<T>{b.count}.width(q);
    const Index col = q * Tile::cols;
    pack_panel(b, col, std::min(width, b.count - col), block.depth, width, target);
  }

  /// Panel q of B, `b_depth` elements from one step of the depth to the next.
  [[nodiscard]] const T* columns(const Block& block, Index q, Index& b_depth) const {
    const ColumnPanels<T> panels{b.count};
    b_depth = panels.width(q);
    switch (plan.pack_b) {
      case PackB::never:
        b_depth = b.depth_stride;
        return b.at(q * Tile::cols, block.depth.first);
      case PackB::block:
        return packed_b + q * Tile::cols * block.length();
      case PackB::prepared:
        return prepared + panels.vectors() * lanes<T> * block.depth.first + q * Tile::cols * block.length();
      case PackB::panel:
        break;
    }
    T* own = packed_b + block.thread * Tile::widest * DepthBlocks<T>{k}.longest();
    pack_columns(block, q, own);
    return own;
  }

  /// All tiles of some panels of A times some panels of B, as many rows of A as stay in L2 at a time.
  void multiply_block(const Block& block, Chunk a_panels, Chunk b_panels) const {
    // One pass over B where its panels are packed on the way.
    const Index group =
        plan.pack_b == PackB::panel
            ? a_panels.last - a_panels.first
            : std::max<Index>(1, Tile::l2_elements / (Tile::rows * std::max<Index>(1, block.length())));
    for (Index p0 = a_panels.first; p0 < a_panels.last; p0 += group) {
      for (Index q = b_panels.first; q < b_panels.last; ++q) {
        Index b_depth = 0;
        const T* right = columns(block, q, b_depth);
        for (Index p = p0; p < std::min(a_panels.last, p0 + group); ++p) {
          multiply_one(block, RowPanels<T>{a.count}[p], q, right, b_depth);
        }
      }
    }
  }

  void multiply_one(const Block& block, Chunk rows, Index q, const T* right, Index b_depth) const {
    const Index height = rows.last - rows.first;
    const Index col = q * Tile::cols;
    const Index width = ColumnPanels<T>{b.count}.width(q);
    for (Index row = rows.first; row < rows.last; ++row) {
      __builtin_prefetch(c + row * c_stride + col, 1);
    }
    const TileOperands<T> operands =
        plan.pack_a ? TileOperands<T>{packed_a + rows.first * block.length(), 1, height, right, b_depth}
                    : TileOperands<T>{a.at(rows.first, block.depth.first), a.line_stride, a.depth_stride,
                                      right, b_depth};
    alignas(alignment) T sums[Tile::size];
    multiply_tile<T>(height, width / lanes<T>, block.length(), operands, sums);
    finish_tile(sums, width, rows, col, std::min(width, b.count - col), block.add_to_c, block.finish);
  }
};

}  // namespace detail

}  // namespace vaekit::inline VAEKIT_ABI
