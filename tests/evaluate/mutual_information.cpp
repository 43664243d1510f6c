// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/mutual_information.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "support/golden.hpp"
#include "support/throws_with.hpp"

using vaekit::Index;
using vaekit::Matrix;

TEST_CASE("mutual information: codes are cut into equal intervals") {
  Matrix<double> codes(5, 2);
  codes << 0, 3, 0.999, 3, 1, 3, 1.5, 3, 4, 3;
  const Matrix<std::int32_t> states = vaekit::discretize(codes, 4);
  for (Index i = 0; i < 5; ++i) {
    CHECK(states(i, 0) == std::array{0, 0, 1, 1, 3}[static_cast<std::size_t>(i)]);
    CHECK(states(i, 1) == 0);
  }
  codes(2, 1) = std::numeric_limits<double>::infinity();
  check_throws_with<vaekit::NumericError>("discretize: code 1 has a value that is not finite, must be finite",
                                          [&] { static_cast<void>(vaekit::discretize(codes)); });
}

TEST_CASE("mutual information: of a copy, of a coarser copy, and of something independent") {
  Matrix<std::int32_t> states(8, 3);
  Matrix<std::int32_t> factors(8, 1);
  for (Index i = 0; i < 8; ++i) {
    const auto value = static_cast<std::int32_t>(i);
    factors(i, 0) = value % 4;
    states(i, 0) = 3 - value % 4;
    states(i, 1) = value % 2;
    states(i, 2) = value / 4;
  }
  const vaekit::MutualInformation of = vaekit::mutual_information(states, factors);
  CHECK(of.entropies[0] == doctest::Approx(std::log(4)));
  CHECK(of.information(0, 0) == doctest::Approx(std::log(4)));
  CHECK(of.information(1, 0) == doctest::Approx(std::log(2)));
  CHECK(of.information(2, 0) == doctest::Approx(0));
}

TEST_CASE("mutual information: golden values") {
  const Golden golden("metrics");
  const vaekit::MutualInformation of =
      vaekit::mutual_information(vaekit::discretize(golden.matrix<double>("codes")),
                                 golden.matrix<double>("factors").cast<std::int32_t>());
  golden.check<double>("information", of.information);
  golden.check<double>("entropies", std::span<const double>(of.entropies));
}

TEST_CASE("mutual information: rows that do not pair are refused") {
  check_throws_with<vaekit::ShapeError>(
      "mutual_information: factors has 2 rows, must have 3 (rows of codes)", [] {
        static_cast<void>(vaekit::mutual_information(Matrix<std::int32_t>(3, 1), Matrix<std::int32_t>(2, 1)));
      });
  check_throws_with<vaekit::ShapeError>(
      "mutual_information: factors are 0x1, must have at least 1 row and 1 column", [] {
        static_cast<void>(vaekit::mutual_information(Matrix<std::int32_t>(0, 1), Matrix<std::int32_t>(0, 1)));
      });
}
