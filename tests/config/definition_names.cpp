// SPDX-License-Identifier: MIT
#include "vaekit/config/definition_names.hpp"

#include <doctest/doctest.h>

#include <variant>

using namespace vaekit;

namespace {

struct A {
  static constexpr std::string_view noun = "part";
  static constexpr auto fields() { return std::tuple{}; }
};
struct B {
  static constexpr auto fields() { return std::tuple{}; }
};

}  // namespace

TEST_CASE("definition names: a type keeps the name it was first met under") {
  detail::DefinitionNames names;
  CHECK(names.entry<A>("first").name == "first");
  const auto again = names.entry<A>("second");
  CHECK(again.name == "first");
  CHECK_FALSE(again.is_new);
}

TEST_CASE("definition names: types that want one name are numbered") {
  detail::DefinitionNames names;
  CHECK(names.entry<A>("same").name == "same");
  const auto other = names.entry<B>("same");
  CHECK(other.name == "same_2");
  CHECK(other.is_new);
}

TEST_CASE("definition names: a variant is called by its noun, a schedule schedule") {
  detail::DefinitionNames names;
  CHECK(names.entry<std::variant<A, B>>("key").name == "part");
  CHECK(names.entry<std::variant<B, A>>("key").name == "key");
  CHECK(names.entry<Schedule>("beta").name == "schedule");
}
