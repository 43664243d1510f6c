// SPDX-License-Identifier: MIT
#include "vaekit/kernels/gemm_narrow.hpp"

#include <doctest/doctest.h>

#include "support/alloc_guard.hpp"
#include "vaekit/kernels/gemm.hpp"

using namespace vaekit;

namespace {

/// Numbers whose sums round.
template <class T>
Matrix<T> fractions(Index rows, Index cols, Index offset) {
  Matrix<T> m(rows, cols);
  for (Index i = 0; i < m.size(); ++i) {
    m.data()[i] = static_cast<T>((i * 7 + offset) % 23 - 11) / T{7};
  }
  return m;
}

/// Adds the place of each element.
template <class T>
struct AddPlace {
  template <class Which>
  Simd<T> operator()(const Simd<T>& value, Index row, Index col, Which) const {
    return value + Simd<T>(static_cast<T>(row) + static_cast<T>(col) / 4);
  }
};

/// A lane more than one vector, half of which is padding where there are vectors.
template <class T>
constexpr Index odd_cols = lanes<T> + 1;

}  // namespace

TEST_CASE_TEMPLATE("gemm_narrow: only where padding would be a fifth, for many rows, in one order", T, float,
                   double) {
  const Index rows = detail::narrow_vectors * lanes<T>;
  const Index depth = detail::GemmTile<T>::depth;
  const auto lines = [](Index count) { return detail::Lines<T>{nullptr, 1, 1, count}; };
  const auto narrow = [&](Index m, Index n, Index k, Store mode = Store::overwrite) {
    return detail::is_narrow(k, lines(m), lines(n), mode);
  };
  CHECK_FALSE(narrow(rows, lanes<T>, 10));
  CHECK_FALSE(narrow(rows, 8 * lanes<T> + 1, 10));
  if (lanes < T >> 2) {
    CHECK(narrow(rows, odd_cols<T>, 10));
    CHECK_FALSE(narrow(rows - 1, odd_cols<T>, 10));
    CHECK(narrow(rows, odd_cols<T>, depth, Store::accumulate));
    CHECK(narrow(rows, odd_cols<T>, depth + 1));
    CHECK_FALSE(narrow(rows, odd_cols<T>, depth + 1, Store::accumulate));
  }
}

TEST_CASE_TEMPLATE("gemm_narrow: the bits of the product with more columns, on any number of threads", T,
                   float, double) {
  const Index wide = 4 * lanes<T>;
  for (const Index m : {detail::narrow_vectors * lanes<T>, Index{131}}) {
    for (const Index k : {Index{1}, Index{40}, detail::GemmTile<T>::depth + 9}) {
      const Matrix<T> a = fractions<T>(m, k, 1);
      const Matrix<T> b = fractions<T>(k, wide, 2);
      const Matrix<T> a_turned = a.transpose();
      for (const Store mode : {Store::overwrite, Store::accumulate}) {
        Matrix<T> expected = Matrix<T>::Ones(m, wide);
        gemm<T>(as_is<T>(a), as_is<T>(b), k, expected, mode, AddPlace<T>{});
        for (Index n = 1; n < wide; ++n) {
          const Matrix<T> some = b.leftCols(n);
          const Matrix<T> turned = some.transpose();
          const ThreadScope scope(1 + static_cast<int>(n % 3));
          Matrix<T> c = Matrix<T>::Ones(m, n);
          gemm<T>(as_is<T>(a), as_is<T>(some), k, c, mode, AddPlace<T>{});
          REQUIRE(c == expected.leftCols(n));
          c.setOnes();
          gemm<T>(transposed<T>(a_turned), transposed<T>(turned), k, c, mode, AddPlace<T>{});
          REQUIRE(c == expected.leftCols(n));
        }
      }
    }
  }
}

TEST_CASE("gemm_narrow: nothing is written beside the columns of C") {
  const Matrix<float> a = fractions<float>(200, 30, 1);
  const Matrix<float> b = fractions<float>(30, odd_cols<float>, 2);
  Matrix<float> frame = Matrix<float>::Constant(200, odd_cols<float> + 3, -5);
  gemm<float>(as_is<float>(a), as_is<float>(b), 30, frame.leftCols(odd_cols<float>), Store::overwrite);
  CHECK((frame.rightCols(3).array() == -5).all());
  CHECK((frame.leftCols(odd_cols<float>) - a * b).cwiseAbs().maxCoeff() < 1e-4F);
}

TEST_CASE("gemm_narrow: no allocation after the first product of a size") {
  const Matrix<float> a = fractions<float>(200, 300, 1);
  const Matrix<float> b = fractions<float>(300, odd_cols<float>, 2);
  Matrix<float> c(200, odd_cols<float>);
  for (const int threads : {1, 2}) {
    const ThreadScope scope(threads);
    gemm<float>(as_is<float>(a), as_is<float>(b), 300, c, Store::overwrite);
    std::size_t count = 1;
    {
      const AllocationCount guard;
      gemm<float>(as_is<float>(a), as_is<float>(b), 300, c, Store::overwrite);
      count = guard.count();
    }
    CHECK(count == 0);
  }
}
