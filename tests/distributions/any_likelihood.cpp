// SPDX-License-Identifier: MIT
#include "vaekit/distributions/any_likelihood.hpp"

#include <doctest/doctest.h>

#include "support/distribution_suite.hpp"
#include "support/throws_with.hpp"
#include "vaekit/distributions/builtin.hpp"

using namespace vaekit;
using namespace likelihood_suite;

namespace {

struct AnyBernoulliCase {
  template <class T>
  static AnyLikelihood<T> make(Index features) {
    return AnyLikelihood<T>(BernoulliConfig{}, features);
  }
  static std::vector<Node> nodes(const Numbers&) { return {{0, 1}, {1, 1}}; }
  static double variance(const Numbers& logit) {
    const double p = 1 / (1 + std::exp(-logit[0]));
    return p * (1 - p);
  }
  static double datum(double normal) { return normal > 0 ? 1 : 0; }
  static std::vector<Numbers> extremes() { return {{-1e4}, {1e4}}; }
};

template <VarianceSource Variance>
struct AnyGaussianCase {
  template <class T>
  static AnyLikelihood<T> make(Index features) {
    return AnyLikelihood<T>(GaussianConfig{.variance = Variance}, features);
  }
  static std::vector<Node> nodes(const Numbers& p) {
    std::vector<Node> list;
    for (int i = -20; i <= 20; ++i) {
      list.push_back({p[0] + 0.4 * i, 0.4});
    }
    return list;
  }
  static double variance(const Numbers&) { return 1; }
  static double datum(double normal) { return normal; }
  static std::vector<Numbers> extremes() { return {{-1e15}, {1e15}}; }
};

using AnyFixedCase = AnyGaussianCase<VarianceSource::fixed>;
using AnyLearnedCase = AnyGaussianCase<VarianceSource::learned>;

template <class L>
void check_same_bits(const LikelihoodConfig& config, const L& typed) {
  using T = typename L::Scalar;
  const AnyLikelihood<T> any(config, 9);
  const Matrix<T> params = random_matrix<T>(6, 9, 1);
  const Matrix<T> x = random_matrix<T>(3, 9, 2).array().abs().min(1).matrix();
  const Matrix<T> dout = random_matrix<T>(1, 6, 3);
  const Pass expected(typed, params, x, dout);
  const Pass got(any, params, x, dout);
  CHECK(got.out == expected.out);
  CHECK(got.gradient == expected.gradient);
  CHECK(parameter_count(got.own) == parameter_count(expected.own));
  CHECK(squared_norm(got.own) == squared_norm(expected.own));
  CHECK(any.support(8) == typed.support(8));
  CHECK(any.head_size() == typed.head_size());
}

}  // namespace

TYPE_TO_STRING(AnyBernoulliCase);
TYPE_TO_STRING(AnyFixedCase);
TYPE_TO_STRING(AnyLearnedCase);

TEST_CASE_TEMPLATE("likelihood: one chosen at run time keeps the contract", Case, AnyBernoulliCase,
                   AnyFixedCase, AnyLearnedCase) {
  check_likelihood<Case>();
}

TEST_CASE_TEMPLATE("likelihood: one chosen at run time gives the same bits as the type itself", T, float,
                   double) {
  check_same_bits(BernoulliConfig{}, Bernoulli<T>({}, 9));
  const GaussianConfig learned{.variance = VarianceSource::learned, .deviation = 0.3};
  check_same_bits(learned, Gaussian<T>(learned, 9));
}

TEST_CASE("likelihood: numbers out of range are refused, whichever is chosen") {
  check_throws_with<ConfigError>("gaussian: deviation is -1, must be in [1e-06, 10000]",
                                 [] { AnyLikelihood<float>(GaussianConfig{.deviation = -1}, 3); });
}
