// SPDX-License-Identifier: MIT
#include "vaekit/distributions/distribution.hpp"

#include <doctest/doctest.h>

#include "vaekit/distributions/builtin.hpp"
#include "vaekit/distributions/standard_normal.hpp"

using namespace vaekit;

TEST_CASE("distribution: the concept tells likelihoods from other types") {
  static_assert(Likelihood<Bernoulli<float>> && Likelihood<Gaussian<double>> &&
                Likelihood<AnyLikelihood<float>>);
  static_assert(!Likelihood<StandardNormal<float>> && !Likelihood<int>);
}

TEST_CASE("distribution: a support contains its interval, or the integers in it") {
  const Support unit{0, 1};
  CHECK(unit.contains(0));
  CHECK(unit.contains(0.5));
  CHECK_FALSE(unit.contains(1.5));
  CHECK_FALSE(unit.contains(std::nan("")));
  const Support counts{.minimum = 0, .integer = true};
  CHECK(counts.contains(7));
  CHECK_FALSE(counts.contains(7.5));
  CHECK_FALSE(counts.contains(-1));
}

TEST_CASE("distribution: a support in words") {
  CHECK(to_string(Support{0, 1}) == "in [0, 1]");
  CHECK(to_string(Support{.minimum = 0, .integer = true}) == "an integer >= 0");
  CHECK(to_string(Support{0, 255, true}) == "an integer in [0, 255]");
  CHECK(to_string(Support{}) == "finite");
}
