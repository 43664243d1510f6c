// SPDX-License-Identifier: MIT
#include "vaekit/config/override.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace vaekit;

namespace {

const Json document =
    Json::parse(R"({"name": "a", "model": {"encoder": [{"units": 1}, {"units": 2}]}, "none": null})");

std::string after(const std::string& assignment) {
  Json json = document;
  apply_override(json, assignment);
  return json.dump();
}

template <class E>
std::string refusal(const std::string& assignment) {
  Json json = document;
  try {
    apply_override(json, assignment);
  } catch (const E& e) {
    CHECK(json == document);
    return e.what();
  }
  return "accepted";
}

std::string override_error(const std::string& assignment) { return refusal<ConfigError>(assignment); }
std::string malformed(const std::string& assignment) { return refusal<UsageError>(assignment); }

}  // namespace

TEST_CASE("override: a dotted path with indices names the value") {
  CHECK(after("name=\"b\"") == R"({"name":"b","model":{"encoder":[{"units":1},{"units":2}]},"none":null})");
  CHECK(after("model.encoder.1.units=300") ==
        R"({"name":"a","model":{"encoder":[{"units":1},{"units":300}]},"none":null})");
  CHECK(after("model.encoder=[]") == R"({"name":"a","model":{"encoder":[]},"none":null})");
}

TEST_CASE("override: missing objects are created") {
  CHECK(after("a.b.c=1") ==
        R"({"name":"a","model":{"encoder":[{"units":1},{"units":2}]},"none":null,"a":{"b":{"c":1}}})");
  CHECK(after("none.x=1") == R"({"name":"a","model":{"encoder":[{"units":1},{"units":2}]},"none":{"x":1}})");
}

TEST_CASE("override: the value is JSON, or a bare word taken for a string") {
  const auto value = [](const std::string& text) {
    Json json = Json::object();
    apply_override(json, "x=" + text);
    return json["x"].dump();
  };
  CHECK(value("0.5") == "0.5");
  CHECK(value("true") == "true");
  CHECK(value("null") == "null");
  CHECK(value("\"two words\"") == "\"two words\"");
  CHECK(value(R"({"a": [1, "=b"]})") == R"({"a":[1,"=b"]})");
  CHECK(value("first-try") == "\"first-try\"");
  CHECK(value("../data/x.npy") == "\"../data/x.npy\"");
  CHECK(value("a=b") == "\"a=b\"");
  CHECK(value("é") == "\"é\"");
}

TEST_CASE("override: a value that is neither JSON nor a bare word is refused") {
  CHECK(malformed("name=two words") == "--set name: value is \"two words\", must be JSON or a bare word");
  CHECK(malformed("name=[1, 2") == "--set name: value is \"[1, 2\", must be JSON or a bare word");
  CHECK(malformed("name=") == "--set name: value is \"\", must be JSON or a bare word");
  CHECK(malformed("name=\xff") == "--set name: value is \"\xEF\xBF\xBD\", must be JSON or a bare word");
}

TEST_CASE("override: a malformed assignment is refused") {
  CHECK(malformed("name") == "--set name: has no \"=\", must be KEY=JSON");
  CHECK(malformed("") == "--set : has no \"=\", must be KEY=JSON");
  CHECK(malformed("=3") == "--set : has an empty or unreadable key, must be KEY.KEY=JSON");
  CHECK(malformed("a..b=3") == "--set a..b: has an empty or unreadable key, must be KEY.KEY=JSON");
  CHECK(malformed("a.=3") == "--set a.: has an empty or unreadable key, must be KEY.KEY=JSON");
  std::string deep = "a";
  for (int i = 0; i < 100'000; ++i) {
    deep += ".a";
  }
  CHECK(malformed(deep + "=3").ends_with("...: nested deeper than 256 levels"));
  CHECK(malformed("a\xff=3") == "--set a\xEF\xBF\xBD: has an empty or unreadable key, must be KEY.KEY=JSON");
}

TEST_CASE("override: an index must name an element") {
  CHECK(override_error("model.encoder.7.units=3") ==
        "--set model.encoder.7.units: index is 7, must be < 2 (elements of model.encoder)");
  CHECK(override_error("model.encoder.2={}") ==
        "--set model.encoder.2: index is 2, must be < 2 (elements of model.encoder)");
  CHECK(override_error("model.encoder.-1={}") ==
        "--set model.encoder.-1: index is -1, must be < 2 (elements of model.encoder)");
  CHECK(override_error("model.encoder.first.units=3") ==
        "--set model.encoder.first.units: index is first, must be < 2 (elements of model.encoder)");
  CHECK(override_error("model.encoder.99999999999999999999.units=3") ==
        "--set model.encoder.99999999999999999999.units: index is 99999999999999999999, must be < 2 "
        "(elements of "
        "model.encoder)");
  CHECK(override_error("model.decoder.0.units=3") ==
        "--set model.decoder.0.units: model.decoder is missing, must be an array");
}

TEST_CASE("override: a path does not lead through a plain value") {
  CHECK(override_error("name.first=3") == "--set name.first: name is \"a\", must be an object or an array");
  CHECK(override_error("model.encoder.0.units.x=3") ==
        "--set model.encoder.0.units.x: model.encoder.0.units is 1, must be an object or an array");
  Json json = 3;
  CHECK_THROWS_WITH_AS(apply_override(json, "a=1"),
                       "--set a: the configuration is 3, must be an object or an array", ConfigError);
}
