// SPDX-License-Identifier: MIT
#include "vaekit/nn/sequential.hpp"

#include <doctest/doctest.h>

#include "support/layer_suite.hpp"
#include "support/throws_with.hpp"
#include "vaekit/nn/builtin.hpp"

using namespace vaekit;

TEST_CASE("sequential: keeps the contract of a layer") {
  check_layer([]<class T>(T) {
    return Sequential(Dense<T>({.units = 5, .activation = Activation::tanh}, Shape::flat(6)),
                      LayerNorm<T>({}, Shape::flat(5)), Dropout<T>({.rate = 0.3}, Shape::flat(5)),
                      Dense<T>({.units = 3, .activation = Activation::gelu}, Shape::flat(5)));
  });
}

TEST_CASE("sequential: names parameters by the place of their layer") {
  Sequential net(Relu<float>({}, Shape::flat(4)), Dense<float>({.units = 2}, Shape::flat(4)));
  const auto list = parameters(net);
  REQUIRE(list.size() == 2);
  CHECK(list[0].name == "1.weight");
  CHECK(list[1].name == "1.bias");
  CHECK(net.input_shape() == Shape::flat(4));
  CHECK(net.output_shape() == Shape::flat(2));
  CHECK(net.multiply_adds() == 8);
}

TEST_CASE("sequential: layers that do not fit are refused") {
  check_throws_with<ShapeError>("Sequential: layer 1 takes 5 features, must take 3 (outputs of layer 0)", [] {
    Sequential(Dense<float>({.units = 3}, Shape::flat(4)), Dense<float>({.units = 2}, Shape::flat(5)));
  });
}

TEST_CASE("sequential: each layer is initialised from a stream of its own") {
  Sequential net(Dense<float>({.units = 4}, Shape::flat(4)), Dense<float>({.units = 4}, Shape::flat(4)));
  net.initialize(RandomStream(1, Purpose::initialize));
  CHECK_FALSE(same_bits(std::get<0>(net.layers).weight, std::get<1>(net.layers).weight));
}
