// SPDX-License-Identifier: MIT
#include "vaekit/app/option_text.hpp"

#include <doctest/doctest.h>

#include <array>

#include "support/throws_with.hpp"

using namespace vaekit;

TEST_CASE("option text: a seed is taken as it is or not at all") {
  CHECK(parse_seed("--seed", "0") == 0);
  CHECK(parse_seed("--seed", "18446744073709551615") == std::numeric_limits<std::uint64_t>::max());
  for (const std::string text :
       {"-1", "18446744073709551616", "99999999999999999999", "", " 1", "1.5", "1x"}) {
    check_throws_with<UsageError>(
        "--seed: is \"" + text + "\", must be a whole number from 0 to 18446744073709551615",
        [&] { static_cast<void>(parse_seed("--seed", text)); });
  }
}

TEST_CASE("option text: a whole number is not negative") {
  CHECK(parse_whole_number<int>("EPOCHS", "2147483647") == 2147483647);
  for (const std::string text : {"-1", "2147483648", "1x", "abc", ""}) {
    check_throws_with<UsageError>("EPOCHS: is \"" + text + "\", must be a whole number from 0 to 2147483647",
                                  [&] { static_cast<void>(parse_whole_number<int>("EPOCHS", text)); });
  }
}

TEST_CASE("option text: a real number is finite and in its range") {
  CHECK(parse_real("--temperature", "0", non_negative) == 0);
  CHECK(parse_real("--range", "1e-3", positive) == 1e-3);
  for (const std::string text : {"nan", "inf", "-1", "-inf"}) {
    check_throws_with<UsageError>("--temperature: is " + text + ", must be a number >= 0", [&] {
      static_cast<void>(parse_real("--temperature", text, non_negative));
    });
  }
  for (const std::string text : {"", "warm", "1,5", "1e999"}) {
    check_throws_with<UsageError>("--range: is \"" + text + "\", must be a number > 0",
                                  [&] { static_cast<void>(parse_real("--range", text, positive)); });
  }
  check_throws_with<UsageError>("--range: is 0, must be a number > 0",
                                [] { static_cast<void>(parse_real("--range", "0", positive)); });
}

TEST_CASE("option text: an unknown command is named, with the nearest that there is") {
  constexpr std::array<std::string_view, 2> known{"train", "evaluate"};
  check_throws_with<UsageError>(
      "vaekit: unknown command \"evaluat\"; known: evaluate, train; did you mean \"evaluate\"?",
      [&] { refuse_command("evaluat", known); });
  check_throws_with<UsageError>("vaekit: unknown command \"\"; known: evaluate, train",
                                [&] { refuse_command("", known); });
}
