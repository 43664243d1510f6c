// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "vaekit/core/check.hpp"
#include "vaekit/core/matrix.hpp"
#include "vaekit/kernels/gemm.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// The directions in which points differ most.
struct PrincipalComponents {
  Matrix<double> projected;  ///< [n × count] points in these directions, their mean at 0
  Matrix<double> axes;       ///< [count × d] unit vectors; the largest number of each is positive
  RowVector<double> share;   ///< [count] of the variance; 0 where points do not differ at all
};

/// The `count` eigenvectors of the covariance of `points` with the largest eigenvalues, largest first.
///
/// Shapes   points [n × d], n ≥ 1, 1 ≤ count ≤ d
/// Throws   ShapeError
/// Threads  safe to call concurrently; no bit depends on the number of threads
/// Source   Pearson 1901 (doi:10.1080/14786440109462720)
[[nodiscard]] inline PrincipalComponents principal_components(MatrixIn<double> points, Index count) {
  const Index d = points.cols();
  if (points.rows() < 1 || count < 1 || count > d) {
    throw ShapeError(concat("principal_components: ", count, " of ", points.rows(), " points with ", d,
                            " numbers, must be between 1 and their numbers, of at least one point"));
  }
  const Eigen::RowVectorXd mean = points.colwise().mean();
  const Matrix<double> centred(points.rowwise() - mean);
  Matrix<double> covariance(d, d);
  gemm<double>(transposed<double>(centred), as_is<double>(centred), points.rows(), covariance,
               Store::overwrite);
  covariance /= static_cast<double>(points.rows());
  const Eigen::SelfAdjointEigenSolver<EigenMatrix<double>> solver(covariance);  // smallest eigenvalue first
  const double total = covariance.trace();
  PrincipalComponents result{Matrix<double>(points.rows(), count), Matrix<double>(count, d),
                             RowVector<double>(count)};
  for (Index k = 0; k < count; ++k) {
    Eigen::VectorXd axis = solver.eigenvectors().col(d - 1 - k);
    Index largest = 0;
    axis.cwiseAbs().maxCoeff(&largest);
    if (axis(largest) < 0) {
      axis = -axis;
    }
    result.axes.row(k) = axis.transpose();
    result.projected.col(k) = centred * axis;
    const double variance = std::max(solver.eigenvalues()(d - 1 - k), 0.0);
    result.share(k) = total > 0 ? variance / total : 0;
  }
  return result;
}

}  // namespace vaekit::inline VAEKIT_ABI
