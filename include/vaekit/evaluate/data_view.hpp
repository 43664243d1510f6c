// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "vaekit/data/batches.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Some samples of a data set, seen through a transform: what training and evaluation read.
///
/// Does not own. `seed` names the stochastic binarisation, if the transform has one.
struct DataView {
  const Dataset* dataset = nullptr;
  const Transform* transform = nullptr;
  std::span<const std::uint32_t> rows;
  std::uint64_t seed = 0;

  [[nodiscard]] Index size() const { return static_cast<Index>(rows.size()); }
};

/// Calls `body(first, x)` for consecutive batches of `view`, x [n × features], first = number of samples
/// before.
///
/// `buffer` [batch × features] is caller-owned. The binarisation is the one of epoch 0.
template <class T, class Body>
void for_each_batch(const DataView& view, Matrix<T>& buffer, Body&& body) {
  for (Index first = 0; first < view.size(); first += buffer.rows()) {
    const Index n = std::min(buffer.rows(), view.size() - first);
    const MatrixOut<T> x = top(buffer, n);
    read_rows<T>(*view.dataset,
                 view.rows.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(n)),
                 *view.transform, view.seed, 0, x);
    body(first, x);
  }
}

}  // namespace vaekit::inline VAEKIT_ABI
