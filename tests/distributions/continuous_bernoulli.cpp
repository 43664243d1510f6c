// SPDX-License-Identifier: MIT
#include "vaekit/distributions/continuous_bernoulli.hpp"

#include <doctest/doctest.h>

#include "support/distribution_suite.hpp"

using namespace vaekit;
using namespace likelihood_suite;

namespace {

struct ContinuousBernoulliCase {
  template <class T>
  static ContinuousBernoulli<T> make(Index features) {
    return ContinuousBernoulli<T>({}, features);
  }
  static std::vector<Node> nodes(const Numbers&) {
    // Gauss and Legendre's five points in each quarter of [0, 1].
    constexpr double points[] = {-0.9061798459386640, -0.5384693101056831, 0, 0.5384693101056831,
                                 0.9061798459386640};
    constexpr double weights[] = {0.2369268850561891, 0.4786286704993665, 0.5688888888888889,
                                  0.4786286704993665, 0.2369268850561891};
    std::vector<Node> list;
    for (int quarter = 0; quarter < 4; ++quarter) {
      for (int i = 0; i < 5; ++i) {
        list.push_back({(quarter + 0.5 + points[i] / 2) / 4, weights[i] / 8});
      }
    }
    return list;
  }
  static double variance(const Numbers& p) {
    const double half = p[0] / 2;
    return 1 / (p[0] * p[0]) - 1 / std::pow(2 * std::sinh(half), 2);
  }
  static double datum(double normal) { return 0.5 + 0.5 * std::erf(normal); }
  static std::vector<Numbers> extremes() {
    return {{-1e30}, {-1e4}, {-100}, {-1e-30}, {-0.0}, {1e-10}, {100}, {1e4}, {1e30}};
  }
};

/// Of one feature.
struct OneValue {
  double log_prob;
  double gradient;
  double mean;
};

template <class T>
OneValue at(T logit, T x) {
  const ContinuousBernoulli<T> likelihood({}, 1);
  Matrix<T> params(1, 1);
  Matrix<T> data(1, 1);
  Matrix<T> dout(1, 1);
  Matrix<T> mean(1, 1);
  params(0, 0) = logit;
  data(0, 0) = x;
  dout(0, 0) = 1;
  const Pass pass(likelihood, params, data, dout);
  likelihood.mean(params, mean);
  return {static_cast<double>(pass.out(0, 0)), static_cast<double>(pass.gradient(0, 0)),
          static_cast<double>(mean(0, 0))};
}

/// The formulas as they stand, in long double, for logits that are not close to 0.
OneValue plain(double logit, double x) {
  const long double l = logit;
  const long double log_prob =
      x * l - std::max(l, 0.0L) - std::log1p(std::exp(-std::abs(l))) + std::log(l / std::tanh(l / 2));
  const long double mean = -1 / std::expm1(-l) - 1 / l;
  return {static_cast<double>(log_prob), static_cast<double>(x - mean), static_cast<double>(mean)};
}

}  // namespace

TEST_CASE("continuous_bernoulli: keeps the contract of a likelihood") {
  check_likelihood<ContinuousBernoulliCase>();
}

TEST_CASE_TEMPLATE("continuous_bernoulli: a logit of 0 is the uniform distribution", T, float, double) {
  for (const double x : {0.0, 0.25, 1.0}) {
    const OneValue value = at<T>(0, static_cast<T>(x));
    CHECK(value.log_prob == 0);
    CHECK(value.gradient == x - 0.5);
    CHECK(value.mean == 0.5);
  }
}

TEST_CASE_TEMPLATE("continuous_bernoulli: values, gradients and means of all logits to rounding", T, float,
                   double) {
  const double tolerance = std::is_same_v<T, float> ? 3e-7 : 2e-15;
  double worst_log_prob = 0;
  double worst_gradient = 0;
  double worst_mean = 0;
  for (int i = 0; i < 378; ++i) {
    const double magnitude = 1e-3 * std::pow(1.05, i);
    for (const double sign : {-1, 1}) {
      const auto logit = static_cast<T>(sign * magnitude);
      for (const double x : {0.0, 0.125, 0.5, 0.75, 1.0}) {
        const OneValue got = at<T>(logit, static_cast<T>(x));
        const OneValue expected = plain(static_cast<double>(logit), x);
        worst_log_prob = std::max(worst_log_prob, std::abs(got.log_prob - expected.log_prob) /
                                                      std::max(1.0, std::abs(expected.log_prob)));
        worst_gradient = std::max(worst_gradient, std::abs(got.gradient - expected.gradient));
        worst_mean = std::max(worst_mean, std::abs(got.mean - expected.mean));
      }
    }
  }
  CHECK(worst_log_prob < tolerance);
  CHECK(worst_gradient < tolerance);
  CHECK(worst_mean < tolerance);
}

TEST_CASE("continuous_bernoulli: close to a logit of 0 the series has every digit") {
  // log (sinh(l/2) / (l/2)) = l²/24 − ..., E[x] = ½ + l/12 − ...: what cancels in the formulas.
  for (const double l : {1e-8, -1e-8, 1e-5, -1e-5, 1e-3, -1e-3}) {
    const OneValue value = at(l, 0.5);
    CHECK(value.log_prob == doctest::Approx(-l * l / 24).epsilon(1e-7).scale(0));
    CHECK(value.gradient == doctest::Approx(-l / 12).epsilon(1e-6).scale(0));
    CHECK(value.mean == doctest::Approx(0.5 + l / 12).epsilon(1e-10));
  }
}

TEST_CASE_TEMPLATE("continuous_bernoulli: extreme logits give the right values, not only finite ones", T,
                   float, double) {
  // An exponential distribution at one end of [0, 1]: log |l| − |l| · distance, mean distance 1 / |l|.
  for (const double l : {1e4, 1e8, 1e30}) {
    const auto logit = static_cast<T>(l);
    CHECK(at<T>(-logit, 0).log_prob == doctest::Approx(std::log(l)));
    CHECK(at<T>(logit, 1).log_prob == doctest::Approx(std::log(l)));
    CHECK(at<T>(-logit, 0).gradient == doctest::Approx(-1 / l).epsilon(1e-6).scale(0));
    CHECK(at<T>(logit, 1).gradient == doctest::Approx(1 / l).epsilon(1e-6).scale(0));
    CHECK(at<T>(-logit, 0).mean == doctest::Approx(1 / l).epsilon(1e-6).scale(0));
    CHECK(at<T>(logit, 0).mean == doctest::Approx(1 - 1 / l));
    CHECK(at<T>(-logit, 1).log_prob == doctest::Approx(std::log(l) - l));
    CHECK(at<T>(logit, 0).log_prob == doctest::Approx(std::log(l) - l));
    CHECK(at<T>(logit, 0).gradient == doctest::Approx(1 / l - 1));
  }
}

TEST_CASE("continuous_bernoulli: samples stay in [0, 1] and have the mean of extreme logits") {
  const ContinuousBernoulli<float> likelihood({}, 2000);
  Matrix<float> params(1, 2000);
  Matrix<float> x(1, 2000);
  Matrix<float> mean(1, 2000);
  for (const float logit : {-1e30F, -1e4F, -1e-12F, 0.0F, 1e-12F, 1e-6F, 1e4F, 1e30F}) {
    params.setConstant(logit);
    likelihood.sample(params, RandomStream(1, Purpose::likelihood), x);
    likelihood.mean(params, mean);
    CHECK(x.minCoeff() >= 0);
    CHECK(x.maxCoeff() <= 1);
    CHECK(std::abs(x.mean() - mean(0, 0)) < 0.02F);
    if (logit < -1) {
      CHECK(x.mean() / mean(0, 0) == doctest::Approx(1).epsilon(0.1));
    }
  }
}

TEST_CASE("continuous_bernoulli: takes data in [0, 1]") {
  CHECK(ContinuousBernoulli<float>({}, 3).support(0) == Support{0, 1});
  CHECK(ContinuousBernoulli<float>({}, 3).head_size() == 3);
  CHECK(parameter_count(ContinuousBernoulli<float>({}, 3)) == 0);
}
