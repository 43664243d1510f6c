// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "vaekit/core/check.hpp"
#include "vaekit/core/error.hpp"
#include "vaekit/core/matrix.hpp"
#include "vaekit/kernels/gemm.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// A = Vᵀ diag(values) V, the rows of V orthonormal.
struct SymmetricEigen {
  std::vector<double> values;  ///< in no order
  Matrix<double> vectors;      ///< [n × n], one a row
};

/// Of a symmetric matrix, by cyclic Jacobi rotations: to about 10⁻¹⁵ of the largest eigenvalue.
///
/// Throws  ShapeError when it is not square
/// Source  Golub & Van Loan: Matrix Computations, section 8.5
[[nodiscard]] inline SymmetricEigen symmetric_eigen(Matrix<double> a) {
  check_columns("symmetric_eigen", "matrix", a, a.rows(), "rows");
  SymmetricEigen result{{}, Matrix<double>(a.rows(), a.rows())};
  result.vectors.setIdentity();
  const auto rotate_rows = [](auto&& x, auto&& y, double cosine, double sine) {
    for (Index i = 0; i < x.size(); ++i) {
      const double old = x[i];
      x[i] = cosine * old - sine * y[i];
      y[i] = sine * old + cosine * y[i];
    }
  };
  const double size = a.norm();
  for (int sweep = 0; sweep < 60; ++sweep) {
    double off = 0;
    for (Index p = 0; p < a.rows(); ++p) {
      for (Index q = p + 1; q < a.rows(); ++q) {
        off = std::max(off, std::abs(a(p, q)));
        if (std::abs(a(p, q)) <= 1e-18 * size) {
          continue;
        }
        const double tau = (a(q, q) - a(p, p)) / (2 * a(p, q));
        const double tangent = std::copysign(1 / (std::abs(tau) + std::hypot(1.0, tau)), tau);
        const double cosine = 1 / std::hypot(1.0, tangent);
        const double sine = tangent * cosine;
        rotate_rows(a.row(p), a.row(q), cosine, sine);
        rotate_rows(a.col(p), a.col(q), cosine, sine);
        rotate_rows(result.vectors.row(p), result.vectors.row(q), cosine, sine);
      }
    }
    if (off <= 1e-16 * size) {
      break;
    }
  }
  for (Index i = 0; i < a.rows(); ++i) {
    result.values.push_back(a(i, i));
  }
  return result;
}

/// Mean and unbiased covariance of the rows of a matrix.
struct FeatureMoments {
  RowVector<double> mean;     ///< [d]
  Matrix<double> covariance;  ///< [d × d]

  /// Throws  ShapeError when x has fewer than 2 rows, NumericError when a value is not finite
  explicit FeatureMoments(MatrixIn<double> x) : mean(x.cols()), covariance(x.cols(), x.cols()) {
    if (x.rows() < 2) {
      throw ShapeError(concat("FeatureMoments: has ", x.rows(), " rows, must have at least 2"));
    }
    if (!x.allFinite()) {
      throw NumericError("FeatureMoments: has a value that is not finite, all must be");
    }
    for (Index d = 0; d < x.cols(); ++d) {
      mean[d] = x.col(d).mean();
    }
    const Matrix<double> deviations = x.rowwise() - mean;
    gemm<double>(transposed<double>(deviations), as_is<double>(deviations), x.rows(), covariance,
                 Store::overwrite);
    covariance /= static_cast<double>(x.rows() - 1);
  }
};

/// Fréchet distance of two sets of features, taken as Gaussians:
///
///   ‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½)
///
/// The root's trace is that of (Σ₁^½ Σ₂ Σ₁^½)^½, which is symmetric. It is biased upwards by an amount that
/// falls with the number of rows: compare sets of equal sizes. FID is this distance of Inception features,
/// and no other features give figures that compare with it.
///
/// Shapes   x [n × d], y [m × d]
/// Threads  no bit depends on their number
/// Throws   ShapeError when columns differ or there are fewer than 2 rows, NumericError for NaN or infinity
/// Source   Dowson & Landau 1982 (Journal of Multivariate Analysis 12); Heusel et al. 2017 (arXiv:1706.08500)
[[nodiscard]] inline double frechet_distance(MatrixIn<double> x, MatrixIn<double> y) {
  check_columns("frechet_distance", "y", y, x.cols(), "columns of x");
  const FeatureMoments a(x);
  const FeatureMoments b(y);
  const SymmetricEigen eigen = symmetric_eigen(a.covariance);
  // Rows of Σ₁^½ in the basis of eigenvectors: √λ_i v_i.
  Matrix<double> root = eigen.vectors;
  for (Index i = 0; i < root.rows(); ++i) {
    root.row(i) *= std::sqrt(std::max(0.0, eigen.values[static_cast<std::size_t>(i)]));
  }
  const Index d = x.cols();
  Matrix<double> half(d, d);
  Matrix<double> inner(d, d);
  gemm<double>(as_is<double>(root), as_is<double>(b.covariance), d, half, Store::overwrite);
  gemm<double>(as_is<double>(half), transposed<double>(root), d, inner, Store::overwrite);
  const Matrix<double> symmetric = (inner + inner.transpose()) / 2;
  double root_trace = 0;
  for (const double value : symmetric_eigen(symmetric).values) {
    root_trace += std::sqrt(std::max(0.0, value));
  }
  const double distance =
      (a.mean - b.mean).squaredNorm() + a.covariance.trace() + b.covariance.trace() - 2 * root_trace;
  return std::max(distance, 0.0);
}

}  // namespace vaekit::inline VAEKIT_ABI
