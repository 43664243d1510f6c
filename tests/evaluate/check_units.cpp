// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/check_units.hpp"

#include <doctest/doctest.h>

#include "evaluate/planted_faults.hpp"

using namespace vaekit;

TEST_CASE("check units: few units are dead at the start") {
  const example::Bars bars;
  const auto model = example::bars_model<float>();
  const std::vector<DeadUnits> layers = dead_units(model, Elbo(), bars.view(), 0, 1);
  REQUIRE(layers.size() == 2);
  CHECK(layers[0].name == "encoder.0.weight");
  CHECK(layers[1].name == "decoder.0.weight");
  CHECK(layers[0].units == 16);
  CHECK(layers[0].dead < 4);
  CHECK(example::is_ok(check_units(model, Elbo(), bars.view(), 0, 1)));
}

TEST_CASE("check units: relus that no input reaches, at any cut into batches") {
  const example::Bars bars;
  auto model = example::bars_model<float>();
  std::get<0>(model.decoder.layers).bias.leftCols(15).setConstant(-1000);
  for (const Index batch : {7, 100, 500}) {
    CHECK(dead_units(model, Elbo(), bars.view(), 0, 1, batch)[1].dead >= 15);
  }
  const auto findings = check_units(model, Elbo(), bars.view(), 0, 1);
  REQUIRE(example::is_fault(findings));
  CHECK(findings[0].check == "units");
  CHECK(findings[0].figure.ends_with(
      " of 16 units of decoder.0.weight have no gradient for any of 120 inputs"));
}

TEST_CASE("check codes: those that describe no sample") {
  example::Design design;
  design.features = 64;
  design.latent = VectorQuantizedConfig{.positions = 4, .width = 2, .codes = 8};
  design.prior = CodePriorConfig{};
  auto model = example::make_any<float>(design);
  auto& latent = std::get<VectorQuantizedLatent<float>>(model.latent.chosen);
  latent.codebook.setConstant(100);  // out of reach
  latent.codebook.row(5).setZero();
  latent.codebook.row(2).setConstant(0.01F);
  const example::Bars bars;
  const auto findings = check_codes(model, bars.view());
  REQUIRE(example::is_fault(findings));
  CHECK(findings[0].figure.starts_with("2 of 8 codes in use, perplexity "));
  CHECK(findings[0].figure.ends_with(", over 120 samples"));
  latent.codebook *= 0.001F;
  for (Index code = 0; code < 8; ++code) {  // in all directions
    latent.codebook.row(code) << std::cos(static_cast<float>(code)), std::sin(static_cast<float>(code));
  }
  CHECK(example::is_ok(check_codes(model, bars.view())));
}

TEST_CASE("check codes: nothing is said of too few samples, or without codes") {
  example::Design design;
  design.features = 64;
  design.latent = VectorQuantizedConfig{.positions = 1, .width = 2, .codes = 50};
  design.prior = CodePriorConfig{};
  const example::Bars bars;
  const auto few = check_codes(example::make_any<float>(design), bars.view());
  CHECK(few[0].verdict == Verdict::skipped);
  CHECK(few[0].figure == "120 samples are too few for 50 codes");
  const auto none = check_codes(example::bars_model<float>(), bars.view());
  CHECK(none[0].figure == "the posterior has no codes");
}
