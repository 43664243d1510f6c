// SPDX-License-Identifier: MIT
#include "vaekit/kernels/gemm_zeros.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>

#include "support/same_bits.hpp"
#include "vaekit/kernels/gemm.hpp"
#include "vaekit/kernels/random.hpp"

using namespace vaekit;
using vaekit::detail::LiveSteps;

namespace {

/// Normal numbers; column k of rows of panel p is 0 where `is_zero(p, k)`.
template <class T, class IsZero>
Matrix<T> with_zero_columns(Index rows, Index cols, IsZero&& is_zero) {
  Matrix<T> a(rows, cols);
  fill_normal(a.span(), RandomStream(4, Purpose::synthetic));
  const detail::RowPanels<T> panels(rows);
  for (Index p = 0; p < panels.count(); ++p) {
    for (Index row = panels[p].first; row < panels[p].last; ++row) {
      for (Index k = 0; k < cols; ++k) {
        a(row, k) = is_zero(p, k) ? T{0} : a(row, k);
      }
    }
  }
  return a;
}

template <class T>
detail::Lines<T> lines_of(const Matrix<T>& a) {
  return {a.data(), a.outerStride(), 1, a.rows()};
}

}  // namespace

TEST_CASE_TEMPLATE("gemm_zeros: the steps of each panel and block at which some row is not 0", T, float,
                   double) {
  constexpr Index rows = 40;
  constexpr Index depth = 551;  // more than one block, no multiple of the lanes
  const auto zero = [](Index p, Index k) { return (k + p) % 3 == 0; };
  Matrix<T> a = with_zero_columns<T>(rows, depth, zero);
  a(0, 3) = std::numeric_limits<T>::quiet_NaN();
  LiveSteps<T> live;
  CHECK(live.find(lines_of(a), depth));
  const detail::DepthBlocks<T> blocks{depth};
  for (Index p = 0; p < detail::RowPanels<T>(rows).count(); ++p) {
    for (Index d = 0; d < blocks.count(); ++d) {
      std::set<Index> expected;
      for (Index k = blocks[d].first; k < blocks[d].last; ++k) {
        if (!zero(p, k) || (p == 0 && k == 3)) {
          expected.insert(k - blocks[d].first);
        }
      }
      REQUIRE(live.steps(p, d) != nullptr);
      CHECK(std::set<Index>(live.steps(p, d), live.steps(p, d) + live.count(p, d)) == expected);
    }
  }
}

TEST_CASE("gemm_zeros: few zeros are not worth a list") {
  LiveSteps<float> live;
  const Matrix<float> a =
      with_zero_columns<float>(40, 100, [](Index p, Index k) { return p == 1 && k % 20 == 0; });
  CHECK_FALSE(live.find(lines_of(a), 100));
  CHECK(live.steps(0, 0) == nullptr);
  CHECK(live.steps(1, 0) == nullptr);
  CHECK(live.count(1, 0) == 100);
}

TEST_CASE_TEMPLATE("gemm_zeros: products of a packed matrix are those of the matrix", T, float, double) {
  for (const Index depth : {37, 551}) {
    for (const Index rows : {1, 3, 17, 29}) {
      for (const Index cols : {300, 309}) {
        CAPTURE(depth);
        CAPTURE(rows);
        const Matrix<T> a = with_zero_columns<T>(rows, depth, [](Index p, Index k) {
          return p == 1 || (p % 2 == 0 && (k * 7 + p) % 5 < 2);  // all, some or none of a panel
        });
        Matrix<T> b(depth, cols);
        fill_normal(b.span(), RandomStream(5, Purpose::synthetic));
        Matrix<T> expected(rows, cols);
        gemm<T>(as_is<T>(a), as_is<T>(b), depth, expected, Store::overwrite);
        PackedMatrix<T> packed;
        packed.pack(as_is<T>(b), depth, cols);
        for (const int threads : {1, 2, 3}) {
          const ThreadScope scope(threads);
          Matrix<T> c(rows, cols);
          packed.multiply(as_is<T>(a), c, Store::overwrite);
          CHECK(same_bits(c, expected));
          packed.multiply(as_is<T>(a), c, Store::accumulate);
          CHECK((c - 2 * expected).cwiseAbs().maxCoeff() <= static_cast<T>(1e-4));
        }
      }
    }
  }
}

TEST_CASE("gemm_zeros: zeros are not left out where the other factor is not finite") {
  const Matrix<float> a = with_zero_columns<float>(40, 64, [](Index, Index k) { return k < 32; });
  Matrix<float> b(64, 300);
  b(3, 7) = std::numeric_limits<float>::infinity();
  PackedMatrix<float> packed;
  packed.pack(as_is<float>(b), 64, 300);
  Matrix<float> c(40, 300);
  packed.multiply(as_is<float>(a), c, Store::overwrite);
  CHECK(std::isnan(c(20, 7)));
  CHECK(c(20, 8) == 0);
}
