// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/standardization.hpp"

#include <doctest/doctest.h>

using vaekit::Matrix;

TEST_CASE("standardization: mean 0 and variance 1, a constant becomes 0") {
  Matrix<double> x(4, 2);
  x << 1, 0.1, 3, 0.1, 1, 0.1, 3, 0.1;
  const vaekit::Standardization scaling(x);
  CHECK(scaling.mean[0] == 2);
  CHECK(scaling.scale[0] == 1);
  CHECK(scaling.scale[1] == 0);
  const Matrix<double> y = scaling(x);
  CHECK(y(0, 0) == -1);
  CHECK(y(3, 0) == 1);
  CHECK(y(2, 1) == 0);
}
