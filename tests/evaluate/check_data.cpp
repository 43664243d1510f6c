// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/check_data.hpp"

#include <doctest/doctest.h>

#include "evaluate/planted_faults.hpp"
#include "support/count_text.hpp"

using namespace vaekit;

namespace {

/// 100 samples of 4 features: N(0, 1) times `scale`, or whether it is positive.
std::vector<double> four_features(double scale, bool binary = false) {
  std::vector<double> values(400);
  fill_normal(std::span(values), RandomStream(2, Purpose::synthetic));
  for (double& value : values) {
    value = binary ? (value > 0 ? 1 : 0) : scale * value;
  }
  return values;
}

template <class LikelihoodType>
std::vector<Finding> checked_data(std::vector<double> values, const LikelihoodType& likelihood) {
  const Dataset dataset("x.npy", Shape::flat(4), std::move(values));
  const std::vector<std::uint32_t> rows = all_rows(dataset.size());
  const Transform transform(std::vector<double>(4, 0), std::vector<double>(4, 1), 0, Binarize::none);
  const Matrix<double> params(64, likelihood.head_size());
  return check_data({&dataset, &transform, rows, 1}, likelihood, params, 1);
}

}  // namespace

TEST_CASE("check data: standardised numbers under a Gaussian, and bits under a Bernoulli, are sound") {
  const auto real = checked_data(four_features(1), Gaussian<double>({}, 4));
  REQUIRE(example::is_ok(real));
  CHECK(real[0].figure.starts_with("100 samples, largest root mean square of a feature "));
  CHECK(example::is_ok(checked_data(four_features(1, true), Bernoulli<double>({}, 4))));
}

TEST_CASE("check data: values outside the support are named") {
  const auto findings = checked_data(four_features(1), Bernoulli<double>({}, 4));
  REQUIRE(example::is_fault(findings));
  CHECK(findings[0].figure.starts_with("x.npy: sample 0, feature "));
  CHECK(contains(findings[0].figure, ", must be in [0, 1] for a bernoulli likelihood"));
}

TEST_CASE("check data: real-valued features out of scale, large or small") {
  const auto large = checked_data(four_features(100), Gaussian<double>({}, 4));
  REQUIRE(example::is_fault(large));
  CHECK(contains(large[0].figure, " after scaling, its values reach "));
  const auto small = checked_data(four_features(1e-3), Gaussian<double>({}, 4));
  REQUIRE(example::is_fault(small));
  CHECK(small[0].figure.starts_with("no real-valued feature has a root mean square above 0.00"));
  CHECK(small[0].advice == large[0].advice);
  CHECK(example::is_ok(checked_data(four_features(0.1), Gaussian<double>({}, 4))));
  CHECK(example::is_ok(checked_data(four_features(15), Gaussian<double>({}, 4))));
}

TEST_CASE("check data: binary data under a density") {
  const auto findings = checked_data(four_features(1, true), Gaussian<double>({}, 4));
  REQUIRE(example::is_fault(findings));
  CHECK(findings[0].figure ==
        "4 of 4 features that vary take two values, samples of the gaussian likelihood do not");
  CHECK(findings[0].advice == "use a bernoulli likelihood for binary data");
  CHECK(example::is_fault(checked_data(four_features(1, true), ContinuousBernoulli<double>({}, 4))));
}

TEST_CASE("check data: data that never vary") {
  const auto findings = checked_data(std::vector<double>(400, 0.5), Bernoulli<double>({}, 4));
  REQUIRE(example::is_fault(findings));
  CHECK(findings[0].figure == "all 4 features are constant over 100 samples");
  std::vector<double> one = four_features(1);
  for (std::size_t i = 0; i < one.size(); i += 4) {
    one[i] = 0;
  }
  const auto sound = checked_data(one, Gaussian<double>({}, 4));
  REQUIRE(example::is_ok(sound));
  CHECK(sound[0].figure.ends_with(", 1 of 4 constant"));
}

TEST_CASE("check data: summaries of features") {
  const Matrix<double> x{EigenMatrix<double>{{1, 2, -7}, {1, 5, 3}, {1, 2, 4}}};
  const std::vector<FeatureSummary> s = summarize_features<double>(x, 3);
  CHECK(s[0].distinct == 1);
  CHECK(s[1].distinct == 2);
  CHECK(s[2].distinct == 3);
  CHECK(s[1].rms == doctest::Approx(std::sqrt(11.0)));
  CHECK(s[2].largest == 7);
}
