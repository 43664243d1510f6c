// SPDX-License-Identifier: MIT
#include "vaekit/objectives/beta_tcvae.hpp"

#include <doctest/doctest.h>

#include "support/objective_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;
using objective_suite::check_objective;

TEST_CASE("beta-tcvae: gradients, PyTorch's values, NaN") {
  const BetaTcvaeConfig config{.alpha = 0.5, .beta = 4, .gamma = 2, .dataset_size = 100};
  check_objective("weighted", "one", BetaTcvae(config));
  BetaTcvaeConfig stratified = config;
  stratified.estimator = AggregateEstimator::stratified;
  check_objective("stratified", "one", BetaTcvae(stratified));
}

TEST_CASE("beta-tcvae: with all weights 1 the parts add up to log q(z|x) - log p(z)") {
  const BetaTcvae objective({.alpha = 1, .beta = 1, .gamma = 1, .dataset_size = 50});
  const Terms<double> terms = objective_suite::random_terms<double>(objective, 7, 3);
  Terms<double> gradients = objective_suite::terms_for<double>(objective, 7, 3);
  const double expected = (terms.log_q - terms.log_p).mean() - terms.log_likelihood.mean();
  CHECK(objective.evaluate(terms, 0.0, gradients).loss == doctest::Approx(expected).epsilon(1e-13));
}

TEST_CASE("beta-tcvae: the trainer's number of samples is used where the configuration has none") {
  BetaTcvae objective({.dataset_size = 0});
  objective.set_dataset_size(77);
  CHECK(objective.config.dataset_size == 77);
  objective.set_dataset_size(88);
  CHECK(objective.config.dataset_size == 77);
}

TEST_CASE("beta-tcvae: the number of threads changes no bit") {
  const BetaTcvae objective({.dataset_size = 1000});
  const Terms<float> terms = objective_suite::random_terms<float>(objective, 100, 19);
  const auto run = [&](int threads) {
    const ThreadScope scope(threads);
    Terms<float> gradients = objective_suite::terms_for<float>(objective, 100, 19);
    objective.evaluate(terms, 0.0, gradients);
    return gradients;
  };
  const Terms<float> expected = run(1);
  for (const int threads : {2, 3}) {
    const Terms<float> got = run(threads);
    CHECK(got.z == expected.z);
    CHECK(got.mu == expected.mu);
    CHECK(got.logvar == expected.logvar);
  }
}

TEST_CASE("beta-tcvae: numbers out of range are refused") {
  check_throws_with<ConfigError>("beta_tcvae: alpha is -1, must be >= 0", [] { BetaTcvae({.alpha = -1}); });
}
