// SPDX-License-Identifier: MIT
#include "vaekit/objectives/elbo.hpp"

#include <doctest/doctest.h>

#include "support/distribution_suite.hpp"
#include "support/gradient_check.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;
using likelihood_suite::random_matrix;

static_assert(Objective<Elbo, float> && Objective<Elbo, double>);

namespace {

/// Two inputs, two samples each, three latent dimensions with mean KL 0.2, 1 and 3.
template <class T>
Terms<T> example() {
  Terms<T> terms(2, 2, 3);
  terms.log_likelihood << -10, -20, -30, -44;
  terms.kl << T{0.125}, T{0.5}, 2, T{0.25}, T{1.5}, 4;
  return terms;
}

}  // namespace

TEST_CASE_TEMPLATE("elbo: value and gradients of a worked example", T, float, double) {
  Terms<T> gradients(2, 2, 3);
  const ObjectiveValue value = Elbo().evaluate(example<T>(), 0.0, gradients);
  CHECK(value.reconstruction == -26);
  CHECK(value.kl == 4.1875);
  CHECK(value.elbo == -30.1875);
  CHECK(value.loss == 30.1875);
  CHECK((gradients.log_likelihood.array() == T{-0.25}).all());
  CHECK((gradients.kl.array() == T{0.5}).all());
}

TEST_CASE("elbo: beta weighs the loss and its gradient, never the reported bound") {
  Terms<double> gradients(2, 2, 3);
  const ObjectiveValue value = Elbo({.beta = 4}).evaluate(example<double>(), 0.0, gradients);
  CHECK(value.elbo == -30.1875);
  CHECK(value.kl == 4.1875);
  CHECK(value.loss == 26 + 4 * 4.1875);
  CHECK((gradients.kl.array() == 2).all());
  CHECK(Elbo({.beta = 0}).evaluate(example<double>(), 0.0, gradients).loss == 26);
  CHECK(gradients.kl.isZero(0));
}

TEST_CASE("elbo: beta follows its schedule") {
  Schedule warmup(0.0);
  warmup.schedule = ScheduleKind::linear;
  warmup.to = 2;
  warmup.epochs = 4;
  const Elbo objective({.beta = warmup});
  Terms<double> gradients(2, 2, 3);
  CHECK(objective.evaluate(example<double>(), 0.0, gradients).loss == 26);
  CHECK(objective.evaluate(example<double>(), 1.0, gradients).loss == 26 + 0.5 * 4.1875);
  CHECK((gradients.kl.array() == 0.25).all());
  CHECK(objective.evaluate(example<double>(), 9.0, gradients).loss == 26 + 2 * 4.1875);
}

TEST_CASE("elbo: free bits are spent by a dimension's mean over the batch, without a gradient") {
  // Means by dimension: 0.1875, 1 and 3. The second lies on the limit and is pushed.
  Terms<double> gradients(2, 2, 3);
  const ObjectiveValue value = Elbo({.beta = 2, .free_bits = 1}).evaluate(example<double>(), 0.0, gradients);
  CHECK(value.loss == 26 + 2 * (1 + 1 + 3));
  CHECK(value.elbo == -30.1875);
  CHECK(gradients.kl.col(0).isZero(0));
  CHECK((gradients.kl.rightCols(2).array() == 1).all());
  CHECK(Elbo({.free_bits = 10}).evaluate(example<double>(), 0.0, gradients).loss == 26 + 3 * 10);
  CHECK(gradients.kl.isZero(0));
}

TEST_CASE("elbo: dimensions of a group share their free bits") {
  // Means by dimension: 0.1875, 1 and 3; groups {0, 1} and {2}.
  Terms<double> gradients(2, 2, 3);
  const Elbo shared({.free_bits = 1.5, .free_bits_group = 2});
  CHECK(shared.evaluate(example<double>(), 0.0, gradients).loss == 26 + 1.5 + 3);
  CHECK(gradients.kl.leftCols(2).isZero(0));
  CHECK((gradients.kl.col(2).array() == 0.5).all());
  const Elbo all({.free_bits = 1.5, .free_bits_group = 99});
  CHECK(all.evaluate(example<double>(), 0.0, gradients).loss == 26 + 4.1875);
  CHECK((gradients.kl.array() == 0.5).all());
  check_throws_with<ConfigError>("elbo: free_bits_group is 0, must be >= 1",
                                 [] { Elbo({.free_bits_group = 0}); });
}

TEST_CASE("elbo: gradients are those of finite differences") {
  for (const Index batch : {1, 3, 8}) {
    for (const Index samples : {1, 3}) {
      Terms<double> terms(batch, samples, 4);
      terms.log_likelihood = random_matrix<double>(batch, samples, 1, 10);
      terms.kl = random_matrix<double>(batch, 4, 2).array().square().matrix();
      const Elbo objective({.beta = 0.7, .free_bits = 0.9});
      Terms<double> gradients(batch, samples, 4);
      Terms<double> scratch(batch, samples, 4);
      objective.evaluate(terms, 0.0, gradients);
      const auto loss = [&] { return objective.evaluate(terms, 0.0, scratch).loss; };
      check_finite_differences(terms.log_likelihood.span(), gradients.log_likelihood.span(), loss);
      check_finite_differences(terms.kl.span(), gradients.kl.span(), loss);
    }
  }
}

TEST_CASE("elbo: terms keep their buffers when the batch shrinks and grows back") {
  Terms<float> terms(8, 3, 5);
  const float* log_likelihood = terms.log_likelihood.data();
  const float* kl = terms.kl.data();
  terms.set_batch(2);
  CHECK(terms.log_likelihood.rows() == 2);
  CHECK(terms.log_likelihood.cols() == 3);
  CHECK(terms.kl.rows() == 2);
  terms.set_batch(8);
  CHECK(terms.kl.rows() == 8);
  CHECK(terms.log_likelihood.data() == log_likelihood);
  CHECK(terms.kl.data() == kl);
}

TEST_CASE_TEMPLATE("elbo: NaN in, NaN out", T, float, double) {
  Terms<T> gradients(2, 2, 3);
  for (const bool in_kl : {true, false}) {
    Terms<T> terms = example<T>();
    (in_kl ? terms.kl(1, 1) : terms.log_likelihood(1, 1)) = std::numeric_limits<T>::quiet_NaN();
    const ObjectiveValue value = Elbo({.free_bits = 1}).evaluate(terms, 0.0, gradients);
    CHECK(std::isnan(value.loss));
    CHECK(std::isnan(value.elbo));
  }
}

TEST_CASE("elbo: sums of many terms are taken in double") {
  Terms<float> terms(100'000, 1, 1);
  terms.log_likelihood.setConstant(-1000.1F);
  const ObjectiveValue value = elbo_value(terms);
  CHECK(std::abs(value.reconstruction + static_cast<double>(1000.1F)) < 1e-9);
}

TEST_CASE("elbo: numbers out of range are refused") {
  check_throws_with<ConfigError>("elbo: beta is -1, must be >= 0", [] { Elbo({.beta = -1}); });
  check_throws_with<ConfigError>("elbo: beta is nan, must be finite", [] { Elbo({.beta = std::nan("")}); });
  check_throws_with<ConfigError>("elbo: free_bits is -0.5, must be >= 0", [] { Elbo({.free_bits = -0.5}); });
  check_throws_with<ConfigError>("elbo: samples is 0, must be in [1, 10000]", [] { Elbo({.samples = 0}); });
  Schedule schedule(0.0);
  schedule.schedule = ScheduleKind::linear;
  schedule.to = -2;
  check_throws_with<ConfigError>("elbo: beta/to is -2, must be >= 0", [&] { Elbo({.beta = schedule}); });
  schedule.to = 1;
  schedule.epochs = 0;
  check_throws_with<ConfigError>("elbo: beta: epochs is 0, must be > 0", [&] { Elbo({.beta = schedule}); });
  schedule.epochs = 1;
  schedule.milestones = {3, -1};
  check_throws_with<ConfigError>("elbo: beta/milestones is -1, must be >= 0",
                                 [&] { Elbo({.beta = schedule}); });
}
