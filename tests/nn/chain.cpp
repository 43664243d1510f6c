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
