// SPDX-License-Identifier: MIT
#include "vaekit/app/use_model.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>
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

TEST_CASE("check_features: images of another shape are refused, though they have as many values") {
  const auto check = [](const Shape& shape, const Shape& expected) {
    check_features(Dataset("x.npy", shape, std::vector<float>(48)), {expected});
  };
  check_throws_with<DataError>(
      "x.npy: samples are 3x4x4, must be 4x4x3 for this model (height x width x channels)", [&] {
        check({3, 4, 4}, {4, 4, 3});
      });
  check_throws_with<DataError>(
      "x.npy: samples are 8x6x1, must be 6x8x1 for this model (height x width x channels)", [&] {
        check({8, 6, 1}, {6, 8, 1});
      });
  check_throws_with<DataError>("x.npy: samples have 48 features (48), must have 24 for this model (24)",
                               [&] { check(Shape::flat(48), Shape::flat(24)); });
  check({4, 4, 3}, {4, 4, 3});
  check({4, 4, 3}, Shape::flat(48));
  check(Shape::flat(48), {4, 4, 3});
}

TEST_CASE("check_features: columns of other names are refused, where both are known") {
  const InputFormat input{Shape::flat(2), false, plain(2), false, {"height", "weight"}};
  const auto check = [&](std::vector<std::string> names) {
    check_features(Dataset("t.csv", Shape::flat(2), std::vector<double>(4), {}, std::move(names)), input);
  };
  check_throws_with<DataError>("t.csv: feature 0 is the column \"weight\", must be \"height\" as in training",
                               [&] {
                                 check({"weight", "height"});
                               });
  check_throws_with<DataError>("t.csv: feature 1 is the column \"age\", must be \"weight\" as in training",
                               [&] {
                                 check({"height", "age"});
                               });
  check({"height", "weight"});
  check({});
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
