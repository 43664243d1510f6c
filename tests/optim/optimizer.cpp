// SPDX-License-Identifier: MIT
#include "vaekit/optim/optimizer.hpp"

#include <doctest/doctest.h>

#include "support/alloc_guard.hpp"
#include "support/throws_with.hpp"
#include "vaekit/nn/network.hpp"

using namespace vaekit;

namespace {

Network<float> network(const std::vector<LayerConfig<>>& layers) {
  return Network<float>(layers, Shape::flat(4));
}

}  // namespace

TEST_CASE("tensor zip: visits tensor by tensor, in the order of the arguments, without allocating") {
  Network<float> a = network({DenseConfig{.units = 3}, LayerNormConfig{}});
  Network<float> b = a;
  TensorZip<float> zip;
  std::size_t tensors = 0;
  const auto fill = [&](std::span<float> first, std::span<float> second) {
    ++tensors;
    std::ranges::fill(first, static_cast<float>(tensors));
    std::ranges::fill(second, -static_cast<float>(tensors));
  };
  zip(fill, a, b);
  tensors = 0;
  std::size_t allocations = 0;
  {
    const AllocationCount guard;
    zip(fill, a, b);
    allocations = guard.count();
  }
  CHECK(allocations == 0);
  CHECK(tensors == 4);
  const auto values_a = parameters(a);
  const auto values_b = parameters(b);
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < values_a[i].values.size(); ++j) {
      CHECK(values_a[i].values[j] == static_cast<float>(i + 1));
      CHECK(values_b[i].values[j] == -static_cast<float>(i + 1));
    }
  }
}

TEST_CASE("tensor zip: objects of different structure are refused before anything changes") {
  Network<float> model = network({DenseConfig{.units = 3}, DenseConfig{.units = 2}});
  Network<float> shorter = network({DenseConfig{.units = 3}});
  Network<float> wider = network({DenseConfig{.units = 3}, DenseConfig{.units = 5}});
  TensorZip<float> zip;
  const auto overwrite = [](auto... tensors) { (std::ranges::fill(tensors, 1.0F), ...); };
  check_throws_with<ShapeError>("TensorZip: object 1 has 2 tensors, must have 4 (tensors of object 0)",
                                [&] { zip(overwrite, model, shorter); });
  check_throws_with<ShapeError>(
      "TensorZip: tensor 2 of object 2 has 15 elements, must have 6 (elements in object 0)",
      [&] { zip(overwrite, model, model, wider); });
  CHECK(squared_norm(model) == 0);
  CHECK(squared_norm(wider) == 0);
}
