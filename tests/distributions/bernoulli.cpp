// SPDX-License-Identifier: MIT
#include "vaekit/distributions/bernoulli.hpp"

#include <doctest/doctest.h>

#include "support/distribution_suite.hpp"

using namespace vaekit;
using namespace likelihood_suite;

namespace {

struct BernoulliCase {
  template <class T>
  static Bernoulli<T> make(Index features) {
    return Bernoulli<T>({}, features);
  }
  static std::vector<Node> nodes(const Numbers&) { return {{0, 1}, {1, 1}}; }
  static double variance(const Numbers& logit) {
    const double p = 1 / (1 + std::exp(-logit[0]));
    return p * (1 - p);
  }
  static double datum(double normal) { return 0.5 + 0.5 * std::erf(normal); }  // grey values
  static std::vector<Numbers> extremes() { return {{-1e30}, {-1e4}, {-100}, {-0.0}, {100}, {1e4}, {1e30}}; }
};

template <class T>
T log_prob_of(T logit, T x) {
  Matrix<T> params(1, 1);
  Matrix<T> data(1, 1);
  params(0, 0) = logit;
  data(0, 0) = x;
  T out = 0;
  Bernoulli<T>({}, 1).log_prob(params, data, std::span(&out, 1));
  return out;
}

}  // namespace

TEST_CASE("bernoulli: keeps the contract of a likelihood") { check_likelihood<BernoulliCase>(); }

TEST_CASE("bernoulli: log-probabilities of known logits") {
  CHECK(log_prob_of(0.0, 1.0) == doctest::Approx(-std::log(2.0)).epsilon(1e-14));
  CHECK(log_prob_of(std::log(3.0), 1.0) == doctest::Approx(std::log(0.75)).epsilon(1e-14));
  CHECK(log_prob_of(std::log(3.0), 0.0) == doctest::Approx(std::log(0.25)).epsilon(1e-14));
  const double grey = 0.3 * std::log(0.75) + 0.7 * std::log(0.25);
  CHECK(log_prob_of(std::log(3.0), 0.3) == doctest::Approx(grey).epsilon(1e-14));
}

TEST_CASE_TEMPLATE("bernoulli: extreme logits give the right values, not only finite ones", T, float,
                   double) {
  CHECK(log_prob_of<T>(T{1e4}, T{1}) == 0);
  CHECK(log_prob_of<T>(T{1e4}, T{0}) == T{-1e4});
  CHECK(log_prob_of<T>(T{-1e4}, T{1}) == T{-1e4});
  CHECK(log_prob_of<T>(T{-1e4}, T{0}) == 0);
  Matrix<T> params(1, 4);
  Matrix<T> x(1, 4);
  Matrix<T> dout(1, 1);
  params << T{1e4}, T{1e4}, T{-1e4}, T{-1e4};
  x << 1, 0, 1, 0;
  dout(0, 0) = 1;
  const Pass pass(Bernoulli<T>({}, 4), params, x, dout);
  Matrix<T> expected(1, 4);
  expected << 0, -1, 1, 0;
  CHECK(pass.gradient == expected);
}

TEST_CASE("bernoulli: small log-probabilities keep their precision") {
  CHECK(log_prob_of(40.0, 1.0) == doctest::Approx(-std::exp(-40.0)).epsilon(1e-12));
  CHECK(log_prob_of(-40.0, 0.0) == doctest::Approx(-std::exp(-40.0)).epsilon(1e-12));
}

TEST_CASE("bernoulli: samples are 0 or 1, always so at extreme logits") {
  Matrix<float> params(2, 50);
  params.row(0).setConstant(1e4F);
  params.row(1).setConstant(-1e4F);
  Matrix<float> x(2, 50);
  const Bernoulli<float> likelihood({}, 50);
  likelihood.sample(params, RandomStream(1, Purpose::likelihood), x);
  CHECK((x.row(0).array() == 1).all());
  CHECK((x.row(1).array() == 0).all());
  params.setZero();
  likelihood.sample(params, RandomStream(1, Purpose::likelihood), x);
  CHECK((x.array() == 0 || x.array() == 1).all());
  CHECK(x.sum() > 25);
  CHECK(x.sum() < 75);
}

TEST_CASE("bernoulli: takes data in [0, 1]") {
  CHECK(Bernoulli<float>({}, 3).support(0) == Support{0, 1});
  CHECK(Bernoulli<float>({}, 3).head_size() == 3);
  CHECK(parameter_count(Bernoulli<float>({}, 3)) == 0);
}
