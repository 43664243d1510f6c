// SPDX-License-Identifier: MIT
#pragma once

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

/// The beta-VAE score of pairs that are coded already: the first `train_points` groups train the classifier,
/// the others are scored.
///
/// Shapes  codes [groups · 2 pairs × d], held [groups] in 0 .. factors − 1
[[nodiscard]] inline double beta_vae_score(MatrixIn<double> codes, std::span<const std::int32_t> held,
                                           Index factors, const BetaVaeScoreConfig& config) {
  const Matrix<double> points = pair_differences(codes, config.pairs);
  const auto train = static_cast<std::size_t>(config.train_points);
  const LinearProbe probe(points.topRows(config.train_points), held.first(train), factors);
  return probe.accuracy(points.bottomRows(points.rows() - config.train_points), held.subspan(train));
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
  const FactorGroups groups =
      draw_groups(factors, config.train_points + config.test_points, 2 * config.pairs, 2, seed);
  Matrix<double> codes(std::ssize(groups.combinations), dim);
  represent(groups.combinations, codes);
  return beta_vae_score(codes, groups.held, factors.size(), config);
}

}  // namespace vaekit::inline VAEKIT_ABI
