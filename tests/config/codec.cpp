// SPDX-License-Identifier: MIT
#include "vaekit/config/codec.hpp"

#include <doctest/doctest.h>

#include "config/example_config.hpp"

using namespace vaekit;

namespace {

struct First {
  static constexpr std::string_view kind = "first";
  static constexpr std::string_view tag = "format";
  static constexpr std::string_view noun = "source";
  int a = 0;
  static constexpr auto fields() { return std::tuple{required_field("a", &First::a, "a number")}; }
};

struct Second {
  static constexpr std::string_view kind = "second";
  int b = 0;
  static constexpr auto fields() { return std::tuple{field("b", &Second::b, "a number")}; }
};

struct Outer {
  First first;
  Second second;
  static constexpr auto fields() {
    return std::tuple{field("first", &Outer::first, "holds a required key"),
                      field("second", &Outer::second, "holds none")};
  }
};

}  // namespace

TEST_CASE("codec: tag and noun of a variant come from its first alternative") {
  using Named = std::variant<First, Second>;
  static_assert(TaggedVariant<Named> && !TaggedVariant<First>);
  CHECK(variant_tag<Named>() == "format");
  CHECK(variant_noun<Named>() == "source");
  CHECK(variant_kinds<Named>[0] == "first");
  CHECK(variant_kinds<Named>[1] == "second");
  using Plain = std::variant<Second, First>;
  CHECK(variant_tag<Plain>() == "type");
  CHECK(variant_noun<Plain>() == "type");
}

TEST_CASE("codec: a struct that holds a required key is required itself") {
  CHECK(is_required(std::get<0>(Outer::fields())));
  CHECK_FALSE(is_required(std::get<1>(Outer::fields())));
}

TEST_CASE("codec: tag keys and field names") {
  CHECK(is_tag_key("type"));
  CHECK(is_tag_key("schedule"));
  CHECK_FALSE(is_tag_key("kind"));
  CHECK(field_names<Outer>[0] == "first");
  CHECK(field_names<Outer>[1] == "second");
}
