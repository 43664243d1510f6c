// SPDX-License-Identifier: MIT
#include "vaekit/latent/builtin.hpp"

#include <doctest/doctest.h>

using namespace vaekit;

TEST_CASE("latent: a configuration names its latent and its prior by kind") {
  const auto kind = [](const auto& config) { return std::string_view(config.kind); };

  CHECK(std::visit(kind, LatentConfig{}) == "gaussian");
  CHECK(std::visit(kind, PriorConfig{}) == "standard_normal");
  CHECK(std::get<GaussianLatentConfig>(LatentConfig{}).dim == 20);
}
