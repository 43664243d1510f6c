// SPDX-License-Identifier: MIT
#include "vaekit/core/variant.hpp"

#include <doctest/doctest.h>

using namespace vaekit;

namespace {

struct FirstConfig {
  int number = 0;
};
struct SecondConfig {
  int number = 0;
};
struct First {
  using Config = FirstConfig;
  int number;
  int extra;
  First(const FirstConfig& config, int argument) : number(config.number), extra(argument) {}
};
struct Second {
  using Config = SecondConfig;
  int number;
  int extra;
  Second(const SecondConfig& config, int argument) : number(config.number), extra(argument) {}
};

}  // namespace

TEST_CASE("variant: an alternative is chosen by the type of its config, not by its place in the list") {
  using Parts = std::variant<Second, First>;
  const std::variant<FirstConfig, SecondConfig> first = FirstConfig{7};
  const std::variant<FirstConfig, SecondConfig> second = SecondConfig{8};

  const Parts from_first = make_alternative<Parts>(first, 1);
  const Parts from_second = make_alternative<Parts>(second, 2);

  REQUIRE(std::holds_alternative<First>(from_first));
  CHECK(std::get<First>(from_first).number == 7);
  CHECK(std::get<First>(from_first).extra == 1);
  REQUIRE(std::holds_alternative<Second>(from_second));
  CHECK(std::get<Second>(from_second).number == 8);
  CHECK(std::get<Second>(from_second).extra == 2);
}
