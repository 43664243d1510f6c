// SPDX-License-Identifier: MIT
#include "vaekit/objectives/importance_weighted.hpp"

#include <doctest/doctest.h>

#include "support/objective_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;
using objective_suite::check_objective;

TEST_CASE("iwae: gradients, PyTorch's values, NaN") { check_objective("iwae", "many", Iwae({.samples = 4})); }

TEST_CASE("miwae: gradients, PyTorch's values, NaN") {
  check_objective("miwae", "many", Miwae({.samples = 4, .groups = 2}));
}

TEST_CASE("ciwae: gradients, PyTorch's values, NaN") {
  check_objective("ciwae", "many", Ciwae({.samples = 4, .beta = 0.3}));
}

TEST_CASE("renyi: gradients, PyTorch's values, NaN") {
  check_objective("renyi", "many", Renyi({.samples = 4, .alpha = 0.6}));
}

TEST_CASE("iwae: reports the bound, and the best sample counts most") {
  const Iwae objective({.samples = 3});
  Terms<double> terms = objective_suite::terms_for<double>(objective, 1, 2);
  Terms<double> gradients = terms;
  terms.log_likelihood << -10, -12, -20;
  terms.log_p << -1, 0, 0;
  terms.log_q << 1, 0, 0;
  // log weights -12, -12, -20
  const ObjectiveValue value = objective.evaluate(terms, 0.0, gradients);
  CHECK(value.elbo == doctest::Approx(std::log((2 * std::exp(-12.0) + std::exp(-20.0)) / 3)).epsilon(1e-14));
  CHECK(value.loss == -value.elbo);
  CHECK(value.reconstruction == -14);
  CHECK(gradients.log_likelihood(0, 0) == gradients.log_likelihood(0, 1));
  CHECK(gradients.log_likelihood(0, 0) < 1000 * gradients.log_likelihood(0, 2));
  CHECK(gradients.log_likelihood.sum() == doctest::Approx(-1).epsilon(1e-14));
}

TEST_CASE("iwae: the doubly reparameterised gradient weights a sample's path by its share again") {
  const Iwae objective({.samples = 3, .gradient = IwaeGradient::doubly_reparameterized});
  CHECK(objective.needs().path_gradient);
  Terms<double> terms = objective_suite::random_terms<double>(objective, 4, 2);
  Terms<double> gradients = objective_suite::terms_for<double>(objective, 4, 2);
  objective.evaluate(terms, 0.0, gradients);
  for (Index row = 0; row < 4; ++row) {
    CHECK(gradients.path_weight.row(row).sum() == doctest::Approx(1).epsilon(1e-14));
    CHECK(gradients.path_weight.row(row).isApprox(-4 * gradients.log_likelihood.row(row), 1e-14));
  }
}

TEST_CASE("renyi: order 0 is the importance-weighted bound, order 1 the ELBO") {
  const Iwae iwae({.samples = 4});
  const Terms<double> terms = objective_suite::random_terms<double>(iwae, 5, 2);
  Terms<double> gradients = objective_suite::terms_for<double>(iwae, 5, 2);
  const double bound = iwae.evaluate(terms, 0.0, gradients).elbo;
  gradients.set_zero();
  CHECK(Renyi({.samples = 4, .alpha = 0}).evaluate(terms, 0.0, gradients).elbo ==
        doctest::Approx(bound).epsilon(1e-13));
  gradients.set_zero();
  const double mean = (terms.log_likelihood + terms.log_p - terms.log_q).mean();
  CHECK(Renyi({.samples = 4, .alpha = 1}).evaluate(terms, 0.0, gradients).elbo ==
        doctest::Approx(mean).epsilon(1e-13));
  CHECK((gradients.log_likelihood.array() + 0.05).isZero(1e-15));
}

TEST_CASE("iwae: log weights of a thousand nats neither overflow nor vanish") {
  const Iwae objective({.samples = 2});
  for (const float shift : {-1e4F, 1e4F}) {
    Terms<float> terms = objective_suite::terms_for<float>(objective, 1, 1);
    Terms<float> gradients = terms;
    terms.log_likelihood.setConstant(shift);
    CHECK(objective.evaluate(terms, 0.0, gradients).elbo == doctest::Approx(shift));
    CHECK((gradients.log_likelihood.array() == -0.5F).all());
  }
}

TEST_CASE("importance weighted: numbers out of range are refused") {
  check_throws_with<ConfigError>("iwae: samples is 0, must be in [1, 10000]", [] { Iwae({.samples = 0}); });
  check_throws_with<ConfigError>("miwae: samples is 8, must be a multiple of groups, 3",
                                 [] { Miwae({.samples = 8, .groups = 3}); });
  check_throws_with<ConfigError>("ciwae: beta is 1.5, must be in [0, 1]", [] { Ciwae({.beta = 1.5}); });
  check_throws_with<ConfigError>("renyi: alpha is 2, must be in [-100, 1]", [] { Renyi({.alpha = 2}); });
}
