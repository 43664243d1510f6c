// SPDX-License-Identifier: MIT
#include "vaekit/kernels/gemm_few_rows.hpp"

#include <doctest/doctest.h>

#include "vaekit/kernels/gemm.hpp"

using namespace vaekit;

TEST_CASE("gemm_few_rows: only for few rows and weights that lie along the depth") {
  const detail::Lines<float> along{nullptr, 30, 1, 4};
  const detail::Lines<float> across{nullptr, 1, 30, 4};
  const detail::Lines<float> many{nullptr, 30, 1, detail::few_rows + 1};
  CHECK(detail::has_few_rows(30, along, many, false));
  CHECK_FALSE(detail::has_few_rows(30, many, along, false));
  CHECK_FALSE(detail::has_few_rows(30, along, across, false));
  CHECK(detail::has_few_rows(30, across, along, false));
  CHECK_FALSE(detail::has_few_rows(0, along, along, false));
}

TEST_CASE_TEMPLATE("gemm_few_rows: every number of rows, depths and columns around the vectors", T, float,
                   double) {
  const Index cols = detail::GemmTile<T>::cols;
  for (Index m = 1; m <= detail::few_rows; ++m) {
    for (const Index n : {Index{1}, lanes<T> + 1, cols - 1, cols, 2 * cols + 3}) {
      for (const Index k : {Index{1}, lanes<T> - 1, lanes<T>, 3 * lanes<T> + 1}) {
        Matrix<T> a(m, k);
        Matrix<T> b(n, k);
        for (Index i = 0; i < a.size(); ++i) {
          a.data()[i] = static_cast<T>(i % 7 - 3);
        }
        for (Index i = 0; i < b.size(); ++i) {
          b.data()[i] = static_cast<T>(i % 5 - 2);
        }
        Matrix<T> c = Matrix<T>::Ones(m, n);
        const Matrix<T> expected = Matrix<T>(Matrix<T>::Ones(m, n) + a * b.transpose());
        gemm<T>(as_is<T>(a), transposed<T>(b), k, c, Store::accumulate);
        REQUIRE(c == expected);
      }
    }
  }
}

TEST_CASE("gemm_few_rows: the same bits on any number of threads") {
  Matrix<float> a(2, 500);
  Matrix<float> b(901, 500);
  for (Index i = 0; i < b.size(); ++i) {
    b.data()[i] = 1.0F / static_cast<float>(i + 1);
    a.data()[i % a.size()] = static_cast<float>(i % 11) / 7;
  }
  Matrix<float> serial(2, 901);
  for (const int threads : {1, 2, 3}) {
    const ThreadScope scope(threads);
    Matrix<float> c(2, 901);
    gemm<float>(as_is<float>(a), transposed<float>(b), 500, c, Store::overwrite);
    if (threads == 1) {
      serial = c;
    }
    CHECK(c == serial);
  }
}
