// SPDX-License-Identifier: MIT
#include "vaekit/nn/gated_dense.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "support/golden.hpp"
#include "support/layer_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

TEST_CASE("gated_dense: values of one dense layer times the sigmoid of another") {
  GatedDense<double> layer({.units = 3, .activation = Activation::tanh}, Shape::flat(4));
  layer.initialize(RandomStream(1, Purpose::initialize));
  CHECK(layer.value.weight != layer.gate.weight);
  Matrix<double> x(2, 4);
  x << 1, 2, -3, 6, 0.5, -1, 0, 2;
  Matrix<double> y(2, 3);
  auto cache = layer.make_cache(2);
  layer.forward(x, y, cache);
  for (Index row = 0; row < 2; ++row) {
    for (Index j = 0; j < 3; ++j) {
      const double value = std::tanh(layer.value.weight.row(j).dot(x.row(row)) + layer.value.bias[j]);
      const double gate = 1 / (1 + std::exp(-layer.gate.weight.row(j).dot(x.row(row)) - layer.gate.bias[j]));
      CHECK(y(row, j) == doctest::Approx(value * gate).epsilon(1e-12));
    }
  }
}

TEST_CASE("gated_dense: keeps the contract of a layer with every activation") {
  for (const Activation activation : {Activation::identity, Activation::relu, Activation::gelu}) {
    CAPTURE(to_string(activation));
    check_layer([activation]<class T>(T) {
      return GatedDense<T>({.units = 3, .activation = activation}, Shape::flat(5));
    });
  }
}

TEST_CASE_TEMPLATE("gated_dense: output and gradients are PyTorch's", T, float, double) {
  const Golden golden("gated_dense");
  const Matrix<T> x = golden.matrix<T>("x");
  for (const Activation activation : {Activation::identity, Activation::tanh, Activation::gelu}) {
    const std::string name(to_string(activation));
    GatedDense<T> layer({.units = 6, .activation = activation}, Shape::flat(7));
    for (const auto& parameter : parameters(layer)) {
      golden.copy_to<T>(parameter.name, parameter.values);
    }
    auto cache = layer.make_cache(5);
    Matrix<T> y(5, 6);
    layer.forward(x, y, cache);
    golden.check(name + ".y", y);
    Matrix<T> dx(5, 7);
    auto grad = zeros_like(layer);
    layer.backward(x, y, golden.matrix<T>("dy"), dx, cache, grad);
    golden.check(name + ".dx", dx);
    for (const auto& parameter : parameters(std::as_const(grad))) {
      golden.check<T>(name + ".d" + parameter.name, parameter.values);
    }
  }
}

TEST_CASE("gated_dense: the tensors have the names of the published code") {
  const GatedDense<float> layer({.units = 3}, Shape::flat(4));
  std::vector<std::string> names;
  for (const auto& parameter : parameters(layer)) {
    names.push_back(parameter.name);
  }
  CHECK(names == std::vector<std::string>{"h.weight", "h.bias", "g.weight", "g.bias"});
}

TEST_CASE("gated_dense: needs at least one unit") {
  check_throws_with<ConfigError>("gated_dense: units is 0, must be in [1, 1000000]",
                                 [] { GatedDense<float>({.units = 0}, Shape::flat(3)); });
}

TEST_CASE("gated_dense: the gradient of the parameters can be left out") {
  GatedDense<double> layer({.units = 3}, Shape::flat(4));
  layer_suite::randomize(layer);
  layer_suite::Pass pass(layer, 5);
  layer.skip_parameter_gradient(pass.cache);
  pass.run();
  CHECK(squared_norm(pass.grad) == 0);
  CHECK(pass.dx.norm() > 0);
}
