// SPDX-License-Identifier: MIT
#include "vaekit/model/compatibility.hpp"

#include <doctest/doctest.h>

#include "model/example_models.hpp"
#include "support/throws_with.hpp"
#include "vaekit/objectives/builtin.hpp"

using namespace vaekit;

TEST_CASE("compatible: samples of a learned prior carry no gradient to it") {
  example::Design design;
  const AnyObjective wae(WaeMmdConfig{});
  check_compatible(example::make_any<float>(design), wae);
  design.prior = GaussianMixtureConfig{.components = 3};
  check_throws_with<ConfigError>(
      "objective: wae_mmd compares samples of a prior without parameters, got gaussian_mixture; use a "
      "standard_normal prior",
      [&] { check_compatible(example::make_any<float>(design), wae); });
  check_compatible(example::make_any<float>(design), AnyObjective(IwaeConfig{}));
}
