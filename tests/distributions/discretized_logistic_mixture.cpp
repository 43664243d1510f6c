// SPDX-License-Identifier: MIT
#include "vaekit/distributions/discretized_logistic_mixture.hpp"

#include <doctest/doctest.h>

#include "distributions/levels.hpp"
#include "support/distribution_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;
using namespace likelihood_suite;

namespace {

/// Probabilities of the levels under K logits, K locations and K log-scales.
levels::Distribution mixture(const Numbers& p) {
  const std::size_t components = p.size() / 3;
  levels::Distribution sum(levels::count, 0.0L);
  long double total = 0;
  for (std::size_t k = 0; k < components; ++k) {
    const long double weight = std::exp(static_cast<long double>(p[k]));
    total += weight;
    const levels::Distribution part = levels::logistic(p[components + k], p[2 * components + k]);
    for (std::size_t level = 0; level < sum.size(); ++level) {
      sum[level] += weight * part[level];
    }
  }
  for (long double& value : sum) {
    value /= total;
  }
  return sum;
}

template <Index Components>
struct MixtureCase {
  template <class T>
  static DiscretizedLogisticMixture<T> make(Index features) {
    return DiscretizedLogisticMixture<T>({.components = Components}, features);
  }
  static std::vector<Node> nodes(const Numbers& p) { return levels::nodes(mixture(p)); }
  static double variance(const Numbers& p) { return levels::variance(mixture(p)); }
  static double datum(double normal) { return levels::datum(normal); }
  static std::vector<Numbers> extremes() {
    std::vector<Numbers> list;
    for (const double logit : {-1e30, 0.0, 1e30}) {
      for (const double mu : {-1e30, 0.5, 1e4, 1e30}) {
        for (const double log_scale : {-1e30, 0.0, 1e30}) {
          // Equal components, and one that differs from the others in everything.
          Numbers equal;
          equal.insert(equal.end(), Components, logit);
          equal.insert(equal.end(), Components, mu);
          equal.insert(equal.end(), Components, log_scale);
          Numbers different = equal;
          different[0] = -logit;
          different[Components] = -mu;
          different[2 * Components] = -log_scale;
          list.insert(list.end(), {equal, different});
        }
      }
    }
    return list;
  }
};

template <class T>
Matrix<T> row_of(const Numbers& numbers) {
  Matrix<T> row(1, static_cast<Index>(numbers.size()));
  std::ranges::transform(numbers, row.data(), [](double number) { return static_cast<T>(number); });
  return row;
}

/// A pass of one feature.
template <class T>
Pass<DiscretizedLogisticMixture<T>> at(const Numbers& p, double x) {
  const DiscretizedLogisticMixture<T> likelihood({.components = static_cast<Index>(p.size() / 3)}, 1);
  return {likelihood, row_of<T>(p), row_of<T>({x}), row_of<T>({1})};
}

}  // namespace

TEST_CASE("discretized_logistic_mixture: keeps the contract of a likelihood, of one component") {
  check_likelihood<MixtureCase<1>>();
}

TEST_CASE("discretized_logistic_mixture: keeps the contract of a likelihood, of two components") {
  check_likelihood<MixtureCase<2>>();
}

TEST_CASE_TEMPLATE("discretized_logistic_mixture: one component has the bits of a discretized logistic", T,
                   float, double) {
  const Index features = 21;
  const DiscretizedLogistic<T> single({.spread = ParameterSource::predicted}, features);
  const DiscretizedLogisticMixture<T> mixture({.components = 1}, features);
  const Matrix<T> params = random_params(mixture, 6, 1, 2);
  const Matrix<T> same = params.rightCols(2 * features);
  const Matrix<T> x = likelihood_suite::random_data<MixtureCase<1>, T>(3, features, 2);
  const Matrix<T> dout = random_matrix<T>(1, 6, 3);
  const Pass got(mixture, params, x, dout);
  const Pass expected(single, same, x, dout);
  CHECK(got.out == expected.out);
  CHECK(got.gradient.leftCols(features).isZero(0));
  CHECK(got.gradient.rightCols(2 * features) == expected.gradient);
  Matrix<T> mean(6, features);
  Matrix<T> expected_mean(6, features);
  mixture.mean(params, mean);
  single.mean(same, expected_mean);
  CHECK(mean == expected_mean);
}

TEST_CASE("discretized_logistic_mixture: the probabilities of all levels sum to 1") {
  const DiscretizedLogisticMixture<double> one({.components = 3}, 1);
  for (const double shift : {-1e6, 0.0, 1e6}) {
    const Matrix<double> params = row_of<double>({shift, shift - 2, shift + 1, -0.2, 0.3, 0.8, -4, -2, -10});
    CHECK(std::abs(levels::total_probability(one, params) - 1) < 1e-9);
  }
  const DiscretizedLogisticMixture<double> two({.components = 2}, 2);
  const Matrix<double> params = row_of<double>({0, 1, 2, -1, 0.1, 0.2, 0.3, 0.9, -3, -2, -4, -1});
  CHECK(std::abs(levels::total_probability(two, params) - 1) < 1e-12);
}

TEST_CASE_TEMPLATE("discretized_logistic_mixture: a known mixture, whatever is added to the logits", T, float,
                   double) {
  // Two logistics far out: one is always at level 0, the other at level 255, in proportion 1 : 3.
  const double tolerance = std::is_same_v<T, float> ? 1e-6 : 1e-14;
  for (const double shift : {-1e4, 0.0, 1e4}) {
    const Numbers p = {shift, shift + std::log(3.0), -1e6, 1e6, 0, 0};
    const double weight = static_cast<double>(row_of<T>(p)(0, 1) - row_of<T>(p)(0, 0));
    const double share = 1 / (1 + std::exp(weight));
    const auto low = at<T>(p, 0);
    CHECK(near(static_cast<double>(low.out(0, 0)), std::log(share), tolerance));
    CHECK(near(static_cast<double>(low.gradient(0, 0)), 1 - share, tolerance));
    CHECK(near(static_cast<double>(low.gradient(0, 1)), share - 1, tolerance));
    const auto high = at<T>(p, 1);
    CHECK(near(static_cast<double>(high.out(0, 0)), std::log1p(-share), tolerance));
    const DiscretizedLogisticMixture<T> likelihood({.components = 2}, 1);
    Matrix<T> mean(1, 1);
    likelihood.mean(row_of<T>(p), mean);
    CHECK(near(static_cast<double>(mean(0, 0)), 1 - share, tolerance));
  }
}

TEST_CASE_TEMPLATE("discretized_logistic_mixture: extreme logits leave one component", T, float, double) {
  const Numbers single = {0, 0.4, -3};
  for (const double logit : {1e4, 1e30}) {
    const auto got = at<T>({logit, -logit, 0, 0.4, 0.1, 1e30, -3, -30, 7}, 0.5);
    const auto expected = at<T>(single, 0.5);
    CHECK(got.out(0, 0) == expected.out(0, 0));
    CHECK(got.gradient(0, 3) == expected.gradient(0, 1));
    CHECK(got.gradient(0, 6) == expected.gradient(0, 2));
    for (const Index other : {0, 1, 2, 4, 5, 7, 8}) {
      CHECK(got.gradient(0, other) == 0);
    }
  }
}

TEST_CASE_TEMPLATE("discretized_logistic_mixture: equal components are one, also at huge logits", T, float,
                   double) {
  const double tolerance = std::is_same_v<T, float> ? 1e-6 : 1e-14;
  for (const double logit : {-1e30, 0.0, 1e30}) {
    const auto got = at<T>({logit, logit, 0.4, 0.4, -3, -3}, 0.5);
    const auto expected = at<T>({0, 0.4, -3}, 0.5);
    CHECK(near(static_cast<double>(got.out(0, 0)), static_cast<double>(expected.out(0, 0)), tolerance));
    CHECK(std::abs(got.gradient(0, 0)) < tolerance);
    CHECK(got.gradient(0, 2) == doctest::Approx(expected.gradient(0, 1) / 2).epsilon(1e-6));
    CHECK(got.gradient(0, 4) == doctest::Approx(expected.gradient(0, 2) / 2).epsilon(1e-6));
  }
}

TEST_CASE("discretized_logistic_mixture: a level that no component explains is left to the closest") {
  // 1e4 and 2e4 scales away: the further component has no part in it.
  const auto pass = at<double>({0, 0, -1e4, -2e4, 0, 0}, 0.5);
  CHECK(pass.out(0, 0) == doctest::Approx(-1e4).epsilon(1e-2));
  CHECK(pass.gradient(0, 0) == 0.5);
  CHECK(pass.gradient(0, 1) == -0.5);
  CHECK(pass.gradient(0, 2) == doctest::Approx(1));
  CHECK(pass.gradient(0, 3) == 0);
}

TEST_CASE("discretized_logistic_mixture: samples are levels of the chosen component") {
  const Index count = 3000;
  const DiscretizedLogisticMixture<float> likelihood({.components = 32}, count);
  Matrix<float> params(1, 96 * count);
  params.leftCols(32 * count).setConstant(-1e30F);
  params.middleCols(4 * count, count).setConstant(3);
  params.middleCols(31 * count, count).setConstant(3);
  params.middleCols(32 * count, 32 * count).setConstant(0.5F);
  params.middleCols((32 + 4) * count, count).setConstant(-1);
  params.middleCols((32 + 31) * count, count).setConstant(2);
  params.rightCols(32 * count).setConstant(-1e30F);
  Matrix<float> x(1, count);
  likelihood.sample(params, RandomStream(1, Purpose::likelihood), x);
  CHECK((x.array() == 0 || x.array() == 1).all());
  CHECK(std::abs(x.mean() - 0.5F) < 0.05F);
}

TEST_CASE("discretized_logistic_mixture: NaN in any parameter of a feature gives a sample of NaN") {
  const DiscretizedLogisticMixture<double> likelihood({.components = 1}, 2);
  for (const Index broken : {0, 2, 4}) {
    Matrix<double> params = Matrix<double>::Zero(1, 6);
    params(0, broken) = std::nan("");
    Matrix<double> x(1, 2);
    likelihood.sample(params, RandomStream(1, Purpose::likelihood), x);
    CHECK(std::isnan(x(0, 0)));
    CHECK(std::isfinite(x(0, 1)));
  }
}

TEST_CASE("discretized_logistic_mixture: takes data in [0, 1], refuses no components and too many") {
  const DiscretizedLogisticMixture<float> likelihood({}, 3);
  CHECK(likelihood.support(0) == Support{0, 1});
  CHECK(likelihood.head_size() == 45);
  CHECK(parameter_count(likelihood) == 0);
  check_throws_with<ConfigError>("discretized_logistic_mixture: components is 0, must be in [1, 32]",
                                 [] { DiscretizedLogisticMixture<float>({.components = 0}, 3); });
  check_throws_with<ConfigError>("discretized_logistic_mixture: components is 33, must be in [1, 32]",
                                 [] { DiscretizedLogisticMixture<float>({.components = 33}, 3); });
}
