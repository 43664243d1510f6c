// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "vaekit/core/check.hpp"
#include "vaekit/core/error.hpp"
#include "vaekit/kernels/gemm.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

/// Σ_ij k(x_i, y_j), without i = j where `same`; k(a, b) = (a·b / d + 1)³.
[[nodiscard]] inline double cubic_kernel_sum(MatrixIn<double> x, MatrixIn<double> y, bool same) {
  constexpr Index block = 256;
  const double scale = 1 / static_cast<double>(x.cols());
  Matrix<double> products(std::min(block, x.rows()), y.rows());
  double sum = 0;
  for (Index first = 0; first < x.rows(); first += block) {
    const Index n = std::min(block, x.rows() - first);
    gemm<double>(as_is<double>(x.middleRows(first, n)), transposed<double>(y), x.cols(), top(products, n),
                 Store::overwrite);
    products.topRows(n) = (products.topRows(n).array() * scale + 1).cube();
    for (Index i = 0; i < n; ++i) {
      sum += products.row(i).sum() - (same ? products(i, first + i) : 0);
    }
  }
  return sum;
}

}  // namespace detail

/// The squared maximum mean discrepancy of two sets of features with the kernel k(a, b) = (a·b / d + 1)³,
/// without bias:
///
///   1/(n(n−1)) Σ_{i≠j} k(x_i, x_j) + 1/(m(m−1)) Σ_{i≠j} k(y_i, y_j) − 2/(nm) Σ_ij k(x_i, y_j)
///
/// 0 on average for samples of one distribution, so it may be negative. KID is this of Inception features.
/// Shapes   x [n × d], y [m × d]
/// Threads  no bit depends on their number
/// Throws   ShapeError when columns differ or there are fewer than 2 rows
/// Source   Gretton et al. 2012 (JMLR 13), equation 3; the kernel: Bińkowski et al. 2018 (arXiv:1801.01401)
[[nodiscard]] inline double kernel_distance(MatrixIn<double> x, MatrixIn<double> y) {
  check_columns("kernel_distance", "y", y, x.cols(), "columns of x");
  if (std::min(x.rows(), y.rows()) < 2) {
    throw ShapeError(
        concat("kernel_distance: has ", x.rows(), " and ", y.rows(), " rows, must have at least 2 each"));
  }
  const auto n = static_cast<double>(x.rows());
  const auto m = static_cast<double>(y.rows());
  return detail::cubic_kernel_sum(x, x, true) / (n * (n - 1)) +
         detail::cubic_kernel_sum(y, y, true) / (m * (m - 1)) -
         2 * detail::cubic_kernel_sum(x, y, false) / (n * m);
}

}  // namespace vaekit::inline VAEKIT_ABI
