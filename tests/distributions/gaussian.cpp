// SPDX-License-Identifier: MIT
#include "vaekit/distributions/gaussian.hpp"

#include <doctest/doctest.h>

#include <numbers>

#include "support/distribution_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;
using namespace likelihood_suite;

namespace {

template <VarianceSource Variance>
struct GaussianCase {
  static constexpr double start = 0.7;
  template <class T>
  static Gaussian<T> make(Index features) {
    return Gaussian<T>({.variance = Variance, .deviation = start}, features);
  }
  static double deviation(const Numbers& p) { return p.size() == 2 ? std::exp(p[1] / 2) : start; }
  static std::vector<Node> nodes(const Numbers& p) {
    std::vector<Node> list;  // the trapezoidal rule converges exponentially here
    constexpr double step = 0.4;
    for (int i = -20; i <= 20; ++i) {
      list.push_back({p[0] + step * deviation(p) * i, step * deviation(p)});
    }
    return list;
  }
  static double variance(const Numbers& p) { return deviation(p) * deviation(p); }
  static double datum(double normal) { return 2 * normal; }
  static std::vector<Numbers> extremes() {
    if (Variance == VarianceSource::predicted) {
      return {{0, -1e30}, {0, 1e30}, {-1e4, 0}, {1e12, 20}, {-1e4, -30}};
    }
    return {{-1e15}, {-1e4}, {0}, {1e4}, {1e15}};
  }
};

using FixedCase = GaussianCase<VarianceSource::fixed>;
using LearnedCase = GaussianCase<VarianceSource::learned>;
using PerFeatureCase = GaussianCase<VarianceSource::per_feature>;
using PredictedCase = GaussianCase<VarianceSource::predicted>;
using OptimalCase = GaussianCase<VarianceSource::optimal>;

template <class T>
struct OneValue {
  T log_prob;
  T to_mean;
  T to_logvar;
};

/// One feature with error x − μ = 1/2 under a learned log-variance.
template <class T>
OneValue<T> at_logvar(T logvar) {
  Gaussian<T> likelihood({.variance = VarianceSource::learned}, 1);
  likelihood.logvar()[0] = logvar;
  Matrix<T> params(1, 1);
  Matrix<T> x(1, 1);
  Matrix<T> dout(1, 1);
  params(0, 0) = 1;
  x(0, 0) = T{1.5};
  dout(0, 0) = 1;
  const Pass pass(likelihood, params, x, dout);
  return {pass.out(0, 0), pass.gradient(0, 0), pass.own.logvar()[0]};
}

}  // namespace

TYPE_TO_STRING(FixedCase);
TYPE_TO_STRING(LearnedCase);
TYPE_TO_STRING(PerFeatureCase);
TYPE_TO_STRING(PredictedCase);
TYPE_TO_STRING(OptimalCase);

TEST_CASE_TEMPLATE("gaussian: keeps the contract of a likelihood", Case, FixedCase, LearnedCase,
                   PerFeatureCase, PredictedCase, OptimalCase) {
  check_likelihood<Case>();
}

TEST_CASE("gaussian: log-probability of a known value") {
  const Gaussian<double> likelihood({.deviation = 2}, 2);
  Matrix<double> params(1, 2);
  Matrix<double> x(1, 2);
  params << 1, -1;
  x << 4, -1;
  double out = 0;
  likelihood.log_prob(params, x, std::span(&out, 1));
  CHECK(out == doctest::Approx(-0.5 * 9 / 4 - std::log(2 * std::numbers::pi * 4)).epsilon(1e-14));
}

TEST_CASE("gaussian: only a learned variance is a parameter") {
  CHECK(parameter_count(Gaussian<float>({}, 5)) == 0);
  Gaussian<float> learned({.variance = VarianceSource::learned, .deviation = 0.5}, 5);
  const auto list = parameters(learned);
  REQUIRE(list.size() == 1);
  CHECK(list[0].name == "logvar");
  CHECK(list[0].values[0] == doctest::Approx(2 * std::log(0.5)));
  learned.logvar()[0] = 3;
  learned.initialize();
  CHECK(learned.logvar()[0] == doctest::Approx(2 * std::log(0.5)));
  CHECK(parameter_count(Gaussian<float>({.variance = VarianceSource::per_feature}, 5)) == 5);
  const Gaussian<float> predicted({.variance = VarianceSource::predicted}, 5);
  CHECK(parameter_count(predicted) == 0);
  CHECK(predicted.head_size() == 10);
}

TEST_CASE_TEMPLATE("gaussian: the gradient of the log-variance is exact up to its limits and 0 beyond", T,
                   float, double) {
  for (const double limit : {minimum_logvar, maximum_logvar}) {
    const T outside = static_cast<T>(limit < 0 ? limit - 0.5 : limit + 0.5);
    const OneValue<T> at = at_logvar(static_cast<T>(limit));
    const OneValue<T> beyond = at_logvar(outside);
    const OneValue<T> far_beyond = at_logvar(static_cast<T>(limit * 1e30));
    const double precision = std::exp(-limit);
    const double expected = -0.5 * (0.25 * precision + limit + log_two_pi);
    const double tolerance = std::is_same_v<T, float> ? 1e-6 : 1e-14;
    CHECK(near(static_cast<double>(at.log_prob), expected, tolerance));
    CHECK(near(static_cast<double>(at.to_mean), 0.5 * precision, tolerance));
    CHECK(near(static_cast<double>(at.to_logvar), 0.5 * (0.25 * precision - 1), tolerance));
    CHECK(at.to_logvar != 0);
    for (const OneValue<T>& clamped : {beyond, far_beyond}) {
      CHECK(clamped.log_prob == at.log_prob);
      CHECK(clamped.to_mean == at.to_mean);
      CHECK(clamped.to_logvar == 0);
    }
  }
}

TEST_CASE("gaussian: a fixed variance never receives a gradient") {
  const Gaussian<double> likelihood({}, 3);
  const Pass pass(likelihood, random_matrix<double>(2, 3, 1), random_matrix<double>(2, 3, 2),
                  random_matrix<double>(1, 2, 3));
  CHECK(pass.own.logvar()[0] == 0);
}

TEST_CASE("gaussian: samples of the smallest and the largest deviation") {
  for (const double deviation : {1e-6, 1e4}) {
    const Gaussian<double> likelihood({.deviation = deviation}, 1);
    Matrix<double> params(10'000, 1);
    params.setConstant(2);
    Matrix<double> x(10'000, 1);
    likelihood.sample(params, RandomStream(1, Purpose::likelihood), x);
    const double measured = std::sqrt((x.array() - 2).square().mean());
    CHECK(std::abs(measured / deviation - 1) < 0.05);
  }
}

TEST_CASE("gaussian: takes any finite data, refuses deviations out of range") {
  CHECK(Gaussian<float>({}, 3).support(0) == Support{});
  check_throws_with<ConfigError>("gaussian: deviation is 0, must be in [1e-06, 10000]",
                                 [] { Gaussian<float>({.deviation = 0}, 3); });
  check_throws_with<ConfigError>("gaussian: deviation is nan, must be finite",
                                 [] { Gaussian<float>({.deviation = std::nan("")}, 3); });
}

TEST_CASE_TEMPLATE("gaussian: the optimal variance follows the mean squared error, as a buffer", T, float,
                   double) {
  Gaussian<T> likelihood({.variance = VarianceSource::optimal, .deviation = 2}, 3);
  const Matrix<T> mu = random_matrix<T>(4, 3, 1);
  const Matrix<T> x = random_matrix<T>(2, 3, 2);
  auto cache = likelihood.make_cache(6);
  Matrix<T> log_prob(1, 4);
  likelihood.forward(mu, x, log_prob.span(), cache);
  double squares = 0;
  for (Index row = 0; row < 4; ++row) {
    squares += (x.row(row / 2) - mu.row(row)).template cast<double>().squaredNorm();
  }
  likelihood.update(RandomStream(1, Purpose::update), 4, cache);
  const double expected = std::log(0.9 * 4 + 0.1 * squares / 12);
  CHECK(near(static_cast<double>(likelihood.logvar()[0]), expected, rounding<T>));
  CHECK(parameters(likelihood).empty());
  CHECK(state_tensors(likelihood).size() == 1);
  for (int i = 0; i < 300; ++i) {
    likelihood.forward(mu, x, log_prob.span(), cache);
    likelihood.update(RandomStream(1, Purpose::update), 4, cache);
  }
  // The maximiser of the likelihood: no other variance is better.
  CHECK(near(std::exp(static_cast<double>(likelihood.logvar()[0])), squares / 12, 1e-5));
  const auto total = [&](double logvar) {
    Gaussian<double> other({.variance = VarianceSource::fixed, .deviation = std::exp(logvar / 2)}, 3);
    Matrix<double> out(1, 4);
    other.log_prob(Matrix<double>(mu.template cast<double>()), Matrix<double>(x.template cast<double>()),
                   out.span());
    return out.sum();
  };
  const double best = std::log(squares / 12);
  CHECK(total(best) > total(best + 0.01));
  CHECK(total(best) > total(best - 0.01));
}
