// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "vaekit/core/check.hpp"
#include "vaekit/core/error.hpp"
#include "vaekit/evaluate/lbfgs.hpp"
#include "vaekit/evaluate/standardization.hpp"
#include "vaekit/kernels/gemm.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Throws ShapeError unless there is a label in 0 .. classes − 1 for each row.
inline void check_labels(std::string_view where, Index rows, std::span<const std::int32_t> labels,
                         Index classes) {
  if (std::ssize(labels) != rows || rows == 0) {
    throw ShapeError(
        concat(where, ": has ", labels.size(), " labels, must have ", rows, " (rows), at least 1"));
  }
  for (const std::int32_t label : labels) {
    if (label < 0 || label >= classes) {
      throw DataError(concat(where, ": label is ", label, ", must be in 0 .. ", classes - 1));
    }
  }
}

/// Share of equal elements.
[[nodiscard]] inline double agreement(std::span<const std::int32_t> guesses,
                                      std::span<const std::int32_t> labels) {
  double right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    right += guesses[i] == labels[i] ? 1 : 0;
  }
  return right / static_cast<double>(labels.size());
}

/// Multinomial logistic regression: what a linear classifier can tell from features.
///
///   min over W, b:  −1/n Σ_i log softmax(W x_i + b)[y_i] + l2/2 ‖W‖²
///
/// on features of mean 0 and variance 1, by L-BFGS with all rows, from 0: no random numbers.
/// Units    nats
/// Threads  the products are parallel; no bit depends on the number of threads
class LinearProbe {
 public:
  /// Shapes  x [n × d], labels [n] in 0 .. classes − 1
  /// Throws  ShapeError, DataError, NumericError when a feature is not finite
  LinearProbe(MatrixIn<double> x, std::span<const std::int32_t> labels, Index classes, double l2 = 1e-4)
      : scaling_(scaling_of(x, labels, classes)), weights_(classes, x.cols()), bias_(classes) {
    const Matrix<double> scaled = scaling_(x);
    Matrix<double> p(x.rows(), classes);
    RowVector<double> theta(classes * (x.cols() + 1));
    loss_ = minimize_lbfgs(
        [&](const RowVector<double>& at, RowVector<double>& gradient) {
          unpack(at);
          return loss_and_gradient(scaled, labels, l2, p, gradient);
        },
        theta);
    unpack(theta);
  }

  [[nodiscard]] double loss() const { return loss_; }  ///< at the minimum

  /// The most probable class of each row of x; of equals the first.
  ///
  /// Throws  ShapeError
  [[nodiscard]] std::vector<std::int32_t> predict(MatrixIn<double> x) const {
    check_columns("linear probe", "x", x, weights_.cols(), "features");
    const Matrix<double> scaled = scaling_(x);
    Matrix<double> logits(x.rows(), weights_.rows());
    multiply(scaled, logits);
    std::vector<std::int32_t> classes;
    for (Index i = 0; i < x.rows(); ++i) {
      Index best = 0;
      static_cast<void>(logits.row(i).maxCoeff(&best));
      classes.push_back(static_cast<std::int32_t>(best));
    }
    return classes;
  }

  /// Share of rows whose most probable class is theirs.
  [[nodiscard]] double accuracy(MatrixIn<double> x, std::span<const std::int32_t> labels) const {
    check_labels("linear probe", x.rows(), labels, weights_.rows());
    return agreement(predict(x), labels);
  }

 private:
  /// Checks the labels before anything is made of their number.
  [[nodiscard]] static Standardization scaling_of(MatrixIn<double> x, std::span<const std::int32_t> labels,
                                                  Index classes) {
    check_labels("linear probe", x.rows(), labels, classes);
    if (!x.allFinite()) {
      throw NumericError("linear probe: has a feature that is not finite, all must be");
    }
    return Standardization(x);
  }

  /// Weights row by row, then biases.
  void unpack(const RowVector<double>& theta) {
    std::copy_n(theta.data(), weights_.size(), weights_.data());
    std::copy_n(theta.data() + weights_.size(), bias_.size(), bias_.data());
  }

  void multiply(const Matrix<double>& x, Matrix<double>& logits) const {
    gemm<double>(as_is<double>(x), transposed<double>(weights_), x.cols(), logits, Store::overwrite);
    logits.rowwise() += bias_;
  }

  double loss_and_gradient(const Matrix<double>& x, std::span<const std::int32_t> labels, double l2,
                           Matrix<double>& p, RowVector<double>& gradient) const {
    const double inverse = 1 / static_cast<double>(x.rows());
    multiply(x, p);
    double loss = 0;
    for (Index i = 0; i < p.rows(); ++i) {
      const std::int32_t label = labels[static_cast<std::size_t>(i)];
      const double largest = p.row(i).maxCoeff();
      const double margin = p(i, label) - largest;
      p.row(i) = (p.row(i).array() - largest).exp();
      const double total = p.row(i).sum();
      loss += (std::log(total) - margin) * inverse;
      p.row(i) *= inverse / total;
      p(i, label) -= inverse;
    }
    gradient.setZero();
    Eigen::Map<EigenMatrix<double>> weight_gradient(gradient.data(), weights_.rows(), weights_.cols());
    gemm_with_column_sums<double>(p, x, weight_gradient, Store::overwrite,
                                  gradient.span().last(static_cast<std::size_t>(bias_.size())));
    weight_gradient += l2 * weights_;
    return loss + l2 / 2 * weights_.squaredNorm();
  }

  Standardization scaling_;
  Matrix<double> weights_;  // [classes × d]
  RowVector<double> bias_;  // [classes]
  double loss_ = 0;
};

}  // namespace vaekit::inline VAEKIT_ABI
