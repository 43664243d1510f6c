// SPDX-License-Identifier: MIT
#include "vaekit/distributions/standard_normal.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "support/prior_suite.hpp"

using namespace vaekit;
using namespace likelihood_suite;

namespace {

struct StandardNormalCase {
  template <class T>
  static StandardNormal<T> make(Index dim) {
    return StandardNormal<T>({}, dim);
  }
};

}  // namespace

TEST_CASE("standard normal: keeps the contract of a prior") {
  prior_suite::check_prior<StandardNormalCase>();
}

TEST_CASE_TEMPLATE("standard normal: log-density is that of a diagonal gaussian at the origin", T, float,
                   double) {
  typename StandardNormal<T>::Cache none;
  for (const Index dim : {1, 3, 8, 19}) {
    const Matrix<T> origin(5, dim);
    const Matrix<T> z = random_matrix<T>(5, dim, 4, 2);
    Matrix<T> expected(1, 5);
    Matrix<T> got(1, 5);
    log_prob(DiagonalGaussian<T>{origin, origin}, z, expected.span());
    StandardNormal<T>{}.log_prob(z, none, got.span());
    for (Index row = 0; row < 5; ++row) {
      CHECK(near(static_cast<double>(got(0, row)), static_cast<double>(expected(0, row)), rounding<T>));
    }
  }
}

TEST_CASE("standard normal: the temperature scales the samples") {
  const StandardNormal<double> prior;
  Matrix<double> cold(4, 3);
  Matrix<double> warm(4, 3);
  StandardNormal<double>::Cache none;
  prior.sample(RandomStream(1, Purpose::prior), 0, 0.5, none, cold);
  prior.sample(RandomStream(1, Purpose::prior), 0, 1, none, warm);
  CHECK(cold == 0.5 * warm);
}

TEST_CASE("inverse normal distribution function: known quantiles, and symmetry") {
  CHECK(inverse_normal_cdf(0.5) == 0);
  CHECK(inverse_normal_cdf(0.975) == doctest::Approx(1.959963984540054).epsilon(1e-13));
  CHECK(inverse_normal_cdf(1e-10) == doctest::Approx(-6.361340902404056).epsilon(1e-13));
  for (const double p : {1e-9, 0.001, 0.1, 0.3, 0.49}) {
    const double x = inverse_normal_cdf(p);
    CHECK(0.5 * std::erfc(-x / std::sqrt(2.0)) == doctest::Approx(p).epsilon(1e-12));
    CHECK(inverse_normal_cdf(1 - p) == doctest::Approx(-x).epsilon(1e-6));
  }
}
