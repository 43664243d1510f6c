// SPDX-License-Identifier: MIT
#include "vaekit/optim/builtin.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "support/throws_with.hpp"
#include "vaekit/nn/dense.hpp"

using namespace vaekit;

namespace {

Dense<double> make_model(Index units, Index inputs) {
  Dense<double> model({.units = units}, Shape::flat(inputs));
  model.initialize(RandomStream(1, Purpose::initialize));
  return model;
}

bool same_values(const Dense<double>& a, const Dense<double>& b) {
  return a.weight == b.weight && a.bias == b.bias;
}

/// Ten steps with a gradient that changes.
template <class Optimizer, class State>
void run(const Optimizer& optimizer, Dense<double>& model, State& state) {
  Dense<double> grad = zeros_like(model);
  for (int step = 0; step < 10; ++step) {
    grad.weight = model.weight * 2 - Matrix<double>(EigenMatrix<double>::Constant(3, 5, 0.1 * step));
    grad.bias.setConstant(0.3);
    optimizer.step(optimizer.learning_rate(0.5 * step), grad, 0.9, model, state);
  }
}

template <class Optimizer>
void check_same_as(const typename Optimizer::Config& config) {
  const Optimizer typed(config);
  const AnyOptimizer any{OptimizerConfig(config)};
  Dense<double> typed_model = make_model(3, 5);
  Dense<double> any_model = typed_model;
  auto typed_state = typed.make_state(typed_model);
  auto any_state = any.make_state(any_model);

  run(typed, typed_model, typed_state);
  run(any, any_model, any_state);

  CHECK(same_values(typed_model, any_model));
  CHECK(any_state.steps() == 10);
  CHECK(any.moments() == Optimizer::moments);
  CHECK(step_counter(any_state) == step_counter(typed_state));
  const auto typed_moments = parameters(typed_state);
  const auto any_moments = parameters(any_state);
  REQUIRE(any_moments.size() == typed_moments.size());
  for (std::size_t i = 0; i < typed_moments.size(); ++i) {
    CHECK(any_moments[i].name == typed_moments[i].name);
    CHECK(std::ranges::equal(any_moments[i].values, typed_moments[i].values));
  }
}

}  // namespace

TEST_CASE("optimizer: one chosen at run time gives the same bits as the type itself") {
  Schedule falling(0.05);
  falling.schedule = ScheduleKind::exponential;
  check_same_as<Adam>({.learning_rate = falling, .weight_decay = 0.1});
  check_same_as<AdamW>({.learning_rate = falling});
  check_same_as<Sgd>({.learning_rate = falling, .momentum = 0.9, .nesterov = true});
}

TEST_CASE("optimizer: the default choice is Adam with the published numbers") {
  const AnyOptimizer any;
  REQUIRE(std::holds_alternative<Adam>(any.chosen));
  const AdamConfig& config = std::get<Adam>(any.chosen).config;
  CHECK(any.learning_rate(3) == 0.001);
  CHECK(config.beta1 == 0.9);
  CHECK(config.beta2 == 0.999);
  CHECK(config.epsilon == 1e-8);
  CHECK(config.weight_decay == 0);
}

TEST_CASE("optimizer: the state of one chosen at run time can be saved by name and put back") {
  const AnyOptimizer any{OptimizerConfig(AdamConfig{})};
  Dense<double> model = make_model(3, 5);
  auto state = any.make_state(model);
  run(any, model, state);

  auto restored = any.make_state(model);
  copy_parameters(state, restored);
  restored.steps() = state.steps();
  Dense<double> resumed = model;
  run(any, model, state);
  run(any, resumed, restored);

  CHECK(parameters(state)[0].name == "mean.weight");
  CHECK(parameters(state)[3].name == "square.bias");
  CHECK(same_values(model, resumed));
  CHECK(restored.steps() == 20);
}

TEST_CASE("optimizer: numbers out of range are refused, whichever optimizer is chosen") {
  check_throws_with<ConfigError>("adam: beta1 is 1, must be in [0, 1)",
                                 [] { AnyOptimizer(OptimizerConfig(AdamConfig{.beta1 = 1})); });
  check_throws_with<ConfigError>("adamw: weight_decay is -1, must be >= 0",
                                 [] { AnyOptimizer(OptimizerConfig(AdamWConfig{.weight_decay = -1})); });
  check_throws_with<ConfigError>("sgd: momentum is 1.5, must be in [0, 1)",
                                 [] { AnyOptimizer(OptimizerConfig(SgdConfig{.momentum = 1.5})); });
}
