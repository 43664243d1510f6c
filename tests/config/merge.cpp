// SPDX-License-Identifier: MIT
#include "vaekit/config/merge.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <string_view>

#include "example_config.hpp"

using namespace vaekit;
using example::Experiment;

namespace {

std::string merged(std::string_view base, std::string_view overlay) {
  return merge_json(Json::parse(base), Json::parse(overlay)).dump();
}

using Folder = std::map<std::string, std::string>;

Json load(const Folder& folder, const std::string& file) {
  return load_extended<Experiment>(file, [&](const std::string& name) {
    const auto entry = folder.find(name);
    if (entry == folder.end()) {
      throw IoError(name + ": cannot be opened");
    }
    return Json::parse(entry->second);
  });
}

std::string merge_error(const Folder& folder, const std::string& file) {
  try {
    load(folder, file);
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

std::string rebased(std::string_view text, const std::string& folder) {
  Json json = Json::parse(text);
  rebase_paths<Experiment>(json, folder);
  return json.dump();
}

}  // namespace

TEST_CASE("merge: objects merge key by key, everything else replaces") {
  CHECK(merged(R"({"a": 1, "b": {"c": 2, "d": 3}})", R"({"b": {"d": 4, "e": 5}, "f": 6})") ==
        R"({"a":1,"b":{"c":2,"d":4,"e":5},"f":6})");
  CHECK(merged(R"({"a": [1, 2, 3]})", R"({"a": [4]})") == R"({"a":[4]})");
  CHECK(merged(R"({"a": {"b": 1}})", R"({"a": null})") == R"({"a":null})");
  CHECK(merged(R"({"a": {"b": 1}})", R"({"a": 2})") == R"({"a":2})");
  CHECK(merged(R"({"a": 2})", R"({"a": {"b": 1}})") == R"({"a":{"b":1}})");
}

TEST_CASE("merge: an object with another tag replaces, one with the same or no tag merges") {
  CHECK(merged(R"({"o": {"type": "adam", "beta1": 0.5}})", R"({"o": {"type": "sgd"}})") ==
        R"({"o":{"type":"sgd"}})");
  CHECK(merged(R"({"o": {"type": "adam", "beta1": 0.5}})", R"({"o": {"type": "adam", "epsilon": 1}})") ==
        R"({"o":{"type":"adam","beta1":0.5,"epsilon":1}})");
  CHECK(merged(R"({"o": {"type": "adam", "beta1": 0.5}})", R"({"o": {"beta1": 0.9}})") ==
        R"({"o":{"type":"adam","beta1":0.9}})");
  CHECK(merged(R"({"d": {"format": "idx", "path": "x"}})", R"({"d": {"format": "moons"}})") ==
        R"({"d":{"format":"moons"}})");
  CHECK(merged(R"({"b": {"schedule": "linear", "from": 0, "to": 1}})",
               R"({"b": {"schedule": "constant", "from": 2}})") ==
        R"({"b":{"schedule":"constant","from":2}})");
}

TEST_CASE("merge: a file extends a file that extends a file") {
  const Folder folder{{"a.json", R"({"extends": "b.json", "$schema": "s", "training": {"epochs": 1}})"},
                      {"b.json", R"({"extends": "c.json", "training": {"epochs": 2, "threads": 2}})"},
                      {"c.json", R"({"name": "c", "training": {"epochs": 3, "grid": [1, 1]}})"}};
  CHECK(load(folder, "a.json").dump() == R"({"name":"c","training":{"epochs":1,"grid":[1,1],"threads":2}})");
  CHECK(load(folder, "./c.json").dump() == R"({"name":"c","training":{"epochs":3,"grid":[1,1]}})");
}

TEST_CASE("merge: file names are relative to the file that states them") {
  const Folder folder{
      {"configs/a.json",
       R"({"extends": "../base/b.json", "data": {"test": {"format": "idx", "path": "t.gz"}}})"},
      {"base/b.json", R"({"extends": "/etc/c.json",
                          "data": {"train": {"format": "csv", "path": ["x.csv", "/y.csv", "../z.csv"]}}})"},
      {"/etc/c.json", R"({"data": {"train": {"format": "csv", "path": ["lost.csv"]},
                                   "test": {"format": "idx", "path": "lost.gz", "labels": "l.gz"}}})"}};
  const Json json = load(folder, "configs/a.json");
  CHECK(json["data"]["train"]["path"].dump() == R"(["base/x.csv","/y.csv","z.csv"])");
  CHECK(json["data"]["test"].dump() == R"({"format":"idx","path":"configs/t.gz","labels":"/etc/l.gz"})");
}

TEST_CASE("merge: an overlay without a tag has its file names rebased, each once") {
  CHECK(rebased(R"({"data": {"train": {"path": "x.gz"}, "test": {"path": ["a.csv"], "labels": ""}}})",
                "in") == R"({"data":{"train":{"path":"in/x.gz"},"test":{"path":["in/a.csv"],"labels":""}}})");
}

TEST_CASE("merge: what is no file name of the configuration is left alone") {
  for (const char* text : {R"({"name":"x.gz","data":{"train":{"format":"moons","path":"x.gz"}}})",
                           R"({"data":{"train":{"format":"idx","path":3}}})", R"({"data":[{"path":"x"}]})",
                           R"({"data":{"train":"path","test":null}})",
                           R"({"data":{"train":{"format":7,"path":"x"}}})", R"([{"data":1}])", "null"}) {
    CHECK(rebased(text, "in") == text);
  }
}

TEST_CASE("merge: a circle is refused with the way round") {
  const Folder folder{{"x/a.json", R"({"extends": "b.json"})"},
                      {"x/b.json", R"({"extends": "../x/a.json"})"},
                      {"self.json", R"({"extends": "self.json"})"}};
  CHECK(merge_error(folder, "x/a.json") == "x/b.json: extends itself: x/a.json -> x/b.json -> x/a.json");
  CHECK(merge_error(folder, "self.json") == "self.json: extends itself: self.json -> self.json");
}

TEST_CASE("merge: a chain of more than 16 files is refused") {
  Folder folder;
  for (int i = 0; i < 20; ++i) {
    folder[std::to_string(i)] = R"({"extends": ")" + std::to_string(i + 1) + "\"}";
  }
  CHECK(merge_error(folder, "0") ==
        "15: extends a chain of too many files: 0 -> 1 -> 2 -> 3 -> 4 -> 5 -> 6 -> 7 -> 8 -> 9 -> 10 -> 11 "
        "-> 12 -> "
        "13 -> 14 -> 15 -> 16, must be at most 16");
}

TEST_CASE("merge: a file that cannot be extended is refused by name") {
  const Folder folder{{"d/number.json", R"({"extends": 3})"},
                      {"d/empty.json", R"({"extends": ""})"},
                      {"d/list.json", "[1]"},
                      {"d/of_list.json", R"({"extends": "list.json"})"},
                      {"d/missing.json", R"({"extends": "nowhere.json"})"}};
  CHECK(merge_error(folder, "d/number.json") == "d/number.json /extends: is 3, must be a file name");
  CHECK(merge_error(folder, "d/empty.json") == "d/empty.json /extends: is \"\", must be a file name");
  CHECK(merge_error(folder, "d/list.json") == "d/list.json: is [1], must be an object");
  CHECK(merge_error(folder, "d/of_list.json") ==
        "d/list.json: is [1], must be an object; extended by d/of_list.json");
  CHECK(merge_error(folder, "d/missing.json") ==
        "d/nowhere.json: cannot be opened; extended by d/missing.json");
  CHECK(merge_error(folder, "d/nowhere.json") == "d/nowhere.json: cannot be opened");
  try {
    load(folder, "d/missing.json");
  } catch (const Error& error) {
    CHECK(error.exit_code() == ExitCode::input_output);
  }
}
