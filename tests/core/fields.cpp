// SPDX-License-Identifier: MIT
#include "vaekit/core/fields.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

enum class Colour { red, dark_green };
constexpr auto enum_names(Colour) { return std::array<std::string_view, 2>{"red", "dark_green"}; }
enum class Unnamed { a };

struct Settings {
  double rate = 0.5;
  int units = 3;
  bool bias = true;
  Colour colour = Colour::red;
  std::string name = "none";

  static constexpr auto fields() {
    return std::tuple{required_field("rate", &Settings::rate, "step size", positive),
                      field("units", &Settings::units, "outputs", at_least(1)),
                      field("bias", &Settings::bias, "adds a bias", between(5, 6)),
                      field("colour", &Settings::colour, "paint"), field("name", &Settings::name, "label")};
  }
};

/// A member that knows how to check itself.
struct Even {
  int value = 2;
  void check(std::string_view where, std::string_view name, const Range& range) const {
    if (value % 2 != 0 || !range.contains(value)) {
      throw ConfigError(concat(where, ": ", name, " is ", value, ", must be even and ", to_string(range)));
    }
  }
};

struct WithEven {
  Even number;
  static constexpr auto fields() {
    return std::tuple{field("number", &WithEven::number, "an even number", at_least(0))};
  }
};

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("range: ends belong to it unless excluded, NaN never does") {
  CHECK(zero_to_one.contains(0));
  CHECK(zero_to_one.contains(1));
  CHECK_FALSE(zero_to_one.contains(1.0000001));
  CHECK_FALSE(zero_to_one.contains(-1e-300));
  CHECK(below_one.contains(0));
  CHECK_FALSE(below_one.contains(1));
  CHECK(positive.contains(1e-300));
  CHECK_FALSE(positive.contains(0));
  CHECK(non_negative.contains(0));
  CHECK_FALSE(non_negative.contains(-1));
  CHECK(at_least(2).contains(2));
  CHECK_FALSE(at_least(2).contains(1.9));
  CHECK(between(-1, 1).contains(-1));
  CHECK_FALSE(between(-1, 1).contains(1.5));
  CHECK(any_number.contains(-1e300));
  for (const Range& range : {any_number, positive, zero_to_one}) {
    CHECK_FALSE(range.contains(not_a_number));
  }
}

TEST_CASE("range: says what must hold") {
  CHECK(to_string(positive) == "must be > 0");
  CHECK(to_string(non_negative) == "must be >= 0");
  CHECK(to_string(at_least(2)) == "must be >= 2");
  CHECK(to_string(zero_to_one) == "must be in [0, 1]");
  CHECK(to_string(below_one) == "must be in [0, 1)");
  CHECK(to_string(Range{.minimum = 0, .maximum = 1, .exclusive_minimum = true}) == "must be in (0, 1]");
  CHECK(to_string(Range{.maximum = 3}) == "must be <= 3");
  CHECK(to_string(Range{.maximum = 3, .exclusive_maximum = true}) == "must be < 3");
  CHECK(to_string(any_number) == "must be finite");
}

TEST_CASE("fields: rows come in order with name, help, range and whether they are required") {
  std::vector<std::string> rows;
  for_each_field<Settings>([&](const auto& field) {
    rows.push_back(concat(field.name, '|', field.help, '|', field.required ? "required" : "default"));
  });
  CHECK(rows == std::vector<std::string>{"rate|step size|required", "units|outputs|default",
                                         "bias|adds a bias|default", "colour|paint|default",
                                         "name|label|default"});
  static_assert(HasFields<Settings> && HasFields<const Settings&>);
  static_assert(!HasFields<int> && !HasFields<std::string>);
}

TEST_CASE("fields: a row reads and writes its member") {
  Settings settings;
  constexpr auto rate = std::get<0>(Settings::fields());
  settings.*rate.member = 0.125;
  CHECK(settings.rate == 0.125);
  static_assert(std::is_same_v<decltype(rate)::member_type, double>);
  static_assert(std::is_same_v<decltype(rate)::object_type, Settings>);
}

TEST_CASE("check_fields: the first number outside its range is named with its value") {
  Settings settings;
  CHECK_NOTHROW(check_fields("settings", settings));  // bias is no number: its range is not looked at
  settings.units = 0;
  check_throws_with<ConfigError>("dense: units is 0, must be >= 1", [&] { check_fields("dense", settings); });
  settings.rate = -0.5;
  check_throws_with<ConfigError>("dense: rate is -0.5, must be > 0",
                                 [&] { check_fields("dense", settings); });
}

TEST_CASE("check_fields: a number that is not finite is refused as such") {
  Settings settings;
  settings.rate = infinity;
  check_throws_with<ConfigError>("a: rate is inf, must be finite", [&] { check_fields("a", settings); });
  settings.rate = not_a_number;
  check_throws_with<ConfigError>("a: rate is nan, must be finite", [&] { check_fields("a", settings); });
}

TEST_CASE("check_fields: a member with a check of its own is asked with the range of its row") {
  CHECK_NOTHROW(check_fields("a", WithEven{}));
  check_throws_with<ConfigError>("a: number is 3, must be even and must be >= 0",
                                 [] { check_fields("a", WithEven{{3}}); });
  check_throws_with<ConfigError>("a: number is -2, must be even and must be >= 0",
                                 [] { check_fields("a", WithEven{{-2}}); });
}

TEST_CASE("enumerations: names by value") {
  CHECK(to_string(Colour::dark_green) == "dark_green");
  static_assert(to_string(Colour::red) == "red");
  static_assert(NamedEnum<Colour> && !NamedEnum<Unnamed> && !NamedEnum<int>);
}
