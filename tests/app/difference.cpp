// SPDX-License-Identifier: MIT
#include "vaekit/app/difference.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string_view>

using namespace vaekit;

TEST_CASE("difference: the first place that is not free") {
  constexpr std::array<std::string_view, 2> free_keys{"name", "epochs"};
  const Json before = {
      {"name", "a"}, {"training", {{"epochs", 3}}}, {"layers", {{{"units", 4}}, {{"units", 5}}}}};
  CHECK_FALSE(detail::first_difference(before, before, free_keys));
  Json now = before;
  now["name"] = "b";
  now["training"]["epochs"] = 4;
  CHECK_FALSE(detail::first_difference(before, now, free_keys));
  now["layers"][1]["units"] = 6;
  const auto difference = detail::first_difference(before, now, free_keys);
  REQUIRE(difference);
  CHECK(difference->pointer == "/layers/1/units");
  CHECK(difference->before == "5");
  CHECK(difference->now == "6");
  now["layers"] = Json::array();
  CHECK(detail::first_difference(before, now, free_keys)->pointer == "/layers");
}

TEST_CASE("difference: epochs of a schedule are not those of the training") {
  const Json before = {{"objective", {{"beta", {{"epochs", 3}}}}}};
  Json now = before;
  now["objective"]["beta"]["epochs"] = 4;
  CHECK(detail::first_difference(before, now, detail::resumable_keys)->pointer == "/objective/beta/epochs");
  now = before;
  now["objective"]["weight"] = 1;
  CHECK(detail::first_difference(before, now, detail::resumable_keys)->before == "not set");
}
