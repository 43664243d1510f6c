// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "vaekit/evaluate/factor_groups.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct FactorVaeScoreConfig {
  Index variance_samples = 10000;  ///< for the variance of each code over the whole data
  Index votes = 800;               ///< groups that decide what each code stands for
  Index test_votes = 800;          ///< groups that are scored
  Index group = 64;                ///< combinations in a group
  double least_variance = 0.0025;  ///< codes that vary less, a standard deviation of 0.05, do not vote
};

namespace detail {

/// The variance of each column.
[[nodiscard]] inline RowVector<double> column_variances(MatrixIn<double> x) {
  RowVector<double> variances(x.cols());
  for (Index d = 0; d < x.cols(); ++d) {
    variances[d] = (x.col(d).array() - x.col(d).mean()).square().mean();
  }
  return variances;
}

}  // namespace detail

/// The code that varies least in each group of `group` rows, in units of `variance`; −1 for none that may
/// vote.
///
/// Shapes  codes [groups · group × d], variance [d]
[[nodiscard]] inline std::vector<Index> steadiest_codes(MatrixIn<double> codes, Index group,
                                                        const RowVector<double>& variance,
                                                        double least_variance) {
  std::vector<Index> result;
  for (Index first = 0; first + group <= codes.rows(); first += group) {
    const RowVector<double> within = detail::column_variances(codes.middleRows(first, group));
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

/// FactorVAE score: the accuracy with which the held factor of a group is told from the code that varies
/// least in it, by majority vote. 1 at best; chance is one over the number of factors.
///
/// Codes that hardly vary over the data are left out; the score is 0 when that leaves none.
/// Throws  DataError when no factor varies
/// Source  Kim & Mnih 2018 (arXiv:1802.05983), section 4
template <Representation Represent>
[[nodiscard]] double factor_vae_score(const Factors& factors, Index dim, const Represent& represent,
                                      std::uint64_t seed, const FactorVaeScoreConfig& config = {}) {
  const auto coded = [&](const std::vector<std::uint32_t>& combinations) {
    Matrix<double> codes(std::ssize(combinations), dim);
    represent(combinations, codes);
    return codes;
  };
  const RowVector<double> variance =
      detail::column_variances(coded(draw_combinations(factors, config.variance_samples, seed)));
  const FactorGroups groups =
      draw_groups(factors, config.votes + config.test_votes, config.group, config.group, seed);
  const std::vector<Index> steadiest =
      steadiest_codes(coded(groups.combinations), config.group, variance, config.least_variance);
  Matrix<double> votes(dim, factors.size());
  double right = 0;
  for (Index g = 0; g < config.votes + config.test_votes; ++g) {
    const Index code = steadiest[static_cast<std::size_t>(g)];
    const Index held = groups.held[static_cast<std::size_t>(g)];
    if (code < 0) {
      return 0;
    }
    if (g < config.votes) {
      votes(code, held) += 1;
    } else {
      Index elected = 0;
      static_cast<void>(votes.row(code).maxCoeff(&elected));
      right += elected == held ? 1 : 0;
    }
  }
  return right / static_cast<double>(config.test_votes);
}

}  // namespace vaekit::inline VAEKIT_ABI
