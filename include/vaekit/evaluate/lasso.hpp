// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>

#include "vaekit/core/check.hpp"
#include "vaekit/core/matrix.hpp"
#include "vaekit/kernels/gemm.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// L1-regularised linear regression of each column of y on x, without intercept:
///
///   w_t = argmin 1/(2n) ‖y_t − x w_t‖² + penalty ‖w_t‖₁
///
/// by cyclic coordinate descent, until no weight moves by more than 10⁻¹³.
/// Shapes  x [n × d], y [n × targets], result [targets × d]
/// Throws  ShapeError when the rows differ
/// Source  Friedman, Hastie, Tibshirani 2010 (Journal of Statistical Software 33), section 2
[[nodiscard]] inline Matrix<double> fit_lasso(MatrixIn<double> x, MatrixIn<double> y, double penalty) {
  check_rows("fit_lasso", "y", y, x.rows(), "rows of x");
  const double inverse = 1 / static_cast<double>(x.rows());
  Matrix<double> gram(x.cols(), x.cols());
  Matrix<double> right(y.cols(), x.cols());
  gemm<double>(transposed<double>(x), as_is<double>(x), x.rows(), gram, Store::overwrite);
  gemm<double>(transposed<double>(y), as_is<double>(x), x.rows(), right, Store::overwrite);
  gram *= inverse;
  right *= inverse;
  Matrix<double> weights(y.cols(), x.cols());
  for (Index t = 0; t < y.cols(); ++t) {
    double moved = 1;
    for (int sweep = 0; sweep < 10000 && moved > 1e-13; ++sweep) {
      moved = 0;
      for (Index j = 0; j < x.cols(); ++j) {
        if (gram(j, j) <= 0) {
          continue;
        }
        const double old = weights(t, j);
        const double pull = right(t, j) - gram.row(j).dot(weights.row(t)) + gram(j, j) * old;
        const double size = std::max(std::abs(pull) - penalty, 0.0) / gram(j, j);
        weights(t, j) = std::copysign(size, pull);
        moved = std::max(moved, std::abs(weights(t, j) - old));
      }
    }
  }
  return weights;
}

}  // namespace vaekit::inline VAEKIT_ABI
