// SPDX-License-Identifier: MIT
#include "vaekit/distributions/laplace.hpp"

#include <doctest/doctest.h>

#include "support/distribution_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;
using namespace likelihood_suite;

namespace {

template <ParameterSource Spread>
struct LaplaceCase {
  static constexpr double start = 0.7;
  template <class T>
  static Laplace<T> make(Index features) {
    return Laplace<T>({.spread = Spread, .scale = start}, features);
  }
  static double scale(const Numbers& p) { return p.size() == 2 ? std::exp(p[1]) : start; }
  static std::vector<Node> nodes(const Numbers& p) {
    std::vector<Node> list;  // each side by itself, x = μ ± b exp(u − e⁻ᵘ): the sum converges exponentially
    constexpr double step = 0.3;
    for (int i = -10; i <= 11; ++i) {
      const double u = step * i;
      const double distance = scale(p) * std::exp(u - std::exp(-u));
      for (const double side : {-1, 1}) {
        list.push_back({p[0] + side * distance, step * distance * (1 + std::exp(-u))});
      }
    }
    return list;
  }
  static double variance(const Numbers& p) { return 2 * scale(p) * scale(p); }
  static double datum(double normal) { return 2 * normal; }
  static std::vector<Numbers> extremes() {
    if (Spread == ParameterSource::predicted) {
      return {{0, -1e30}, {0, 1e30}, {-1e4, 0}, {1e12, 20}, {1e30, -30}};
    }
    return {{-1e30}, {-1e4}, {0}, {1e4}, {1e30}};
  }
};

using FixedCase = LaplaceCase<ParameterSource::fixed>;
using LearnedCase = LaplaceCase<ParameterSource::learned>;
using PerFeatureCase = LaplaceCase<ParameterSource::per_feature>;
using PredictedCase = LaplaceCase<ParameterSource::predicted>;

template <class T>
struct OneValue {
  T log_prob;
  T to_mu;
  T to_log_scale;
};

/// One feature.
template <class T>
OneValue<T> at(T mu, T log_scale, T x) {
  const Laplace<T> likelihood({.spread = ParameterSource::predicted}, 1);
  Matrix<T> params(1, 2);
  Matrix<T> data(1, 1);
  Matrix<T> dout(1, 1);
  params << mu, log_scale;
  data(0, 0) = x;
  dout(0, 0) = 1;
  const Pass pass(likelihood, params, data, dout);
  return {pass.out(0, 0), pass.gradient(0, 0), pass.gradient(0, 1)};
}

}  // namespace

TYPE_TO_STRING(FixedCase);
TYPE_TO_STRING(LearnedCase);
TYPE_TO_STRING(PerFeatureCase);
TYPE_TO_STRING(PredictedCase);

TEST_CASE_TEMPLATE("laplace: keeps the contract of a likelihood", Case, FixedCase, LearnedCase,
                   PerFeatureCase, PredictedCase) {
  check_likelihood<Case>();
}

TEST_CASE("laplace: log-probability of a known value") {
  const Laplace<double> likelihood({.scale = 2}, 2);
  Matrix<double> params(1, 2);
  Matrix<double> x(1, 2);
  params << 1, -1;
  x << 4, -1;
  double out = 0;
  likelihood.log_prob(params, x, std::span(&out, 1));
  CHECK(out == doctest::Approx(-1.5 - 2 * std::log(4.0)).epsilon(1e-14));
}

TEST_CASE_TEMPLATE("laplace: the gradient of the location is the sign of the error, 0 without one", T, float,
                   double) {
  const T log_scale = static_cast<T>(std::log(4.0));
  CHECK(at<T>(1, log_scale, 3).to_mu == doctest::Approx(0.25));
  CHECK(at<T>(1, log_scale, 0).to_mu == doctest::Approx(-0.25));
  CHECK(at<T>(1, log_scale, 1).to_mu == 0);
  CHECK(at<T>(1, log_scale, 1).to_log_scale == -1);
  CHECK(at<T>(1, log_scale, 1).log_prob == doctest::Approx(-std::log(8.0)));
}

TEST_CASE_TEMPLATE("laplace: far from the location the error divided by the scale is all", T, float, double) {
  for (const double distance : {1e4, 1e12, 1e30}) {
    const OneValue<T> value = at<T>(static_cast<T>(distance), 0, 0);
    CHECK(value.log_prob == doctest::Approx(-distance).epsilon(1e-4));
    CHECK(value.to_mu == -1);
    CHECK(value.to_log_scale == doctest::Approx(distance).epsilon(1e-4));
  }
}

TEST_CASE_TEMPLATE("laplace: the gradient of the log-scale is exact up to its limits and 0 beyond", T, float,
                   double) {
  for (const double limit : {-15.0, 10.0}) {
    const T mu = 1;
    const T x = 1.5;
    const OneValue<T> inside = at<T>(mu, static_cast<T>(limit), x);
    const double inverse = std::exp(-limit);
    const double tolerance = std::is_same_v<T, float> ? 1e-6 : 1e-14;
    CHECK(near(static_cast<double>(inside.log_prob), -(0.5 * inverse + limit + std::log(2)), tolerance));
    CHECK(near(static_cast<double>(inside.to_mu), inverse, tolerance));
    CHECK(near(static_cast<double>(inside.to_log_scale), 0.5 * inverse - 1, tolerance));
    for (const double beyond : {limit < 0 ? limit - 0.5 : limit + 0.5, limit * 1e30}) {
      const OneValue<T> clamped = at<T>(mu, static_cast<T>(beyond), x);
      CHECK(clamped.log_prob == inside.log_prob);
      CHECK(clamped.to_mu == inside.to_mu);
      CHECK(clamped.to_log_scale == 0);
    }
  }
}

TEST_CASE("laplace: only a learned scale is a parameter") {
  CHECK(parameter_count(Laplace<float>({}, 5)) == 0);
  Laplace<float> learned({.spread = ParameterSource::learned, .scale = 0.5}, 5);
  const auto list = parameters(learned);
  REQUIRE(list.size() == 1);
  CHECK(list[0].name == "log_scale");
  CHECK(list[0].values[0] == doctest::Approx(std::log(0.5)));
  learned.log_scale()[0] = 3;
  learned.initialize();
  CHECK(learned.log_scale()[0] == doctest::Approx(std::log(0.5)));
  CHECK(parameter_count(Laplace<float>({.spread = ParameterSource::per_feature}, 5)) == 5);
  const Laplace<float> predicted({.spread = ParameterSource::predicted}, 5);
  CHECK(parameter_count(predicted) == 0);
  CHECK(predicted.head_size() == 10);
}

TEST_CASE("laplace: samples lie on both sides, as far as the smallest and the largest scale") {
  for (const double scale : {1e-6, 1e4}) {
    const Laplace<double> likelihood({.scale = scale}, 1);
    Matrix<double> params(10'000, 1);
    params.setConstant(2);
    Matrix<double> x(10'000, 1);
    likelihood.sample(params, RandomStream(1, Purpose::likelihood), x);
    CHECK(std::abs((x.array() - 2).abs().mean() / scale - 1) < 0.05);
    CHECK(std::abs((x.array() > 2).count() - 5000) < 250);
  }
}

TEST_CASE("laplace: takes any finite data, refuses scales out of range") {
  CHECK(Laplace<float>({}, 3).support(0) == Support{});
  check_throws_with<ConfigError>("laplace: scale is 0, must be in [1e-06, 10000]",
                                 [] { Laplace<float>({.scale = 0}, 3); });
  check_throws_with<ConfigError>("laplace: scale is nan, must be finite",
                                 [] { Laplace<float>({.scale = std::nan("")}, 3); });
}
