// SPDX-License-Identifier: MIT
#include "vaekit/config/scale.hpp"

#include <doctest/doctest.h>

#include <string>

#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

Scale read_scale(const std::string& text) {
  Scale scale;
  JsonCodec<Scale>::read(parse_json(text, "text"), JsonPath("config") / "data" / "scale", scale);
  return scale;
}

}  // namespace

TEST_CASE("scale: names and ranges are read, and written as they were") {
  for (const std::string text : {"\"auto\"", "\"none\"", "\"standardize\"", "[0.0,1.0]", "[-1.0,0.5]"}) {
    CHECK(dump(JsonCodec<Scale>::write(read_scale(text)), -1) == text);
  }
  CHECK(read_scale("\"standardize\"").kind == ScaleKind::standardize);
  CHECK(read_scale("[-1, 2]").kind == ScaleKind::range);
  CHECK(read_scale("[-1, 2]").low == -1);
  CHECK(read_scale("[-1, 2]").high == 2);
}

TEST_CASE("scale: anything else is refused") {
  const auto refuse = [](const std::string& text, const std::string& shown) {
    check_throws_with<ConfigError>(
        "config /data/scale: is " + shown + ", must be \"auto\", \"none\", \"standardize\" or [low, high]",
        [&] { static_cast<void>(read_scale(text)); });
  };
  refuse("\"range\"", "\"range\"");
  refuse("1", "1");
  refuse("[0]", "[0]");
  refuse("[0, 1, 2]", "[0,1,2]");
  refuse("[0, \"1\"]", "[0,\"1\"]");
  check_throws_with<ConfigError>("config /data/scale: is [1,1], must be [low, high] with low < high",
                                 [] { static_cast<void>(read_scale("[1, 1]")); });
}
