// SPDX-License-Identifier: MIT
#include "vaekit/latent/gaussian_mixture.hpp"

#include <doctest/doctest.h>

#include "support/prior_suite.hpp"
#include "support/throws_with.hpp"
#include "vaekit/distributions/standard_normal.hpp"

using namespace vaekit;
using likelihood_suite::random_matrix;

namespace {

struct MixtureCase {
  template <class T>
  static GaussianMixture<T> make(Index dim) {
    GaussianMixture<T> prior({.components = 4}, dim);
    prior.logits = random_matrix<T>(1, 4, 31);
    prior.mu = random_matrix<T>(4, dim, 32, 2);
    prior.logvar = random_matrix<T>(4, dim, 33, 0.5);
    return prior;
  }
};

}  // namespace

TEST_CASE("gaussian mixture: keeps the contract of a prior") { prior_suite::check_prior<MixtureCase>(); }

TEST_CASE("gaussian mixture: one standard component is the standard normal") {
  GaussianMixture<double> prior({.components = 1}, 3);
  const Matrix<double> z = random_matrix<double>(5, 3, 1);
  StandardNormal<double>::Cache none;
  Matrix<double> expected(1, 5);
  StandardNormal<double>().log_prob(z, none, expected.span());
  CHECK(prior_suite::log_prob_of(prior, z).isApprox(expected, 1e-14));
}

TEST_CASE_TEMPLATE("gaussian mixture: far from every component the density is that of the nearest", T, float,
                   double) {
  GaussianMixture<T> prior({.components = 2}, 1);
  prior.mu << T{-1}, T{1};
  Matrix<T> z(1, 1);
  z << T{1e4};
  const double expected = -0.5 * (9999.0 * 9999.0 + log_two_pi) - std::log(2.0);
  CHECK(
      likelihood_suite::near(static_cast<double>(prior_suite::log_prob_of(prior, z)(0, 0)), expected, 1e-6));
}

TEST_CASE("gaussian mixture: starts with equal weights, unit variances, and means apart") {
  GaussianMixture<float> prior({.components = 5}, 2);
  prior.logits.setConstant(3);
  prior.logvar.setConstant(3);
  prior.initialize(RandomStream(1, Purpose::initialize));
  CHECK(prior.logits.isZero(0));
  CHECK(prior.logvar.isZero(0));
  CHECK(prior.mu.row(0) != prior.mu.row(1));
  CHECK(parameter_count(prior) == 5 + 10 + 10);
}

TEST_CASE("gaussian mixture: numbers out of range are refused") {
  check_throws_with<ConfigError>("gaussian_mixture prior: components is 0, must be in [1, 100000]",
                                 [] { GaussianMixture<float>({.components = 0}, 2); });
}
