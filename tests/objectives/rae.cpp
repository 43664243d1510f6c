// SPDX-License-Identifier: MIT
#include "vaekit/objectives/rae.hpp"

#include <doctest/doctest.h>

#include "support/objective_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

TEST_CASE("rae: gradients, PyTorch's values, NaN") {
  objective_suite::check_objective("rae_l2", "one", Rae({.beta = 0.3}));
}

TEST_CASE("rae: the model is deterministic, its decoder decays") {
  const Rae objective({.decoder_decay = 0.25});
  CHECK(objective.needs().deterministic);
  CHECK(objective.decoder_decay() == 0.25);
}

TEST_CASE("rae: numbers out of range are refused") {
  check_throws_with<ConfigError>("rae_l2: beta is -1, must be >= 0", [] { Rae({.beta = -1}); });
}
