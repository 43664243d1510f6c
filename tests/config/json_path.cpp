// SPDX-License-Identifier: MIT
#include "vaekit/config/json_path.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

using namespace vaekit;

TEST_CASE("json_path: a JSON pointer after the document, nothing for the document itself") {
  const JsonPath root("config");
  CHECK(root.text() == "config");
  CHECK((root / "model" / "encoder" / 0 / "units").text() == "config /model/encoder/0/units");
}

TEST_CASE("json_path: keys are escaped, kept on one line and cut") {
  const JsonPath root("config");
  CHECK((root / "a/b~c").text() == "config /a~1b~0c");
  CHECK((root / "a\nb\"c").text() == "config /a\\nb\\\"c");
  CHECK((root / "a\xff").text() == "config /a\xEF\xBF\xBD");
  CHECK((root / std::string(100, 'k')).text() == "config /" + std::string(61, 'k') + "...");
}

TEST_CASE("json_path: a preview is compact, on one line and at most 40 bytes") {
  CHECK(preview(Json::parse(R"({"a": [1, 2.5, null, true], "b": "x\ny"})")) ==
        R"({"a":[1,2.5,null,true],"b":"x\ny"})");
  CHECK(preview(Json::array()) == "[]");
  CHECK(preview(Json(std::string(100, 'x'))) == '"' + std::string(36, 'x') + "...");
  CHECK(preview(Json(std::string(35, 'x') + "\u00e9\u00e9")) == '"' + std::string(35, 'x') + "...");
  CHECK(preview(Json("\xff")) == "\"\xEF\xBF\xBD\"");
  CHECK(preview(Json(std::nan(""))) == "nan");
  CHECK(preview(Json(-std::numeric_limits<double>::infinity())) == "-inf");
  Json deep = Json::array();
  for (int depth = 0; depth < 1000; ++depth) {
    deep = Json::array({deep});
  }
  CHECK(preview(deep) == std::string(37, '[') + "...");
}
