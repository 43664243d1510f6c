// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/check_log_variance.hpp"

#include <doctest/doctest.h>

#include "evaluate/planted_faults.hpp"
#include "support/count_text.hpp"

using namespace vaekit;

TEST_CASE(
    "check log-variance: sound at the start, where the likelihood has a variance and where it has none") {
  const Matrix<float> x = example::Bars().samples<float>(50);
  const auto findings = check_log_variance(example::bars_model<float>(), x, 1);
  REQUIRE(example::is_ok(findings));
  CHECK(findings[0].figure.starts_with("0 % of the posterior's are at -30 or 20, from "));
  const Gaussian<float> predicted({.variance = VarianceSource::predicted}, 64);
  CHECK(example::is_ok(check_log_variance(example::bars_model<float>(predicted), x, 1)));
}

TEST_CASE("check log-variance: those of the posterior at a limit") {
  const Matrix<float> x = example::Bars().samples<float>(50);
  for (const float raw : {-100.0F, 60.0F}) {
    auto model = example::bars_model<float>();
    model.posterior_head.bias(3 + 1) = raw;  // of the second latent dimension
    const auto findings = check_log_variance(model, x, 1);
    REQUIRE(example::is_fault(findings));
    CHECK(findings[0].figure == "33.3 % of the posterior's log-variances are at -30 or 20");
  }
}

TEST_CASE("check log-variance: predicted ones of the likelihood have no gradient there") {
  const Matrix<float> x = example::Bars().samples<float>(50);
  auto model = example::bars_model<float>(Gaussian<float>({.variance = VarianceSource::predicted}, 64));
  model.likelihood_head.bias.rightCols(64).setConstant(-90);
  const auto findings = check_log_variance(model, x, 1);
  REQUIRE(example::is_fault(findings));
  CHECK(findings[0].figure == "64 of 128 parameters of the likelihood have no gradient for any of 50 inputs");
}

TEST_CASE("check log-variance: a constant feature that is predicted to the last bit is no fault") {
  Matrix<float> x = example::Bars().samples<float>(50);
  x.leftCols(4).setOnes();
  auto model = example::bars_model<float>();
  model.likelihood_head.bias.leftCols(4).setConstant(40);
  CHECK(example::is_ok(check_log_variance(model, x, 1)));
}

TEST_CASE("check log-variance: learned ones of the likelihood") {
  const Matrix<float> x = example::Bars().samples<float>(50);
  auto model = example::bars_model<float>(Gaussian<float>({.variance = VarianceSource::per_feature}, 64));
  CHECK(example::is_ok(check_log_variance(model, x, 1)));
  model.likelihood.logvar()(5) = 20;
  const auto findings = check_log_variance(model, x, 1);
  REQUIRE(example::is_fault(findings));
  CHECK(findings[0].figure == "1 of 64 values of likelihood.logvar are at -30 or 20");
}
