// SPDX-License-Identifier: MIT
#include "vaekit/distributions/diagonal_gaussian.hpp"

#include <doctest/doctest.h>

#include "support/distribution_suite.hpp"

using namespace vaekit;
using namespace likelihood_suite;

namespace {

double normal_log_density(double z, double mu, double logvar) {
  return -0.5 * ((z - mu) * (z - mu) / std::exp(logvar) + logvar + std::log(2 * std::numbers::pi));
}

}  // namespace

TEST_CASE_TEMPLATE("diagonal gaussian: log-density is the sum over dimensions, samples in consecutive rows",
                   T, float, double) {
  for (const Index dim : {1, 3, 8, 19}) {
    for (const Index samples : {1, 3}) {
      const Matrix<T> mu = random_matrix<T>(4, dim, 1);
      const Matrix<T> logvar = random_matrix<T>(4, dim, 2);
      const Matrix<T> z = random_matrix<T>(4 * samples, dim, 3, 2);
      Matrix<T> out(1, 4 * samples);
      log_prob(DiagonalGaussian<T>{mu, logvar}, z, out.span());
      for (Index row = 0; row < 4 * samples; ++row) {
        double expected = 0;
        for (Index j = 0; j < dim; ++j) {
          expected +=
              normal_log_density(static_cast<double>(z(row, j)), static_cast<double>(mu(row / samples, j)),
                                 static_cast<double>(logvar(row / samples, j)));
        }
        CHECK(near(static_cast<double>(out(0, row)), expected, rounding<T>));
      }
    }
  }
}

TEST_CASE("diagonal gaussian: the density integrates to 1") {
  Matrix<double> mu(1, 2);
  Matrix<double> logvar(1, 2);
  mu << 0.5, -2;
  logvar << 1, -3;
  double total = 0;
  constexpr double step = 0.4;
  Matrix<double> z(1, 2);
  double out = 0;
  for (int i = -20; i <= 20; ++i) {
    for (int k = -20; k <= 20; ++k) {
      z << mu(0, 0) + step * i * std::exp(0.5), mu(0, 1) + step * k * std::exp(-1.5);
      log_prob(DiagonalGaussian<double>{mu, logvar}, z, std::span(&out, 1));
      total += step * step * std::exp(0.5 - 1.5) * std::exp(out);
    }
  }
  CHECK(std::abs(total - 1) < 1e-9);
}

TEST_CASE_TEMPLATE("diagonal gaussian: finite at the limits of the log-variance, NaN from NaN", T, float,
                   double) {
  for (const double limit : {-30.0, 20.0}) {
    Matrix<T> mu(1, 2);
    Matrix<T> logvar(1, 2);
    logvar.setConstant(static_cast<T>(limit));
    Matrix<T> z(1, 2);
    z << static_cast<T>(std::exp(limit / 2)), static_cast<T>(-2 * std::exp(limit / 2));
    Matrix<T> out(1, 1);
    log_prob(DiagonalGaussian<T>{mu, logvar}, z, out.span());
    CHECK(near(static_cast<double>(out(0, 0)), -0.5 * (1 + 4 + 2 * (limit + log_two_pi)), rounding<T>));
    z(0, 1) = std::numeric_limits<T>::quiet_NaN();
    log_prob(DiagonalGaussian<T>{mu, logvar}, z, out.span());
    CHECK(std::isnan(out(0, 0)));
  }
}

TEST_CASE_TEMPLATE("diagonal gaussian: the number of threads changes no bit", T, float, double) {
  const Matrix<T> mu = random_matrix<T>(1000, 50, 1);
  const Matrix<T> logvar = random_matrix<T>(1000, 50, 2);
  const Matrix<T> z = random_matrix<T>(2000, 50, 3);
  const auto run = [&](int threads) {
    const ThreadScope scope(threads);
    Matrix<T> out(1, 2000);
    log_prob(DiagonalGaussian<T>{mu, logvar}, z, out.span());
    return out;
  };
  const Matrix<T> expected = run(1);
  CHECK(same_bytes<T>(run(2).span(), expected.span()));
  CHECK(same_bytes<T>(run(3).span(), expected.span()));
}
