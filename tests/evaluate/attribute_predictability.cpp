// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/attribute_predictability.hpp"

#include <doctest/doctest.h>

#include "evaluate/example_codes.hpp"
#include "support/golden.hpp"
#include "support/throws_with.hpp"

using example::Representing;
using vaekit::Matrix;

namespace {

vaekit::AttributePredictability predictability_of(Representing kind) {
  const example::CodedSamples samples(kind);
  return vaekit::attribute_predictability(samples.codes, samples.values, example::four_factors);
}

}  // namespace

TEST_CASE("SAP: high for a perfect, lower for a rotated, near 0 for a random representation") {
  const vaekit::AttributePredictability perfect = predictability_of(Representing::perfect);
  // A factor without order: the second best code is at chance, 1/3 of balanced accuracy.
  CHECK(perfect.scores(0, 0) == 1);
  CHECK(perfect.gaps[0] > 0.6);
  CHECK(perfect.gaps[0] <= 2.0 / 3);
  CHECK(perfect.scores(1, 1) == doctest::Approx(1));
  CHECK(perfect.scores(4, 1) == 0);
  CHECK(perfect.sap > 0.9);
  CHECK(predictability_of(Representing::rotated).sap < 0.1);
  CHECK(predictability_of(Representing::random).sap < 0.02);
}

TEST_CASE("SAP: golden values") {
  const Golden golden("metrics");
  const vaekit::Factors factors{{{"a", 3, false}, {"b", 6}, {"c", 8}}};
  const vaekit::AttributePredictability got = vaekit::attribute_predictability(
      golden.matrix<double>("codes"), golden.matrix<double>("factors").cast<std::int32_t>(), factors);
  golden.check<double>("sap_scores", got.scores);
  golden.check<double>("sap", std::span(&got.sap, 1));
}

TEST_CASE("SAP: sizes that do not fit are refused") {
  check_throws_with<vaekit::ShapeError>(
      "attribute_predictability: values has 2 columns, must have 4 (factors)", [] {
        static_cast<void>(vaekit::attribute_predictability(Matrix<double>(3, 1), Matrix<std::int32_t>(3, 2),
                                                           example::four_factors));
      });
}

TEST_CASE("SAP: a single code is compared with chance") {
  const vaekit::Factors factors{{{"shape", 3, false}, {"size", 3}}};
  Matrix<std::int32_t> values(6, 2);
  values << 0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2;
  const vaekit::AttributePredictability collapsed =
      vaekit::attribute_predictability(Matrix<double>(6, 1), values, factors);
  CHECK(collapsed.gaps[0] == doctest::Approx(0).epsilon(1e-12));
  CHECK(collapsed.gaps[1] == 0);
  const vaekit::AttributePredictability perfect =
      vaekit::attribute_predictability(Matrix<double>(values.leftCols(1).cast<double>()), values, factors);
  CHECK(perfect.gaps[0] == doctest::Approx(2.0 / 3));
  CHECK(perfect.gaps[1] == doctest::Approx(1));
}
