// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/check_data.hpp"

#include <doctest/doctest.h>

#include <array>

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

TEST_CASE("check data: another split far beyond the scale of training") {
  const Dataset train("x.npy", Shape::flat(4), four_features(1));
  std::vector<double> values = four_features(1);
  const auto judged = [&](const auto& likelihood) {
    const Dataset test("y.npy", Shape::flat(4), values);
    const std::vector<std::uint32_t> rows = all_rows(100);
    const Transform transform(std::vector<double>(4, 0), std::vector<double>(4, 1), 0, Binarize::none);
    const Matrix<double> params(64, likelihood.head_size());
    const std::array<NamedView, 2> others{
        {{"validation", {&train, &transform, {}, 1}}, {"test", {&test, &transform, rows, 1}}}};
    return check_data({&train, &transform, rows, 1}, likelihood, params, 1, others);
  };
  const Gaussian<double> gaussian({}, 4);
  CHECK(example::is_ok(judged(gaussian)));
  values[4 * 99 + 2] = 90;  // a root mean square of 9
  CHECK(example::is_ok(judged(gaussian)));
  values[4 * 99 + 2] = 3000;
  const auto findings = judged(gaussian);
  REQUIRE(example::is_fault(findings));
  CHECK(findings[0].check == "data");
  CHECK(findings[0].figure.starts_with("feature 2 has a root mean square of 300 in test after scaling, "));
  CHECK(findings[0].figure.ends_with(" in training, its values reach 3e+03; features so far out: 1 of 4"));
}

TEST_CASE("check data: a large scale that training has too is reported once") {
  const Dataset train("x.npy", Shape::flat(4), four_features(100));
  const std::vector<std::uint32_t> rows = all_rows(100);
  const Transform transform(std::vector<double>(4, 0), std::vector<double>(4, 1), 0, Binarize::none);
  const Gaussian<double> gaussian({}, 4);
  const DataView view{&train, &transform, rows, 1};
  const std::array<NamedView, 1> others{{{"test", view}}};
  CHECK(example::is_fault(check_data(view, gaussian, Matrix<double>(64, gaussian.head_size()), 1, others)));
}

TEST_CASE("check data: features of all of a view, in batches") {
  std::vector<double> values(1200);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = i % 2 == 0 ? 3 : -0.001 * static_cast<double>(i);
  }
  const Dataset dataset("x", Shape::flat(2), std::move(values));
  const std::vector<std::uint32_t> rows = all_rows(600);
  const Transform transform(std::vector<double>(2, 0), std::vector<double>(2, 1), 0, Binarize::none);
  const auto s = detail::measure_features<double>({&dataset, &transform, rows, 1}, 2);
  CHECK(s[0].rms == doctest::Approx(3));
  CHECK(s[1].largest == doctest::Approx(1.199));
  CHECK(s[1].rms == doctest::Approx(std::sqrt(0.48)).epsilon(0.002));  // 1.2² / 3
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
