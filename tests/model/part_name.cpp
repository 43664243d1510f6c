// SPDX-License-Identifier: MIT
#include "vaekit/model/part_name.hpp"

#include <doctest/doctest.h>

#include "model/example_models.hpp"

using namespace vaekit;

TEST_CASE("part name: as the configuration calls it, also of a part chosen at run time") {
  CHECK(part_name(Bernoulli<float>({}, 3)) == "bernoulli");
  CHECK(part_name(AnyLikelihood<float>(GaussianConfig{}, 3)) == "gaussian");
  CHECK(part_name(AnyPrior<float>(VampPriorConfig{}, 2, 3)) == "vamp");
  struct Own {};
  CHECK(part_name(Own{}) == "custom");
}
