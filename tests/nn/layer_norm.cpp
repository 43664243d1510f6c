// SPDX-License-Identifier: MIT
#include "vaekit/nn/layer_norm.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "support/layer_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

TEST_CASE("layer_norm: rows get mean 0 and variance 1, then weight and bias") {
  LayerNorm<double> layer({.epsilon = 1e-12}, Shape::flat(4));
  layer.initialize(RandomStream(1, Purpose::initialize));
  Matrix<double> x(1, 4);
  x << 1, 2, 3, 6;  // mean 3, variance 3.5
  Matrix<double> y(1, 4);
  auto cache = layer.make_cache(1);
  layer.forward(x, y, cache);
  for (Index i = 0; i < 4; ++i) {
    CHECK(y(0, i) == doctest::Approx((x(0, i) - 3) / std::sqrt(3.5)));
  }
  layer.weight.setConstant(2);
  layer.bias.setConstant(-1);
  layer.forward(x, y, cache);
  CHECK(y(0, 3) == doctest::Approx(2 * 3 / std::sqrt(3.5) - 1));
}

TEST_CASE("layer_norm: a constant row becomes the bias") {
  LayerNorm<double> layer({}, Shape::flat(3));
  layer.initialize(RandomStream(1, Purpose::initialize));
  const Matrix<double> x = Matrix<double>::Base::PlainObject::Constant(2, 3, 5.0);
  Matrix<double> y(2, 3);
  auto cache = layer.make_cache(2);
  layer.forward(x, y, cache);
  CHECK(y.cwiseAbs().maxCoeff() == 0);
}

TEST_CASE("layer_norm: epsilon must be positive") {
  check_throws_with<ConfigError>("layer_norm: epsilon is 0, must be > 0",
                                 [] { LayerNorm<float>({.epsilon = 0}, Shape::flat(3)); });
}
