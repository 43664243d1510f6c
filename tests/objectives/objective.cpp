// SPDX-License-Identifier: MIT
#include "vaekit/objectives/objective.hpp"

#include <doctest/doctest.h>

#include "vaekit/objectives/elbo.hpp"

using namespace vaekit;

TEST_CASE("objective: the bound is the mean log-likelihood less the mean KL") {
  Terms<double> terms(2, 3, 2);
  terms.log_likelihood << -1, -2, -3, -4, -5, -6;  // [inputs × samples], mean −3.5
  terms.kl << 0.5, 1, 1.5, 2;                      // [inputs × dim], mean of the sums 2.5
  const ObjectiveValue value = elbo_value(terms);
  CHECK(value.reconstruction == -3.5);
  CHECK(value.kl == 2.5);
  CHECK(value.elbo == -6);
  CHECK(value.loss == 6);
}

TEST_CASE("objective: terms of fewer inputs keep their buffers") {
  Terms<float> terms(4, 2, 3);
  const float* before = terms.kl.data();
  terms.set_batch(2);
  CHECK(terms.log_likelihood.rows() == 2);
  CHECK(terms.log_likelihood.cols() == 2);
  CHECK(terms.kl.rows() == 2);
  terms.set_batch(4);
  CHECK(terms.kl.data() == before);
  CHECK(terms.kl.rows() == 4);
}

TEST_CASE("objective: the concept") {
  static_assert(Objective<Elbo, float> && Objective<Elbo, double>);
  static_assert(!Objective<int, float>);
}
