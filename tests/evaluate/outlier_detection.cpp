// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/outlier_detection.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "support/golden.hpp"
#include "support/throws_with.hpp"

using vaekit::auroc;
using vaekit::average_precision;

TEST_CASE("outliers: areas of separated, reversed and tied scores") {
  const std::vector<bool> outlier = {false, true, false, true};
  const auto areas = [&](std::vector<float> scores) {
    return std::pair(auroc<float>(scores, outlier), average_precision<float>(scores, outlier));
  };
  CHECK(areas({1, 4, 2, 3}) == std::pair(1.0, 1.0));
  CHECK(areas({5, 5, 5, 5}) == std::pair(0.5, 0.5));
  CHECK(areas({1, 4, 3, 2}) == std::pair(0.75, 0.5 * 1 + 0.5 * 2 / 3));
  CHECK(areas({4, 1, 3, 2}).first == 0);
}

TEST_CASE("outliers: golden values") {
  const Golden golden("metrics");
  const vaekit::Matrix<double> scores = golden.matrix<double>("scores");
  std::vector<bool> outlier(200, false);
  std::fill(outlier.begin() + 150, outlier.end(), true);
  const double roc = auroc<double>(scores.span(), outlier);
  const double pr = average_precision<double>(scores.span(), outlier);
  golden.check<double>("auroc", std::span(&roc, 1));
  golden.check<double>("average_precision", std::span(&pr, 1));
}

TEST_CASE("outliers: one kind of samples, or another number of them, is refused") {
  const std::vector<float> scores = {1, 2};
  check_throws_with<vaekit::DataError>(
      "auroc: has samples of one kind only, must have normal ones and anomalies", [&] {
        static_cast<void>(auroc<float>(scores, {true, true}));
      });
  check_throws_with<vaekit::ShapeError>("average_precision: has 2 scores, must have 3 (samples)", [&] {
    static_cast<void>(average_precision<float>(scores, {true, false, true}));
  });
}

TEST_CASE("outliers: a score that is nan is refused, infinite ones are ranked") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  check_throws_with<vaekit::NumericError>("auroc: score 1 is nan, must be a number", [&] {
    static_cast<void>(auroc<float>(std::vector<float>{1, nan, 2}, {true, false, true}));
  });
  check_throws_with<vaekit::NumericError>("average_precision: score 0 is nan, must be a number", [&] {
    static_cast<void>(average_precision<float>(std::vector<float>{nan, 1}, {true, false}));
  });
  CHECK(auroc<float>(std::vector<float>{-inf, 1, inf}, {false, false, true}) == 1);
}
