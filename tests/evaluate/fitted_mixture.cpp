// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/fitted_mixture.hpp"

#include <doctest/doctest.h>

#include "support/distribution_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;
using likelihood_suite::random_matrix;

namespace {

/// A third around (-3, 0) with correlation, the rest around (3, 1).
Matrix<double> two_clouds(Index rows) {
  Matrix<double> z = random_matrix<double>(rows, 2, 1);
  for (Index row = 0; row < rows; ++row) {
    if (row % 3 == 0) {
      z(row, 1) = 0.8 * z(row, 0) + 0.3 * z(row, 1);
      z(row, 0) -= 3;
    } else {
      z.row(row) *= 0.5;
      z(row, 0) += 3;
      z(row, 1) += 1;
    }
  }
  return z;
}

}  // namespace

TEST_CASE("fitted mixture: one component is the mean and covariance of the latents") {
  const Matrix<double> z = two_clouds(300);
  const FittedMixture mixture(z, {.components = 1, .floor = 1e-12}, 1);
  const Eigen::RowVector2d mean = z.colwise().mean();
  const Eigen::MatrixXd centred = z.rowwise() - mean;
  const Eigen::Matrix2d covariance = centred.transpose() * centred / 300;
  CHECK((mixture.mu().row(0) - mean).norm() < 1e-9);
  const Eigen::RowVector2d point(0.3, -0.7);
  const Eigen::RowVector2d deviation = point - mean;
  const double determinant = covariance(0, 0) * covariance(1, 1) - covariance(0, 1) * covariance(0, 1);
  const double square =
      (deviation[0] * deviation[0] * covariance(1, 1) - 2 * deviation[0] * deviation[1] * covariance(0, 1) +
       deviation[1] * deviation[1] * covariance(0, 0)) /
      determinant;
  const double expected = -0.5 * (square + std::log(determinant) + 2 * log_two_pi);
  CHECK(std::abs(mixture.log_prob(std::array{point[0], point[1]}) - expected) < 1e-8);
}

TEST_CASE("fitted mixture: finds two clouds, and its likelihood rises with each iteration") {
  const Matrix<double> z = two_clouds(3000);
  const FittedMixture mixture(z, {.components = 2}, 1);
  const Index left = mixture.mu()(0, 0) < 0 ? 0 : 1;
  CHECK(std::abs(mixture.weights()[static_cast<std::size_t>(left)] - 1.0 / 3) < 0.01);
  CHECK(std::abs(mixture.mu()(left, 0) + 3) < 0.15);
  CHECK(std::abs(mixture.mu()(1 - left, 1) - 1) < 0.1);
  double before = -std::numeric_limits<double>::infinity();
  for (const Index iterations : {1, 2, 4, 8, 16}) {
    const double now =
        FittedMixture(z, {.components = 3, .iterations = iterations, .tolerance = 0}, 1).log_likelihood();
    CHECK(now >= before - 1e-9);
    before = now;
  }
}

TEST_CASE("fitted mixture: samples have its moments; a row depends on its number alone") {
  const FittedMixture mixture(two_clouds(3000), {.components = 2}, 1);
  Matrix<double> z(20'000, 2);
  const RandomStream stream(3, Purpose::prior);
  mixture.sample<double>(stream, 0, 1, z);
  const Eigen::RowVector2d mean =
      mixture.weights()[0] * mixture.mu().row(0) + mixture.weights()[1] * mixture.mu().row(1);
  for (Index j = 0; j < 2; ++j) {
    const double spread = std::sqrt((z.col(j).array() - z.col(j).mean()).square().mean() / 20'000);
    CHECK(std::abs(z.col(j).mean() - mean[j]) < 5 * spread);
  }
  Matrix<double> rest(10, 2);
  mixture.sample<double>(stream, 7, 1, rest);
  CHECK(rest == z.middleRows(7, 10));
  mixture.sample<double>(stream, 7, 0, rest);
  for (Index row = 0; row < 10; ++row) {
    CHECK((rest.row(row) == mixture.mu().row(0) || rest.row(row) == mixture.mu().row(1)));
  }
}

TEST_CASE("fitted mixture: the same bits on any number of threads") {
  const Matrix<double> z = two_clouds(1000);
  const auto fit = [&](int threads) {
    const ThreadScope scope(threads);
    return FittedMixture(z, {.components = 4}, 1).mu();
  };
  const Matrix<double> expected = fit(1);
  CHECK(fit(2) == expected);
  CHECK(fit(3) == expected);
}

TEST_CASE("fitted mixture: too few latents, or latents that are not finite, are refused") {
  check_throws_with<DataError>("fitted mixture: has 3 latents, must have at least 4 (components)",
                               [] { FittedMixture(two_clouds(3), {.components = 4}, 1); });
  check_throws_with<DataError>("fitted mixture: has 3 latents, must have at least 100000 (components)",
                               [] { FittedMixture(two_clouds(3), {.components = 100'000}, 1); });
  check_throws_with<ConfigError>("fitted mixture: components is 0, must be in [1, 100000]",
                                 [] { FittedMixture(two_clouds(3), {.components = 0}, 1); });
  check_throws_with<NumericError>("fitted mixture: latents are not finite", [] {
    Matrix<double> z = two_clouds(9);
    z(4, 1) = std::numeric_limits<double>::quiet_NaN();
    FittedMixture(z, {.components = 2}, 1);
  });
}
