// SPDX-License-Identifier: MIT
#include "vaekit/optim/sgd.hpp"

#include <doctest/doctest.h>

#include "support/same_bits.hpp"
#include "support/throws_with.hpp"
#include "vaekit/nn/dense.hpp"

using namespace vaekit;

namespace {

/// Value of all weights, which start at 1, after `steps` steps with gradient 2 and learning rate 0.1.
double after(const SgdConfig& config, int steps) {
  Dense<double> model({.units = 3}, Shape::flat(5));
  Dense<double> grad = model;
  for_each_tensor(model, [](auto& tensor) { tensor.setOnes(); });
  for_each_tensor(grad, [](auto& tensor) { tensor.setConstant(2); });
  const Sgd sgd(config);
  auto state = sgd.make_state(model);
  for (int step = 0; step < steps; ++step) {
    sgd.step(0.1, grad, 1.0, model, state);
  }
  CHECK(state.steps == static_cast<std::uint64_t>(steps));
  for_each_tensor(model, [&](const auto& tensor) { CHECK((tensor.array() == model.weight(0, 0)).all()); });
  return model.weight(0, 0);
}

doctest::Approx near(double value) { return doctest::Approx(value).epsilon(1e-14); }

}  // namespace

TEST_CASE("sgd: plain steps, momentum, look-ahead and decay by hand") {
  CHECK(after({}, 1) == near(0.8));
  CHECK(after({}, 2) == near(0.6));
  // Velocities 2 and 0.5 · 2 + 2 = 3; the look-ahead adds half of each to the gradient: 3 and 3.5.
  CHECK(after({.momentum = 0.5}, 1) == near(0.8));
  CHECK(after({.momentum = 0.5}, 2) == near(0.5));
  CHECK(after({.momentum = 0.5, .nesterov = true}, 1) == near(0.7));
  CHECK(after({.momentum = 0.5, .nesterov = true}, 2) == near(0.35));
  CHECK(after({.weight_decay = 0.5}, 1) == near(0.75));
  CHECK(after({.weight_decay = 0.5}, 2) == near(0.75 - 0.1 * (2 + 0.375)));
}

TEST_CASE("sgd: a factor scales the gradient and leaves the decay alone") {
  Dense<double> model({.units = 3}, Shape::flat(5));
  Dense<double> grad = model;
  model.weight.setOnes();
  grad.weight.setConstant(2);
  const Sgd sgd({.weight_decay = 0.5});
  auto state = sgd.make_state(model);
  sgd.step(0.1, grad, 0.25, model, state);
  CHECK(model.weight(0, 0) == near(1 - 0.1 * (0.5 + 0.5)));
}

TEST_CASE_TEMPLATE("sgd: the number of threads changes no bit", T, float, double) {
  const auto run = [](int threads) {
    const ThreadScope scope(threads);
    Dense<T> model({.units = 301}, Shape::flat(333));
    model.initialize(RandomStream(1, Purpose::initialize));
    Dense<T> grad = model;
    const Sgd sgd({.momentum = 0.9, .nesterov = true, .weight_decay = 0.01});
    auto state = sgd.make_state(model);
    for (int step = 0; step < 3; ++step) {
      sgd.step(0.1, grad, 0.7, model, state);
    }
    return std::array{model.weight, state.velocity.weight};
  };
  const auto expected = run(1);
  for (const int threads : {2, 3}) {
    const auto got = run(threads);
    for (std::size_t i = 0; i < got.size(); ++i) {
      CHECK(same_bits(got[i], expected[i]));
    }
  }
}

TEST_CASE("sgd: a state of another structure is refused and nothing changes") {
  Dense<float> model({.units = 3}, Shape::flat(5));
  Dense<float> grad = model;
  grad.weight.setOnes();
  const Dense<float> other({.units = 3, .bias = false}, Shape::flat(5));
  const Sgd sgd;
  auto state = sgd.make_state(other);
  check_throws_with<ShapeError>("TensorZip: object 2 has 1 tensors, must have 2 (tensors of object 0)",
                                [&] { sgd.step(0.1, grad, 1.0, model, state); });
  CHECK(state.steps == 0);
  CHECK(squared_norm(model) == 0);
}

TEST_CASE("sgd: numbers out of range are refused") {
  check_throws_with<ConfigError>("sgd: learning_rate is -1, must be >= 0",
                                 [] { Sgd({.learning_rate = -1}); });
  check_throws_with<ConfigError>("sgd: momentum is 1, must be in [0, 1)", [] { Sgd({.momentum = 1}); });
  check_throws_with<ConfigError>("sgd: weight_decay is -1, must be >= 0", [] { Sgd({.weight_decay = -1}); });
}
