// SPDX-License-Identifier: MIT
#include "vaekit/nn/network.hpp"

#include <doctest/doctest.h>

#include "support/layer_suite.hpp"
#include "vaekit/nn/sequential.hpp"

using namespace vaekit;

namespace {

const std::vector<LayerConfig<>> configs = {DenseConfig{.units = 5, .activation = Activation::silu},
                                            LayerNormConfig{}, DropoutConfig{.rate = 0.3},
                                            ActivationConfig<Activation::elu>{}, DenseConfig{.units = 3}};

template <class T>
auto make_sequential(Index features) {
  const Shape hidden = Shape::flat(5);
  return Sequential(Dense<T>({.units = 5, .activation = Activation::silu}, Shape::flat(features)),
                    LayerNorm<T>({}, hidden), Dropout<T>({.rate = 0.3}, hidden), Elu<T>({}, hidden),
                    Dense<T>({.units = 3}, hidden));
}

}  // namespace

TEST_CASE("network: keeps the contract of a layer") {
  check_layer([]<class T>(T) { return Network<T>(configs, Shape::flat(6)); });
}

TEST_CASE("network: gives the bits of the same layers in a Sequential") {
  Network<float> network(configs, Shape::flat(6));
  auto sequential = make_sequential<float>(6);
  network.initialize(RandomStream(1, Purpose::initialize));
  sequential.initialize(RandomStream(1, Purpose::initialize));
  CHECK(same_parameters(network, sequential));
  layer_suite::Pass a(network, 4);
  layer_suite::Pass b(sequential, 4);
  a.run();
  b.run();
  CHECK(same_bits(a.y, b.y));
  CHECK(same_bits(a.dx, b.dx));
  CHECK(same_parameters(a.grad, b.grad));
}

TEST_CASE("network: each layer takes the shape that the one before puts out") {
  const Network<float> network(configs, Shape{2, 3, 1});
  CHECK(network.input_shape() == Shape{2, 3, 1});
  CHECK(network.output_shape() == Shape::flat(3));
  CHECK(network.multiply_adds() == 6 * 5 + 2 * 5 + 5 * 3);
  CHECK(parameter_count(network) == 6 * 5 + 5 + 2 * 5 + 5 * 3 + 3);
}

TEST_CASE("network: without layers it is the identity") {
  const Network<float> network({}, Shape::flat(4));
  CHECK(network.output_shape() == Shape::flat(4));
  auto cache = network.make_cache(2);
  const Matrix<float> x = layer_suite::random_matrix<float>(2, 4, 1);
  Matrix<float> y(2, 4);
  network.forward(x, y, cache);
  CHECK(same_bits(x, y));
}
