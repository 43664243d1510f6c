// SPDX-License-Identifier: MIT
#include "vaekit/kernels/gemm_tile.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace vaekit;
using namespace vaekit::detail;

namespace {

/// Small integers: every sum is exact.
template <class T>
T value(Index i, Index k) {
  return static_cast<T>((3 * i + 5 * k + i * k) % 9 - 4);
}

}  // namespace

TEST_CASE_TEMPLATE("gemm_tile: every height and width of a tile", T, float, double) {
  using Tile = GemmTile<T>;
  constexpr Index depth = 11;
  Matrix<T> a(Tile::rows, depth);
  Matrix<T> b(depth, Tile::widest);
  for (Index k = 0; k < depth; ++k) {
    for (Index i = 0; i < Tile::rows; ++i) {
      a(i, k) = value<T>(i, k);
    }
    for (Index j = 0; j < Tile::widest; ++j) {
      b(k, j) = value<T>(j + 2, k);
    }
  }
  const Matrix<T> product = a * b;
  for (Index rows = 1; rows <= Tile::rows; ++rows) {
    for (Index vectors = 1; vectors <= 3; ++vectors) {
      alignas(alignment) T sums[Tile::size];
      const Index width = vectors * lanes<T>;
      const Eigen::Map<const EigenMatrix<T>> result(sums, rows, width);
      const auto expected = product.topLeftCorner(rows, width);
      multiply_tile<T>(rows, vectors, depth,
                       {a.data(), depth, 1, b.data(), Tile::widest, sums, width, false});
      REQUIRE(result == expected);
      multiply_tile<T>(rows, vectors, depth, {a.data(), depth, 1, b.data(), Tile::widest, sums, width, true});
      REQUIRE(result == 2 * expected);
    }
  }
}

TEST_CASE_TEMPLATE("gemm_tile: panels of rows cover the rows with heights that differ by at most one", T,
                   float, double) {
  for (Index rows = 1; rows <= 200; ++rows) {
    const RowPanels<T> panels{rows};
    Index next = 0;
    Index least = rows;
    Index most = 0;
    for (Index p = 0; p < panels.count(); ++p) {
      REQUIRE(panels[p].first == next);
      next = panels[p].last;
      least = std::min(least, panels[p].last - panels[p].first);
      most = std::max(most, panels[p].last - panels[p].first);
    }
    REQUIRE(next == rows);
    REQUIRE(most <= GemmTile<T>::rows);
    REQUIRE(most - least <= 1);
  }
}

TEST_CASE_TEMPLATE("gemm_tile: panels of columns cover the columns with less than a vector of padding", T,
                   float, double) {
  for (Index cols = 1; cols <= 200; ++cols) {
    const ColumnPanels<T> panels{cols};
    Index covered = 0;
    for (Index q = 0; q < panels.count(); ++q) {
      REQUIRE(covered == q * GemmTile<T>::cols);
      REQUIRE(panels.width(q) % lanes<T> == 0);
      REQUIRE(panels.width(q) <= GemmTile<T>::widest);
      covered += panels.width(q);
    }
    REQUIRE(covered >= cols);
    REQUIRE(covered < cols + lanes<T>);
  }
}

TEST_CASE_TEMPLATE("gemm_tile: blocks of the depth", T, float, double) {
  const Index most = GemmTile<T>::depth;
  for (const Index depth : {Index{0}, Index{1}, Index{20}, most, most + 1, 2 * most, 5 * most - 3}) {
    const DepthBlocks<T> blocks{depth};
    Index next = 0;
    for (Index d = 0; d < blocks.count(); ++d) {
      REQUIRE(blocks[d].first == next);
      next = blocks[d].last;
      REQUIRE(blocks[d].last - blocks[d].first <= blocks.longest());
    }
    REQUIRE(next == depth);
    REQUIRE(blocks.longest() <= most);
  }
}

TEST_CASE_TEMPLATE("gemm_tile: packing pads with zeros and keeps the order", T, float, double) {
  Matrix<T> source(40, 50);
  for (Index i = 0; i < source.size(); ++i) {
    source.data()[i] = static_cast<T>(i + 1);
  }
  const Index width = 3 * lanes<T>;
  for (Index lines = 2 * lanes<T> + 1; lines <= std::min<Index>(width, 34); ++lines) {
    for (const bool along_rows : {false, true}) {
      // Lines are rows of the matrix, or its columns.
      const Lines<T> from =
          along_rows ? Lines<T>{source.data(), 50, 1, 40} : Lines<T>{source.data(), 1, 50, 50};
      AlignedVector<T> packed(static_cast<std::size_t>(width * 9), T{-1});
      pack_panel(from, 3, lines, Chunk{2, 11}, width, packed.data());
      for (Index k = 0; k < 9; ++k) {
        for (Index i = 0; i < width; ++i) {
          const T expected = i >= lines ? T{0} : along_rows ? source(3 + i, 2 + k) : source(2 + k, 3 + i);
          REQUIRE(packed[static_cast<std::size_t>(k * width + i)] == expected);
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("gemm_tile: packing rows of A fills a panel of any height, and nothing else", T, float,
                   double) {
  constexpr Index length = 9;
  constexpr Index before = 4;  // rows
  for (Index height = 1; height <= GemmTile<T>::rows; ++height) {
    for (const bool along_rows : {false, true}) {
      // The panel is the last of a matrix, which ends with it.
      Matrix<T> source(along_rows ? before + height : length, along_rows ? length : before + height);
      for (Index i = 0; i < source.size(); ++i) {
        source.data()[i] = static_cast<T>(i + 1);
      }
      const Index stride = source.cols();
      const Lines<T> from = along_rows ? Lines<T>{source.data(), stride, 1, before + height}
                                       : Lines<T>{source.data(), 1, stride, before + height};
      std::vector<T> packed(static_cast<std::size_t>((before + height) * length + 1), T{-1});
      pack_rows(from, Chunk{before, before + height}, Chunk{0, length}, packed.data());
      const T* panel = packed.data() + before * length;
      for (Index k = 0; k < length; ++k) {
        for (Index i = 0; i < height; ++i) {
          REQUIRE(panel[k * height + i] == (along_rows ? source(before + i, k) : source(k, before + i)));
        }
      }
      CHECK(panel[-1] == T{-1});
      CHECK(panel[height * length] == T{-1});
    }
  }
}
