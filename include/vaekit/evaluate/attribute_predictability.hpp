// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include "vaekit/data/generated.hpp"
#include "vaekit/evaluate/mutual_information_gap.hpp"
#include "vaekit/evaluate/standardization.hpp"
#include "vaekit/kernels/gemm.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Separated attribute predictability.
struct AttributePredictability {
  Matrix<double> scores;     ///< [d × k] how well code j alone predicts factor k
  std::vector<double> gaps;  ///< [k] best − second best
  double sap = 0;            ///< their mean
};

namespace detail {

/// R² of the linear regression of each factor on each code: their squared correlations. [d × k]
[[nodiscard]] inline Matrix<double> squared_correlations(MatrixIn<double> codes,
                                                         MatrixIn<std::int32_t> values) {
  const Matrix<double> factors = values.cast<double>();
  const Matrix<double> x = Standardization(codes)(codes);
  const Matrix<double> y = Standardization(factors)(factors);
  Matrix<double> products(codes.cols(), values.cols());
  gemm<double>(transposed<double>(x), as_is<double>(y), x.rows(), products, Store::overwrite);
  products = (products.array() / static_cast<double>(x.rows())).square();
  return products;
}

/// The number of classes of a factor that occur.
[[nodiscard]] inline double present_classes(MatrixIn<std::int32_t> factors, Index factor, Index classes) {
  std::vector<bool> occurs(static_cast<std::size_t>(classes));
  for (Index i = 0; i < factors.rows(); ++i) {
    occurs[static_cast<std::size_t>(factors(i, factor))] = true;
  }
  return static_cast<double>(std::ranges::count(occurs, true));
}

/// Balanced accuracy of the classifier that gives each state of a code the class most frequent in it, classes
/// weighed equally: 1/C Σ_s max_c n_sc / n_c. Classes that do not occur do not count.
[[nodiscard]] inline double balanced_accuracy(MatrixIn<std::int32_t> states, Index code,
                                              MatrixIn<std::int32_t> factors, Index factor, Index bins,
                                              Index classes) {
  Matrix<double> counts(bins, classes);
  for (Index i = 0; i < states.rows(); ++i) {
    counts(states(i, code), factors(i, factor)) += 1;
  }
  for (Index c = 0; c < classes; ++c) {
    counts.col(c) /= std::max(counts.col(c).sum(), 1.0);
  }
  double sum = 0;
  for (Index s = 0; s < bins; ++s) {
    sum += counts.row(s).maxCoeff();
  }
  return sum / present_classes(factors, factor, classes);
}

}  // namespace detail

/// SAP: for each factor, how much better its best code predicts it than the second best, averaged.
///
/// A factor with an order is predicted by a line, scored by R²; one without by thresholds (20 bins of the
/// code, each with its most frequent class), scored by balanced accuracy on the same samples. A code without
/// a second is compared with chance: R² of 0, accuracy of one over the number of classes.
///
/// Shapes  codes [n × d], values [n × k]
/// Throws  ShapeError when sizes differ, NumericError when a code is not finite
/// Source  Kumar, Sattigeri, Balakrishnan 2018 (arXiv:1711.00848), section 3; there the thresholds are as
/// many
///         as minimise the error
[[nodiscard]] inline AttributePredictability attribute_predictability(MatrixIn<double> codes,
                                                                      MatrixIn<std::int32_t> values,
                                                                      const Factors& factors) {
  check_paired("attribute_predictability", codes.rows(), values);
  check_columns("attribute_predictability", "values", values, factors.size(), "factors");
  const Matrix<std::int32_t> states = discretize(codes);
  AttributePredictability result{detail::squared_correlations(codes, values), {}, 0};
  for (Index k = 0; k < values.cols(); ++k) {
    for (Index d = 0; d < codes.cols() && !factors[k].ordered; ++d) {
      result.scores(d, k) = detail::balanced_accuracy(states, d, values, k, code_bins, factors[k].values);
    }
  }
  result.gaps = column_gaps(result.scores);
  for (Index k = 0; k < values.cols() && codes.cols() == 1; ++k) {
    if (!factors[k].ordered) {
      result.gaps[static_cast<std::size_t>(k)] -= 1 / detail::present_classes(values, k, factors[k].values);
    }
  }
  result.sap =
      std::accumulate(result.gaps.begin(), result.gaps.end(), 0.0) / static_cast<double>(result.gaps.size());
  return result;
}

}  // namespace vaekit::inline VAEKIT_ABI
