// SPDX-License-Identifier: MIT
#include "vaekit/io/json.hpp"

#include <doctest/doctest.h>

#include <string>

#include "support/throws_with.hpp"

namespace {

void check_refused(const std::string& text, const std::string& message) {
  check_throws_with<vaekit::ConfigError>(message,
                                         [&] { static_cast<void>(vaekit::parse_json(text, "a.json")); });
}

}  // namespace

TEST_CASE("json: values are parsed and written back with the keys in their order") {
  const std::string text = R"({"z":1,"a":[true,null,"x"],"m":{"b":0.1}})";
  const vaekit::Json json = vaekit::parse_json(text, "a.json");
  CHECK(json["a"].size() == 3);
  CHECK(json["m"]["b"].get<double>() == 0.1);
  CHECK(vaekit::dump(json, -1) == text);
  CHECK(vaekit::dump(vaekit::Json{{"a", 1}}) == "{\n  \"a\": 1\n}");
}

TEST_CASE("json: syntax errors tell line and column on one line") {
  check_refused("",
                "a.json:1:1: syntax error while parsing value - unexpected end of input; expected '[', "
                "'{', or a literal");
  check_refused("{\"a\": 1,\n \"b\": }",
                "a.json:2:7: syntax error while parsing value - unexpected '}'; "
                "expected '[', '{', or a literal");
  check_refused("{\"a\" 1}",
                "a.json:1:7: syntax error while parsing object separator - unexpected number literal; "
                "expected ':'");
  check_refused("[1] x",
                "a.json:1:5: syntax error while parsing value - invalid literal; expected end of input");
  check_refused("{\n\n  \"\xC3\xA4\xC3\xB6\": nul\n}",
                "a.json:3:12: syntax error while parsing value - invalid literal");
  check_refused("[\"line\nbreak\"]",
                "a.json:1:7: syntax error while parsing value - invalid string: control character U+000A "
                "(LF) must be escaped to \\u000A or \\n");
}

TEST_CASE("json: text that is not UTF-8, numbers out of range and comments are refused") {
  check_refused("[\"\xFF\"]",
                "a.json:1:3: syntax error while parsing value - invalid string: ill-formed UTF-8 byte");
  check_refused("[1e999]", "a.json:1:7: number overflow parsing '1e999'");
  check_refused("[1] // one",
                "a.json:1:5: syntax error while parsing value - invalid literal; expected end of input");
}

TEST_CASE("json: duplicate keys are refused at the second one, the same key in another object is not") {
  check_refused("{\"a\": 1,\n \"b\": {\"a\": 2},\n \"a\": 3}",
                "a.json:3:4: duplicate key \"a\", must be unique");
  CHECK(vaekit::parse_json(R"([{"a": {"a": 1}}, {"a": 2}])", "a.json").size() == 2);
}

TEST_CASE("json: deep nesting is refused, not followed") {
  const std::string deep = std::string(100000, '[');
  check_refused(deep, "a.json:1:257: nested deeper than 256 levels");
  const std::string allowed = std::string(256, '[') + std::string(256, ']');
  CHECK(vaekit::dump(vaekit::parse_json(allowed, "a.json"), -1) == allowed);
}

TEST_CASE("json: the error class is the caller's") {
  check_throws_with<vaekit::DataError>(
      "x:1:2: syntax error while parsing array - unexpected end of input; expected ']'",
      [] { static_cast<void>(vaekit::parse_json<vaekit::DataError>("[1", "x")); });
}

TEST_CASE("json: text that cannot be written is replaced, never thrown") {
  CHECK(vaekit::dump(vaekit::Json("\xFF"), -1) == "\"\xEF\xBF\xBD\"");
}
