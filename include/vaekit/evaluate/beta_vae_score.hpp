// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vaekit/evaluate/factor_groups.hpp"
#include "vaekit/evaluate/linear_probe.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct BetaVaeScoreConfig {
  Index train_points = 1000;
  Index test_points = 500;
  Index pairs = 64;  ///< of a point
};

/// Mean |z − z'| over the pairs of each group of 2 · `pairs` rows. [groups × d]
[[nodiscard]] inline Matrix<double> pair_differences(MatrixIn<double> codes, Index pairs) {
  Matrix<double> points(codes.rows() / (2 * pairs), codes.cols());
  for (Index i = 0; i < points.rows() * pairs; ++i) {
    points.row(i / pairs) +=
        (codes.row(2 * i) - codes.row(2 * i + 1)).cwiseAbs() / static_cast<double>(pairs);
  }
  return points;
}

/// The beta-VAE score of groups whose mean differences are known: the first `train` train the classifier, the
/// others are scored.
///
/// Shapes  points [groups × d], held [groups] in 0 .. factors − 1
/// Throws  ShapeError, DataError; NumericError when a difference is not finite
[[nodiscard]] inline double beta_vae_score(MatrixIn<double> points, std::span<const std::int32_t> held,
                                           Index factors, Index train) {
  check_held("beta-VAE score", points.rows(), held, train, factors);
  const auto labels = static_cast<std::size_t>(train);
  const LinearProbe probe(points.topRows(train), held.first(labels), factors);
  return probe.accuracy(points.bottomRows(points.rows() - train), held.subspan(labels));
}

/// beta-VAE score: the held-out accuracy with which a linear classifier tells, from the mean absolute
/// difference of the codes of pairs of samples, which factor the two of each pair share. 1 at best; chance is
/// one over the number of factors.
///
/// The classifier is a `LinearProbe`. A rotated representation can still score high: the differences of
/// several codes together tell the factor.
///
/// Throws  DataError when no factor varies
///
/// Source  Higgins et al. 2017 (ICLR), section 3 and algorithm 1
template <Representation Represent>
[[nodiscard]] double beta_vae_score(const Factors& factors, Index dim, const Represent& represent,
                                    std::uint64_t seed, const BetaVaeScoreConfig& config = {}) {
  const Index groups = config.train_points + config.test_points;
  Matrix<double> points(groups, dim);
  std::vector<std::int32_t> held;
  for_each_coded_groups(factors, groups, 2 * config.pairs, 2, seed, dim, represent,
                        [&](Index first, std::span<const std::int32_t> factor, MatrixIn<double> codes) {
                          points.middleRows(first, std::ssize(factor)) =
                              pair_differences(codes, config.pairs);
                          held.insert(held.end(), factor.begin(), factor.end());
                        });
  return beta_vae_score(points, held, factors.size(), config.train_points);
}

}  // namespace vaekit::inline VAEKIT_ABI
