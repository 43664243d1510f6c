// SPDX-License-Identifier: MIT
#include "vaekit/nn/dropout.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "support/layer_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

TEST_CASE("dropout: in training a value is 0 with probability `rate`, else divided by 1 - rate") {
  constexpr Index n = 1000;
  constexpr Index batch = 100;
  const Dropout<double> layer({.rate = 0.2}, Shape::flat(n));
  auto cache = layer.make_cache(batch);
  layer.draw_noise(RandomStream(1, Purpose::layer), batch, cache);
  const Matrix<double> x = EigenMatrix<double>::Ones(batch, n);
  Matrix<double> y(batch, n);
  layer.forward(x, y, cache);
  Index zeros = 0;
  for (const double value : y.span()) {
    CHECK((value == 0 || value == doctest::Approx(1.25)));
    zeros += value == 0 ? 1 : 0;
  }
  // Five standard deviations of a binomial count.
  const double expected = 0.2 * batch * n;
  CHECK(std::abs(static_cast<double>(zeros) - expected) < 5 * std::sqrt(expected * 0.8));
}

TEST_CASE("dropout: outside training, and with rate 0, it is the identity") {
  for (const double rate : {0.5, 0.0}) {
    const Dropout<float> layer({.rate = rate}, Shape::flat(5));
    auto cache = layer.make_cache(3);
    layer.draw_noise(RandomStream(1, Purpose::layer), 3, cache);
    layer.draw_noise(rate > 0 ? NoiseSource{} : NoiseSource(RandomStream(1, Purpose::layer)), 3, cache);
    const Matrix<float> x = layer_suite::random_matrix<float>(3, 5, 1);
    Matrix<float> y(3, 5);
    layer.forward(x, y, cache);
    CHECK(same_bits(x, y));
  }
}

TEST_CASE("dropout: the mask is a function of the stream") {
  const Dropout<float> layer({}, Shape::flat(50));
  auto first = layer.make_cache(4);
  auto second = layer.make_cache(4);
  layer.draw_noise(RandomStream(1, Purpose::layer, 7), 4, first);
  layer.draw_noise(RandomStream(1, Purpose::layer, 7), 4, second);
  CHECK(same_bits(first.mask, second.mask));
  layer.draw_noise(RandomStream(1, Purpose::layer, 8), 4, second);
  CHECK_FALSE(same_bits(first.mask, second.mask));
}

TEST_CASE("dropout: a rate of 1 is refused") {
  check_throws_with<ConfigError>("dropout: rate is 1, must be in [0, 1)",
                                 [] { Dropout<float>({.rate = 1}, Shape::flat(3)); });
}
