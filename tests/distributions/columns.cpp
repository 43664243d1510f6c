// SPDX-License-Identifier: MIT
#include "vaekit/distributions/columns.hpp"

#include <doctest/doctest.h>

#include "support/distribution_suite.hpp"
#include "support/golden.hpp"
#include "support/throws_with.hpp"
#include "vaekit/distributions/bernoulli.hpp"
#include "vaekit/distributions/categorical.hpp"
#include "vaekit/distributions/gaussian.hpp"
#include "vaekit/distributions/negative_binomial.hpp"
#include "vaekit/distributions/poisson.hpp"

using namespace vaekit;
using namespace likelihood_suite;

namespace {

template <class T>
using TestLikelihoods =
    std::tuple<Bernoulli<T>, Gaussian<T>, Categorical<T>, Poisson<T>, NegativeBinomial<T>>;
template <class T>
using TestColumns = Columns<TestLikelihoods<T>>;
using TestConfig = TestColumns<float>::Config;

/// Groups of Gaussian columns, for whose features the head has one output each, as the suite expects.
struct GaussianColumns {
  static constexpr double start = 0.7;
  template <class T>
  static TestColumns<T> make(Index features) {
    TestConfig config;
    const GaussianConfig learned{.variance = VarianceSource::learned, .deviation = start};
    const GaussianConfig each{.variance = VarianceSource::per_feature, .deviation = start};
    config.groups.push_back({.count = 1, .likelihood = learned});
    if (features > 1) {
      config.groups.push_back({.count = features / 2, .likelihood = each});
    }
    if (features > 2) {
      config.groups.push_back({.count = (features - 1) / 2, .likelihood = learned});
    }
    return TestColumns<T>(config, features);
  }
  static std::vector<Node> nodes(const Numbers& p) {
    std::vector<Node> list;
    for (int i = -20; i <= 20; ++i) {
      list.push_back({p[0] + 0.4 * start * i, 0.4 * start});
    }
    return list;
  }
  static double variance(const Numbers&) { return start * start; }
  static double datum(double normal) { return 2 * normal; }
  static std::vector<Numbers> extremes() { return {{-1e15}, {0}, {1e15}}; }
};

/// Two Gaussian, one binary, two categorical, two Poisson columns, and two of a negative binomial.
TestConfig mixed_config() {
  return {.groups = {{.count = 2, .likelihood = GaussianConfig{.variance = VarianceSource::per_feature}},
                     {.count = 1, .likelihood = BernoulliConfig{}},
                     {.count = 2, .likelihood = CategoricalConfig{.classes = 3}},
                     {.count = 2, .likelihood = PoissonConfig{}},
                     {.count = 2, .likelihood = NegativeBinomialConfig{.zero_inflation = true}}}};
}

template <class T>
TestColumns<T> mixed() {
  return TestColumns<T>(mixed_config(), 9);
}

template <class T>
Matrix<T> mixed_data(Index rows, std::uint64_t seed) {
  Matrix<T> x = random_matrix<T>(rows, 9, seed);
  for (Index row = 0; row < rows; ++row) {
    for (Index j = 2; j < 9; ++j) {
      const T top = j < 3 ? 1 : j < 5 ? 2 : 9;
      x(row, j) = std::min(top, std::floor(3 * std::abs(x(row, j))));
    }
  }
  return x;
}

/// The same from the groups' own likelihoods.
template <class T>
Matrix<T> expected_log_prob(const TestColumns<T>& likelihood, const Matrix<T>& params, const Matrix<T>& x) {
  Matrix<T> sum(1, params.rows());
  Matrix<T> term(1, params.rows());
  Index head = 0;
  Index column = 0;
  for (const auto& group : likelihood.groups) {
    group.log_prob(params.middleCols(head, group.head_size()), x.middleCols(column, group.feature_count()),
                   term.span());
    sum += term;
    head += group.head_size();
    column += group.feature_count();
  }
  return sum;
}

}  // namespace

TEST_CASE("columns: keeps the contract of a likelihood") { check_likelihood<GaussianColumns>(); }

TEST_CASE_TEMPLATE("columns: log-probabilities are the sums of the groups', for any number of samples", T,
                   float, double) {
  const TestColumns<T> likelihood = mixed<T>();
  for (const auto& [inputs, samples] : std::vector<std::pair<Index, Index>>{
           {1, 1}, {100, 1}, {30, 3}, {2, 64}, {3, 65}, {5, 200}, {1, 1000}}) {
    const Matrix<T> params = random_params(likelihood, inputs * samples, 1);
    const Matrix<T> x = mixed_data<T>(inputs, 2);
    Matrix<T> out(1, inputs * samples);
    likelihood.log_prob(params, x, out.span());
    CHECK(out == expected_log_prob(likelihood, params, x));
    const Pass pass(likelihood, params, x, out);
    for (Index row = 0; row < out.cols(); ++row) {
      REQUIRE(near(static_cast<double>(pass.out(0, row)), static_cast<double>(out(0, row)), rounding<T>));
    }
  }
}

TEST_CASE("columns: gradients of mixed groups are those of finite differences") {
  TestColumns<double> likelihood = mixed<double>();
  Matrix<double> params = random_params(likelihood, 6, 3);
  const Matrix<double> x = mixed_data<double>(3, 4);
  const Matrix<double> dout = random_matrix<double>(1, 6, 5);
  const Pass pass(likelihood, params, x, dout);
  const auto value = [&] { return weighted_log_prob(likelihood, params, x, dout); };
  check_finite_differences(params.span(), pass.gradient.span(), value);
  check_parameter_gradients(likelihood, pass.own, value);
}

TEST_CASE_TEMPLATE("columns: NaN in any column gives NaN for that row", T, float, double) {
  const TestColumns<T> likelihood = mixed<T>();
  Matrix<T> dout(1, 3);
  dout.setOnes();
  for (Index j = 0; j < likelihood.head_size() + 9; ++j) {
    Matrix<T> params = random_params(likelihood, 3, 6);
    Matrix<T> x = mixed_data<T>(3, 7);
    T& broken = j < 9 ? x(1, j) : params(1, j - 9);
    broken = std::numeric_limits<T>::quiet_NaN();
    const Pass pass(likelihood, params, x, dout);
    CHECK(std::isnan(pass.out(0, 1)));
    CHECK(std::isfinite(pass.out(0, 0)));
    CHECK(std::isfinite(pass.out(0, 2)));
    if (j >= 9) {
      CHECK(std::isnan(pass.gradient(1, j - 9)));
    }
  }
}

TEST_CASE_TEMPLATE("columns: mixed groups give the same bits on any number of threads", T, float, double) {
  const TestColumns<T> likelihood = mixed<T>();
  const Matrix<T> params = random_params(likelihood, 3000, 8);
  const Matrix<T> x = mixed_data<T>(1000, 9);
  const Matrix<T> dout = random_matrix<T>(1, 3000, 10);
  const auto run = [&](int threads) {
    const ThreadScope scope(threads);
    const Pass pass(likelihood, params, x, dout);
    Matrix<T> log_prob(1, 3000);
    Matrix<T> sample(3000, 9);
    likelihood.log_prob(params, x, log_prob.span());
    likelihood.sample(params, RandomStream(7, Purpose::likelihood), sample);
    return std::vector<Matrix<T>>{pass.out, pass.gradient, log_prob, sample};
  };
  const std::vector<Matrix<T>> expected = run(1);
  for (const int threads : {2, 3}) {
    CHECK(run(threads) == expected);
  }
}

TEST_CASE("columns: means and samples are the groups'") {
  const TestColumns<double> likelihood = mixed<double>();
  Matrix<double> params(4000, likelihood.head_size());
  params.rowwise() = random_params(likelihood, 1, 11).row(0);
  Matrix<double> mean(4000, 9);
  Matrix<double> x(4000, 9);
  likelihood.mean(params, mean);
  likelihood.sample(params, RandomStream(7, Purpose::likelihood), x);
  CHECK(mean(0, 0) == params(0, 0));
  CHECK(mean(0, 2) == doctest::Approx(1 / (1 + std::exp(-params(0, 2)))));
  CHECK(mean(0, 5) == doctest::Approx(std::exp(params(0, 9))));
  for (const Index j : {0, 1, 2, 5, 6, 7, 8}) {
    const double deviation = std::sqrt((x.col(j).array() - x.col(j).mean()).square().mean());
    CHECK(std::abs(x.col(j).mean() - mean(0, j)) < 5 * deviation / std::sqrt(4000.0));
  }
  for (Index j = 2; j < 9; ++j) {
    CHECK(x.col(j).unaryExpr([&](double v) { return likelihood.support(j).contains(v) ? 0.0 : 1.0; }).sum() ==
          0);
  }
  // Groups of one kind draw different numbers.
  const TestColumns<double> twins({.groups = {{.count = 1, .likelihood = GaussianConfig{}},
                                              {.count = 1, .likelihood = GaussianConfig{}}}},
                                  2);
  Matrix<double> pair(10, 2);
  twins.sample(Matrix<double>(10, 2), RandomStream(7, Purpose::likelihood), pair);
  CHECK(pair.col(0) != pair.col(1));
}

TEST_CASE("columns: sizes, supports and parameters are the groups'") {
  const TestColumns<float> likelihood = mixed<float>();
  CHECK(likelihood.feature_count() == 9);
  CHECK(likelihood.head_size() == 2 + 1 + 6 + 2 + 4);
  CHECK(likelihood.support(1) == Support{});
  CHECK(likelihood.support(2) == Support{0, 1});
  CHECK(likelihood.support(4) == Support{.minimum = 0, .maximum = 2, .integer = true});
  CHECK(likelihood.support(8) == Support{.minimum = 0, .integer = true});
  const auto list = parameters(likelihood);
  REQUIRE(list.size() == 2);
  CHECK(list[0].name == "0.logvar");
  CHECK(list[1].name == "4.log_dispersion");
  CHECK(parameter_count(likelihood) == 4);
}

TEST_CASE_TEMPLATE("columns: values and gradients are PyTorch's", T, float, double) {
  const Golden golden("counts");
  TestConfig config = mixed_config();
  config.groups.pop_back();
  TestColumns<T> likelihood(config, 7);
  golden.copy_to<T>("columns.logvar", parameters(likelihood)[0].values);
  const Pass pass(likelihood, golden.matrix<T>("columns.params"), golden.matrix<T>("columns.x"),
                  golden.matrix<T>("dout"));
  golden.check<T>("columns", pass.out);
  golden.check<T>("columns.params.gradient", pass.gradient);
  golden.check<T>("columns.logvar.gradient", parameters(pass.own)[0].values);
}

TEST_CASE("columns: nothing is allocated") {
  likelihood_suite::check_no_allocation(mixed<float>(), mixed_data<float>(2, 4), 75);
}

TEST_CASE("columns: refuses groups that do not fit") {
  const TestConfig config{.groups = {{.count = 3, .likelihood = GaussianConfig{}},
                                     {.count = 2, .likelihood = BernoulliConfig{}}}};
  check_throws_with<ConfigError>(
      "columns likelihood: groups have 5 columns, must have 7 (features of the data)",
      [&] { TestColumns<float>(config, 7); });
  check_throws_with<ConfigError>(
      "columns likelihood: groups have 0 columns, must have 7 (features of the data)",
      [] { TestColumns<float>(TestConfig{}, 7); });
  check_throws_with<ConfigError>("columns/groups/1: count is 0, must be in [1, 1000000]", [&] {
    TestConfig empty = config;
    empty.groups[1].count = 0;
    TestColumns<float>(empty, 3);
  });
  check_throws_with<ConfigError>("gaussian: deviation is 0, must be in [1e-06, 10000]", [&] {
    TestConfig wrong = config;
    wrong.groups[0].likelihood = GaussianConfig{.deviation = 0};
    TestColumns<float>(wrong, 5);
  });
}
