// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>

#include "vaekit/data/generated.hpp"
#include "vaekit/evaluate/lasso.hpp"
#include "vaekit/evaluate/mutual_information.hpp"
#include "vaekit/evaluate/standardization.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Disentanglement, completeness and informativeness.
struct Dci {
  Matrix<double> importance;   ///< [d × k] R_jk ≥ 0
  double disentanglement = 0;  ///< each code is important to one factor
  double completeness = 0;     ///< each factor has one important code
  double informativeness = 0;  ///< R² of the factors' predictions on held-out samples
};

/// D and C of an importance matrix [d × k]:
///
///   D = Σ_j ρ_j (1 − H_K(R_j· / Σ_k R_jk)),   C = 1/K Σ_k (1 − H_d(R_·k / Σ_j R_jk))
///
/// with ρ_j the share of code j in all importances and entropies in units of log K and log d. A factor
/// without any importance has 0.
///
/// Source  Eastwood & Williams 2018 (ICLR), section 2
inline void score_importance(Dci& dci) {
  const Matrix<double>& importance = dci.importance;
  const double total = importance.sum();
  dci.disentanglement = 0;
  dci.completeness = 0;
  const auto concentration = [](Index count, auto&& value) {
    double sum = 0;
    for (Index i = 0; i < count; ++i) {
      sum += value(i);
    }
    double entropy = 0;
    for (Index i = 0; i < count && sum > 0; ++i) {
      const double p = value(i) / sum;
      entropy -= p > 0 ? p * std::log(p) : 0;
    }
    return sum > 0 ? (count > 1 ? 1 - entropy / std::log(static_cast<double>(count)) : 1.0) : 0.0;
  };
  for (Index j = 0; j < importance.rows() && total > 0; ++j) {
    dci.disentanglement += importance.row(j).sum() / total *
                           concentration(importance.cols(), [&](Index k) { return importance(j, k); });
  }
  for (Index k = 0; k < importance.cols(); ++k) {
    dci.completeness += concentration(importance.rows(), [&](Index j) { return importance(j, k); }) /
                        static_cast<double>(importance.cols());
  }
}

namespace detail {

/// Every second row, from `first`.
[[nodiscard]] inline Matrix<double> alternate_rows(MatrixIn<double> x, Index first) {
  Matrix<double> half((x.rows() - first + 1) / 2, x.cols());
  for (Index i = 0; i < half.rows(); ++i) {
    half.row(i) = x.row(2 * i + first);
  }
  return half;
}

/// A factor as numbers to predict: its value, or an indicator for each value where there is no order.
[[nodiscard]] inline Matrix<double> factor_targets(MatrixIn<std::int32_t> values, Index k,
                                                   const Factor& factor) {
  Matrix<double> targets(values.rows(), factor.ordered ? 1 : factor.values);
  for (Index i = 0; i < values.rows(); ++i) {
    if (factor.ordered) {
      targets(i, 0) = values(i, k);
    } else {
      targets(i, values(i, k)) = 1;
    }
  }
  return targets;
}

}  // namespace detail

/// R² from which on a factor counts as predicted.
inline constexpr double least_predicted = 0.01;

/// DCI with the paper's linear choice: lasso regressions of each factor on all codes, both standardised, with
/// `penalty` as in `fit_lasso`; R_jk = Σ |weights|, summed over the indicators of a factor without order.
/// Informativeness is the mean R² = 1 − squared error / variance, not below 0 for a factor. Even rows are
/// fitted to, odd ones predicted: rows must be in no order.
///
/// A factor that is predicted with an R² below 0.01 has no importances: the few weights that the penalty
/// leaves to noise look like codes of one factor each. Without a predicted factor D and C are 0.
///
/// A factor that a code holds in a way that is not linear (an angle) is not found.
/// Shapes  codes [n × d], values [n × k]
/// Throws  ShapeError when sizes differ or there are fewer than 4 rows
/// Source  Eastwood & Williams 2018 (ICLR), section 2
[[nodiscard]] inline Dci dci_lasso(MatrixIn<double> codes, MatrixIn<std::int32_t> values,
                                   const Factors& factors, double penalty = 0.01) {
  check_paired("dci_lasso", codes.rows(), values);
  check_columns("dci_lasso", "values", values, factors.size(), "factors");
  if (codes.rows() < 4) {
    throw ShapeError(concat("dci_lasso: codes has ", codes.rows(), " rows, must have at least 4"));
  }
  const Matrix<double> train = detail::alternate_rows(codes, 0);
  const Standardization code_scale(train);
  const Matrix<double> x = code_scale(train);
  const Matrix<double> x_test = code_scale(detail::alternate_rows(codes, 1));
  Dci dci{Matrix<double>(codes.cols(), values.cols())};
  for (Index k = 0; k < values.cols(); ++k) {
    const Matrix<double> targets = detail::factor_targets(values, k, factors[k]);
    const Matrix<double> target_train = detail::alternate_rows(targets, 0);
    const Standardization target_scale(target_train);
    const Matrix<double> y = target_scale(target_train);
    const Matrix<double> y_test = target_scale(detail::alternate_rows(targets, 1));
    const Matrix<double> weights = fit_lasso(x, y, penalty);
    Matrix<double> predicted(x_test.rows(), y.cols());
    gemm<double>(as_is<double>(x_test), transposed<double>(weights), x.cols(), predicted, Store::overwrite);
    const double error = (predicted - y_test).squaredNorm();
    const double variance = y_test.squaredNorm();
    const double r2 = variance > 0 ? 1 - error / variance : 0.0;
    dci.informativeness += std::max(0.0, r2) / static_cast<double>(values.cols());
    for (Index j = 0; j < codes.cols() && r2 >= least_predicted; ++j) {
      dci.importance(j, k) = weights.col(j).cwiseAbs().sum();
    }
  }
  score_importance(dci);
  return dci;
}

}  // namespace vaekit::inline VAEKIT_ABI
