// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/principal_components.hpp"

#include <doctest/doctest.h>

#include "support/same_bits.hpp"
#include "support/throws_with.hpp"
#include "vaekit/core/parallel.hpp"
#include "vaekit/kernels/random.hpp"

using namespace vaekit;

TEST_CASE("principal components: of an ellipse along a diagonal") {
  // ±3 along (0.6, −0.8) and ±1 along (0.8, 0.6), around (5, 7).
  Matrix<double> points(4, 2);
  points << 5 + 1.8, 7 - 2.4, 5 - 1.8, 7 + 2.4, 5 + 0.8, 7 + 0.6, 5 - 0.8, 7 - 0.6;
  const PrincipalComponents found = principal_components(points, 2);
  CHECK(found.share(0) == doctest::Approx(0.9).epsilon(1e-12));
  CHECK(found.share(1) == doctest::Approx(0.1).epsilon(1e-12));
  CHECK(found.axes(0, 0) == doctest::Approx(-0.6).epsilon(1e-12));
  CHECK(found.axes(0, 1) == doctest::Approx(0.8).epsilon(1e-12));
  CHECK(found.axes(1, 0) == doctest::Approx(0.8).epsilon(1e-12));
  CHECK(found.projected(0, 0) == doctest::Approx(-3).epsilon(1e-12));
  CHECK(found.projected(1, 0) == doctest::Approx(3).epsilon(1e-12));
  CHECK(found.projected(2, 1) == doctest::Approx(1).epsilon(1e-12));
}

TEST_CASE("principal components: fewer than there are, and points that do not differ") {
  Matrix<double> points(3, 3);
  points << 1, 0, 0, 1, 0, 0, 1, 0, 0;
  const PrincipalComponents found = principal_components(points, 1);
  CHECK(found.projected.rows() == 3);
  CHECK(found.projected.cols() == 1);
  CHECK(found.share(0) == 0);
  CHECK(found.projected.cwiseAbs().maxCoeff() == 0);
}

TEST_CASE("principal components: more than there are dimensions are refused") {
  check_throws_with<ShapeError>(
      "principal_components: 3 of 4 points with 2 numbers, must be between 1 and their numbers, of at least "
      "one point",
      [] { static_cast<void>(principal_components(Matrix<double>(4, 2), 3)); });
}

TEST_CASE("principal components: the number of threads changes no bit") {
  Matrix<double> points(700, 40);
  fill_normal(points.span(), RandomStream(1, Purpose::synthetic));
  const auto run = [&](int threads) {
    const ThreadScope scope(threads);
    return principal_components(points, 2).projected;
  };
  const Matrix<double> one = run(1);
  CHECK(same_bits(run(2), one));
  CHECK(same_bits(run(3), one));
}
