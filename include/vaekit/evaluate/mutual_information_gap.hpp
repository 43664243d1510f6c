// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include "vaekit/evaluate/mutual_information.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Largest − second largest value of each column, 0 standing for a second row that is not there. Values ≥ 0.
[[nodiscard]] inline std::vector<double> column_gaps(const Matrix<double>& values) {
  std::vector<double> gaps;
  for (Index k = 0; k < values.cols(); ++k) {
    double first = 0;
    double second = 0;
    for (Index d = 0; d < values.rows(); ++d) {
      second = std::max(second, std::min(first, values(d, k)));
      first = std::max(first, values(d, k));
    }
    gaps.push_back(first - second);
  }
  return gaps;
}

/// MIG of each factor: how much more one code tells of it than any other code, as a share of its entropy.
///
///   (I(z_(1); v_k) − I(z_(2); v_k)) / H(v_k)
///
/// with the largest and second largest over the codes; 0 .. 1. A constant factor has 0.
/// Source  Chen, Li, Grosse, Duvenaud 2018 (arXiv:1802.04942), equation 6
[[nodiscard]] inline std::vector<double> mutual_information_gaps(const MutualInformation& of) {
  std::vector<double> gaps = column_gaps(of.information);
  for (std::size_t k = 0; k < gaps.size(); ++k) {
    gaps[k] = of.entropies[k] > 0 ? gaps[k] / of.entropies[k] : 0;
  }
  return gaps;
}

/// The mean of `mutual_information_gaps` over the factors.
[[nodiscard]] inline double mutual_information_gap(const MutualInformation& of) {
  const std::vector<double> gaps = mutual_information_gaps(of);
  return std::accumulate(gaps.begin(), gaps.end(), 0.0) / static_cast<double>(gaps.size());
}

}  // namespace vaekit::inline VAEKIT_ABI
