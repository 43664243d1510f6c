// SPDX-License-Identifier: MIT
#include "vaekit/config/suggest.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <string_view>

using namespace vaekit;

TEST_CASE("suggest: an edit is an insertion, a deletion, a substitution or a swap of neighbours") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("abc", "") == 3);
  CHECK(edit_distance("dens", "dense") == 1);
  CHECK(edit_distance("densee", "dense") == 1);
  CHECK(edit_distance("dance", "dense") == 2);
  CHECK(edit_distance("adma", "adam") == 1);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("ca", "abc") == 3);  // 2 without the alignment restriction
  CHECK(edit_distance("ReLU", "relu") == 0);
}

TEST_CASE("suggest: the nearest name within max(1, length / 3) edits") {
  constexpr std::array<std::string_view, 4> known{"adam", "adamw", "momentum", "sgd"};
  CHECK(nearest_name("adma", known) == "adam");
  CHECK(nearest_name("adamv", known) == "adam");  // as near as "adamw", and earlier
  CHECK(nearest_name("AdamW", known) == "adamw");
  CHECK(nearest_name("momnetun", known) == "momentum");
  CHECK(nearest_name("lbfgs", known).empty());
  CHECK(nearest_name("sdgs", known).empty());
  CHECK(nearest_name("", known).empty());
  CHECK(nearest_name(std::string(1'000'000, 'a'), known).empty());
}

TEST_CASE("suggest: known names are sorted, and the hint comes only when close") {
  constexpr std::array<std::string_view, 3> known{"sgd", "adam", "adamw"};
  CHECK(known_names("adma", known) == "known: adam, adamw, sgd; did you mean \"adam\"?");
  CHECK(known_names("lbfgs", known) == "known: adam, adamw, sgd");
  CHECK(known_names("adam", {}) == "known: none");
}
