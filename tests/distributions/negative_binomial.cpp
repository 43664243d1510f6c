// SPDX-License-Identifier: MIT
#include "vaekit/distributions/negative_binomial.hpp"

#include <doctest/doctest.h>

#include <optional>

#include "support/distribution_suite.hpp"
#include "support/golden.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;
using namespace likelihood_suite;

namespace {

/// log p(x), with every logarithm of Γ written out.
long double exact_log_prob(long double log_mean, long double log_dispersion, long double x) {
  const long double mu = std::exp(log_mean);
  const long double r = std::exp(log_dispersion);
  return std::lgamma(r + x) - std::lgamma(r) - std::lgamma(x + 1) - r * std::log1p(mu / r) +
         x * (log_mean - std::log(r + mu));
}

/// p(x) > 0 of the sums below ends where it is this small.
constexpr double negligible = -27;

/// Parameters in the order of the head: log mean [| log r where predicted] [| logits with zero inflation].
template <ParameterSource Dispersion, bool ZeroInflation>
struct NegativeBinomialCase {
  static constexpr double start = 12;
  template <class T>
  static NegativeBinomial<T> make(Index features) {
    return NegativeBinomial<T>(
        {.dispersion = Dispersion, .concentration = start, .zero_inflation = ZeroInflation}, features);
  }
  static double mean(const Numbers& p) { return std::exp(p[0]); }
  static double dispersion(const Numbers& p) {
    return Dispersion == ParameterSource::predicted ? std::exp(p[1]) : start;
  }
  static double zero(const Numbers& p) { return ZeroInflation ? 1 / (1 + std::exp(-p.back())) : 0; }

  /// As many counts as have a probability that matters.
  static std::vector<Node> nodes(const Numbers& p) {
    std::vector<Node> list;
    for (int count = 0; count < 3000; ++count) {
      const double x = count;
      list.push_back({x, 1});
      const long double log_prob = exact_log_prob(p[0], std::log(dispersion(p)), x);
      if (x > mean(p) && log_prob < negligible - std::log(1 + mean(p))) {
        break;
      }
    }
    return list;
  }
  static double variance(const Numbers& p) {
    const double mu = mean(p);
    const double pi = zero(p);
    return (1 - pi) * (mu + mu * mu / dispersion(p)) + pi * (1 - pi) * mu * mu;
  }
  static double datum(double normal) { return std::floor(std::exp(0.5 + normal)); }
  static std::vector<Numbers> extremes() {
    std::vector<Numbers> list;
    for (const double log_mean : {-1e30, -1e4, 0.0, 20.0, 1e4, 1e30}) {
      for (const double other : {-1e30, -13.9, 0.0, 13.9, 1e30}) {
        list.push_back({log_mean, other, -other});
      }
    }
    return list;
  }
};

using FixedCase = NegativeBinomialCase<ParameterSource::fixed, false>;
using LearnedCase = NegativeBinomialCase<ParameterSource::learned, false>;
using PerFeatureCase = NegativeBinomialCase<ParameterSource::per_feature, true>;
using PredictedCase = NegativeBinomialCase<ParameterSource::predicted, true>;

/// log p(x) and its gradients for one feature, all parameters predicted.
template <class T>
struct OneCount {
  double log_prob;
  double to_mean;
  double to_dispersion;
  double to_logits = 0;

  OneCount(double log_mean, double log_dispersion, double x, std::optional<double> logits = {}) {
    const NegativeBinomial<T> likelihood(
        {.dispersion = ParameterSource::predicted, .zero_inflation = logits.has_value()}, 1);
    Matrix<T> params(1, likelihood.head_size());
    Matrix<T> data(1, 1);
    Matrix<T> dout(1, 1);
    params(0, 0) = static_cast<T>(log_mean);
    params(0, 1) = static_cast<T>(log_dispersion);
    data(0, 0) = static_cast<T>(x);
    dout(0, 0) = 1;
    if (logits) {
      params(0, 2) = static_cast<T>(*logits);
    }
    const Pass pass(likelihood, params, data, dout);
    log_prob = static_cast<double>(pass.out(0, 0));
    to_mean = static_cast<double>(pass.gradient(0, 0));
    to_dispersion = static_cast<double>(pass.gradient(0, 1));
    if (logits) {
      to_logits = static_cast<double>(pass.gradient(0, 2));
    }
  }
};

}  // namespace

TYPE_TO_STRING(FixedCase);
TYPE_TO_STRING(LearnedCase);

TEST_CASE("negative_binomial: keeps the contract of a likelihood") { check_likelihood<PerFeatureCase>(); }

TEST_CASE_TEMPLATE("negative_binomial: keeps the contract with one number for all features", Case, FixedCase,
                   LearnedCase) {
  check_total_probability<Case>();
  check_forward_is_log_prob<Case, float>();
  check_gradients<Case>();
  check_own_gradient_accumulates<Case>();
  check_nan<Case, float>();
}

// All but the total probability: with the small r that the suite draws it takes too many counts of each
// feature.
TEST_CASE("negative_binomial: keeps the contract with everything predicted") {
  check_moments<PredictedCase, float>();
  check_moments<PredictedCase, double>();
  check_forward_is_log_prob<PredictedCase, float>();
  check_forward_is_log_prob<PredictedCase, double>();
  check_gradients<PredictedCase>();
  check_shared_inputs<PredictedCase>();
  check_strided_arguments<PredictedCase, float>();
  check_strided_arguments<PredictedCase, double>();
  check_extremes<PredictedCase, float>();
  check_extremes<PredictedCase, double>();
  check_nan<PredictedCase, float>();
  check_nan<PredictedCase, double>();
  check_threads<PredictedCase, float>();
  check_threads<PredictedCase, double>();
}

TEST_CASE("negative_binomial: total probability is 1 for every dispersion and zero inflation") {
  const auto likelihood = PredictedCase::make<double>(1);
  for (const Numbers& p : {Numbers{1, -2, 0}, Numbers{-1, -4, 3}, Numbers{3, 1, -30}, Numbers{4, 10, 1}}) {
    Matrix<double> params(1, 3);
    params << p[0], p[1], p[2];
    double total = 0;
    for (const Node& node : PredictedCase::nodes(p)) {
      Matrix<double> x(1, 1);
      x(0, 0) = node.x;
      double out = 0;
      likelihood.log_prob(params, x, std::span(&out, 1));
      total += std::exp(out);
    }
    CHECK(std::abs(total - 1) < 1e-9);
  }
}

TEST_CASE("negative_binomial: log-probabilities of known parameters") {
  // r = 1 is the geometric distribution: p(x) = (1 − q) qˣ, q = μ / (1 + μ)
  const double q = 3.0 / 4;
  CHECK(OneCount<double>(std::log(3.0), 0, 0).log_prob == doctest::Approx(std::log(1 - q)).epsilon(1e-14));
  CHECK(OneCount<double>(std::log(3.0), 0, 5).log_prob ==
        doctest::Approx(std::log(1 - q) + 5 * std::log(q)).epsilon(1e-14));
  // r = 2, μ = 2: p(3) = 4 (1/2)⁵
  CHECK(OneCount<double>(std::log(2.0), std::log(2.0), 3).log_prob ==
        doctest::Approx(std::log(0.125)).epsilon(1e-14));
}

TEST_CASE_TEMPLATE("negative_binomial: any size of mean, dispersion and count", T, float, double) {
  constexpr bool single = std::same_as<T, float>;
  double worst = 0;
  for (const double log_mean : {-29.0, -5.0, 0.0, 3.0, 7.0, 14.0}) {
    for (const double log_dispersion : {-13.8, -5.0, 0.0, 1.3, 2.2, 7.0, 13.8}) {
      for (const double x : {0.0, 1.0, 2.0, 20.0, 1000.0, 1e6}) {
        const auto l = static_cast<T>(log_mean);
        const auto d = static_cast<T>(log_dispersion);
        const double exact = static_cast<double>(exact_log_prob(l, d, x));
        const OneCount<T> one(log_mean, log_dispersion, x);
        worst = std::max(worst, std::abs(one.log_prob - exact) / (1 + std::abs(exact) + std::sqrt(x)));
      }
    }
  }
  CHECK(worst < (single ? 2e-6 : 2e-13));
}

TEST_CASE_TEMPLATE("negative_binomial: the largest r is Poisson", T, float, double) {
  const double tolerance = std::same_as<T, float> ? 4e-6 : 1e-11;
  for (const double log_mean : {-3.0, 0.0, 2.0, 5.0}) {
    for (const double x : {0.0, 1.0, 5.0, 30.0, 150.0}) {
      const auto l = static_cast<double>(static_cast<T>(log_mean));
      const OneCount<T> limit(l, maximum_log_dispersion, x);
      const double exact = static_cast<double>(exact_log_prob(l, maximum_log_dispersion, x));
      CHECK(near(limit.log_prob, exact, tolerance));
      const double poisson = x * l - std::exp(l) - std::lgamma(x + 1);
      CHECK(near(limit.log_prob, poisson, 1e-4));
      CHECK(near(limit.to_mean, x - std::exp(l), 2e-4));
      CHECK(std::abs(limit.to_dispersion) < 0.02);
      const OneCount<T> beyond(l, 1e4, x);
      CHECK(beyond.log_prob == limit.log_prob);
      CHECK(beyond.to_mean == limit.to_mean);
      CHECK(beyond.to_dispersion == 0);
    }
  }
}

TEST_CASE_TEMPLATE("negative_binomial: the smallest r is nearly always 0", T, float, double) {
  const double tolerance = std::same_as<T, float> ? 3e-6 : 1e-12;
  for (const double x : {0.0, 1.0, 12.0}) {
    const OneCount<T> limit(1, minimum_log_dispersion, x);
    CHECK(near(limit.log_prob, static_cast<double>(exact_log_prob(1, minimum_log_dispersion, x)), tolerance));
    CHECK(OneCount<T>(1, -1e4, x).log_prob == limit.log_prob);
    CHECK(OneCount<T>(1, -1e4, x).to_dispersion == 0);
  }
  CHECK(std::abs(OneCount<T>(1, -1e4, 0).log_prob) < 2e-5);
}

TEST_CASE_TEMPLATE("negative_binomial: gradients of log r are right at every size", T, float, double) {
  const double tolerance = std::same_as<T, float> ? 3e-5 : 1e-7;
  for (const double log_mean : {-4.0, 0.0, 3.0, 7.0}) {
    for (const double log_dispersion : {-12.0, -3.0, 0.0, 2.0, 5.0, 12.0}) {
      for (const double x : {0.0, 1.0, 7.0, 500.0}) {
        const long double h = 1e-5L;
        const double expected = static_cast<double>((exact_log_prob(log_mean, log_dispersion + h, x) -
                                                     exact_log_prob(log_mean, log_dispersion - h, x)) /
                                                    (2 * h));
        const OneCount<T> one(log_mean, log_dispersion, x);
        CHECK(std::abs(one.to_dispersion - expected) < tolerance * (1 + std::abs(expected) + std::sqrt(x)));
      }
    }
  }
}

TEST_CASE_TEMPLATE("negative_binomial: zero inflation at any logit", T, float, double) {
  const double tolerance = std::same_as<T, float> ? 3e-6 : 1e-13;
  const auto nb = [](double x) { return static_cast<double>(exact_log_prob(1, 0.5, x)); };
  for (const double logits : {-30.0, -3.0, 0.0, 2.0, 30.0}) {
    const double pi = 1 / (1 + std::exp(-logits));
    const double at_zero = std::log(pi + (1 - pi) * std::exp(nb(0)));
    CHECK(near(OneCount<T>(1, 0.5, 0, logits).log_prob, at_zero, tolerance));
    CHECK(near(OneCount<T>(1, 0.5, 4, logits).log_prob, nb(4) - std::log1p(std::exp(logits)), tolerance));
  }
  // Far out: always 0, or never more than the negative binomial says.
  for (const double logits : {1e4, 1e30}) {
    CHECK(OneCount<T>(1, 0.5, 0, logits).log_prob == 0);
    CHECK(OneCount<T>(1, 0.5, 0, logits).to_mean == 0);
    CHECK(OneCount<T>(1, 0.5, 0, logits).to_logits == 0);
    CHECK(near(OneCount<T>(1, 0.5, 4, logits).log_prob, -logits, 1e-3));
    CHECK(OneCount<T>(1, 0.5, 4, logits).to_logits == -1);
    for (const double x : {0.0, 4.0}) {
      const OneCount<T> plain(1, 0.5, x);
      const OneCount<T> inflated(1, 0.5, x, -logits);
      CHECK(inflated.log_prob == plain.log_prob);
      CHECK(inflated.to_mean == plain.to_mean);
      CHECK(inflated.to_dispersion == plain.to_dispersion);
      CHECK(inflated.to_logits == 0);
    }
  }
  // p(0) so small that it has no place in a T.
  const OneCount<T> hopeless(20, 13, 0, -3);
  CHECK(near(hopeless.log_prob, -std::log1p(std::exp(3.0)), tolerance));
  CHECK(near(hopeless.to_logits, 1 / (1 + std::exp(-3.0)), tolerance));
}

TEST_CASE("negative_binomial: gamma variates have their mean and variance") {
  constexpr int count = 20'000;
  for (const double shape : {0.05, 0.5, 1.0, 3.0, 1e6}) {
    double sum = 0;
    double square = 0;
    for (int i = 0; i < count; ++i) {
      RandomSequence random(RandomStream(5, Purpose::likelihood), static_cast<std::uint64_t>(i));
      const double x = sample_gamma(shape, random);
      REQUIRE(x >= 0);
      sum += x - shape;
      square += (x - shape) * (x - shape);
    }
    CHECK(std::abs(sum / count) < 5 * std::sqrt(shape / count));
    CHECK(std::abs(square / count - shape) < 5 * std::sqrt((2 * shape * shape + 6 * shape) / count));
  }
  RandomSequence random(RandomStream(5, Purpose::likelihood), 0);
  CHECK(std::isnan(sample_gamma(std::nan(""), random)));
}

TEST_CASE_TEMPLATE("negative_binomial: values and gradients are PyTorch's", T, float, double) {
  const Golden golden("counts");
  const Matrix<T> x = golden.matrix<T>("counts");
  const Matrix<T> dout = golden.matrix<T>("dout");
  NegativeBinomial<T> likelihood({}, x.cols());
  golden.copy_to<T>("negative_binomial.log_dispersion", likelihood.log_dispersion().span());
  const Pass pass(likelihood, golden.matrix<T>("negative_binomial.params"), x, dout);
  golden.check<T>("negative_binomial", pass.out);
  golden.check_each<T>("negative_binomial.params.gradient", pass.gradient.span(), 1e-2);
  golden.check_each<T>("negative_binomial.log_dispersion.gradient", pass.own.log_dispersion().span(), 1e-2);

  const NegativeBinomial<T> inflated({.dispersion = ParameterSource::predicted,
                                      .zero_inflation = true,
                                      .library_size = LibrarySize::observed,
                                      .reference_size = 5000},
                                     x.cols());
  const Matrix<T> params = golden.matrix<T>("zero_inflated.params");
  const Pass zero(inflated, params, x, dout);
  golden.check<T>("zero_inflated", zero.out);
  golden.check_each<T>("zero_inflated.params.gradient", zero.gradient.span(), 1e-2);
  Matrix<T> mean(params.rows(), x.cols());
  inflated.mean(params, mean);
  golden.check_each<T>("zero_inflated.mean", mean.span(), 1e-2);
}

TEST_CASE("negative_binomial: what is a parameter and what the head predicts") {
  NegativeBinomial<float> likelihood({.concentration = 2}, 5);
  const auto list = parameters(likelihood);
  REQUIRE(list.size() == 1);
  CHECK(list[0].name == "log_dispersion");
  CHECK(list[0].values.size() == 5);
  CHECK(list[0].values[3] == doctest::Approx(std::log(2.0)));
  CHECK(likelihood.head_size() == 5);
  CHECK(likelihood.support(0) == Support{.minimum = 0, .integer = true});
  CHECK(parameter_count(NegativeBinomial<float>({.dispersion = ParameterSource::learned}, 5)) == 1);
  CHECK(parameter_count(NegativeBinomial<float>({.dispersion = ParameterSource::fixed}, 5)) == 0);
  const NegativeBinomial<float> predicted({.dispersion = ParameterSource::predicted, .zero_inflation = true},
                                          5);
  CHECK(parameter_count(predicted) == 0);
  CHECK(predicted.head_size() == 15);
  CHECK(NegativeBinomial<float>({.zero_inflation = true}, 5).head_size() == 10);
}

TEST_CASE("negative_binomial: refuses numbers out of range") {
  check_throws_with<ConfigError>("negative_binomial: concentration is 0, must be in [1e-06, 1000000]",
                                 [] { NegativeBinomial<float>({.concentration = 0}, 3); });
  check_throws_with<ConfigError>("negative_binomial: reference_size is -1, must be > 0",
                                 [] { NegativeBinomial<float>({.reference_size = -1}, 3); });
}
