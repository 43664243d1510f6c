// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <tuple>

#include "support/golden.hpp"
#include "vaekit/nn/dense.hpp"
#include "vaekit/nn/sequential.hpp"
#include "vaekit/optim/builtin.hpp"

using namespace vaekit;

namespace {

template <class T>
using TwoLayers = Sequential<Dense<T>, Dense<T>>;

template <class T>
TwoLayers<T> make_model() {
  return TwoLayers<T>(Dense<T>({.units = 5}, Shape::flat(4)), Dense<T>({.units = 3}, Shape::flat(5)));
}

struct Case {
  const char* name;
  OptimizerConfig config;
};

const Case cases[] = {
    {"adam", AdamConfig{.learning_rate = 0.01}},
    {"adam_epsilon", AdamConfig{.learning_rate = 0.1, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 0.01}},
    {"adam_decay", AdamConfig{.learning_rate = 0.05, .weight_decay = 0.1}},
    {"adamw", AdamWConfig{.learning_rate = 0.05, .weight_decay = 0.1}},
    {"sgd", SgdConfig{.learning_rate = 0.1}},
    {"sgd_momentum", SgdConfig{.learning_rate = 0.1, .momentum = 0.9}},
    {"sgd_nesterov", SgdConfig{.learning_rate = 0.1, .momentum = 0.9, .nesterov = true}},
    {"sgd_decay", SgdConfig{.learning_rate = 0.1, .momentum = 0.5, .weight_decay = 0.1}},
    {"sgd_everything",
     SgdConfig{.learning_rate = 0.1, .momentum = 0.5, .nesterov = true, .weight_decay = 0.1}},
};

}  // namespace

TEST_CASE_TEMPLATE("optimizers: ten steps on two layers are PyTorch's", T, float, double) {
  const Golden golden("optimizers");
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const AnyOptimizer optimizer(c.config);
    TwoLayers<T> model = make_model<T>();
    TwoLayers<T> grad = make_model<T>();
    for (const auto& parameter : parameters(model)) {
      const Matrix<T> start = golden.matrix<T>("start." + parameter.name);
      std::ranges::copy(start.span(), parameter.values.begin());
    }
    auto state = optimizer.make_state(model);
    for (Index step = 0; step < 10; ++step) {
      for (const auto& parameter : parameters(grad)) {
        const Matrix<T> gradients = golden.matrix<T>("grad." + parameter.name);
        std::copy_n(gradients.row(step).data(), gradients.cols(), parameter.values.data());
      }
      optimizer.step(optimizer.learning_rate(0), grad, 1.0, model, state);
      if (step == 0 || step == 9) {
        for (const auto& parameter : parameters(std::as_const(model))) {
          golden.check<T>(concat(c.name, '.', step + 1, '.', parameter.name), parameter.values);
        }
      }
    }
  }
}
