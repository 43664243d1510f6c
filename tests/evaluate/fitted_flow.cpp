// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/fitted_flow.hpp"

#include <doctest/doctest.h>

#include "support/distribution_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;
using likelihood_suite::random_matrix;

namespace {

/// A ring of radius 5 around (10, -3), which no Gaussian fits.
Matrix<float> ring(Index rows) {
  Matrix<float> z(rows, 2);
  const Matrix<float> noise = random_matrix<float>(rows, 2, 1);
  for (Index row = 0; row < rows; ++row) {
    const float angle = 6.2831853F * static_cast<float>(row) / static_cast<float>(rows);
    const float radius = 5 + 0.3F * noise(row, 0);
    z(row, 0) = 10 + radius * std::cos(angle);
    z(row, 1) = -3 + radius * std::sin(angle);
  }
  return z;
}

}  // namespace

TEST_CASE("fitted flow: beats the Gaussian of the same moments on a ring, samples lie on it") {
  const Matrix<float> z = ring(2000);
  const FittedFlow<float> flow(z, {.epochs = 40, .batch_size = 100}, 1);
  // Entropy of the Gaussian with variance 25/2 + 0.045 in each direction.
  const double gaussian = -(1 + log_two_pi + std::log(12.545));
  CHECK(flow.log_likelihood() > gaussian + 0.4);
  Matrix<float> drawn(1000, 2);
  flow.sample(RandomStream(1, Purpose::prior), 0, 1, drawn);
  int near_ring = 0;
  for (Index row = 0; row < 1000; ++row) {
    const float radius = std::hypot(drawn(row, 0) - 10, drawn(row, 1) + 3);
    near_ring += radius > 3.5F && radius < 6.5F ? 1 : 0;
  }
  CHECK(near_ring > 750);
  Matrix<float> rest(10, 2);
  flow.sample(RandomStream(1, Purpose::prior), 7, 1, rest);
  CHECK(rest == drawn.middleRows(7, 10));
}

TEST_CASE("fitted flow: the same bits on any number of threads") {
  const auto fit = [&](int threads) {
    const ThreadScope scope(threads);
    const FittedFlow<float> flow(ring(300), {.epochs = 3}, 1);
    Matrix<float> drawn(50, 2);
    flow.sample(RandomStream(1, Purpose::prior), 0, 1, drawn);
    return drawn;
  };
  const Matrix<float> expected = fit(1);
  CHECK(fit(2) == expected);
  CHECK(fit(3) == expected);
}

TEST_CASE("fitted flow: no latents, or latents that are not finite, are refused") {
  check_throws_with<DataError>("fitted flow: has no latents, must have at least 1",
                               [] { FittedFlow<float>(Matrix<float>(0, 2), {}, 1); });
  check_throws_with<NumericError>("fitted flow: epoch 1: log-likelihood is nan, must be finite", [] {
    Matrix<float> z = ring(30);
    z(3, 1) = std::numeric_limits<float>::quiet_NaN();
    FittedFlow<float>(z, {}, 1);
  });
}
