// SPDX-License-Identifier: MIT
#include "vaekit/optim/adam.hpp"

#include <doctest/doctest.h>

#include "support/same_bits.hpp"
#include "support/throws_with.hpp"
#include "vaekit/nn/dense.hpp"
#include "vaekit/nn/sequential.hpp"

using namespace vaekit;

namespace {

template <class T>
using TwoLayers = Sequential<Dense<T>, Dense<T>>;

template <class T>
TwoLayers<T> make_model(Index units = 3) {
  TwoLayers<T> model(Dense<T>({.units = units}, Shape::flat(4)), Dense<T>({.units = 2}, Shape::flat(units)));
  model.initialize(RandomStream(1, Purpose::initialize));
  return model;
}

void fill(auto& object, auto value) {
  for_each_tensor(object, [&](auto& tensor) { tensor.setConstant(value); });
}

/// Calls `check(value)` for every parameter.
void for_each_value(const auto& object, auto&& check) {
  for_each_tensor(object, [&](const auto& tensor) {
    for (const auto value : tensor.span()) {
      check(value);
    }
  });
}

doctest::Approx near(double value) { return doctest::Approx(value).epsilon(1e-12); }

}  // namespace

TEST_CASE("adam: the first step is the learning rate against the sign, in every tensor of the model") {
  TwoLayers<double> model = make_model<double>();
  TwoLayers<double> grad = make_model<double>();
  fill(model, 1.0);
  for (const double gradient : {1e-3, 5.0, 1e6}) {
    fill(grad, gradient);
    TwoLayers<double> stepped = model;
    const Adam adam({.epsilon = 1e-30});
    auto state = adam.make_state(stepped);
    adam.step(0.25, grad, 1.0, stepped, state);
    CHECK(state.steps == 1);
    for_each_value(stepped, [](double value) { CHECK(value == near(0.75)); });
  }
}

TEST_CASE("adam: equal gradients move every tensor equally, at every step") {
  TwoLayers<double> model = make_model<double>();
  TwoLayers<double> grad = make_model<double>();
  fill(model, 1.0);
  const Adam adam;
  auto state = adam.make_state(model);
  double mean = 0;
  double square = 0;
  double expected = 1;
  for (int t = 1; t <= 20; ++t) {
    const double gradient = std::cos(t);
    fill(grad, gradient);
    adam.step(0.1, grad, 1.0, model, state);
    mean = 0.9 * mean + 0.1 * gradient;
    square = 0.999 * square + 0.001 * gradient * gradient;
    expected -= 0.1 * (mean / (1 - std::pow(0.9, t))) / (std::sqrt(square / (1 - std::pow(0.999, t))) + 1e-8);
    for_each_value(model, [&](double value) { CHECK(value == near(expected)); });
  }
  CHECK(state.steps == 20);
}

TEST_CASE("adam: epsilon is added to the root of the corrected second moment") {
  TwoLayers<double> model = make_model<double>();
  TwoLayers<double> grad = make_model<double>();
  fill(model, 0.0);
  fill(grad, 0.01);
  const Adam adam({.epsilon = 0.01});
  auto state = adam.make_state(model);
  adam.step(1.0, grad, 1.0, model, state);
  for_each_value(model, [](double value) { CHECK(value == near(-0.5)); });
}

TEST_CASE("adam: weight decay is part of the gradient in adam, apart from it in adamw") {
  TwoLayers<double> model = make_model<double>();
  TwoLayers<double> grad = make_model<double>();
  fill(grad, 0.0);
  fill(model, 2.0);
  const Adam adam({.epsilon = 1e-30, .weight_decay = 0.3});
  auto state = adam.make_state(model);
  adam.step(0.1, grad, 1.0, model, state);
  for_each_value(model, [](double value) { CHECK(value == near(1.9)); });
  fill(model, 2.0);
  const AdamW adamw({.weight_decay = 0.3});
  auto decoupled = adamw.make_state(model);
  adamw.step(0.1, grad, 1.0, model, decoupled);
  for_each_value(model, [](double value) { CHECK(value == near(2 * (1 - 0.1 * 0.3))); });
}

TEST_CASE_TEMPLATE("adam: a factor on the gradient is a step with the scaled gradient", T, float, double) {
  TwoLayers<T> scaled = make_model<T>();
  TwoLayers<T> plain = scaled;
  TwoLayers<T> grad = make_model<T>();
  TwoLayers<T> half = grad;
  for_each_tensor(half, [](auto& tensor) { tensor *= T{0.5}; });
  const Adam adam({.weight_decay = 0.1});
  auto scaled_state = adam.make_state(scaled);
  auto plain_state = adam.make_state(plain);
  adam.step(0.1, grad, 0.5, scaled, scaled_state);
  adam.step(0.1, half, 1.0, plain, plain_state);
  const auto expected = parameters(plain);
  const auto got = parameters(scaled);
  for (std::size_t i = 0; i < got.size(); ++i) {
    CHECK(std::ranges::equal(got[i].values, expected[i].values));
  }
  CHECK(squared_norm(scaled_state) == squared_norm(plain_state));
}

TEST_CASE_TEMPLATE("adam: zero gradients change nothing, NaN is not hidden", T, float, double) {
  TwoLayers<T> model = make_model<T>();
  const TwoLayers<T> start = model;
  TwoLayers<T> grad = zeros_like(model);
  const Adam adam;
  auto state = adam.make_state(model);
  adam.step(0.1, grad, 1.0, model, state);
  CHECK(std::get<0>(model.layers).weight == std::get<0>(start.layers).weight);
  std::get<1>(grad.layers).bias[1] = std::numeric_limits<T>::quiet_NaN();
  adam.step(0.1, grad, 1.0, model, state);
  CHECK(std::isnan(std::get<1>(model.layers).bias[1]));
  CHECK(std::isfinite(std::get<1>(model.layers).bias[0]));
}

TEST_CASE_TEMPLATE("adam: the number of threads changes no bit", T, float, double) {
  const auto run = [](int threads) {
    const ThreadScope scope(threads);
    Dense<T> model({.units = 301}, Shape::flat(333));
    model.initialize(RandomStream(1, Purpose::initialize));
    Dense<T> grad = model;
    const AdamW adam;
    auto state = adam.make_state(model);
    for (int step = 0; step < 3; ++step) {
      adam.step(0.1, grad, 0.7, model, state);
    }
    return std::array{model.weight, state.mean.weight, state.square.weight};
  };
  const auto expected = run(1);
  for (const int threads : {2, 3}) {
    const auto got = run(threads);
    for (std::size_t i = 0; i < got.size(); ++i) {
      CHECK(same_bits(got[i], expected[i]));
    }
  }
}

TEST_CASE("adam: a gradient or state of another structure is refused and nothing changes") {
  TwoLayers<float> model = make_model<float>();
  const TwoLayers<float> start = model;
  TwoLayers<float> other = make_model<float>(7);
  const Adam adam;
  auto state = adam.make_state(model);
  auto other_state = adam.make_state(other);
  check_throws_with<ShapeError>(
      "TensorZip: tensor 0 of object 1 has 28 elements, must have 12 (elements in object 0)",
      [&] { adam.step(0.1, other, 1.0, model, state); });
  TwoLayers<float> grad = make_model<float>();
  check_throws_with<ShapeError>(
      "TensorZip: tensor 0 of object 2 has 28 elements, must have 12 (elements in object 0)",
      [&] { adam.step(0.1, grad, 1.0, model, other_state); });
  AdamState<TwoLayers<float>> empty;
  check_throws_with<ShapeError>("TensorZip: object 2 has 2 tensors, must have 4 (tensors of object 0)",
                                [&] { adam.step(0.1, grad, 1.0, model, empty); });
  CHECK(state.steps == 0);
  CHECK(other_state.steps == 0);
  CHECK(squared_norm(state) == 0);
  CHECK(std::get<0>(model.layers).weight == std::get<0>(start.layers).weight);
}

TEST_CASE("adam: numbers out of range are refused") {
  check_throws_with<ConfigError>("adam: learning_rate is -0.1, must be >= 0",
                                 [] { Adam({.learning_rate = -0.1}); });
  check_throws_with<ConfigError>("adam: learning_rate is nan, must be finite",
                                 [] { Adam({.learning_rate = std::nan("")}); });
  check_throws_with<ConfigError>("adam: beta2 is 1, must be in [0, 1)", [] { Adam({.beta2 = 1}); });
  check_throws_with<ConfigError>("adam: epsilon is 0, must be > 0", [] { Adam({.epsilon = 0}); });
  check_throws_with<ConfigError>("adamw: weight_decay is inf, must be finite",
                                 [] { AdamW({.weight_decay = std::numeric_limits<double>::infinity()}); });
}
