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
    Matrix<double> dz(batch, 3);
    critic.forward(z);
    critic.input_gradient(0.5, dz);
    check_finite_differences(z.span(), dz.span(),
                             [&] { return 0.5 * critic.forward(z).topRows(batch).sum(); });
  }
}

TEST_CASE("critic: rows that are put below give the numbers that they give alone") {
  Critic<float> critic(3, 2, 5, RandomStream(1, Purpose::initialize));
  Critic<float> other = critic;
  const Matrix<float> z = random_matrix<float>(7, 3, 1);
  const Matrix<float> more = random_matrix<float>(7, 3, 2);
  CHECK_FALSE(critic.holds(z));
  critic.forward(z);
  CHECK(critic.holds(z));
  CHECK_FALSE(critic.holds(more));
  const Matrix<float>& both = critic.append(more);
  CHECK(both.topRows(7) == other.forward(z).topRows(7));
  CHECK(both.middleRows(7, 7) == other.forward(more).topRows(7));
}

TEST_CASE("critic: a step follows the gradient, with what was found of z before or not") {
  Critic<double> critic(3, 2, 5, RandomStream(1, Purpose::initialize));
  const Critic<double> before = critic;
  const Matrix<double> z = random_matrix<double>(5, 3, 1);
  const Matrix<double> dout = random_matrix<double>(5, 1, 2);
  critic.forward(z);
  critic.step(dout.span(), 0.1, 0.0, 0.0, 0);  // by 0.1 against the sign of each gradient
  const auto loss = [&](Critic<double> c) { return c.forward(z).topRows(5).cwiseProduct(dout).sum(); };
  for (std::size_t i = 0; i < before.layers.size(); ++i) {
    for (const Index j : {0, 2}) {
      Critic<double> moved = before;
      moved.layers[i].weight(0, j) += 1e-6;
      const double slope = (loss(moved) - loss(before)) / 1e-6;
      const double change = critic.layers[i].weight(0, j) - before.layers[i].weight(0, j);
      CHECK(std::abs(change + 0.1 * slope / (std::abs(slope) + 1e-8)) < 1e-3);
    }
  }
  Critic<double> again = before;
  Matrix<double> dz(5, 3);
  again.forward(z);
  again.input_gradient(1, dz);
  again.step(dout.span(), 0.1, 0.0, 0.0, 0);
  for (std::size_t i = 0; i < before.layers.size(); ++i) {
    CHECK(again.layers[i].weight == critic.layers[i].weight);
    CHECK(again.layers[i].bias == critic.layers[i].bias);
  }
}

TEST_CASE("critic: steps with a zero gradient change nothing") {
  Critic<double> critic(3, 1, 4, RandomStream(1, Purpose::initialize));
  const Critic<double> before = critic;
  const Matrix<double> z = random_matrix<double>(5, 3, 1);
  critic.forward(z);
  critic.step(Matrix<double>(5, 1).span(), 0.1, 0.9, 0.999, 0);
  CHECK_FALSE(critic.holds(z));
  CHECK(critic.layers[0].weight == before.layers[0].weight);
  critic.forward(z);
  critic.step(random_matrix<double>(5, 1, 2).span(), 0.1, 0.9, 0.999, 1);
  CHECK(critic.layers[0].weight != before.layers[0].weight);
}

TEST_CASE("critic: empty until it is made") {
  CHECK(Critic<float>().empty());
  const Critic<float> none;
  CHECK(parameters(none).empty());
}
