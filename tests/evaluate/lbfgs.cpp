// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/lbfgs.hpp"

#include <doctest/doctest.h>

#include <cmath>

using vaekit::Index;
using vaekit::RowVector;

TEST_CASE("L-BFGS: finds the minimum of an ill-conditioned convex function") {
  int calls = 0;
  // Σ 10^d (x_d − d)² / 2 + Σ x_d⁴ / 4 for d > 0
  const auto f = [&](const RowVector<double>& x, RowVector<double>& gradient) {
    ++calls;
    double value = 0;
    for (Index d = 0; d < x.cols(); ++d) {
      const double weight = std::pow(10.0, static_cast<double>(d));
      const double away = x[d] - static_cast<double>(d);
      const double quartic = d > 0 ? 1 : 0;
      value += weight * away * away / 2 + quartic * std::pow(x[d], 4) / 4;
      gradient[d] = weight * away + quartic * std::pow(x[d], 3);
    }
    return value;
  };
  RowVector<double> x(5);
  x.setConstant(4);
  const double least = vaekit::minimize_lbfgs(f, x, {.tolerance = 1e-5});
  RowVector<double> gradient(5);
  CHECK(f(x, gradient) == least);
  CHECK(gradient.cwiseAbs().maxCoeff() <= 1e-5);
  CHECK(std::abs(x[0]) <= 1e-5);
  CHECK(calls < 150);
}

TEST_CASE("L-BFGS: ends at once at a minimum, and after the iterations it is given") {
  int calls = 0;
  const auto f = [&](const RowVector<double>& x, RowVector<double>& gradient) {
    ++calls;
    gradient = 2 * x;
    return x.squaredNorm();
  };
  RowVector<double> x(2);
  CHECK(vaekit::minimize_lbfgs(f, x) == 0);
  CHECK(calls == 1);
  x << 300, 4;
  const double start = x.squaredNorm();
  const double value = vaekit::minimize_lbfgs(f, x, {.iterations = 1});
  CHECK(value < start);
  CHECK(value > 1);
}
