// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/lasso.hpp"

#include <doctest/doctest.h>

#include "support/throws_with.hpp"

using vaekit::Index;
using vaekit::Matrix;

TEST_CASE("lasso: orthogonal columns are shrunk by the penalty, small ones to 0") {
  Matrix<double> x(4, 3);  // x'x / n = 1, and a column of zeros
  x << 1, 1, 0, 1, -1, 0, -1, 1, 0, -1, -1, 0;
  Matrix<double> y(4, 2);
  for (Index i = 0; i < 4; ++i) {
    y(i, 0) = 3 * x(i, 0) - 0.05 * x(i, 1);
    y(i, 1) = -2 * x(i, 1);
  }
  const Matrix<double> w = vaekit::fit_lasso(x, y, 0.1);
  CHECK(w(0, 0) == doctest::Approx(2.9));
  CHECK(w(0, 1) == 0);
  CHECK(w(0, 2) == 0);
  CHECK(w(1, 0) == 0);
  CHECK(w(1, 1) == doctest::Approx(-1.9));
}

TEST_CASE("lasso: correlated columns meet the optimality conditions") {
  Matrix<double> x(50, 4);
  Matrix<double> y(50, 1);
  for (Index i = 0; i < 50; ++i) {
    const auto t = static_cast<double>(i);
    x.row(i) << std::sin(t), std::sin(t) + 0.3 * std::cos(2 * t), std::cos(3 * t), std::sin(5 * t);
    y(i, 0) = x(i, 0) + 0.2 * x(i, 2);
  }
  const double penalty = 0.02;
  const Matrix<double> w = vaekit::fit_lasso(x, y, penalty);
  const Matrix<double> residual = y - x * w.transpose();
  for (Index j = 0; j < 4; ++j) {
    const double pull = x.col(j).dot(residual.col(0)) / 50;
    CHECK(std::abs(pull) <= penalty + 1e-8);
    if (w(0, j) != 0) {
      CHECK(pull == doctest::Approx(std::copysign(penalty, w(0, j))).epsilon(1e-6));
    }
  }
  check_throws_with<vaekit::ShapeError>("fit_lasso: y has 3 rows, must have 50 (rows of x)", [&] {
    static_cast<void>(vaekit::fit_lasso(x, Matrix<double>(3, 1), 1));
  });
}
