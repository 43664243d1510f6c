// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/modularity.hpp"

#include <doctest/doctest.h>

#include "evaluate/example_codes.hpp"
#include "support/golden.hpp"
#include "support/throws_with.hpp"

using example::Representing;
using vaekit::Matrix;

namespace {

double modularity_of(Representing kind) {
  const example::CodedSamples samples(kind);
  return vaekit::modularity(
      vaekit::mutual_information(vaekit::discretize(samples.codes.leftCols(4)), samples.values));
}

}  // namespace

TEST_CASE("modularity: near 1 for a perfect, lower for a rotated, lowest for a random representation") {
  CHECK(modularity_of(Representing::perfect) > 0.99);
  CHECK(modularity_of(Representing::rotated) < 0.85);
  CHECK(modularity_of(Representing::random) < 0.7);
}

TEST_CASE("modularity: by hand, and 0 for a code that tells nothing") {
  const auto of = [](double a, double b, double c) {
    Matrix<double> information(1, 3);
    information << a, b, c;
    return vaekit::modularity({information, {1, 1, 1}});
  };
  CHECK(of(2, 0, 0) == 1);
  CHECK(of(2, 1, 1) == 0.75);
  CHECK(of(1, 1, 1) == 0);
  CHECK(of(0, 0, 0) == 0);
  check_throws_with<vaekit::ShapeError>("modularity: has 3 codes and 1 factors, must have at least 1 and 2",
                                        [] {
                                          static_cast<void>(vaekit::modularity({Matrix<double>(3, 1), {1}}));
                                        });
}

TEST_CASE("modularity: golden value") {
  const Golden golden("metrics");
  const std::vector<double> value = {
      vaekit::modularity(vaekit::mutual_information(vaekit::discretize(golden.matrix<double>("codes")),
                                                    golden.matrix<double>("factors").cast<std::int32_t>()))};
  golden.check<double>("modularity", std::span<const double>(value));
}
