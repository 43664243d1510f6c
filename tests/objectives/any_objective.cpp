// SPDX-License-Identifier: MIT
#include "vaekit/objectives/any_objective.hpp"

#include <doctest/doctest.h>

#include "support/throws_with.hpp"
#include "vaekit/objectives/builtin.hpp"

using namespace vaekit;

static_assert(Objective<AnyObjective, float> && Objective<AnyObjective, double>);

TEST_CASE("objective: one chosen at run time gives the same bits as the type itself") {
  const ElboConfig config{.beta = 0.7, .free_bits = 0.5, .samples = 3};
  Terms<double> terms(2, 3, 2);
  terms.log_likelihood << -1, -2, -3, -4, -5, -7;
  terms.kl << 0.1, 2, 0.2, 3;
  Terms<double> expected(2, 3, 2);
  Terms<double> got(2, 3, 2);

  const AnyObjective any{ObjectiveConfig(config)};
  const ObjectiveValue typed_value = Elbo(config).evaluate(terms, 0.0, expected);
  const ObjectiveValue any_value = any.evaluate(terms, 0.0, got);

  CHECK(any.samples() == 3);
  CHECK(any_value.loss == typed_value.loss);
  CHECK(any_value.elbo == typed_value.elbo);
  CHECK(any_value.reconstruction == typed_value.reconstruction);
  CHECK(any_value.kl == typed_value.kl);
  CHECK(got.log_likelihood == expected.log_likelihood);
  CHECK(got.kl == expected.kl);
}

TEST_CASE("objective: one chosen at run time checks its numbers") {
  check_throws_with<ConfigError>("elbo: samples is 0, must be in [1, 10000]",
                                 [] { AnyObjective(ElboConfig{.samples = 0}); });
}

TEST_CASE("objective: one chosen at run time passes on what the type asks for") {
  const AnyObjective dreg(IwaeConfig{.gradient = IwaeGradient::doubly_reparameterized});
  CHECK(dreg.needs().densities);
  CHECK(dreg.needs().path_gradient);
  CHECK_FALSE(AnyObjective().needs().densities);
  CHECK(AnyObjective(RaeConfig{.decoder_decay = 0.5}).decoder_decay() == 0.5);
  CHECK(AnyObjective().decoder_decay() == 0);
  AnyObjective tcvae(BetaTcvaeConfig{});
  tcvae.set_dataset_size(9);
  CHECK(std::get<BetaTcvae>(tcvae.chosen).config.dataset_size == 9);
}
