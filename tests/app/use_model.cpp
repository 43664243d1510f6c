// SPDX-License-Identifier: MIT
#include "vaekit/app/use_model.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "app/example_run.hpp"
#include "support/same_bits.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

Transform plain(std::size_t features) {
  return {std::vector<double>(features, 0), std::vector<double>(features, 1), 0, Binarize::none};
}

}  // namespace

TEST_CASE("with_model: the weights of the checkpoint, in the precision of the run") {
  const example::ExampleRun example("use-model");
  int calls = 0;
  with_model(load_run(example.run.root), [&]<class Model>(const Model& model) {
    ++calls;
    if constexpr (std::is_same_v<typename Model::Scalar, float>) {
      CHECK(same_parameters(model, example::initialized_model(example.config)));
    } else {
      FAIL("a run in float32");
    }
  });
  CHECK(calls == 1);
}

TEST_CASE("with_model: a checkpoint of another model is refused") {
  const example::ExampleRun example("use-other-model");
  Run run = load_run(example.run.root);
  run.config.model.encoder = {DenseConfig{.units = 7}};
  check_throws_with<DataError>(
      example.run.last().string() + ": tensor \"encoder.0.weight\" is 6x64, must be 7x64 for this model",
      [&] { with_model(run, [](const auto&) {}); });
}

TEST_CASE("with_model: parameters that are not finite are refused") {
  const example::ExampleRun example("use-nan");
  Run run = load_run(example.run.root);
  for (Tensor& tensor : run.checkpoint.file.tensors) {
    if (tensor.name == "decoder.0.bias") {
      std::ranges::fill(tensor.bytes, std::uint8_t{0xff});
    }
  }
  check_throws_with<NumericError>(
      example.run.last().string() + ": parameter \"decoder.0.bias\" is not finite, all must be",
      [&] { with_model(run, [](const auto&) {}); });
}

TEST_CASE("transform_for: bytes of nothing but 0 and 1 are scaled already where 0 and 255 make them") {
  const double unit = 1.0 / 255;
  const Transform scaling({0, 0}, {unit, unit}, 0, Binarize::none);
  const auto factor = [&](const Transform& transform, std::vector<std::uint8_t> values) {
    return transform_for({Shape::flat(2), true, transform}, Dataset("b", Shape::flat(2), std::move(values)))
        .scale()[0];
  };
  CHECK(factor(scaling, {0, 1, 1, 0}) == 1);
  CHECK(factor(scaling, {0, 1, 2, 0}) == unit);
  CHECK(factor(scaling, {0, 0}) == unit);
  CHECK(factor(Transform({1, 1}, {0.5, 0.5}, 0, Binarize::none), {0, 1}) == 0.5);
}

TEST_CASE("transform_for: data of the kind trained on go through its scaling, others are scaled already") {
  const Transform scaling({10, 10}, {0.1, 0.1}, 0, Binarize::threshold);
  const Dataset bytes("b", Shape::flat(2), std::vector<std::uint8_t>{1, 2});
  const Dataset floats("f", Shape::flat(2), std::vector<float>{1, 2});
  CHECK(transform_for({Shape::flat(2), true, scaling}, bytes).center()[0] == 10);
  CHECK(transform_for({Shape::flat(2), false, scaling}, floats).center()[0] == 10);
  const Transform as_is = transform_for({Shape::flat(2), true, scaling}, floats);
  CHECK(as_is.center() == std::vector<double>{0, 0});
  CHECK(as_is.scale() == std::vector<double>{1, 1});
  CHECK(as_is.base() == 0);
  CHECK(as_is.binarize() == Binarize::threshold);
}

TEST_CASE("loaded data: all samples, or a refusal of another width") {
  const InputFormat input{Shape{2, 2, 1}, false, plain(4)};
  const LoadedData loaded(Dataset("x", Shape::flat(4), std::vector<float>(12)), input, 7);
  CHECK(loaded.view().size() == 3);
  CHECK(loaded.view().seed == 7);
  CHECK(loaded.view().dataset == &loaded.dataset);
  check_throws_with<DataError>("x: samples have 3 features (3), must have 4 for this model (2x2x1)", [&] {
    LoadedData(Dataset("x", Shape::flat(3), std::vector<float>(12)), input, 7);
  });
}
