// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/frechet_distance.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "support/golden.hpp"
#include "support/throws_with.hpp"

using vaekit::Index;
using vaekit::Matrix;

TEST_CASE("Frechet distance: golden value, the same in both directions") {
  const Golden golden("metrics");
  const Matrix<double> x = golden.matrix<double>("x");
  const Matrix<double> y = golden.matrix<double>("y");
  const double distance = vaekit::frechet_distance(x, y);
  golden.check<double>("frechet", std::span(&distance, 1));
  CHECK(vaekit::frechet_distance(y, x) == doctest::Approx(distance).epsilon(1e-10));
  CHECK(vaekit::frechet_distance(x, x) < 1e-10);
}

TEST_CASE("Frechet distance: a shift by its square, a stretch of one dimension by hand") {
  Matrix<double> x(6, 2);
  x << 1, 0, -1, 0, 0, 2, 0, -2, 0.5, 0.5, -0.5, -0.5;
  Matrix<double> y = x;
  y.col(0).array() += 3;
  CHECK(vaekit::frechet_distance(x, y) == doctest::Approx(9));
  Matrix<double> flat(4, 2);  // rank 1: variance 4/3 along the first dimension
  flat << 1, 0, -1, 0, 1, 0, -1, 0;
  Matrix<double> wide = 3 * flat;
  CHECK(vaekit::frechet_distance(flat, wide) == doctest::Approx(4.0 / 3 * 4));
}

TEST_CASE("Frechet distance: eigenvalues and vectors of a symmetric matrix") {
  constexpr Index n = 30;
  Matrix<double> a(n, n);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j <= i; ++j) {
      a(i, j) = std::sin(static_cast<double>(i * j + i + j));
      a(j, i) = a(i, j);
    }
  }
  const vaekit::SymmetricEigen eigen = vaekit::symmetric_eigen(a);
  Matrix<double> rebuilt(n, n);
  for (Index i = 0; i < n; ++i) {
    rebuilt +=
        eigen.values[static_cast<std::size_t>(i)] * eigen.vectors.row(i).transpose() * eigen.vectors.row(i);
  }
  CHECK((rebuilt - a).cwiseAbs().maxCoeff() < 1e-13 * n);
  const Matrix<double> gram = eigen.vectors * eigen.vectors.transpose();
  CHECK((gram - vaekit::EigenMatrix<double>::Identity(n, n)).cwiseAbs().maxCoeff() < 1e-13 * n);
  check_throws_with<vaekit::ShapeError>("symmetric_eigen: matrix has 3 columns, must have 2 (rows)", [] {
    static_cast<void>(vaekit::symmetric_eigen(Matrix<double>(2, 3)));
  });
}

TEST_CASE("Frechet distance: one row, and other columns, are refused") {
  check_throws_with<vaekit::ShapeError>("FeatureMoments: has 1 rows, must have at least 2", [] {
    static_cast<void>(vaekit::frechet_distance(Matrix<double>(1, 2), Matrix<double>(5, 2)));
  });
  check_throws_with<vaekit::ShapeError>("frechet_distance: y has 3 columns, must have 2 (columns of x)", [] {
    static_cast<void>(vaekit::frechet_distance(Matrix<double>(5, 2), Matrix<double>(5, 3)));
  });
}

TEST_CASE("Frechet distance: features that are not finite are refused") {
  Matrix<double> x(5, 2);
  x(3, 1) = std::numeric_limits<double>::quiet_NaN();
  check_throws_with<vaekit::NumericError>("FeatureMoments: has a value that is not finite, all must be", [&] {
    static_cast<void>(vaekit::frechet_distance(Matrix<double>(5, 2), x));
  });
}
