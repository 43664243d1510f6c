// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/accuracy.hpp"

#include <doctest/doctest.h>

#include "vaekit/distributions/bernoulli.hpp"
#include "vaekit/latent/gaussian.hpp"
#include "vaekit/model/vae.hpp"
#include "vaekit/nn/sequential.hpp"

using namespace vaekit;

TEST_CASE("accuracy: the share of labels that the classifier finds") {
  // The classifier reads the first feature's sign off a linear layer.
  const Dataset data("data", Shape::flat(1), std::vector<float>{0.1F, 0.9F, 0.8F, 0.2F, 0.7F},
                     {0, 1, 1, 1, 0});
  const std::vector<std::uint32_t> rows = all_rows(5);
  const Transform transform = Transform::fit({}, data, rows);
  using Net = Sequential<Dense<float>>;
  Vae<Net, GaussianLatent<float>, Net, Bernoulli<float>> model(
      Net(Dense<float>({.units = 2}, Shape::flat(3))), GaussianLatent<float>({.dim = 1}),
      Net(Dense<float>({.units = 2}, Shape::flat(3))), Bernoulli<float>({}, 1), Initializer::fan_in_uniform,
      {}, 2);
  model.set_classifier(Net(Dense<float>({.units = 1}, Shape::flat(1))), 1);
  std::get<0>(model.classifier->network.layers).weight(0, 0) = 1;
  model.classifier->head.weight(1, 0) = 1;
  model.classifier->head.bias[0] = 0.5F;
  const DataView view{&data, &transform, rows, 0, Condition::labels(data, 2)};
  CHECK(classification_accuracy(model, view, 2) == 0.6);
}
