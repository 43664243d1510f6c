// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "vaekit/core/random.hpp"
#include "vaekit/data/dataset.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// `count` of the samples `rows` of `data`, as many of each class as can be, drawn by `seed`.
///
/// Throws DataError when `count` is larger than their number, or a class has too few of them
[[nodiscard]] inline std::vector<std::uint32_t> choose_labelled(const Dataset& data,
                                                                std::span<const std::uint32_t> rows,
                                                                Index classes, Index count,
                                                                std::uint64_t seed) {
  if (count > std::ssize(rows)) {
    throw DataError(concat(data.name(), ": labelled is ", count, ", must be at most ", rows.size(),
                           " (training samples)"));
  }
  std::vector<std::uint32_t> order(rows.size());
  fill_permutation(order, RandomStream(seed, Purpose::split).child(1));
  std::vector<Index> left(static_cast<std::size_t>(classes));
  for (Index c = 0; c < classes; ++c) {
    left[static_cast<std::size_t>(c)] = count / classes + (c < count % classes ? 1 : 0);
  }
  std::vector<std::uint32_t> chosen;
  for (const std::uint32_t place : order) {
    Index& wanted = left[static_cast<std::size_t>(data.labels()[rows[place]])];
    if (wanted > 0) {
      --wanted;
      chosen.push_back(rows[place]);
    }
  }
  for (Index c = 0; c < classes; ++c) {
    if (const Index missing = left[static_cast<std::size_t>(c)]; missing > 0) {
      throw DataError(concat(data.name(), ": class ", c, " has ", missing, " training samples too few for ",
                             count, " labelled ones"));
    }
  }
  return chosen;
}

/// `rows`, with those in `labelled` repeated until they are about `share` of all.
[[nodiscard]] inline std::vector<std::uint32_t> repeat_labelled(std::span<const std::uint32_t> rows,
                                                                std::span<const std::uint32_t> labelled,
                                                                double share) {
  std::vector<std::uint32_t> result(rows.begin(), rows.end());
  const double others = static_cast<double>(rows.size() - labelled.size());
  const double wanted = share / (1 - share) * others / static_cast<double>(labelled.size());
  for (Index repeat = 1; repeat < std::lround(wanted); ++repeat) {
    result.insert(result.end(), labelled.begin(), labelled.end());
  }
  return result;
}

}  // namespace vaekit::inline VAEKIT_ABI
