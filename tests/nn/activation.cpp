// SPDX-License-Identifier: MIT
#include "vaekit/nn/activation.hpp"

#include <doctest/doctest.h>

#include "support/layer_suite.hpp"
#include "vaekit/nn/dense.hpp"

using namespace vaekit;

namespace {

/// The layer against the same function fused into a dense layer with the identity as weight.
template <Activation Kind>
void check_same_as_fused() {
  constexpr Index n = 7;
  const ActivationLayer<double, Kind> layer({}, Shape::flat(n));
  Dense<double> fused({.units = n, .activation = Kind, .bias = false}, Shape::flat(n));
  fused.weight.setIdentity();
  const Matrix<double> x = layer_suite::random_matrix<double>(4, n, 1);
  const Matrix<double> dy = layer_suite::random_matrix<double>(4, n, 2);
  Matrix<double> y(4, n), fused_y(4, n), dx(4, n), fused_dx(4, n);
  auto cache = layer.make_cache(4);
  auto fused_cache = fused.make_cache(4);
  auto grad = zeros_like(layer);
  auto fused_grad = zeros_like(fused);
  layer.forward(x, y, cache);
  fused.forward(x, fused_y, fused_cache);
  CHECK(same_bits(y, fused_y));
  layer.backward(x, y, dy, dx, cache, grad);
  fused.backward(x, fused_y, dy, fused_dx, fused_cache, fused_grad);
  CHECK((dx.array() == fused_dx.array()).all());  // equal values: a product makes +0 of −0
}

}  // namespace

TEST_CASE("activation: a layer of its own gives the values of the fused one") {
  check_same_as_fused<Activation::identity>();
  check_same_as_fused<Activation::relu>();
  check_same_as_fused<Activation::leaky_relu>();
  check_same_as_fused<Activation::elu>();
  check_same_as_fused<Activation::gelu>();
  check_same_as_fused<Activation::silu>();
  check_same_as_fused<Activation::tanh>();
  check_same_as_fused<Activation::sigmoid>();
  check_same_as_fused<Activation::softplus>();
}

TEST_CASE("activation: shapes pass through and there is nothing to learn") {
  const Relu<float> layer({}, Shape{4, 5, 2});
  CHECK(layer.input_shape() == Shape{4, 5, 2});
  CHECK(layer.output_shape() == Shape{4, 5, 2});
  CHECK(layer.multiply_adds() == 0);
  CHECK(parameter_count(layer) == 0);
}
