// SPDX-License-Identifier: MIT
#include "vaekit/nn/chain.hpp"

#include <doctest/doctest.h>

#include "support/layer_suite.hpp"

using namespace vaekit;

TEST_CASE("chain: without layers it is the identity, forwards and backwards") {
  detail::ChainBuffers<float> buffers;
  const Matrix<float> x = layer_suite::random_matrix<float>(2, 3, 1);
  Matrix<float> y(2, 3);
  const auto none = [](std::size_t, auto&&) { FAIL("there is no layer to visit"); };
  detail::chain_forward<float>(0, x, y, buffers, none);
  CHECK(same_bits(x, y));
  Matrix<float> dx(2, 3);
  detail::chain_backward<float>(0, x, y, x, dx, buffers, none);
  CHECK(same_bits(dx, x));
  detail::chain_backward<float>(0, x, y, x, no_matrix<float>(), buffers, none);
}

TEST_CASE("chain: derivatives are handed on where the next layer can take them") {
  const Dense<float> relu({.units = 4, .activation = Activation::relu}, Shape::flat(4));
  const Dense<float> gelu({.units = 4, .activation = Activation::gelu}, Shape::flat(4));
  const Sequential net(relu, relu, Dropout<float>({}, Shape::flat(4)), gelu, Sequential(relu, relu));
  const auto cache = net.make_cache(2);
  CHECK(std::get<0>(cache.layers).derivative_included);
  CHECK(std::get<1>(cache.layers).input_activation == Activation::relu);
  CHECK_FALSE(std::get<1>(cache.layers).derivative_included);  // dropout follows
  CHECK(std::get<3>(cache.layers).input_activation == Activation::identity);
  CHECK_FALSE(std::get<3>(cache.layers).derivative_included);  // needs its input
  const auto& inner = std::get<4>(cache.layers);
  CHECK(std::get<0>(inner.layers).input_activation == Activation::identity);
  CHECK(std::get<0>(inner.layers).derivative_included);
  CHECK_FALSE(std::get<1>(inner.layers).derivative_included);
}

TEST_CASE("chain: a nested chain leaves and takes derivatives through its ends") {
  const Dense<float> tanh({.units = 4, .activation = Activation::tanh}, Shape::flat(4));
  const Sequential net{Sequential(tanh), Sequential(tanh)};
  const auto cache = net.make_cache(2);
  CHECK(std::get<0>(std::get<0>(cache.layers).layers).derivative_included);
  CHECK(std::get<0>(std::get<1>(cache.layers).layers).input_activation == Activation::tanh);
  layer_suite::check_gradients(
      Sequential(Sequential(Dense<double>({.units = 3, .activation = Activation::tanh}, Shape::flat(4))),
                 Sequential(Dense<double>({.units = 2}, Shape::flat(3)))));
}
