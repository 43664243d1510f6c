// SPDX-License-Identifier: MIT
#include "vaekit/objectives/builtin.hpp"

#include <doctest/doctest.h>

using namespace vaekit;

static_assert(Objective<AnyObjective, float> && Objective<AnyObjective, double>);

TEST_CASE("objective: every alternative of the configuration builds its own objective") {
  const auto check_kind = []<class C>(const C& config) {
    CHECK(std::visit([](const auto& o) { return std::remove_cvref_t<decltype(o)>::Config::kind; },
                     AnyObjective(config).chosen) == C::kind);
  };
  check_kind(ElboConfig{});
  check_kind(CapacityConfig{});
  check_kind(IwaeConfig{});
  check_kind(MiwaeConfig{});
  check_kind(CiwaeConfig{});
  check_kind(RenyiConfig{});
  check_kind(BetaTcvaeConfig{});
  check_kind(DipVaeConfig{});
  check_kind(InfoVaeConfig{});
  check_kind(WaeMmdConfig{});
  check_kind(RaeConfig{});
}
