// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/constant_output.hpp"

#include <doctest/doctest.h>

#include "evaluate/planted_faults.hpp"

using namespace vaekit;

TEST_CASE("constant output: of a Bernoulli the mean image") {
  const Matrix<double> x = example::Bars().samples<double>(100);
  double expected = 0;
  for (Index j = 0; j < x.cols(); ++j) {
    const double p = x.col(j).mean();
    expected += p > 0 && p < 1 ? p * std::log(p) + (1 - p) * std::log(1 - p) : 0;
  }
  const Matrix<double> start(1, 64);
  CHECK(best_constant_output(Bernoulli<double>({}, 64), x, start) == doctest::Approx(expected).epsilon(1e-4));
  const Matrix<float> y = example::Bars().samples<float>(100);
  const Matrix<float> far(1, 64);
  CHECK(best_constant_output(Bernoulli<float>({}, 64), y, far) == doctest::Approx(expected).epsilon(1e-4));
}

TEST_CASE("constant output: of a Gaussian with predicted variance the moments") {
  Matrix<double> x(200, 2);
  fill_normal(x.span(), RandomStream(3, Purpose::synthetic));
  x.col(1) = (2 * x.col(1).array() + 3).matrix();
  double expected = 0;
  for (Index j = 0; j < 2; ++j) {
    const double mean = x.col(j).mean();
    const double variance = (x.col(j).array() - mean).square().mean();
    expected -= 0.5 * (1 + std::log(variance) + log_two_pi);
  }
  const Matrix<double> start(1, 4);
  const Gaussian<double> likelihood({.variance = VarianceSource::predicted}, 2);
  CHECK(best_constant_output(likelihood, x, start) == doctest::Approx(expected).epsilon(1e-5));
}
