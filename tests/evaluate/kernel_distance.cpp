// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/kernel_distance.hpp"

#include <doctest/doctest.h>

#include "support/golden.hpp"
#include "support/throws_with.hpp"

using vaekit::Index;
using vaekit::kernel_distance;
using vaekit::Matrix;

TEST_CASE("kernel distance: golden value") {
  const Golden golden("metrics");
  const double distance = kernel_distance(golden.matrix<double>("x"), golden.matrix<double>("y"));
  golden.check<double>("kernel_distance", std::span(&distance, 1));
}

TEST_CASE("kernel distance: by hand, and near 0 for samples of one distribution") {
  Matrix<double> x(2, 1);
  x << 1, 2;
  Matrix<double> y(2, 1);
  y << 0, 3;
  // k(1,2) = 27, k(0,3) = 1, cross: 1, 64, 1, 343
  CHECK(kernel_distance(x, y) == doctest::Approx(27 + 1 - 2 * 409.0 / 4));
  Matrix<double> a(600, 2);
  Matrix<double> b(600, 2);
  for (Index i = 0; i < 600; ++i) {
    const auto t = static_cast<double>(i);
    a.row(i) << std::sin(t), std::cos(1.7 * t);
    b.row(i) << std::sin(t + 1000), std::cos(1.7 * t + 1000);
  }
  CHECK(std::abs(kernel_distance(a, b)) < 0.01);
}

TEST_CASE("kernel distance: one row is refused") {
  check_throws_with<vaekit::ShapeError>("kernel_distance: has 1 and 3 rows, must have at least 2 each", [] {
    static_cast<void>(kernel_distance(Matrix<double>(1, 2), Matrix<double>(3, 2)));
  });
}
