// SPDX-License-Identifier: MIT
#include "vaekit/train/check_first_steps.hpp"

#include <doctest/doctest.h>

#include "evaluate/planted_faults.hpp"
#include "support/count_text.hpp"
#include "vaekit/optim/adam.hpp"

using namespace vaekit;

namespace {

template <class Model>
std::vector<Finding> first_steps_of(const Model& model, double rate) {
  const example::Bars bars;
  const Trial<Model> trial =
      run_trial(model, Adam(), Elbo(), bars.view(),
                {.steps = 40, .batch_size = 40, .first_rate = rate, .last_rate = rate}, 1);
  return check_first_steps(model, step_sizes(model, Elbo(), bars.samples<float>(40), 0, 1), trial);
}

}  // namespace

TEST_CASE("check first steps: a sound start") {
  const auto findings = first_steps_of(example::bars_model<float>(), 0.002);
  REQUIRE(example::is_ok(findings));
  CHECK(contains(findings[0].figure, " in 40 steps, gradient norm "));
  CHECK(findings[0].figure.starts_with("loss 4"));
}

TEST_CASE("check first steps: sizes are those of the first step") {
  const example::Bars bars;
  auto model = example::bars_model<float>();
  model.likelihood_head.bias(3) = -50;
  const StepSizes sizes = step_sizes(model, Elbo(), bars.samples<float>(40), 0, 1);
  CHECK(sizes.where == "likelihood_head");
  CHECK(sizes.activation == doctest::Approx(50).epsilon(0.05));
  CHECK(sizes.gradient_norm > 0);
  CHECK(sizes.value.loss > 0);
}

TEST_CASE("check first steps: absurd activations and losses are named") {
  auto model = example::bars_model<float>();
  model.likelihood_head.bias.setConstant(1e5F);
  const auto findings = first_steps_of(model, 0.002);
  REQUIRE(findings.size() == 2);
  CHECK(findings[0].figure.starts_with("log p(x|z) of a feature, in nats, is "));
  CHECK(findings[1].figure == "the largest output of likelihood_head is 1e+05 at the first step");
  auto wide = example::bars_model<float>();
  wide.posterior_head.bias.leftCols(3).setConstant(200);
  CHECK(first_steps_of(wide, 0.002)[0].figure.starts_with("KL of a latent dimension, in nats, is 2"));
}

TEST_CASE("check first steps: a loss that grows or is not a number") {
  const auto growing = first_steps_of(example::bars_model<float>(), 3);
  REQUIRE(example::is_fault(growing));
  auto broken = example::bars_model<float>();
  broken.likelihood_head.bias(0) = std::numeric_limits<float>::quiet_NaN();
  const auto findings = first_steps_of(broken, 0.002);
  CHECK(fault_count(findings) == 4);
  CHECK(findings[1].figure == "the largest output of likelihood_head is nan at the first step");
  CHECK(findings[2].figure == "the gradient's norm is nan");
  CHECK(findings[3].figure.starts_with("train: step 1: loss is nan"));
}
