// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/check_likelihood.hpp"

#include <doctest/doctest.h>

#include "evaluate/planted_faults.hpp"
#include "vaekit/model/part_name.hpp"

using namespace vaekit;

namespace {

template <std::size_t... I>
std::vector<LikelihoodConfig> default_likelihoods(std::index_sequence<I...>) {
  return {LikelihoodConfig(std::variant_alternative_t<I, LikelihoodConfig>{})...};
}

/// Of a likelihood of the list at outputs from N(0, 1/4).
template <class T>
double factor_of(const LikelihoodConfig& config) {
  const AnyLikelihood<T> likelihood(example::fitted(config, 10), 10);
  Matrix<T> params(64, likelihood.head_size());
  fill_normal(params.span(), RandomStream(4, Purpose::synthetic));
  params *= T(0.5);
  return log_density_factor(likelihood, params, 1).value_or(0);
}

}  // namespace

TEST_CASE("check likelihood: every built-in likelihood is a log-density, in double and in float") {
  for (const LikelihoodConfig& config :
       default_likelihoods(std::make_index_sequence<std::variant_size_v<LikelihoodConfig>>{})) {
    CAPTURE(part_name(AnyLikelihood<double>(example::fitted(config, 10), 10)));
    CHECK(std::abs(factor_of<double>(config) - 1) < 0.15);
    CHECK(std::abs(factor_of<float>(config) - 1) < 0.15);
  }
}

TEST_CASE("check likelihood: the factor of a multiple is found, whatever its size or sign") {
  Matrix<double> params(64, 20);
  fill_normal(params.span(), RandomStream(4, Purpose::synthetic));
  for (const double factor : {0.05, 0.5, 2.0, 30.0, -1.0}) {
    const example::ScaledBernoulli<double> scaled(20, factor, factor);
    CHECK(log_density_factor(scaled, params, 1).value() == doctest::Approx(factor).epsilon(0.15));
  }
  const Matrix<double> none(64, 20);
  CHECK_FALSE(log_density_factor(example::ScaledBernoulli<double>(20, 0, 0), none, 1).has_value());
}

TEST_CASE("check likelihood: a mean over the features, another factor, and a sound one") {
  const Matrix<double> x = example::Bars().samples<double>(64);
  CHECK(example::is_ok(check_likelihood(example::bars_model<double>(), x, 1)));
  const auto averaged =
      check_likelihood(example::bars_model<double>(example::ScaledBernoulli<double>(64, 1.0 / 64, 1)), x, 1);
  REQUIRE(example::is_fault(averaged));
  CHECK(averaged[0].figure.starts_with("log p(x|z) is 0.01"));
  CHECK(averaged[0].figure.ends_with(" times a log-density"));
  CHECK(averaged[0].advice ==
        "it is a mean over the 64 features: sum it, or the KL term weighs that much more");
  const auto doubled =
      check_likelihood(example::bars_model<double>(example::ScaledBernoulli<double>(64, 2, 1)), x, 1);
  REQUIRE(example::is_fault(doubled));
  CHECK(doubled[0].advice ==
        "log_prob must be the logarithm of the density that sample draws from, summed over the features");
}

TEST_CASE("check likelihood: nothing is said of one that is given the total of its sample") {
  example::Design design;
  design.likelihood = NegativeBinomialConfig{};
  CHECK(example::is_ok(check_likelihood(example::make_any<double>(design), example::data<double>(64, 5), 1)));
  design.likelihood = NegativeBinomialConfig{.library_size = LibrarySize::observed};
  const auto findings = check_likelihood(example::make_any<double>(design), example::data<double>(64, 5), 1);
  CHECK(findings[0].verdict == Verdict::skipped);
  CHECK(findings[0].figure == "log p(x|z) is given the total of x (library_size)");
}

TEST_CASE("check likelihood: nothing is said of one that the decoder's outputs do not change") {
  const auto findings =
      check_likelihood(example::bars_model<double>(example::ScaledBernoulli<double>(64, 0, 0)),
                       example::Bars().samples<double>(64), 1);
  CHECK(findings[0].verdict == Verdict::skipped);
  CHECK(findings[0].figure == "log p(x|z) does not change enough with the decoder's outputs");
}
