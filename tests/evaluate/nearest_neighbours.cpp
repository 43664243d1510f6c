// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/nearest_neighbours.hpp"

#include <doctest/doctest.h>

#include "support/golden.hpp"
#include "support/throws_with.hpp"

using vaekit::Index;
using vaekit::Matrix;
using vaekit::Neighbours;

TEST_CASE("nearest neighbours: indices and votes of the golden problem, on any number of threads") {
  const Golden golden("metrics");
  const Matrix<double> codes = golden.matrix<double>("codes");
  const Matrix<double> factors = golden.matrix<double>("factors");
  std::vector<std::int32_t> labels;
  for (Index i = 0; i < 400; ++i) {
    labels.push_back(static_cast<std::int32_t>(factors(i, 1)));
  }
  for (const int threads : {1, 3}) {
    const vaekit::ThreadScope scope(threads);
    const Neighbours near = vaekit::nearest_neighbours(codes.bottomRows(100), codes.topRows(400), 5);
    const Matrix<double> index = near.index.cast<double>();
    golden.check<double>("neighbours", index);
    const std::vector<std::int32_t> classes =
        vaekit::classify_by_neighbours(codes.topRows(400), labels, 6, codes.bottomRows(100), 5);
    golden.check<double>("neighbour_classes", std::vector<double>(classes.begin(), classes.end()));
  }
}

TEST_CASE("nearest neighbours: distances, ties by number, and none is its own neighbour") {
  Matrix<double> x(4, 1);
  x << 0, 2, 1, 1;
  const Neighbours near = vaekit::nearest_neighbours(x, x, 2, true);
  CHECK(near.index(0, 0) == 2);
  CHECK(near.index(0, 1) == 3);
  CHECK(near.square(0, 0) == 1);
  CHECK(near.index(2, 0) == 3);
  CHECK(near.square(2, 0) == 0);
  CHECK(near.index(2, 1) == 0);
  CHECK(vaekit::nearest_neighbours(x, x, 1).index(3, 0) == 2);
  CHECK(vaekit::nearest_neighbours(x, x, 1).index(1, 0) == 1);
}

TEST_CASE("nearest neighbours: of equal votes the nearest label wins") {
  Matrix<double> x(4, 1);
  x << 3, 1, 2, 4;
  Matrix<double> query(1, 1);
  const auto guess = [&](Index k) {
    return vaekit::classify_by_neighbours(x, std::vector<std::int32_t>{1, 0, 1, 0}, 2, query, k)[0];
  };
  CHECK(guess(1) == 0);
  CHECK(guess(2) == 0);
  CHECK(guess(3) == 1);
  CHECK(guess(4) == 0);
}

TEST_CASE("nearest neighbours: more neighbours than there are, and other columns, are refused") {
  const Matrix<double> x(3, 2);
  check_throws_with<vaekit::ConfigError>("nearest_neighbours: k is 3, must be in [1, 2]", [&] {
    static_cast<void>(vaekit::nearest_neighbours(x, x, 3, true));
  });
  check_throws_with<vaekit::ShapeError>(
      "for_each_distance: queries has 1 columns, must have 2 (columns of the references)",
      [&] { static_cast<void>(vaekit::nearest_neighbours(Matrix<double>(1, 1), x, 1)); });
}
