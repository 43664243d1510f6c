// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/precision_recall.hpp"

#include <doctest/doctest.h>

#include <array>

#include "support/golden.hpp"

using vaekit::Index;
using vaekit::Matrix;
using vaekit::PrecisionRecall;

TEST_CASE("precision and recall: golden values") {
  const Golden golden("metrics");
  const PrecisionRecall got =
      vaekit::precision_recall(golden.matrix<double>("x"), golden.matrix<double>("y"));
  const std::array values = {got.precision, got.recall};
  golden.check<double>("precision_recall", std::span<const double>(values));
}

TEST_CASE("precision and recall: a collapsed sampler is precise, a scattered one recalls") {
  Matrix<double> real(100, 1);
  Matrix<double> collapsed(100, 1);
  Matrix<double> scattered(100, 1);
  for (Index i = 0; i < 100; ++i) {
    const auto t = static_cast<double>(i);
    real(i, 0) = t;
    collapsed(i, 0) = 50 + 0.01 * t;
    scattered(i, 0) = 10 * t - 450;
  }
  const PrecisionRecall same = vaekit::precision_recall(real, real);
  CHECK(same.precision == 1);
  CHECK(same.recall == 1);
  // All within 50 .. 50.99: the balls there reach 50 and 51.
  const PrecisionRecall one = vaekit::precision_recall(real, collapsed);
  CHECK(one.precision == 1);
  CHECK(one.recall == doctest::Approx(0.02));
  // 0, 10 .. 90, and 100, which the ball of 99 reaches.
  const PrecisionRecall all = vaekit::precision_recall(real, scattered);
  CHECK(all.precision == doctest::Approx(0.11));
  CHECK(all.recall == 1);
}
