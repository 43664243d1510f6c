// SPDX-License-Identifier: MIT
#include "vaekit/objectives/dip_vae.hpp"

#include <doctest/doctest.h>

#include "support/objective_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;
using objective_suite::check_objective;

TEST_CASE("dip-vae: gradients, PyTorch's values, NaN") {
  const DipVaeConfig one{.lambda_offdiagonal = 7, .lambda_diagonal = 3, .beta = 0.5};
  check_objective("dip_one", "one", DipVae(one));
  DipVaeConfig two = one;
  two.variant = DipVariant::two;
  check_objective("dip_two", "one", DipVae(two));
}

TEST_CASE("dip-vae: means with the identity as covariance cost nothing") {
  const DipVae objective({.lambda_offdiagonal = 5, .lambda_diagonal = 5});
  Terms<double> terms = objective_suite::terms_for<double>(objective, 4, 2);
  Terms<double> gradients = terms;
  terms.mu << 1, 1, 1, -1, -1, 1, -1, -1;
  CHECK(objective.evaluate(terms, 0.0, gradients).loss == 0);
  CHECK(gradients.mu.isZero(0));
}

TEST_CASE("dip-vae: numbers out of range are refused") {
  check_throws_with<ConfigError>("dip_vae: lambda_diagonal is -1, must be >= 0",
                                 [] { DipVae({.lambda_diagonal = -1}); });
}
