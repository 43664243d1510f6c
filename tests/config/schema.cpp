// SPDX-License-Identifier: MIT
#include "vaekit/config/schema.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "example_config.hpp"

using namespace vaekit;

namespace {

const Json schema = json_schema<example::Experiment>("an experiment");

std::string property(const std::string& definition, const std::string& key) {
  return schema["$defs"][definition]["properties"][key].dump();
}

struct Tree {
  int leaves = 0;
  std::vector<Tree> branches = {};
  static constexpr auto fields() {
    return std::tuple{field("leaves", &Tree::leaves, "count"),
                      field("branches", &Tree::branches, "subtrees")};
  }
};

}  // namespace

TEST_CASE("schema: the head names the draft and the title, and refers to the configuration") {
  CHECK(schema["$schema"] == "https://json-schema.org/draft/2020-12/schema");
  CHECK(schema["title"] == "an experiment");
  CHECK(schema["else"].dump() == R"({"$ref":"#/$defs/config"})");
  std::string names;
  for (const auto& [name, definition] : schema["$defs"].items()) {
    names += name + ' ';
  }
  CHECK(names == "config data data_format layer schedule optimizer training ");
}

TEST_CASE("schema: a file that extends another is held to the known top-level keys only") {
  CHECK(schema["if"].dump() == R"({"required":["extends"]})");
  CHECK(schema["then"]["additionalProperties"] == false);
  CHECK(schema["then"]["properties"]["extends"]["type"] == "string");
  CHECK(schema["then"]["properties"]["data"] == true);
  CHECK(schema["then"]["properties"]["$schema"] == true);
}

TEST_CASE("schema: a field has type, bounds, meaning and default") {
  CHECK(property("config", "name") ==
        R"({"type":"string","description":"name of the run","default":"first"})");
  CHECK(property("config", "seed") ==
        R"({"type":"integer","minimum":0,"description":"seed of all random numbers","default":1})");
  CHECK(
      property("data", "validation_fraction") ==
      R"({"type":"number","minimum":0,"exclusiveMaximum":1,"description":"share of train held out","default":0.0})");
  CHECK(property("training", "grid") ==
        R"({"type":"array","items":{"type":"integer","minimum":1},"minItems":2,"maxItems":2,)"
        R"("description":"rows and columns of pictures","default":[8,8]})");
  CHECK(
      property("data", "test") ==
      R"({"anyOf":[{"$ref":"#/$defs/data_format"},{"type":"null"}],"description":"test samples","default":null})");
  CHECK(property("config", "beta") ==
        R"({"anyOf":[{"type":"number","minimum":0},{"$ref":"#/$defs/schedule"}],)"
        R"("description":"weight of the KL term","default":1.0})");
}

TEST_CASE("schema: a codec brings its own schema") {
  CHECK(schema["$defs"]["data"]["properties"]["scale"]["anyOf"][0].dump() == R"({"const":"auto"})");
}

TEST_CASE("schema: a variant is one of its tagged alternatives, also within itself") {
  CHECK(schema["$defs"]["layer"]["oneOf"].size() == 4);
  CHECK(schema["$defs"]["layer"]["oneOf"][0].dump() ==
        R"_({"type":"object","description":"y = act(x Wᵀ + b)","properties":{"type":{"const":"dense"},)_"
        R"_("units":{"type":"integer","minimum":1,"description":"output features"},)_"
        R"_("activation":{"enum":["identity","relu","tanh"],"description":"function of the output",)_"
        R"_("default":"identity"},"bias":{"type":"boolean","description":"add a bias","default":true}},)_"
        R"_("required":["type","units"],"additionalProperties":false})_");
  CHECK(schema["$defs"]["layer"]["oneOf"][2].dump() ==
        R"({"type":"object","properties":{"type":{"const":"flatten"}},"required":["type"],)"
        R"("additionalProperties":false})");
  CHECK(schema["$defs"]["layer"]["oneOf"][3]["properties"]["layers"].dump() ==
        R"_({"type":"array","items":{"$ref":"#/$defs/layer"},"description":"y = x + layers(x)"})_");
  CHECK(schema["$defs"]["data_format"]["oneOf"][1]["required"].dump() == R"(["format","path"])");
}

TEST_CASE("schema: a struct with a required key is required itself, and no struct has a default") {
  CHECK(schema["$defs"]["config"]["required"].dump() == R"(["data"])");
  CHECK(property("config", "training") == R"({"$ref":"#/$defs/training","description":"length and speed"})");
  CHECK_FALSE(schema["$defs"]["training"].contains("required"));
  CHECK(schema["$defs"]["training"]["additionalProperties"] == false);
}

TEST_CASE("schema: what adjusts a default need not state its type, what replaces it must") {
  const Json& either = schema["$defs"]["config"]["properties"]["optimizer"]["anyOf"];
  CHECK(either[0].dump() == R"({"$ref":"#/$defs/optimizer"})");
  CHECK(either[1]["properties"]["type"].dump() == R"({"const":"adam"})");
  CHECK_FALSE(either[1].contains("required"));
  for (const Json& alternative : schema["$defs"]["optimizer"]["oneOf"]) {
    CHECK(alternative["required"][0] == "type");
  }
}

TEST_CASE("schema: a struct may hold itself") {
  const Json tree = json_schema<Tree>("tree");
  CHECK(tree["$defs"]["config"]["properties"]["branches"]["items"].dump() == R"({"$ref":"#/$defs/config"})");
  CHECK(tree["$defs"].size() == 1);
}
