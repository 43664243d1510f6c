// SPDX-License-Identifier: MIT
#include "vaekit/kernels/reduce.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "support/same_bits.hpp"
#include "vaekit/kernels/random.hpp"

using namespace vaekit;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

template <class T>
Matrix<T> normals(Index rows, Index cols) {
  Matrix<T> m(rows, cols);
  fill_normal(m.span(), RandomStream(1, Purpose::synthetic));
  return m;
}

double log_sum_exp(const std::vector<double>& values) {
  LogSumExp sum;
  for (const double value : values) {
    sum.add(value);
  }
  return sum.value();
}

}  // namespace

TEST_CASE_TEMPLATE("add_column_sums: adds every row of a block to what is there", T, float, double) {
  for (const Index rows : {0, 1, 2, 5, 128}) {
    for (const Index cols : {1, 3, 4, 7, 8, 9, 17, 784}) {
      const Matrix<T> whole = normals<T>(rows + 1, cols + 2);
      RowVector<T> sums(cols);
      sums.setConstant(T{3});
      add_column_sums<T>(whole.block(0, 1, rows, cols), sums.span());
      for (Index col = 0; col < cols; ++col) {
        double expected = 3;
        for (Index row = 0; row < rows; ++row) {
          expected += static_cast<double>(whole(row, col + 1));
        }
        REQUIRE(static_cast<double>(sums(col)) ==
                doctest::Approx(expected)
                    .epsilon(20 * static_cast<double>(std::numeric_limits<T>::epsilon()))
                    .scale(10));
      }
    }
  }
}

TEST_CASE_TEMPLATE("add_column_sums: the same bits for any number of threads", T, float, double) {
  const Matrix<T> x = normals<T>(300, 1001);
  const auto sums = [&](int threads) {
    const ThreadScope scope(threads);
    RowVector<T> result(x.cols());
    add_column_sums<T>(x, result.span());
    return result;
  };
  for (const int threads : {2, 3, 5}) {
    CHECK(same_bits(sums(threads), sums(1)));
  }
}

TEST_CASE_TEMPLATE("scale_rows: each row by its own factor, the rest of the matrix untouched", T, float,
                   double) {
  for (const Index cols : {1, 7, 8, 13, 400}) {
    const Matrix<T> before = normals<T>(200, cols + 2);
    const std::vector<T> factors = [] {
      std::vector<T> values(200);
      fill_normal(std::span<T>(values), RandomStream(2, Purpose::synthetic));
      return values;
    }();
    for (const int threads : {1, 3}) {
      const ThreadScope scope(threads);
      Matrix<T> x = before;
      scale_rows<T>(std::span<const T>(factors), x.middleCols(1, cols));
      Matrix<T> expected = before;
      for (Index row = 0; row < x.rows(); ++row) {
        for (Index col = 1; col <= cols; ++col) {
          expected(row, col) *= factors[static_cast<std::size_t>(row)];
        }
      }
      CHECK(same_bits(x, expected));
    }
  }
}

TEST_CASE("LogSumExp: the logarithm of a sum, in any order and far from 0") {
  CHECK(log_sum_exp({std::log(1.0), std::log(2.0), std::log(3.0)}) ==
        doctest::Approx(std::log(6.0)).epsilon(1e-15));
  CHECK(log_sum_exp({std::log(3.0), std::log(2.0), std::log(1.0)}) ==
        doctest::Approx(std::log(6.0)).epsilon(1e-15));
  CHECK(log_sum_exp({-100'000, -100'001}) ==
        doctest::Approx(-100'000 + std::log1p(std::exp(-1))).epsilon(1e-15));
  CHECK(log_sum_exp({800, 800}) == doctest::Approx(800 + std::log(2)).epsilon(1e-15));
  CHECK(log_sum_exp({-3.5}) == -3.5);
}

TEST_CASE("LogSumExp: -inf adds nothing, +inf wins, NaN stays") {
  CHECK(log_sum_exp({}) == -infinity);
  CHECK(log_sum_exp({-infinity, -infinity}) == -infinity);
  CHECK(log_sum_exp({-infinity, 2}) == 2);
  CHECK(log_sum_exp({2, -infinity}) == 2);
  CHECK(log_sum_exp({1, infinity, 2, infinity, -infinity}) == infinity);
  CHECK(std::isnan(log_sum_exp({not_a_number})));
  CHECK(std::isnan(log_sum_exp({1, not_a_number, 2})));
  CHECK(std::isnan(log_sum_exp({not_a_number, infinity})));
  CHECK(std::isnan(log_sum_exp({infinity, not_a_number})));
  CHECK(std::isnan(log_sum_exp({not_a_number, -infinity})));
}
