// SPDX-License-Identifier: MIT
#include "vaekit/distributions/poisson.hpp"

#include <doctest/doctest.h>

#include <numbers>

#include "support/distribution_suite.hpp"
#include "support/golden.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;
using namespace likelihood_suite;

namespace {

struct PoissonCase {
  template <class T>
  static Poisson<T> make(Index features) {
    return Poisson<T>({}, features);
  }
  static std::vector<Node> nodes(const Numbers& p) {
    const double rate = std::exp(p[0]);
    std::vector<Node> list;
    for (int x = 0; x <= rate + 12 * std::sqrt(rate) + 12; ++x) {
      list.push_back({static_cast<double>(x), 1});
    }
    return list;
  }
  static double variance(const Numbers& p) { return std::exp(p[0]); }
  static double datum(double normal) { return std::floor(std::exp(1 + normal)); }
  static std::vector<Numbers> extremes() { return {{-1e30}, {-1e4}, {-30}, {0}, {20}, {1e4}, {1e30}}; }
};

/// log p(x) and its gradient for one feature.
template <class T>
struct OneCount {
  double log_prob;
  double gradient;
  OneCount(double log_rate, double x) {
    Matrix<T> params(1, 1);
    Matrix<T> data(1, 1);
    Matrix<T> dout(1, 1);
    params(0, 0) = static_cast<T>(log_rate);
    data(0, 0) = static_cast<T>(x);
    dout(0, 0) = 1;
    const Pass pass(Poisson<T>({}, 1), params, data, dout);
    log_prob = static_cast<double>(pass.out(0, 0));
    gradient = static_cast<double>(pass.gradient(0, 0));
  }
};

long double exact_log_prob(long double log_rate, long double x) {
  if (x < 100) {
    return x * log_rate - std::exp(log_rate) - std::lgamma(x + 1);
  }
  // Large terms cancel in the formula above also in long double.
  const long double log_ratio = log_rate - std::log(x);
  const long double stirling = 1 / (12 * x) - 1 / (360 * x * x * x) + 1 / (1260 * std::pow(x, 5.0L));
  return -x * (std::expm1(log_ratio) - log_ratio) -
         (0.5L * std::log(2 * std::numbers::pi_v<long double> * x) + stirling);
}

}  // namespace

TEST_CASE("poisson: keeps the contract of a likelihood") { check_likelihood<PoissonCase>(); }

TEST_CASE("poisson: log-probabilities of known rates") {
  CHECK(OneCount<double>(std::log(2.0), 3).log_prob == doctest::Approx(std::log(8.0 / 6) - 2).epsilon(1e-14));
  CHECK(OneCount<double>(std::log(2.0), 0).log_prob == doctest::Approx(-2).epsilon(1e-14));
  CHECK(OneCount<double>(0, 1).log_prob == doctest::Approx(-1).epsilon(1e-14));
  CHECK(OneCount<double>(std::log(2.0), 3).gradient == doctest::Approx(1).epsilon(1e-14));
}

TEST_CASE_TEMPLATE("poisson: rates beyond the range count as its ends and get no gradient", T, float,
                   double) {
  const double tolerance = std::same_as<T, float> ? 3e-6 : 1e-13;
  for (const double x : {0.0, 1.0, 7.0, 1000.0}) {
    for (const double limit : {minimum_log_mean, maximum_log_mean}) {
      const double expected = static_cast<double>(exact_log_prob(limit, x));
      const double gradient = x - std::exp(limit);
      CHECK(near(OneCount<T>(limit, x).log_prob, expected, tolerance));
      CHECK(OneCount<T>(limit, x).gradient == doctest::Approx(gradient).epsilon(1e-6));
      for (const double beyond : {limit + std::copysign(0.5, limit), limit * 1e28}) {
        CHECK(OneCount<T>(beyond, x).log_prob == OneCount<T>(limit, x).log_prob);
        CHECK(OneCount<T>(beyond, x).gradient == 0);
      }
    }
  }
  // No count at the smallest rate is nearly certain.
  CHECK(OneCount<T>(-1e4, 0).log_prob == doctest::Approx(-std::exp(minimum_log_mean)).epsilon(1e-6));
}

TEST_CASE_TEMPLATE("poisson: log-probabilities of large counts are not lost in large terms", T, float,
                   double) {
  constexpr bool single = std::same_as<T, float>;
  for (const double rate : {1.0, 10.0, 123.0, 1e3, 1e4, 1e5, 1e6}) {
    const auto log_rate = static_cast<T>(std::log(rate));
    for (const double deviations : {-1.0, -0.1, 0.0, 0.5, 1.0}) {
      const double x = std::max(0.0, std::round(rate + deviations * std::sqrt(rate)));
      const OneCount<T> one(static_cast<double>(log_rate), x);
      const auto exact = static_cast<double>(exact_log_prob(static_cast<long double>(log_rate), x));
      CHECK(std::abs(one.log_prob - exact) <
            (single ? 2e-6 + 1e-6 * std::sqrt(x) : 1e-14 + 2e-15 * std::sqrt(x)));
      const double gradient = x - std::exp(static_cast<double>(log_rate));
      CHECK(std::abs(one.gradient - gradient) < (single ? 1e-6 : 2e-15) * rate);
    }
  }
}

TEST_CASE("poisson: samples of small and of large rates have the right distribution") {
  constexpr int count = 20'000;
  for (const double rate : {1e-3, 0.7, 9.9, 10.0, 30.0, 1e3, 1e8}) {
    double sum = 0;
    double square = 0;
    for (int i = 0; i < count; ++i) {
      RandomSequence random(RandomStream(5, Purpose::likelihood), static_cast<std::uint64_t>(i));
      const double x = sample_poisson(rate, random);
      REQUIRE(x == std::floor(x));
      REQUIRE(x >= 0);
      sum += x - rate;
      square += (x - rate) * (x - rate);
    }
    CHECK(std::abs(sum / count) < 5 * std::sqrt(rate / count));
    CHECK(std::abs(square / count - rate) < 5 * std::sqrt((2 * rate * rate + rate) / count));
  }
  RandomSequence random(RandomStream(5, Purpose::likelihood), 0);
  CHECK(sample_poisson(0, random) == 0);
  CHECK(std::isnan(sample_poisson(std::nan(""), random)));
}

TEST_CASE("poisson: frequencies of a rate by rejection are its probabilities") {
  constexpr int count = 400'000;
  constexpr double rate = 12;
  std::vector<int> frequency(60);
  for (int i = 0; i < count; ++i) {
    RandomSequence random(RandomStream(6, Purpose::likelihood), static_cast<std::uint64_t>(i));
    ++frequency.at(static_cast<std::size_t>(sample_poisson(rate, random)));
  }
  for (std::size_t x = 0; x < frequency.size(); ++x) {
    const double p = std::exp(static_cast<double>(exact_log_prob(std::log(rate), x)));
    CHECK(std::abs(frequency[x] - p * count) < 5 * std::sqrt(p * count) + 1);
  }
}

TEST_CASE_TEMPLATE("poisson: values and gradients are PyTorch's", T, float, double) {
  const Golden golden("counts");
  const Matrix<T> log_rate = golden.matrix<T>("poisson.params");
  const Poisson<T> poisson({}, log_rate.cols());
  const Pass pass(poisson, log_rate, golden.matrix<T>("counts"), golden.matrix<T>("dout"));
  golden.check<T>("poisson", pass.out);
  golden.check_each<T>("poisson.params.gradient", pass.gradient.span(), 1e-2);
  Matrix<T> mean(log_rate.rows(), log_rate.cols());
  poisson.mean(log_rate, mean);
  golden.check_each<T>("poisson.mean", mean.span(), 1e-2);
}

TEST_CASE("poisson: takes counts, refuses a reference size that is not positive") {
  const Poisson<float> likelihood({}, 3);
  CHECK(likelihood.support(0) == Support{.minimum = 0, .integer = true});
  CHECK_FALSE(likelihood.support(0).contains(0.5));
  CHECK(likelihood.head_size() == 3);
  CHECK(parameter_count(likelihood) == 0);
  check_throws_with<ConfigError>("poisson: reference_size is 0, must be > 0",
                                 [] { Poisson<float>({.reference_size = 0}, 3); });
}
