// SPDX-License-Identifier: MIT
#include "vaekit/distributions/discretized_logistic.hpp"

#include <doctest/doctest.h>

#include "distributions/levels.hpp"
#include "support/distribution_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;
using namespace likelihood_suite;

namespace {

template <ParameterSource Spread>
struct DiscretizedLogisticCase {
  static constexpr double start = 0.07;
  template <class T>
  static DiscretizedLogistic<T> make(Index features) {
    return DiscretizedLogistic<T>({.spread = Spread, .scale = start}, features);
  }
  static levels::Distribution distribution(const Numbers& p) {
    return levels::logistic(p[0], p.size() == 2 ? p[1] : std::log(start));
  }
  static std::vector<Node> nodes(const Numbers& p) { return levels::nodes(distribution(p)); }
  static double variance(const Numbers& p) { return levels::variance(distribution(p)); }
  static double datum(double normal) { return levels::datum(normal); }
  static std::vector<Numbers> extremes() {
    if (Spread == ParameterSource::predicted) {
      return {{0, -1e30}, {0.5, 1e30}, {-1e4, 0}, {1e12, 20}, {1e30, -30}, {-1e30, 10}};
    }
    return {{-1e30}, {-1e4}, {0}, {0.5}, {1e4}, {1e30}};
  }
};

using FixedCase = DiscretizedLogisticCase<ParameterSource::fixed>;
using LearnedCase = DiscretizedLogisticCase<ParameterSource::learned>;
using PerFeatureCase = DiscretizedLogisticCase<ParameterSource::per_feature>;
using PredictedCase = DiscretizedLogisticCase<ParameterSource::predicted>;

/// Of one feature.
struct OneValue {
  double log_prob;
  double to_mu;
  double to_log_scale;
  double mean;
};

template <class T>
OneValue at(T mu, T log_scale, double x) {
  const DiscretizedLogistic<T> likelihood({.spread = ParameterSource::predicted}, 1);
  Matrix<T> params(1, 2);
  Matrix<T> data(1, 1);
  Matrix<T> dout(1, 1);
  Matrix<T> mean(1, 1);
  params << mu, log_scale;
  data(0, 0) = static_cast<T>(x);
  dout(0, 0) = 1;
  const Pass pass(likelihood, params, data, dout);
  likelihood.mean(params, mean);
  return {static_cast<double>(pass.out(0, 0)), static_cast<double>(pass.gradient(0, 0)),
          static_cast<double>(pass.gradient(0, 1)), static_cast<double>(mean(0, 0))};
}

}  // namespace

TYPE_TO_STRING(FixedCase);
TYPE_TO_STRING(LearnedCase);
TYPE_TO_STRING(PerFeatureCase);
TYPE_TO_STRING(PredictedCase);

TEST_CASE_TEMPLATE("discretized_logistic: keeps the contract of a likelihood", Case, FixedCase, LearnedCase,
                   PerFeatureCase, PredictedCase) {
  check_likelihood<Case>();
}

TEST_CASE("discretized_logistic: the probabilities of all levels sum to 1") {
  const DiscretizedLogistic<double> one({.spread = ParameterSource::predicted}, 1);
  for (const double log_scale : {-20.0, -8.0, -5.0, -3.0, 0.0, 10.0}) {
    for (const double mu : {-1e4, -0.3, 0.0, 0.5 / 255, 0.41, 1.0, 7.0}) {
      Matrix<double> params(1, 2);
      params << mu, log_scale;
      CHECK(std::abs(levels::total_probability(one, params) - 1) < 1e-12);
    }
  }
  const DiscretizedLogistic<double> two({.spread = ParameterSource::predicted}, 2);
  Matrix<double> params(1, 4);
  params << 0.2, 0.9, -3, -1;
  CHECK(std::abs(levels::total_probability(two, params) - 1) < 1e-12);
}

TEST_CASE("discretized_logistic: a known probability") {
  // Half a level is log 3 scales: sigmoid(log 3) − sigmoid(−log 3) = 1/2.
  const double log_scale = -std::log(510 * std::log(3.0));
  CHECK(at(100 / 255.0, log_scale, 100 / 255.0).log_prob == doctest::Approx(-std::log(2.0)).epsilon(1e-12));
  CHECK(at(0.0, log_scale, 0).log_prob == doctest::Approx(std::log(0.75)).epsilon(1e-12));
  CHECK(at(1.0, log_scale, 1).log_prob == doctest::Approx(std::log(0.75)).epsilon(1e-12));
}

TEST_CASE_TEMPLATE("discretized_logistic: values and gradients of all scales and levels to rounding", T,
                   float, double) {
  double worst_log_prob = 0;
  double worst_to_mu = 0;
  double worst_to_log_scale = 0;
  for (const double log_scale : {-8.0, -7.0, -5.5, -3.0, -1.0, 0.0, 3.0, 10.0}) {
    for (const double location : {-1.0, -0.25, 0.0, 0.002, 0.25, 0.5, 0.7, 1.0, 2.0}) {
      const auto mu = static_cast<T>(location);
      for (int level = 0; level < levels::count; level += level == 0 || level == 254 ? 1 : 11) {
        const OneValue got = at<T>(mu, static_cast<T>(log_scale), level / 255.0);
        const levels::Logistic exact(level, static_cast<long double>(mu), log_scale);
        const auto log_prob = static_cast<double>(exact.log_prob);
        const double size = std::max(1.0, std::abs(log_prob));
        worst_log_prob = std::max(worst_log_prob, std::abs(got.log_prob - log_prob) / size);
        worst_to_mu = std::max(worst_to_mu,
                               std::abs(got.to_mu - static_cast<double>(exact.to_mu)) * std::exp(log_scale));
        worst_to_log_scale = std::max(
            worst_to_log_scale, std::abs(got.to_log_scale - static_cast<double>(exact.to_log_scale)) / size);
      }
    }
  }
  const double tolerance = std::is_same_v<T, float> ? 5e-7 : 1e-15;
  CHECK(worst_log_prob < tolerance);
  CHECK(worst_to_mu < tolerance);
  CHECK(worst_to_log_scale < tolerance);
}

TEST_CASE_TEMPLATE("discretized_logistic: far locations give the right values, not only finite ones", T,
                   float, double) {
  for (const double distance : {1e4, 1e12, 1e30}) {
    const auto far = static_cast<T>(distance);
    const OneValue above = at<T>(far, 0, 0.5);
    CHECK(above.log_prob == doctest::Approx(-distance).epsilon(1e-3));
    CHECK(above.to_mu == -1);
    CHECK(above.to_log_scale == doctest::Approx(distance).epsilon(1e-3));
    CHECK(above.mean == 1);
    const OneValue below = at<T>(-far, 0, 0.5);
    CHECK(below.log_prob == doctest::Approx(-distance).epsilon(1e-3));
    CHECK(below.to_mu == 1);
    CHECK(below.mean == 0);
    // The outermost levels take all that lies beyond them.
    CHECK(at<T>(far, 0, 1).log_prob == 0);
    CHECK(at<T>(far, 0, 1).to_mu == 0);
    CHECK(at<T>(-far, 0, 0).log_prob == 0);
    CHECK(at<T>(far, 0, 0).log_prob == doctest::Approx(-distance).epsilon(1e-3));
  }
}

TEST_CASE_TEMPLATE("discretized_logistic: the log-scale has no gradient beyond its limits", T, float,
                   double) {
  for (const double limit : {-8.0, 10.0}) {
    const OneValue inside = at<T>(T{0.5}, static_cast<T>(limit), 0.49);
    CHECK(inside.to_log_scale != 0);
    for (const double beyond : {limit < 0 ? limit - 0.5 : limit + 0.5, limit * 1e30}) {
      const OneValue clamped = at<T>(T{0.5}, static_cast<T>(beyond), 0.49);
      CHECK(clamped.log_prob == inside.log_prob);
      CHECK(clamped.to_mu == inside.to_mu);
      CHECK(clamped.to_log_scale == 0);
      CHECK(clamped.mean == inside.mean);
    }
  }
}

TEST_CASE("discretized_logistic: data are rounded to their level") {
  for (const double x : {0.0, 1.0, 117 / 255.0}) {
    for (const double offset : {-0.49 / 255, 0.49 / 255, x == 0 ? -3.0 : 0.0, x == 1 ? 3.0 : 0.0}) {
      CHECK(at(0.3, -2.0, x + offset).log_prob == at(0.3, -2.0, x).log_prob);
    }
  }
  CHECK(at(0.3, -2.0, 117.6 / 255).log_prob == at(0.3, -2.0, 118 / 255.0).log_prob);
}

TEST_CASE_TEMPLATE("discretized_logistic: the mean is that of the 256 levels", T, float, double) {
  const double tolerance = std::is_same_v<T, float> ? 1e-6 : 2e-15;
  for (const double log_scale : {-8.0, -5.0, -2.0, 0.0, 4.0, 10.0}) {
    for (const double mu : {-1.0, 0.0, 0.25, 0.5, 0.75, 1.0, 1.5}) {
      const double expected = levels::mean(levels::logistic(mu, log_scale));
      CHECK(std::abs(at<T>(static_cast<T>(mu), static_cast<T>(log_scale), 0).mean - expected) < tolerance);
    }
  }
}

TEST_CASE("discretized_logistic: samples are levels") {
  const DiscretizedLogistic<float> likelihood({.spread = ParameterSource::predicted}, 1000);
  Matrix<float> params(1, 2000);
  Matrix<float> x(1, 1000);
  for (const float log_scale : {-1e30F, -4.0F, 0.0F, 1e30F}) {
    params.leftCols(1000).setConstant(0.5F);
    params.rightCols(1000).setConstant(log_scale);
    likelihood.sample(params, RandomStream(1, Purpose::likelihood), x);
    for (const float value : x.span()) {
      CHECK(value == std::nearbyint(value * 255) / 255);
    }
    CHECK(x.minCoeff() >= 0);
    CHECK(x.maxCoeff() <= 1);
  }
  CHECK((x.array() == 0 || x.array() == 1).all());
  params.leftCols(1000).setConstant(1e30F);
  likelihood.sample(params, RandomStream(1, Purpose::likelihood), x);
  CHECK((x.array() == 1).all());
}

TEST_CASE("discretized_logistic: only a learned scale is a parameter") {
  CHECK(parameter_count(DiscretizedLogistic<float>({.spread = ParameterSource::fixed}, 5)) == 0);
  DiscretizedLogistic<float> learned({}, 5);
  const auto list = parameters(learned);
  REQUIRE(list.size() == 1);
  CHECK(list[0].name == "log_scale");
  CHECK(list[0].values[0] == doctest::Approx(std::log(0.1)));
  learned.log_scale()[0] = 3;
  learned.initialize();
  CHECK(learned.log_scale()[0] == doctest::Approx(std::log(0.1)));
  CHECK(parameter_count(DiscretizedLogistic<float>({.spread = ParameterSource::per_feature}, 5)) == 5);
  const DiscretizedLogistic<float> predicted({.spread = ParameterSource::predicted}, 5);
  CHECK(parameter_count(predicted) == 0);
  CHECK(predicted.head_size() == 10);
}

TEST_CASE("discretized_logistic: takes data in [0, 1], refuses scales out of range") {
  CHECK(DiscretizedLogistic<float>({}, 3).support(0) == Support{0, 1});
  check_throws_with<ConfigError>("discretized_logistic: scale is 0, must be in [0.001, 10000]",
                                 [] { DiscretizedLogistic<float>({.scale = 0}, 3); });
  check_throws_with<ConfigError>("discretized_logistic: scale is inf, must be finite",
                                 [] { DiscretizedLogistic<float>({.scale = HUGE_VAL}, 3); });
}
