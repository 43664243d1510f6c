// SPDX-License-Identifier: MIT
#include "vaekit/nn/layer.hpp"

#include <doctest/doctest.h>

#include "vaekit/nn/builtin.hpp"

using namespace vaekit;

namespace {
/// Everything of a layer but `backward`.
struct NoBackward : Dense<float> {
  void backward() const;
};
}  // namespace

TEST_CASE("layer: the concepts tell layers from other types") {
  static_assert(Layer<Dense<float>> && Layer<Dense<double>>);
  static_assert(!Layer<int> && !Layer<NoBackward>);
  static_assert(NoisyLayer<Dropout<float>> && !NoisyLayer<Dense<float>>);
}

TEST_CASE("layer: drawing noise for a layer without any changes nothing") {
  const Relu<float> layer({}, Shape::flat(3));
  auto cache = layer.make_cache(2);
  draw_layer_noise(layer, RandomStream(1, Purpose::layer), 2, cache);
  Dropout<float> dropout({}, Shape::flat(3));
  auto mask = dropout.make_cache(2);
  draw_layer_noise(dropout, RandomStream(1, Purpose::layer), 2, mask);
  CHECK(mask.active);
  draw_layer_noise(dropout, NoiseSource{}, 2, mask);
  CHECK_FALSE(mask.active);
}
