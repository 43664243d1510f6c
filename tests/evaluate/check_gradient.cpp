// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/check_gradient.hpp"

#include <doctest/doctest.h>

#include "evaluate/planted_faults.hpp"
#include "support/count_text.hpp"
#include "vaekit/objectives/importance_weighted.hpp"

using namespace vaekit;

namespace {

const Matrix<double>& bars_for_gradient() {
  static const Matrix<double> x = example::Bars().samples<double>(8);
  return x;
}

}  // namespace

TEST_CASE("check gradient: a model with kinks is sound, to nine digits") {
  const auto model = example::bars_model<double>();
  const std::vector<DirectionalError> errors = directional_errors(model, Elbo(), bars_for_gradient(), 0, 1);
  CHECK(errors.size() == 8);
  for (const DirectionalError& e : errors) {
    CAPTURE(e.name);
    CHECK(e.error < 1e-6);
    CHECK(std::abs(e.gradient - e.difference) < 1e-6 * std::max(1.0, std::abs(e.gradient)));
  }
  CHECK(example::is_ok(check_gradient(model, Elbo(), bars_for_gradient(), 0, 1)));
}

TEST_CASE("check gradient: names a tensor behind a wrong objective, and how many are wrong") {
  const auto model = example::bars_model<double>();
  const auto findings =
      check_gradient(model, example::WeightedElbo{.kl_gradient = -1}, bars_for_gradient(), 0, 1);
  REQUIRE(example::is_fault(findings));
  // Encoder and head of the posterior; the decoder does not see the KL term.
  CHECK(contains(findings[0].figure, "; 4 tensors are wrong"));
  CHECK(contains(findings[0].figure, " of 8 tensors, of "));
  CHECK(findings[0].check == "gradient");
}

TEST_CASE("check gradient: a wrong backward of a likelihood spoils all tensors") {
  const auto model = example::bars_model<double>(example::ScaledBernoulli<double>(64, 1, 0.999));
  const auto findings = check_gradient(model, Elbo(), bars_for_gradient(), 0, 1);
  REQUIRE(example::is_fault(findings));
  CHECK(contains(findings[0].figure, "largest relative error 0.00"));
}

TEST_CASE("check gradient: a gradient that is not a number is wrong") {
  auto model = example::bars_model<double>();
  model.likelihood_head.bias(3) = std::numeric_limits<double>::quiet_NaN();
  const auto findings = check_gradient(model, Elbo(), bars_for_gradient(), 0, 1);
  REQUIRE(example::is_fault(findings));
  CHECK(findings[0].figure.starts_with("largest relative error inf of 8 tensors, of encoder.0.weight"));
}

TEST_CASE("check gradient: estimators that are no derivative are left out, and said so") {
  const auto model = example::bars_model<double>();
  const Iwae twice({.samples = 2, .gradient = IwaeGradient::doubly_reparameterized});
  const auto findings = check_gradient(model, twice, bars_for_gradient(), 0, 1);
  REQUIRE(example::is_ok(findings));
  CHECK(contains(findings[0].figure, " of 4 tensors, of "));
  CHECK(findings[0].figure.ends_with(
      "; encoder skipped: the doubly reparameterised gradient is another estimator"));
  example::Design design;
  design.latent = VectorQuantizedConfig{.positions = 3, .width = 2, .codes = 8};
  design.prior = CodePriorConfig{};
  const auto quantized = example::make_any<double>(design);
  const auto coded = check_gradient(quantized, Elbo(), example::data<double>(6, 5), 0, 1);
  REQUIRE(example::is_ok(coded));
  CHECK(coded[0].figure.ends_with(
      "; encoder skipped: vector_quantized passes gradients straight through its codes"));
}
