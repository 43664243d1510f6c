// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vaekit/core/check.hpp"
#include "vaekit/core/random.hpp"
#include "vaekit/data/batches.hpp"
#include "vaekit/data/condition.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Some samples of a data set, seen through a transform: what training and evaluation read.
///
/// Does not own. `seed` names the stochastic binarisation, if the transform has one.
struct DataView {
  const Dataset* dataset = nullptr;
  const Transform* transform = nullptr;
  std::span<const std::uint32_t> rows;
  std::uint64_t seed = 0;
  Condition condition = {};

  /// Features, then condition.
  [[nodiscard]] Index columns() const { return dataset->features() + condition.columns(); }
  [[nodiscard]] Index size() const { return static_cast<Index>(rows.size()); }
};

/// All rows of `view`; where it has more than `most`, as many of them, drawn by its seed, in their order.
/// Data are often sorted: their first samples need not be like the others.
[[nodiscard]] inline std::vector<std::uint32_t> random_rows(const DataView& view, Index most) {
  if (view.size() <= most) {
    return {view.rows.begin(), view.rows.end()};
  }
  std::vector<std::uint32_t> places(view.rows.size());
  fill_permutation(places, RandomStream(view.seed, Purpose::subset));
  places.resize(static_cast<std::size_t>(most));
  std::ranges::sort(places);
  std::ranges::transform(places, places.begin(), [&](std::uint32_t i) { return view.rows[i]; });
  return places;
}

/// x[i] = the features and the condition of sample `rows[i]` in epoch `epoch`. [rows.size() × view.columns()]
///
/// Throws ShapeError, DataError as `read_rows`
template <class T>
void read_view(const DataView& view, std::span<const std::uint32_t> rows, std::uint64_t epoch,
               MatrixOut<T> x) {
  check_columns("read_view", "x", x, view.columns(), "features and condition of the data");
  read_rows<T>(*view.dataset, rows, *view.transform, view.seed, epoch, x.leftCols(view.dataset->features()));
  view.condition.read<T>(rows, x.rightCols(view.condition.columns()));
}

/// Calls `body(first, x)` for consecutive batches of `view`, x [n × columns], first = number of samples
/// before.
///
/// `buffer` [batch × columns] is caller-owned. The binarisation is the one of epoch 0.
template <class T, class Body>
void for_each_batch(const DataView& view, Matrix<T>& buffer, Body&& body) {
  for (Index first = 0; first < view.size(); first += buffer.rows()) {
    const Index n = std::min(buffer.rows(), view.size() - first);
    const MatrixOut<T> x = top(buffer, n);
    read_view<T>(view, view.rows.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(n)), 0, x);
    body(first, x);
  }
}

/// Whether every feature of every sample is one of `levels` levels k / (levels − 1), to rounding in float.
///
/// Throws DataError as `read_rows`
[[nodiscard]] inline bool has_levels(const DataView& view, Index levels) {
  const auto last = static_cast<float>(levels - 1);
  const auto is_level = [&](float value) {
    return value >= 0 && value <= 1 && std::abs(value * last - std::nearbyint(value * last)) < 1e-6F * last;
  };
  Matrix<float> buffer(std::min<Index>(500, view.size()), view.columns());
  bool all = true;
  for_each_batch<float>(view, buffer, [&](Index, MatrixIn<float> x) {
    for (Index row = 0; row < x.rows() && all; ++row) {
      const std::span<const float> sample(x.row(row).data(),
                                          static_cast<std::size_t>(view.dataset->features()));
      all = std::ranges::all_of(sample, is_level);
    }
  });
  return all;
}

/// Whether every feature of every sample is 0 or 1.
///
/// Throws DataError as `read_rows`
[[nodiscard]] inline bool is_binary(const DataView& view) { return has_levels(view, 2); }

}  // namespace vaekit::inline VAEKIT_ABI
