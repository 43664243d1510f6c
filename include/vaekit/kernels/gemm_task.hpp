// SPDX-License-Identifier: MIT
//
// How one matrix product is divided among caches and threads.
#pragma once

#include <concepts>
#include <numeric>

#include "vaekit/kernels/gemm_zeros.hpp"
#include "vaekit/kernels/reduce.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Leaves the product as it is.
struct NoEpilogue {
  template <class T, class Which>
  Simd<T> operator()(const Simd<T>& value, Index, Index, Which) const {
    return value;
  }
};

/// What a product does with the old contents of its output.
enum class Store { overwrite, accumulate };

/// The order in which a product of few rows goes through the columns of B. Where calls take turns, each finds
/// in the cache what the one before it read last. No bit depends on it.
enum class Sweep { forwards, backwards };

namespace detail {

/// Multiply-adds below which a second thread costs more than it brings.
inline constexpr Index gemm_thread_gate = 300'000;

/// Panels of the other operand from which packing an operand pays.
inline constexpr Index pack_gate = 4;
/// Where the tiles find B.
enum class PackB {
  never,     ///< as it lies in memory
  panels,    ///< each thread packs a panel when it comes to it
  prepared,  ///< packed before, by `PackedMatrix`
};

/// How a product is computed. No choice changes a bit of the result: each element is summed in one order.
struct GemmPlan {
  bool pack_a;
  PackB pack_b;
  int threads;  ///< to ask for
};

/// Whether rows of a tile, so many bytes apart, drive each other out of L1: eight ways of 4096 bytes.
template <class T>
[[nodiscard]] constexpr bool strides_collide(Index bytes) {
  constexpr Index ways = 8;
  constexpr Index way = 4096;
  const Index places = way / std::gcd(bytes, way);
  return (GemmTile<T>::rows + places - 1) / places >= ways;  // one is for B, which passes by
}

template <class T>
[[nodiscard]] GemmPlan make_plan(Index k, const Lines<T>& a, const Lines<T>& b, bool prepared) {
  const Index a_panels = RowPanels<T>(a.count).count();
  const Index b_panels = ColumnPanels<T>{b.count}.count();
  GemmPlan plan{};
  plan.threads = a.count * b.count * k < gemm_thread_gate ? 1 : thread_count();
  // A is read as it lies, one element for each row of the tile, unless each step of the depth is in another
  // cache line, or the lines collide in the cache.
  plan.pack_a = b_panels >= pack_gate &&
                (a.depth_stride != 1 || strides_collide<T>(a.line_stride * static_cast<Index>(sizeof(T))));
  // Panels of B are read many times: packing pays, and is needed where they lie across the rows of B or
  // would be read past its end.
  const bool readable = b.line_stride == 1 && b.count % lanes<T> == 0;
  plan.pack_b = prepared ? PackB::prepared : readable && a_panels < pack_gate ? PackB::never : PackB::panels;
  return plan;
}

/// What products with a prepared operand or with more than one result have besides.
template <class T>
struct GemmExtras {
  const T* prepared = nullptr;  ///< B as [depth × padded columns]: block after block, panel after panel
  T* row_sums = nullptr;        ///< += Σ_k A(row, k), if A is packed
  Sweep sweep = Sweep::forwards;
  bool skip_zeros = false;  ///< B is finite: where A is 0 nothing need be added
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
  GemmPlan plan;
  GemmExtras<T> extras;
  T* packed_a;                         // [longest depth × rows]
  T* packed_b;                         // [packed_b_size()]
  const LiveSteps<T>* live = nullptr;  // steps of the depth to take; null: all

  /// The share of one of `threads` threads, all of which must call it.
  void run(int thread, int threads) const {
    const DepthBlocks<T> depths{k};
    for (Index d = 0; d < depths.count(); ++d) {
      const Block block{d,      depths[d], mode == Store::accumulate || d > 0, d + 1 == depths.count(),
                        thread, threads};
      if (plan.pack_a) {
        if (d > 0) {
          parallel_barrier(threads);  // nobody reads the panels that are about to be overwritten
        }
        pack_rows_of(block);
        parallel_barrier(threads);
      }
      multiply_block(block);
    }
  }

  /// C(row ..., col ...) (+)= sums [rows × width], then the epilogue where the sums are complete. `cols` of
  /// the columns belong to C. The sums may be in C already.
  void finish_rows(const T* sums, Index width, Chunk rows, Index col, Index cols, bool add_to_c,
                   bool finish) const {
    // Vector stores may alias members: the loop works on copies.
    const Epilogue finish_values = epilogue;
    const Index stride = c_stride;
    T* target = c + rows.first * stride + col;
    const auto finish_vector = [&](Index row, Index v, auto which) {
      Simd<T> value = Simd<T>::load_unaligned(sums + v);
      if (add_to_c) {
        value += load(target + v, which);
      }
      store(target + v, finish ? finish_values(value, row, col + v, which) : value, which);
    };
    const bool whole = cols == Tile::cols;
    for (Index row = rows.first; row < rows.last; ++row, sums += width, target += stride) {
      if (whole) {
        finish_vector(row, 0, AllLanes{});
        finish_vector(row, lanes<T>, AllLanes{});
      } else {
        for_each_vector<T>(cols, [&](Index v, auto which) { finish_vector(row, v, which); });
      }
    }
  }

  /// Elements that threads which pack panels of B need together, however many there are in the end.
  [[nodiscard]] Index packed_b_size() const {
    Index most = 0;
    for (int threads = 1; threads <= plan.threads; ++threads) {
      most = std::max(most, threads * own_size(threads));
    }
    return most;
  }

  /// The prepared panels of one block of the depth.
  [[nodiscard]] const T* prepared_block(Chunk depth) const {
    return extras.prepared + ColumnPanels<T>{b.count}.vectors() * lanes<T> * depth.first;
  }

 private:
  /// A part of the depth, as one thread sees it.
  struct Block {
    Index index;
    Chunk depth;
    bool add_to_c;
    bool finish;  ///< the last terms: the epilogue follows
    int thread;
    int threads;
    [[nodiscard]] Index length() const { return depth.last - depth.first; }
  };

  /// A panel of B, as the tiles read it.
  struct Panel {
    const T* data;
    Index depth_stride;
    T* copy = nullptr;  ///< where the first tile is to pack it
  };

  /// Panels of rows of A that stay in L2 while panels of B pass by.
  [[nodiscard]] Index rows_at_a_time(Index length) const {
    return std::max<Index>(1, Tile::l2_elements / (Tile::rows * std::max<Index>(1, length)));
  }

  /// Elements of the panels of B that one of `threads` threads keeps: those of all its tiles where it comes
  /// to them more than once.
  [[nodiscard]] Index own_size(int threads) const {
    const Index longest = DepthBlocks<T>{k}.longest();
    const Index panels = ColumnPanels<T>{b.count}.count();
    const bool once = RowPanels<T>(a.count).count() <= rows_at_a_time(longest);
    const Index kept = once ? 1 : (panels + threads - 1) / threads + 1;
    return (kept * Tile::cols + lanes<T>)*longest;
  }

  void pack_rows_of(const Block& block) const {
    const RowPanels<T> panels(a.count);
    const Chunk share = chunk(panels.count(), block.thread, block.threads);
    for (Index p = share.first; p < share.last; ++p) {
      const Chunk rows = panels[p];
      pack_rows(a, rows, block.depth, packed_a);
      if (extras.row_sums != nullptr) {
        const Index height = rows.last - rows.first;
        add_column_sums(packed_a + rows.first * block.length(), height, block.length(), height,
                        extras.row_sums + rows.first);
      }
    }
  }

  void pack_columns(const Block& block, Index q, T* target) const {
    const Index width = ColumnPanels<T>{b.count}.width(q);
    const Index col = q * Tile::cols;
    pack_panel(b, col, std::min(width, b.count - col), block.depth, width, target);
  }

  /// Panel q of B, the `nth` of those that this thread keeps; `again`: it has met this panel before.
  [[nodiscard]] Panel columns(const Block& block, Index q, Index nth, bool again) const {
    const Index width = ColumnPanels<T>{b.count}.width(q);
    const Index col = q * Tile::cols;
    switch (plan.pack_b) {
      case PackB::never:
        return {b.at(col, block.depth.first), b.depth_stride};
      case PackB::prepared:
        return {prepared_block(block.depth) + col * block.length(), width};
      case PackB::panels:
        break;
    }
    T* const own = packed_b + block.thread * own_size(block.threads) + nth * Tile::cols * block.length();
    if (again) {
      return {own, width};
    }
    // The first tile can read rows of B as they lie, and pack them on the way.
    if (b.line_stride == 1 && width == Tile::cols && col + width <= b.count) {
      return {b.at(col, block.depth.first), b.depth_stride, own};
    }
    pack_columns(block, q, own);
    return {own, width};
  }

  /// The tiles of one thread, as many rows of A as stay in L2 at a time.
  ///
  /// Tiles are numbered down the columns and divided evenly, so that no thread waits for one with a panel
  /// more; only the panels of B at the seams are packed twice.
  void multiply_block(const Block& block) const {
    const RowPanels<T> rows(a.count);
    const Chunk tiles = chunk(rows.count() * ColumnPanels<T>{b.count}.count(), block.thread, block.threads);
    const Index group = rows_at_a_time(block.length());
    for (Index p0 = 0; p0 < rows.count(); p0 += group) {
      for (Index q = tiles.first / rows.count(); q * rows.count() < tiles.last; ++q) {
        const Index begin = std::max<Index>(0, tiles.first - q * rows.count());
        const Index first = std::max(p0, begin);
        const Index last = std::min({p0 + group, rows.count(), tiles.last - q * rows.count()});
        if (first >= last) {
          continue;
        }
        const Index nth = rows.count() > group ? q - tiles.first / rows.count() : 0;
        Panel right = columns(block, q, nth, begin < p0);
        for (Index p = first, next; p < last; p = next) {
          const Index together = live == nullptr ? last : p + 1;  // steps are those of one panel
          next = std::min(together, rows.same_height(p));
          multiply_panels(block, p, next - p, q, right);
          if (right.copy != nullptr) {
            right = {right.copy, Tile::cols};
          }
        }
      }
    }
  }

  /// `panels` tiles below each other, of the height of panel p, the first of them.
  void multiply_panels(const Block& block, Index p, Index panels, Index q, const Panel& right) const {
    Chunk rows = RowPanels<T>(a.count)[p];
    const Index height = rows.last - rows.first;
    const Index col = q * Tile::cols;
    const Index width = ColumnPanels<T>{b.count}.width(q);
    const Index cols = std::min(width, b.count - col);
    TileOperands<T> operands{a.at(rows.first, block.depth.first),
                             a.line_stride,
                             a.depth_stride,
                             right.data,
                             right.depth_stride,
                             c + rows.first * c_stride + col,
                             c_stride,
                             block.add_to_c,
                             panels,
                             height * a.line_stride,
                             height * c_stride};
    operands.b_copy = right.copy;
    if (plan.pack_a) {
      operands.a = packed_a + rows.first * block.length();
      operands.a_line = 1;
      operands.a_depth = height;
      operands.a_step = height * block.length();
    }
    Index steps = block.length();
    if (live != nullptr) {
      operands.steps = live->steps(p, block.index);
      steps = live->count(p, block.index);
    }
    if (cols == width) {
      multiply_tile<T>(height, width / lanes<T>, steps, operands);
      if (block.finish && !std::same_as<Epilogue, NoEpilogue>) {
        finish_rows(operands.out, c_stride, {rows.first, rows.first + panels * height}, col, cols, false,
                    true);
      }
      return;
    }
    alignas(alignment) T sums[Tile::size];
    operands.out = sums;
    operands.out_line = width;
    operands.add = false;
    operands.panels = 1;
    for (Index panel = 0; panel < panels; ++panel, operands.a += operands.a_step) {
      for (Index row = rows.first; row < rows.last; ++row) {
        __builtin_prefetch(c + row * c_stride + col, 1);
      }
      multiply_tile<T>(height, width / lanes<T>, steps, operands);
      finish_rows(sums, width, rows, col, cols, block.add_to_c, block.finish);
      rows = {rows.last, rows.last + height};
    }
  }
};

}  // namespace detail

}  // namespace vaekit::inline VAEKIT_ABI
