// SPDX-License-Identifier: MIT
#include "vaekit/core/variant.hpp"

#include <doctest/doctest.h>

#include <string_view>

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

namespace {

/// A part whose cache holds its numbers.
template <int Number>
struct Part {
  using Scalar = double;
  struct Config {};
  struct Cache {
    int sum = 0;
  };
  int start = 0;
  [[nodiscard]] Cache make_cache(int a, int b) const { return {Number + a + b}; }
  void initialize(int value) { start = value * Number; }
  static void reflect(auto& self, auto&& visit) { visit("start", self.start); }
};

using Any = AnyPart<std::tuple<Part<1>, Part<10>>>;

}  // namespace

TEST_CASE("any part: calls reach the part that was chosen, with its own cache") {
  static_assert(std::same_as<Any::Scalar, double>);
  CHECK(std::holds_alternative<Part<1>>(Any().chosen));
  Any any{Any::List::Variant(Part<10>())};
  any.initialize(4);
  CHECK(any.visit([](const auto& part) { return part.start; }) == 40);
  Any::Cache cache = any.make_cache(2, 3);
  CHECK(std::get<Part<10>::Cache>(cache.chosen).sum == 15);
  any.visit(cache, [](const auto& part, auto& own) { own.sum += part.start; });
  const Any::Cache& same = cache;
  CHECK(any.visit(same, [](const auto&, const auto& own) { return own.sum; }) == 55);
  int seen = 0;
  Any::reflect(any, [&](std::string_view name, int& value) {
    CHECK(name == "start");
    seen = value;
  });
  CHECK(seen == 40);
}
