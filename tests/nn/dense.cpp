// SPDX-License-Identifier: MIT
#include "vaekit/nn/dense.hpp"

#include <doctest/doctest.h>

#include "support/layer_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

TEST_CASE("dense: keeps the contract of a layer with every fused activation") {
  for (std::size_t i = 0; i < enum_names(Activation{}).size(); ++i) {
    const auto activation = static_cast<Activation>(i);
    CAPTURE(to_string(activation));
    check_layer([activation]<class T>(T) {
      return Dense<T>({.units = 5, .activation = activation}, Shape::flat(6));
    });
  }
}

TEST_CASE("dense: keeps the contract of a layer without a bias") {
  check_layer([]<class T>(T) { return Dense<T>({.units = 3, .bias = false}, Shape::flat(4)); });
}

TEST_CASE("dense: y = act(x W' + b) on numbers worked out by hand") {
  Dense<double> layer({.units = 2, .activation = Activation::relu}, Shape::flat(3));
  layer.weight << 1, 2, 3, -1, 0, 1;
  layer.bias << 0.5, -4;
  Matrix<double> x(2, 3);
  x << 1, 1, 1, 2, 0, -1;
  Matrix<double> y(2, 2);
  auto cache = layer.make_cache(2);
  layer.forward(x, y, cache);
  CHECK(y(0, 0) == 6.5);
  CHECK(y(0, 1) == 0);
  CHECK(y(1, 0) == 0);
  CHECK(y(1, 1) == 0);
}

TEST_CASE("dense: parameters have PyTorch's names and layouts") {
  Dense<float> layer({.units = 2}, Shape{4, 4, 1});
  const auto list = parameters(layer);
  REQUIRE(list.size() == 2);
  CHECK(list[0].name == "weight");
  CHECK(list[0].rows == 2);
  CHECK(list[0].cols == 16);
  CHECK(list[1].name == "bias");
  CHECK(list[1].is_vector);
  const Dense<float> without({.units = 2, .bias = false}, Shape::flat(3));
  CHECK(parameters(without).size() == 1);
}

TEST_CASE("dense: shapes and work") {
  const Dense<float> layer({.units = 10}, Shape{2, 3, 4});
  CHECK(layer.input_shape() == Shape::flat(24));
  CHECK(layer.output_shape() == Shape::flat(10));
  CHECK(layer.multiply_adds() == 240);
}

TEST_CASE("dense: keeps the input of an activation only where its derivative needs it") {
  CHECK(
      Dense<float>({.units = 2, .activation = Activation::relu}, Shape::flat(3)).make_cache(4).input.size() ==
      0);
  CHECK(
      Dense<float>({.units = 2, .activation = Activation::gelu}, Shape::flat(3)).make_cache(4).input.size() ==
      8);
  CHECK(Dense<float>({.units = 2}, Shape::flat(3)).make_cache(4).gradient.size() == 0);
}

TEST_CASE("dense: a layer without units is refused") {
  check_throws_with<ConfigError>("dense: units is 0, must be in [1, 1000000]",
                                 [] { Dense<float>({.units = 0}, Shape::flat(3)); });
}

TEST_CASE_TEMPLATE("dense: the derivative of an activation can be left to the next layer", T, float, double) {
  const auto gradients = [](Dense<T>& first, Dense<T>& second, bool fused) {
    layer_suite::Pass<Dense<T>> a(first, 5);
    layer_suite::Pass<Dense<T>> b(second, 5);
    if (fused) {
      fuse_derivative(first, a.cache, second, b.cache);
    }
    first.forward(a.x, a.y, a.cache);
    second.forward(a.y, b.y, b.cache);
    second.backward(a.y, b.y, b.dy, b.dx, b.cache, b.grad);
    first.backward(a.x, a.y, b.dx, a.dx, a.cache, a.grad);
    CHECK(a.cache.derivative_included == (b.cache.input_activation != Activation::identity));
    return std::tuple{a.dx, a.grad, b.grad, a.cache.derivative_included};
  };
  for (const Activation kind : {Activation::relu, Activation::leaky_relu, Activation::elu, Activation::tanh,
                                Activation::sigmoid, Activation::gelu, Activation::identity}) {
    CAPTURE(to_string(kind));
    Dense<T> first({.units = 7, .activation = kind}, Shape::flat(4));
    Dense<T> second({.units = 3}, Shape::flat(7));
    layer_suite::randomize(first);
    layer_suite::randomize(second);
    const auto [dx, first_grad, second_grad, unused] = gradients(first, second, false);
    const auto [fused_dx, fused_first, fused_second, left] = gradients(first, second, true);
    CHECK(same_bits(fused_dx, dx));
    CHECK(same_parameters(fused_first, first_grad));
    CHECK(same_parameters(fused_second, second_grad));
    CHECK(left == (kind != Activation::identity && !needs_input(kind)));
  }
}

TEST_CASE("dense: the gradient of the parameters can be left out") {
  Dense<double> layer({.units = 3, .activation = Activation::tanh}, Shape::flat(4));
  layer_suite::randomize(layer);
  layer_suite::Pass pass(layer, 5);
  layer.skip_parameter_gradient(pass.cache);
  pass.run();
  CHECK(squared_norm(pass.grad) == 0);
  CHECK(pass.dx.norm() > 0);
}
