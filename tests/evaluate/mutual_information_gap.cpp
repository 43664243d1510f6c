// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/mutual_information_gap.hpp"

#include <doctest/doctest.h>

#include "evaluate/example_codes.hpp"
#include "support/golden.hpp"

using example::Representing;
using vaekit::Matrix;

namespace {

double mig_of(Representing kind) {
  const example::CodedSamples samples(kind);
  return vaekit::mutual_information_gap(
      vaekit::mutual_information(vaekit::discretize(samples.codes), samples.values));
}

}  // namespace

TEST_CASE("MIG: near 1 for a perfect, lower for a rotated, near 0 for a random representation") {
  CHECK(mig_of(Representing::perfect) > 0.97);
  CHECK(mig_of(Representing::perfect) <= 1);
  CHECK(mig_of(Representing::rotated) < 0.15);
  CHECK(mig_of(Representing::random) < 0.02);
}

TEST_CASE("MIG: gaps are of the best two rows, and of one row its value") {
  Matrix<double> values(3, 2);
  values << 1, 5, 4, 2, 3, 5;
  CHECK(vaekit::column_gaps(values) == std::vector<double>{1, 0});
  CHECK(vaekit::column_gaps(values.topRows(1)) == std::vector<double>{1, 5});
  const vaekit::MutualInformation of{values, {2, 0}};
  CHECK(vaekit::mutual_information_gaps(of) == std::vector<double>{0.5, 0});
}

TEST_CASE("MIG: golden value") {
  const Golden golden("metrics");
  const std::vector<double> mig = {vaekit::mutual_information_gap(
      vaekit::mutual_information(vaekit::discretize(golden.matrix<double>("codes")),
                                 golden.matrix<double>("factors").cast<std::int32_t>()))};
  golden.check<double>("mig", std::span<const double>(mig));
}
