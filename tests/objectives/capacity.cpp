// SPDX-License-Identifier: MIT
#include "vaekit/objectives/capacity.hpp"

#include <doctest/doctest.h>

#include "support/objective_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

TEST_CASE("capacity: gradients, PyTorch's values, NaN") {
  objective_suite::check_objective("capacity", "one", Capacity({.capacity = 3, .gamma = 20}));
}

TEST_CASE("capacity: the KL is pulled to the capacity from both sides, along its schedule") {
  Schedule growing(0.0);
  growing.schedule = ScheduleKind::linear;
  growing.to = 10;
  growing.epochs = 2;
  const Capacity objective({.capacity = growing, .gamma = 5});
  Terms<double> terms(2, 1, 1);
  Terms<double> gradients(2, 1, 1);
  terms.log_likelihood << -1, -3;
  terms.kl << 3, 5;
  CHECK(objective.evaluate(terms, 0.0, gradients).loss == 2 + 5 * 4);
  CHECK((gradients.kl.array() == 2.5).all());
  CHECK(objective.evaluate(terms, 2.0, gradients).loss == 2 + 5 * 6);
  CHECK((gradients.kl.array() == -2.5).all());
  CHECK(objective.evaluate(terms, 2.0, gradients).elbo == -6);
}

TEST_CASE("capacity: numbers out of range are refused") {
  check_throws_with<ConfigError>("capacity: gamma is -1, must be >= 0", [] { Capacity({.gamma = -1}); });
}
