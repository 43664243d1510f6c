// SPDX-License-Identifier: MIT
//
// Which steps of the depth of a product can be left out because A has nothing but zeros there: after a ReLU
// many units are 0 for all samples of a panel, above all where these are samples for one input.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "vaekit/kernels/gemm_tile.hpp"

namespace vaekit::inline VAEKIT_ABI::detail {

/// For each panel of rows of A and each block of the depth, the steps at which some row is not 0.
template <class T>
class LiveSteps {
 public:
  /// False where no panel has steps enough to leave out.
  ///
  /// Shapes  A [a.count × k], rows contiguous
  [[nodiscard]] bool find(const Lines<T>& a, Index k) {
    bool found = false;
    const RowPanels<T> panels(a.count);
    depth_ = k;
    blocks_ = DepthBlocks<T>{k}.count();
    steps_.resize(std::max(steps_.size(), static_cast<std::size_t>(panels.count() * k)));
    counts_.resize(std::max(counts_.size(), static_cast<std::size_t>(panels.count() * blocks_)));
    for (Index p = 0; p < panels.count(); ++p) {
      for (Index d = 0; d < blocks_; ++d) {
        const Chunk depth = DepthBlocks<T>{k}[d];
        const Index count = find_block(a, panels[p], depth, steps_.data() + p * k + depth.first);
        const Index length = depth.last - depth.first;
        // Steps in order are quicker to take than steps by number.
        const bool most = 16 * count > 15 * length;
        counts_[at(p, d)] = static_cast<std::int32_t>(most ? length : count);
        found = found || !most;
      }
    }
    return found;
  }

  /// Of panel p in block d: steps from the block's first one on, in order; null where all count.
  [[nodiscard]] const std::int32_t* steps(Index p, Index d) const {
    const Chunk depth = DepthBlocks<T>{depth_}[d];
    return count(p, d) == depth.last - depth.first ? nullptr : steps_.data() + p * depth_ + depth.first;
  }
  [[nodiscard]] Index count(Index p, Index d) const { return counts_[at(p, d)]; }

 private:
  [[nodiscard]] std::size_t at(Index p, Index d) const { return static_cast<std::size_t>(p * blocks_ + d); }

  [[nodiscard]] static Index find_block(const Lines<T>& a, Chunk rows, Chunk depth, std::int32_t* steps) {
    Index count = 0;
    alignas(alignment) std::array<T, static_cast<std::size_t>(lanes<T>)> sums;
    for (Index k = depth.first; k < depth.last; k += lanes<T>) {
      const Index width = std::min(lanes<T>, depth.last - k);
      Simd<T> sum(T{0});
      for (Index row = rows.first; row < rows.last; ++row) {
        const T* values = a.at(row, k);
        sum += xsimd::abs(width == lanes<T> ? load(values, AllLanes{}) : load(values, width));
      }
      sum.store_aligned(sums.data());
      for (Index i = 0; i < width; ++i) {
        steps[count] = static_cast<std::int32_t>(k + i - depth.first);
        count += sums[static_cast<std::size_t>(i)] != T{0} ? 1 : 0;  // a NaN counts
      }
    }
    return count;
  }

  Index depth_ = 0;
  Index blocks_ = 0;
  std::vector<std::int32_t> steps_;   // [panels × k]
  std::vector<std::int32_t> counts_;  // [panels × blocks]
};

}  // namespace vaekit::inline VAEKIT_ABI::detail
