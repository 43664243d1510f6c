// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/dci.hpp"

#include <doctest/doctest.h>

#include "evaluate/example_codes.hpp"
#include "support/golden.hpp"
#include "support/throws_with.hpp"

using example::Representing;
using vaekit::Dci;
using vaekit::Matrix;

namespace {

Dci dci_of(Representing kind) {
  const example::CodedSamples samples(kind);
  return vaekit::dci_lasso(samples.codes, samples.values, example::four_factors);
}

Dci scored(Matrix<double> importance) {
  Dci dci{std::move(importance)};
  vaekit::score_importance(dci);
  return dci;
}

}  // namespace

TEST_CASE("DCI: perfect, rotated and random representations") {
  const Dci perfect = dci_of(Representing::perfect);
  CHECK(perfect.disentanglement > 0.9);
  CHECK(perfect.completeness > 0.9);
  // The indicator of the middle shape is no linear function of its code.
  CHECK(perfect.informativeness > 0.85);
  CHECK(perfect.informativeness < 0.9);
  const Dci rotated = dci_of(Representing::rotated);
  CHECK(rotated.disentanglement < 0.55);
  CHECK(rotated.completeness < 0.65);
  CHECK(rotated.informativeness == doctest::Approx(perfect.informativeness).epsilon(0.01));
  const Dci random = dci_of(Representing::random);
  CHECK(random.informativeness < 0.02);
  CHECK(random.disentanglement == 0);
  CHECK(random.completeness == 0);
}

TEST_CASE("DCI: scores of importances by hand") {
  Matrix<double> diagonal(3, 3);
  diagonal.setIdentity();
  CHECK(scored(diagonal).disentanglement == doctest::Approx(1));
  CHECK(scored(diagonal).completeness == doctest::Approx(1));
  Matrix<double> even(4, 2);
  even.setOnes();
  CHECK(scored(even).disentanglement == doctest::Approx(0));
  CHECK(scored(even).completeness == doctest::Approx(0));
  Matrix<double> spread(4, 2);  // each code of one factor, each factor in two codes
  spread << 1, 0, 1, 0, 0, 1, 0, 1;
  CHECK(scored(spread).disentanglement == doctest::Approx(1));
  CHECK(scored(spread).completeness == doctest::Approx(0.5));
  CHECK(scored(Matrix<double>(2, 2)).disentanglement == 0);
  CHECK(scored(Matrix<double>(2, 2)).completeness == 0);
}

TEST_CASE("DCI: golden values") {
  const Golden golden("metrics");
  const vaekit::Factors factors{{{"a", 3, false}, {"b", 6}, {"c", 8}}};
  const Dci got = vaekit::dci_lasso(golden.matrix<double>("codes"),
                                    golden.matrix<double>("factors").cast<std::int32_t>(), factors);
  golden.check_each<double>("disentanglement", std::span(&got.disentanglement, 1), 1);
  golden.check_each<double>("completeness", std::span(&got.completeness, 1), 1);
  golden.check_each<double>("informativeness", std::span(&got.informativeness, 1), 1);
  golden.check<double>("importance", got.importance);
}

TEST_CASE("DCI: too few rows are refused") {
  check_throws_with<vaekit::ShapeError>("dci_lasso: codes has 3 rows, must have at least 4", [] {
    static_cast<void>(
        vaekit::dci_lasso(Matrix<double>(3, 1), Matrix<std::int32_t>(3, 4), example::four_factors));
  });
}
