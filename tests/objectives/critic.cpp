// SPDX-License-Identifier: MIT
#include "vaekit/objectives/critic.hpp"

#include <doctest/doctest.h>

#include "support/distribution_suite.hpp"
#include "support/gradient_check.hpp"

using namespace vaekit;
using likelihood_suite::random_matrix;

TEST_CASE("critic: gradients of its number with respect to z") {
  Critic<double> critic(3, 2, 5, RandomStream(1, Purpose::initialize));
  for (const Index batch : {8, 1, 3}) {
    Matrix<double> z = random_matrix<double>(batch, 3, 1);
    const Matrix<double> dout = random_matrix<double>(batch, 1, 2);
    Matrix<double> dz(batch, 3);
    static_cast<void>(critic.forward(z));
    critic.backward(z, dout, dz);
    check_finite_differences(z.span(), dz.span(),
                             [&] { return critic.forward(z).topRows(batch).cwiseProduct(dout).sum(); });
  }
}

TEST_CASE("critic: steps with a zero gradient change nothing, clear_gradient forgets") {
  Critic<double> critic(3, 1, 4, RandomStream(1, Purpose::initialize));
  const Critic<double> before = critic;
  const Matrix<double> z = random_matrix<double>(5, 3, 1);
  static_cast<void>(critic.forward(z));
  critic.backward(z, random_matrix<double>(5, 1, 2), no_matrix<double>());
  critic.clear_gradient();
  critic.step(0.1, 0.9, 0.999, 0);
  CHECK(critic.layers[0].weight == before.layers[0].weight);
  static_cast<void>(critic.forward(z));
  critic.backward(z, random_matrix<double>(5, 1, 2), no_matrix<double>());
  critic.step(0.1, 0.9, 0.999, 1);
  CHECK(critic.layers[0].weight != before.layers[0].weight);
}

TEST_CASE("critic: empty until it is made") {
  CHECK(Critic<float>().empty());
  const Critic<float> none;
  CHECK(parameters(none).empty());
}
