// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "vaekit/evaluate/nearest_neighbours.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct PrecisionRecall {
  double precision = 0;  ///< share of generated samples that lie among real ones
  double recall = 0;     ///< share of real samples that lie among generated ones
};

/// Share of `samples` within the manifold of `references`: the union of balls around each, as wide as its
/// k-th nearest other reference is far, the edge included.
///
/// Shapes   samples [m × d], references [n × d], n > k
/// Throws   ShapeError, ConfigError
[[nodiscard]] inline double manifold_coverage(MatrixIn<double> samples, MatrixIn<double> references,
                                              Index k = 3) {
  const Neighbours near = nearest_neighbours(references, references, k, true);
  std::vector<std::uint8_t> inside(static_cast<std::size_t>(samples.rows()));
  for_each_distance(samples, references, [&](Index i, std::span<const double> squares) {
    bool found = false;
    for (std::size_t j = 0; j < squares.size(); ++j) {
      found = found || squares[j] <= near.square(static_cast<Index>(j), k - 1);
    }
    inside[static_cast<std::size_t>(i)] = found ? 1 : 0;
  });
  return static_cast<double>(std::ranges::count(inside, 1)) / static_cast<double>(inside.size());
}

/// Improved precision and recall of generated features against real ones, with manifolds of k = 3 neighbours.
///
/// Both depend on the numbers of samples: compare sets of equal sizes.
/// Throws  ShapeError, ConfigError
/// Source  Kynkäänniemi, Karras, Laine, Lehtinen, Aila 2019 (arXiv:1904.06991), section 2
[[nodiscard]] inline PrecisionRecall precision_recall(MatrixIn<double> real, MatrixIn<double> generated,
                                                      Index k = 3) {
  return {manifold_coverage(generated, real, k), manifold_coverage(real, generated, k)};
}

}  // namespace vaekit::inline VAEKIT_ABI
