// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "vaekit/evaluate/factor_groups.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct FactorVaeScoreConfig {
  Index variance_samples = 10000;               ///< for the variance of each code over the whole data
  Index votes = 800;                            ///< groups that decide what each code stands for
  Index test_votes = 800;                       ///< groups that are scored
  Index group = 64;                             ///< combinations in a group
  double least_variance = least_code_variance;  ///< codes that vary less do not vote
};

/// The code that varies least in each group of `group` rows, in units of `variance`; −1 for none that may
/// vote.
///
/// Shapes  codes [groups · group × d], variance [d]
[[nodiscard]] inline std::vector<Index> steadiest_codes(MatrixIn<double> codes, Index group,
                                                        const RowVector<double>& variance,
                                                        double least_variance) {
  std::vector<Index> result;
  for (Index first = 0; first + group <= codes.rows(); first += group) {
    const RowVector<double> within = column_variances(codes.middleRows(first, group));
    Index best = -1;
    double lowest = std::numeric_limits<double>::infinity();
    for (Index d = 0; d < codes.cols(); ++d) {
      if (variance[d] >= least_variance && within[d] / variance[d] < lowest) {
        lowest = within[d] / variance[d];
        best = d;
      }
    }
    result.push_back(best);
  }
  return result;
}

/// The FactorVAE score of groups whose steadiest codes are known: the first `votes` of them decide what each
/// code stands for, the others are scored.
///
/// Shapes  steadiest [groups] in −1 .. codes − 1, held [groups] in 0 .. factors − 1
/// Throws  ShapeError, DataError
[[nodiscard]] inline double factor_vae_score(std::span<const Index> steadiest,
                                             std::span<const std::int32_t> held, Index codes, Index factors,
                                             Index training_votes) {
  const Index groups = std::ssize(steadiest);
  check_held("FactorVAE score", groups, held, training_votes, factors);
  Matrix<double> votes(codes, factors);
  double right = 0;
  for (Index g = 0; g < groups; ++g) {
    const Index code = steadiest[static_cast<std::size_t>(g)];
    const Index factor = held[static_cast<std::size_t>(g)];
    if (code < 0) {
      return 0;
    }
    if (g < training_votes) {
      votes(code, factor) += 1;
    } else {
      Index elected = 0;
      static_cast<void>(votes.row(code).maxCoeff(&elected));
      right += elected == factor ? 1 : 0;
    }
  }
  return right / static_cast<double>(groups - training_votes);
}

/// FactorVAE score: the accuracy with which the held factor of a group is told from the code that varies
/// least in it, by majority vote. 1 at best; chance is one over the number of factors.
///
/// Codes that hardly vary over the data are left out; the score is 0 when that leaves none.
/// Throws  DataError when no factor varies
/// Source  Kim & Mnih 2018 (arXiv:1802.05983), section 4
template <Representation Represent>
[[nodiscard]] double factor_vae_score(const Factors& factors, Index dim, const Represent& represent,
                                      std::uint64_t seed, const FactorVaeScoreConfig& config = {}) {
  Matrix<double> whole(config.variance_samples, dim);
  represent(draw_combinations(factors, config.variance_samples, seed), whole);
  const RowVector<double> variance = column_variances(whole);
  std::vector<Index> steadiest;
  std::vector<std::int32_t> held;
  for_each_coded_groups(factors, config.votes + config.test_votes, config.group, config.group, seed, dim,
                        represent, [&](Index, std::span<const std::int32_t> factor, MatrixIn<double> codes) {
                          const std::vector<Index> found =
                              steadiest_codes(codes, config.group, variance, config.least_variance);
                          steadiest.insert(steadiest.end(), found.begin(), found.end());
                          held.insert(held.end(), factor.begin(), factor.end());
                        });
  return factor_vae_score(steadiest, held, dim, factors.size(), config.votes);
}

}  // namespace vaekit::inline VAEKIT_ABI
