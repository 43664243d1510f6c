// SPDX-License-Identifier: MIT
#include "vaekit/core/check.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "support/throws_with.hpp"

using namespace vaekit;

TEST_CASE("check_columns: a wrong width names the matrix, both widths and the meaning") {
  const Matrix<float> x(3, 5);
  CHECK_NOTHROW(check_columns("dense", "x", x, 5, "inputs"));
  check_throws_with<ShapeError>("dense: x has 5 columns, must have 4 (inputs of the layer)",
                                [&] { check_columns("dense", "x", x, 4, "inputs of the layer"); });
  check_throws_with<ShapeError>("dense: bias has 0 columns, must have 1 (units)",
                                [&] { check_columns("dense", "bias", RowVector<double>(), 1, "units"); });
}

TEST_CASE("check_rows: a wrong height names the matrix, both heights and the meaning") {
  const Matrix<float> x(3, 5);
  CHECK_NOTHROW(check_rows("vae", "noise", x, 3, "samples"));
  check_throws_with<ShapeError>("vae: noise has 3 rows, must have 8 (samples)",
                                [&] { check_rows("vae", "noise", x, 8, "samples"); });
}

TEST_CASE("checks take blocks and other expressions") {
  const Matrix<float> x(3, 5);
  CHECK_NOTHROW(check_columns("a", "b", x.leftCols(2), 2, "c"));
  check_throws_with<ShapeError>("a: b has 2 rows, must have 1 (c)",
                                [&] { check_rows("a", "b", x.topRows(2), 1, "c"); });
}

TEST_CASE_TEMPLATE("all_finite: one NaN or infinity anywhere is found", T, float, double) {
  const T largest = std::numeric_limits<T>::max();
  for (const std::size_t size : {1u, 2u, 7u, 64u, 1001u}) {
    std::vector<T> values(size, largest);
    for (std::size_t i = 0; i < size; i += 2) {
      values[i] = -largest;
    }
    CHECK(all_finite(std::span<const T>(values)));
    for (const T bad : {std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity(),
                        -std::numeric_limits<T>::infinity()}) {
      for (const std::size_t place : {std::size_t{0}, size / 2, size - 1}) {
        std::vector<T> broken = values;
        broken[place] = bad;
        CHECK_FALSE(all_finite(std::span<const T>(broken)));
      }
    }
  }
  CHECK(all_finite(std::span<const T>()));
  const std::vector<T> denormal(3, std::numeric_limits<T>::denorm_min());
  CHECK(all_finite(std::span<const T>(denormal)));
}
