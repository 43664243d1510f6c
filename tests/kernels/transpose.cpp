// SPDX-License-Identifier: MIT
#include "vaekit/kernels/transpose.hpp"

#include <doctest/doctest.h>

using namespace vaekit;

TEST_CASE_TEMPLATE("transpose: every size around the block, and nothing beside the target", T, float,
                   double) {
  for (Index rows = 0; rows <= 19; ++rows) {
    for (Index cols = 0; cols <= 19; ++cols) {
      Matrix<T> source(rows, cols + 3);
      for (Index i = 0; i < source.size(); ++i) {
        source.data()[i] = static_cast<T>(i + 1);
      }
      Matrix<T> target(cols + 1, rows + 2);
      target.setConstant(T{-1});
      Matrix<T> expected = target;
      expected.topLeftCorner(cols, rows) = source.leftCols(cols).transpose();
      transpose(source.data(), source.cols(), rows, cols, target.data(), target.cols());
      REQUIRE(target == expected);
    }
  }
}
