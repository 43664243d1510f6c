// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/check_collapse.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "evaluate/planted_faults.hpp"
#include "support/count_text.hpp"
#include "vaekit/objectives/rae.hpp"
#include "vaekit/optim/adam.hpp"
#include "vaekit/train/trainer.hpp"

using namespace vaekit;

namespace {

/// Trained on bars until it knows something of them.
const example::BarsVae<float>& trained_on_bars() {
  static const example::BarsVae<float> model = [] {
    const example::Bars bars;
    const Adam adam({.learning_rate = 0.01});
    const TrainingConfig config{.epochs = 40, .batch_size = 20, .threads = 1};
    TrainingState state(example::bars_model<float>(), adam, config);
    Trainer<example::BarsVae<float>, Adam, Elbo>(config, adam, Elbo(), {.train = bars.view()}, 1)
        .train(state);
    return state.model;
  }();
  return model;
}

/// Dark where it should be bright.
example::BarsVae<float> negative_images() {
  example::BarsVae<float> model = trained_on_bars();
  model.likelihood_head.weight *= -2;
  return model;
}

}  // namespace

TEST_CASE("check collapse: a trained model is better than the mean image") {
  const example::Bars bars;
  const auto findings = check_collapse(trained_on_bars(), Elbo(), bars.view(), 1);
  REQUIRE(example::is_ok(findings));
  CHECK(contains(findings[0].figure, " of 3 latent dimensions active, reconstruction -"));
  CHECK(contains(findings[0].figure, ", best without z -"));
}

TEST_CASE("check collapse: a posterior that is the prior") {
  const example::Bars bars;
  example::BarsVae<float> model = trained_on_bars();
  set_zero(model.posterior_head);
  const auto findings = check_collapse(model, Elbo(), bars.view(), 1);
  REQUIRE(example::is_fault(findings));
  CHECK(findings[0].figure.starts_with("KL 0 nats, 0 of 3 latent dimensions active, reconstruction -"));
}

TEST_CASE("check collapse: a decoder that ignores z, whatever the KL") {
  const example::Bars bars;
  example::BarsVae<float> model = trained_on_bars();
  model.likelihood_head.weight.setZero();
  const auto findings = check_collapse(model, Elbo(), bars.view(), 1);
  REQUIRE(example::is_fault(findings));
  CHECK(findings[0].check == "collapse");
  CHECK_FALSE(findings[0].figure.starts_with("KL 0 nats"));
}

TEST_CASE("check collapse: a latent that says something in a model that is worse than the mean image") {
  const example::Bars bars;
  const auto findings = check_collapse(negative_images(), Elbo(), bars.view(), 1);
  REQUIRE(example::is_fault(findings));
  CHECK(findings[0].check == "reconstruction");
  CHECK(contains(findings[0].figure, ", 3 of 3 latent dimensions active, reconstruction -"));
  CHECK(findings[0].advice.starts_with("the model is worse than one output for all inputs: train longer"));
}

TEST_CASE("check collapse: terms that are not finite") {
  const example::Bars bars;
  example::BarsVae<float> model = trained_on_bars();
  model.posterior_head.bias.leftCols(3).setConstant(1e30F);
  const auto infinite = check_collapse(model, Elbo(), bars.view(), 1);
  REQUIRE(example::is_fault(infinite));
  CHECK(infinite[0].check == "elbo");
  CHECK(infinite[0].figure.starts_with("KL inf nats, reconstruction "));
  CHECK(infinite[0].figure.ends_with(" nats: not finite"));
  model = trained_on_bars();
  model.likelihood_head.bias.setConstant(std::numeric_limits<float>::quiet_NaN());
  const auto unknown = check_collapse(model, Rae(), bars.view(), 1);
  REQUIRE(example::is_fault(unknown));
  CHECK(unknown[0].check == "elbo");
  CHECK(unknown[0].figure == "no KL, reconstruction nan nats: not finite");
}

TEST_CASE("check collapse: an objective that draws no z is judged by the posterior's mean") {
  const example::Bars bars;
  example::BarsVae<float> model = trained_on_bars();
  model.posterior_head.bias.rightCols(3).setConstant(8);  // noise that drowns the mean
  CHECK(example::is_fault(check_collapse(model, Elbo(), bars.view(), 1)));
  const auto findings = check_collapse(model, Rae(), bars.view(), 1);
  REQUIRE(example::is_ok(findings));
  CHECK(findings[0].figure.starts_with("no KL, 3 of 3 latent dimensions active, reconstruction -"));
}
