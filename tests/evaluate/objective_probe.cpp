// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/objective_probe.hpp"

#include <doctest/doctest.h>

#include "evaluate/planted_faults.hpp"
#include "support/same_bits.hpp"
#include "vaekit/objectives/factor_vae.hpp"

using namespace vaekit;

TEST_CASE("objective probe: the value and gradient of training, with the noise of a step") {
  const example::Bars bars;
  const auto model = example::bars_model<float>();
  const Matrix<float> x = bars.samples<float>(20);
  const Elbo objective({.beta = 2});
  ObjectiveProbe probe(model, objective, 20, 7);
  auto w = model.make_workspace(20);
  auto grad = zeros_like(model);
  for (const std::uint64_t step : {std::uint64_t{0}, std::uint64_t{3}}) {
    model.draw_noise(7, step, 20, w);
    const ObjectiveValue expected = model.gradient(x, objective, 0.5, w, grad);
    CHECK(probe(model, x, 0.5, step).loss == expected.loss);
    CHECK(same_parameters(probe.gradient(), grad));
    CHECK(probe.workspace().terms.kl == w.terms.kl);
  }
}

TEST_CASE("objective probe: brings the critic that an objective needs") {
  const example::Bars bars;
  const auto model = example::bars_model<float>();
  const FactorVae objective({.gamma = 2, .layers = 1, .units = 4});
  ObjectiveProbe probe(model, objective, 8, 7);
  const ObjectiveValue value = probe(model, bars.samples<float>(8), 0);
  CHECK(std::isfinite(value.loss));
  CHECK(value.loss != value.kl - value.reconstruction);
}
