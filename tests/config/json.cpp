// SPDX-License-Identifier: MIT
#include "vaekit/config/json.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "example_config.hpp"
#include "vaekit/config/merge.hpp"
#include "vaekit/config/override.hpp"

using namespace vaekit;
using example::Experiment;

namespace {

/// Random choices that are the same with every standard library.
class Mutator {
 public:
  std::size_t below(std::size_t count) { return static_cast<std::size_t>(engine_()) % count; }

  /// Changes one node of the document: another value, a renamed, removed or moved member.
  void mutate(Json& json) {
    Json& node = any_node(json);
    if (!node.is_structured() || node.empty() || below(4) == 0) {
      node = any_value();
      return;
    }
    const auto entry = std::next(node.begin(), static_cast<std::ptrdiff_t>(below(node.size())));
    if (below(2) == 0) {
      node.erase(entry);
    } else if (node.is_array()) {
      node.push_back(Json(*entry));
    } else {
      std::string key = entry.key() + "x";
      key[below(key.size())] = static_cast<char>(below(128));
      node[key] = Json(*entry);
    }
  }

  std::string mutate_text(std::string text) {
    for (std::size_t count = 1 + below(3); count > 0; --count) {
      const std::size_t place = below(text.size());
      const std::string_view byte =
          below(2) == 0 ? text : std::string_view("{}[]\",:\\-+.e019\0\x80\xff", 18);
      if (below(3) == 0) {
        text.erase(place, 1 + below(8));
      } else {
        text.insert(place, 1, byte[below(byte.size())]);
      }
    }
    return text;
  }

 private:
  Json& any_node(Json& json) {
    if (!json.is_structured() || json.empty() || below(4) == 0) {
      return json;
    }
    return any_node(*std::next(json.begin(), static_cast<std::ptrdiff_t>(below(json.size()))));
  }

  Json any_value() {
    static const Json values = Json::parse(
        R"([null, true, 0, 1, -1, 0.5, 1e300, -1e-300, 9223372036854775807, 18446744073709551615, "", "relu",
            "dense", "idx", "\u0000", "é", [], [1], [[1, 2]], {}, {"type": "adam"}, {"type": "dense"},
            {"format": "csv", "path": "x"}, {"schedule": "linear", "from": 1}, {"type": {"type": 1}}])");
    return values[below(values.size())];
  }

  std::mt19937_64 engine_{20240607};
};

/// Reads, and when that works writes and reads again. True when accepted; anything but ConfigError escapes.
bool survives(const Json& json) {
  try {
    const Json written = write_json(read_json<Experiment>(json));
    CHECK(write_json(read_json<Experiment>(Json::parse(written.dump()))) == written);
    return true;
  } catch (const ConfigError& error) {
    const std::string_view message = error.what();
    CHECK(message.starts_with("config"));
    CHECK(message.find('\n') == std::string_view::npos);
    CHECK(message.size() < 400);
    return false;
  }
}

}  // namespace

TEST_CASE("json: a mutated document is read or refused with ConfigError") {
  Mutator mutator;
  const Json valid = Json::parse(example::full_text);
  int accepted = 0;
  for (int i = 0; i < 1500; ++i) {
    Json json = valid;
    for (std::size_t count = mutator.below(3); count < 3; ++count) {
      mutator.mutate(json);
    }
    CAPTURE(dump(json, -1));
    rebase_paths<Experiment>(json, "folder");
    accepted += survives(json) ? 1 : 0;
    accepted += survives(merge_json(valid, json)) ? 1 : 0;
  }
  CHECK(accepted > 300);
  CHECK(accepted < 2700);
}

TEST_CASE("json: mutated text is read or refused with a vaekit error") {
  Mutator mutator;
  int accepted = 0;
  for (int i = 0; i < 500; ++i) {
    const std::string text = mutator.mutate_text(std::string(example::full_text));
    CAPTURE(text);
    try {
      accepted += survives(parse_json(text, "config")) ? 1 : 0;
    } catch (const Error&) {
    }
  }
  CHECK(accepted > 10);
}

TEST_CASE("json: a mutated override is applied or refused with an error of --set") {
  Mutator mutator;
  constexpr std::array<std::string_view, 4> valid{"encoder.1.layers.0.rate=0.25", "optimizer.type=adam",
                                                  "data.train.path=x.gz", "training={\"epochs\": 3}"};
  for (int i = 0; i < 500; ++i) {
    const std::string assignment = mutator.mutate_text(std::string(valid[mutator.below(valid.size())]));
    CAPTURE(assignment);
    Json json = Json::parse(example::full_text);
    try {
      apply_override(json, assignment);
    } catch (const Error& error) {
      CHECK(std::string_view(error.what()).starts_with("--set "));
      CHECK(json == Json::parse(example::full_text));
      continue;
    }
    survives(json);
  }
}
