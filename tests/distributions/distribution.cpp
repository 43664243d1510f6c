// SPDX-License-Identifier: MIT
#include "vaekit/distributions/distribution.hpp"

#include <doctest/doctest.h>

#include "vaekit/distributions/builtin.hpp"

using namespace vaekit;

TEST_CASE("distribution: the concept tells likelihoods from other types") {
  static_assert(Likelihood<Bernoulli<float>> && Likelihood<Gaussian<double>> &&
                Likelihood<AnyLikelihood<float>>);
  static_assert(!Likelihood<StandardNormal<float>> && !Likelihood<int>);
  CHECK(Bernoulli<float>({}, 3).support().minimum == 0);
  CHECK(Bernoulli<float>({}, 3).support().maximum == 1);
  CHECK(Gaussian<float>({}, 3).support().minimum < -1e30);
}
