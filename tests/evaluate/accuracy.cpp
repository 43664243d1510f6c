// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/accuracy.hpp"

#include <doctest/doctest.h>

#include "vaekit/distributions/bernoulli.hpp"
#include "vaekit/latent/gaussian.hpp"
#include "vaekit/model/vae.hpp"
#include "vaekit/nn/sequential.hpp"

using namespace vaekit;

namespace {

using AccuracyNet = Sequential<Dense<float>>;

/// Two classes for one feature.
auto accuracy_model() {
  return Vae<AccuracyNet, GaussianLatent<float>, AccuracyNet, Bernoulli<float>>(
      AccuracyNet(Dense<float>({.units = 2}, Shape::flat(3))), GaussianLatent<float>({.dim = 1}),
      AccuracyNet(Dense<float>({.units = 2}, Shape::flat(3))), Bernoulli<float>({}, 1),
      Initializer::fan_in_uniform, {}, 2);
}

}  // namespace

TEST_CASE("accuracy: the share of labels that the classifier finds") {
  // The classifier reads the first feature's sign off a linear layer.
  const Dataset data("data", Shape::flat(1), std::vector<float>{0.1F, 0.9F, 0.8F, 0.2F, 0.7F},
                     {0, 1, 1, 1, 0});
  const std::vector<std::uint32_t> rows = all_rows(5);
  const Transform transform = Transform::fit({}, data, rows);
  auto model = accuracy_model();
  model.set_classifier(AccuracyNet(Dense<float>({.units = 1}, Shape::flat(1))), 1);
  std::get<0>(model.classifier->network.layers).weight(0, 0) = 1;
  model.classifier->head.weight(1, 0) = 1;
  model.classifier->head.bias[0] = 0.5F;
  const DataView view{&data, &transform, rows, 0, Condition::labels(data, 2)};
  CHECK(classification_accuracy(model, view, 2) == 0.6);
}

TEST_CASE("accuracy: nothing without a classifier, or without labels") {
  const Dataset labelled("data", Shape::flat(1), std::vector<float>{0.1F, 0.9F}, {0, 1});
  const Dataset data("data", Shape::flat(1), std::vector<float>{0.1F, 0.9F});
  const std::vector<std::uint32_t> rows = all_rows(2);
  const Transform transform = Transform::fit({}, data, rows);
  auto model = accuracy_model();
  CHECK(classification_accuracy(model, DataView{&labelled, &transform, rows}) == std::nullopt);
  model.set_classifier(AccuracyNet(Dense<float>({.units = 1}, Shape::flat(1))), 1);
  CHECK(classification_accuracy(model, DataView{&data, &transform, rows}) == std::nullopt);
}
