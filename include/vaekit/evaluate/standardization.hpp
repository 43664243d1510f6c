// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include "vaekit/core/matrix.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Centre and scale of each column: what makes a matrix of mean 0 and variance 1.
struct Standardization {
  RowVector<double> mean;   ///< [d]
  RowVector<double> scale;  ///< [d] one over the standard deviation; 0 for a constant column

  Standardization() = default;
  explicit Standardization(MatrixIn<double> x) : mean(x.cols()), scale(x.cols()) {
    for (Index d = 0; d < x.cols() && x.rows() > 0; ++d) {
      mean[d] = x.col(d).mean();
      const double variance = (x.col(d).array() - mean[d]).square().mean();
      // The mean of equal values may differ from them by a rounding error.
      scale[d] = variance > 1e-24 * mean[d] * mean[d] ? 1 / std::sqrt(variance) : 0;
    }
  }

  [[nodiscard]] Matrix<double> operator()(MatrixIn<double> x) const {
    Matrix<double> y(x.rows(), x.cols());
    for (Index i = 0; i < x.rows(); ++i) {
      y.row(i).array() = (x.row(i).array() - mean.array()) * scale.array();
    }
    return y;
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
