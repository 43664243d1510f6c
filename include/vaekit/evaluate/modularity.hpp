// SPDX-License-Identifier: MIT
#pragma once

#include "vaekit/evaluate/mutual_information.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Modularity: the mean over codes of 1 − δ_j, where δ_j is what code j tells of factors other than its best
/// one, θ_j = max_k I(z_j; v_k):
///
///   δ_j = Σ_{k ≠ best} I(z_j; v_k)² / (θ_j² (K − 1))
///
/// 1 when each code tells of one factor at most; a code that tells of nothing has 0 (as in Locatello et al.
/// 2019). It does not ask whether a factor is spread over many codes.
/// Throws  ShapeError when there are fewer than 2 factors
/// Source  Ridgeway & Mozer 2018 (arXiv:1802.05312), section 3
[[nodiscard]] inline double modularity(const MutualInformation& of) {
  const Matrix<double>& information = of.information;
  if (information.cols() < 2 || information.rows() < 1) {
    throw ShapeError(concat("modularity: has ", information.rows(), " codes and ", information.cols(),
                            " factors, must have at least 1 and 2"));
  }
  double sum = 0;
  for (Index d = 0; d < information.rows(); ++d) {
    const double best = information.row(d).maxCoeff();
    if (best > 0) {
      const double others = information.row(d).squaredNorm() - best * best;
      sum += 1 - others / (best * best * static_cast<double>(information.cols() - 1));
    }
  }
  return sum / static_cast<double>(information.rows());
}

}  // namespace vaekit::inline VAEKIT_ABI
