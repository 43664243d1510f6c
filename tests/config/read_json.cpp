// SPDX-License-Identifier: MIT
#include "vaekit/config/read_json.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <variant>

#include "example_config.hpp"

using namespace vaekit;
using example::Experiment;

namespace {

Experiment read(std::string_view text) { return read_json<Experiment>(Json::parse(text)); }

std::string read_error(std::string_view text) {
  try {
    read(text);
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "accepted";
}

/// The error for a configuration that is right but for `member`.
std::string error_with(const std::string& member) {
  return read_error(R"({"data": {"train": {"format": "moons"}}, )" + member + "}");
}

}  // namespace

TEST_CASE("read_json: every kind of field is read") {
  const Experiment config = read(example::full_text);
  CHECK(config.name == "full");
  CHECK(config.seed == 18446744073709551615U);
  const auto& train = std::get<example::Idx>(config.data.train);
  CHECK(train.path == "train.gz");
  CHECK(train.labels == "labels.gz");
  REQUIRE(config.data.test.has_value());
  CHECK(std::get<example::Csv>(*config.data.test).columns == std::vector<int>{0, 2});
  CHECK(config.data.validation_fraction == 0.1);
  CHECK(config.data.scale.interval == std::array<double, 2>{0, 255});
  REQUIRE(config.encoder.size() == 2);
  const auto& dense = std::get<example::Dense>(config.encoder[0]);
  CHECK(dense.units == 400);
  CHECK(dense.activation == example::Activation::relu);
  CHECK_FALSE(dense.bias);
  const auto& inner = std::get<example::Residual>(config.encoder[1]).layers;
  REQUIRE(inner.size() == 2);
  CHECK(std::get<example::Dropout>(inner[0]).rate == 0.3F);
  CHECK(std::holds_alternative<example::Flatten>(inner[1]));
  CHECK(config.beta.schedule == ScheduleKind::linear);
  CHECK(config.beta.to == 1);
  const auto& sgd = std::get<example::Sgd>(config.optimizer);
  CHECK(sgd.learning_rate.milestones == std::vector<double>{5, 8});
  CHECK(sgd.momentum == 0.9);
  CHECK(config.training.grid == std::array<int, 2>{4, 6});
}

TEST_CASE("read_json: absent keys get their defaults") {
  const Experiment config = read(R"({"data": {"train": {"format": "moons"}}})");
  CHECK(config.name == "first");
  CHECK(std::get<example::Moons>(config.data.train).count == 1000);
  CHECK_FALSE(config.data.test.has_value());
  CHECK(config.beta.schedule == ScheduleKind::constant);
  CHECK(config.beta.from == 1);
  CHECK(std::get<example::Adam>(config.optimizer).learning_rate.from == 0.001);
}

TEST_CASE("read_json: in place, absent keys keep their values, and an error changes nothing") {
  example::Training training{.epochs = 7, .threads = 3, .grid = {1, 2}};
  read_json(Json::parse(R"({"threads": 4})"), training);
  CHECK(training.epochs == 7);
  CHECK(training.threads == 4);
  CHECK_THROWS_WITH_AS(read_json(Json::parse(R"({"epochs": 9, "threads": true})"), training, "run.json"),
                       "run.json /threads: is true, must be an integer", ConfigError);
  CHECK(training.epochs == 7);
}

TEST_CASE("read_json: a key that nobody knows is refused with the known ones") {
  CHECK(error_with(R"("optimizer": {"type": "adam", "learning_rte": 1})") ==
        "config /optimizer/learning_rte: unknown key; known: beta1, epsilon, learning_rate; did you mean "
        "\"learning_rate\"?");
  CHECK(error_with(R"("zeal": 1)") ==
        "config /zeal: unknown key; known: beta, data, encoder, name, optimizer, seed, training");
  CHECK(error_with(R"("a/b\n": 1)").starts_with("config /a~1b\\n: unknown key; known: beta, "));
  CHECK(error_with(R"("encoder": [{"type": "flatten", "units": 3}])") ==
        "config /encoder/0/units: unknown key; known: none");
}

TEST_CASE("read_json: a misspelt required key is reported as misspelt, not as missing") {
  CHECK(error_with(R"("encoder": [{"type": "dense", "unit": 3}])") ==
        "config /encoder/0/unit: unknown key; known: activation, bias, units; did you mean \"units\"?");
}

TEST_CASE("read_json: a missing required key is refused, also when the whole struct is missing") {
  CHECK(read_error("{}") == "config /data: missing key, required");
  CHECK(read_error(R"({"data": {}})") == "config /data/train: missing key, required");
  CHECK(read_error(R"({"data": {"train": {"format": "idx"}}})") ==
        "config /data/train/path: missing key, required");
}

TEST_CASE("read_json: a variant is refused without its tag and with an unknown one") {
  CHECK(error_with(R"("encoder": [{"type": "dens", "units": 3}])") ==
        "config /encoder/0/type: unknown layer \"dens\"; known: dense, dropout, flatten, residual; did you "
        "mean "
        "\"dense\"?");
  CHECK(error_with(R"("encoder": [{"type": "residual", "layers": [{"type": "Flaten"}]}])") ==
        "config /encoder/0/layers/0/type: unknown layer \"Flaten\"; known: dense, dropout, flatten, "
        "residual; did "
        "you mean \"flatten\"?");
  CHECK(error_with(R"("optimizer": {"type": "adma"})") ==
        "config /optimizer/type: unknown type \"adma\"; known: adam, sgd; did you mean \"adam\"?");
  CHECK(read_error(R"({"data": {"train": {"format": "hdf5"}}})") ==
        "config /data/train/format: unknown data format \"hdf5\"; known: csv, idx, moons");
  CHECK(error_with(R"("optimizer": {"learning_rate": 1})") ==
        "config /optimizer: missing key \"type\"; known: adam, sgd");
  CHECK(error_with(R"("optimizer": {"type": 3})") == "config /optimizer/type: is 3, must be a string");
  CHECK(error_with(R"("optimizer": "adam")") == "config /optimizer: is \"adam\", must be an object");
}

TEST_CASE("read_json: an unknown enumeration value is refused") {
  CHECK(error_with(R"("encoder": [{"type": "dense", "units": 3, "activation": "ReLu6"}])") ==
        "config /encoder/0/activation: unknown value \"ReLu6\"; known: identity, relu, tanh; did you mean "
        "\"relu\"?");
  CHECK(error_with(R"("encoder": [{"type": "dense", "units": 3, "activation": 1}])") ==
        "config /encoder/0/activation: is 1, must be a string");
}

TEST_CASE("read_json: a wrong type is refused with the value") {
  CHECK(read_error("[1, 2]") == "config: is [1,2], must be an object");
  CHECK(error_with(R"("training": {"epochs": "ten"})") ==
        "config /training/epochs: is \"ten\", must be an integer");
  CHECK(error_with(R"("training": {"epochs": 2.5})") ==
        "config /training/epochs: is 2.5, must be an integer");
  CHECK(error_with(R"("training": {"epochs": true})") ==
        "config /training/epochs: is true, must be an integer");
  CHECK(error_with(R"("training": {"epochs": null})") ==
        "config /training/epochs: is null, must be an integer");
  CHECK(error_with(R"("training": [])") == "config /training: is [], must be an object");
  CHECK(error_with(R"("name": ["a", "list", "that", "is", "too long to show"])") ==
        R"(config /name: is ["a","list","that","is","too long to ..., must be a string)");
  CHECK(error_with(R"("encoder": {"type": "dense"})") ==
        R"(config /encoder: is {"type":"dense"}, must be an array)");
  CHECK(error_with(R"("encoder": [{"type": "dense", "units": 3, "bias": 1}])") ==
        "config /encoder/0/bias: is 1, must be true or false");
  CHECK(error_with(R"("optimizer": {"type": "adam", "beta1": "0.9"})") ==
        "config /optimizer/beta1: is \"0.9\", must be a number");
  CHECK(error_with(R"("name": "a\u0000b")") == "config /name: is \"a\\u0000b\", must not contain \\u0000");
}

TEST_CASE("read_json: a number out of range is refused") {
  CHECK(error_with(R"("training": {"epochs": 0})") == "config /training/epochs: is 0, must be >= 1");
  CHECK(error_with(R"("training": {"grid": [4, 0]})") == "config /training/grid/1: is 0, must be >= 1");
  CHECK(error_with(R"("optimizer": {"type": "adam", "beta1": 1})") ==
        "config /optimizer/beta1: is 1, must be in [0, 1)");
  CHECK(error_with(R"("optimizer": {"type": "sgd", "momentum": -0.5})") ==
        "config /optimizer/momentum: is -0.5, must be in [0, 1)");
  CHECK(read_error(R"({"data": {"train": {"format": "csv", "path": [], "columns": [0, -1]}}})") ==
        "config /data/train/columns/1: is -1, must be >= 0");
}

TEST_CASE("read_json: the range is that of the number as stored") {
  CHECK(error_with(R"("encoder": [{"type": "dropout", "rate": 0.99999999999}])") ==
        "config /encoder/0/rate: is 0.99999999999, must be in [0, 1)");
  float value = 0;
  const JsonPath path("config");
  CHECK_THROWS_WITH_AS(read_json(Json(1e-50), path, value, positive), "config: is 1e-50, must be > 0",
                       ConfigError);
  CHECK_THROWS_WITH_AS(read_json(Json(-1e39), path, value),
                       "config: is -1e+39, must be at most 3.402823e+38 in magnitude", ConfigError);
  CHECK_THROWS_WITH_AS(read_json(Json(std::nan("")), path, value), "config: is nan, must be finite",
                       ConfigError);
  CHECK_THROWS_AS(read_json(Json(3.4028236e38), path, value), ConfigError);
  read_json(Json(3.4028235e38), path, value);
  CHECK(value == std::numeric_limits<float>::max());
  read_json(Json(16777217), path, value);
  CHECK(value == 16777216.0F);
}

TEST_CASE("read_json: an integer that its type cannot hold is refused") {
  CHECK(error_with(R"("training": {"epochs": 3000000000})") ==
        "config /training/epochs: is 3000000000, must be <= 2147483647");
  CHECK(error_with(R"("training": {"threads": -1})") == "config /training/threads: is -1, must be >= 0");
  CHECK(error_with(R"("seed": -1)") == "config /seed: is -1, must be >= 0");
  CHECK(error_with(R"("seed": 18446744073709551616)") ==
        "config /seed: is 1.8446744073709552e+19, must be an integer");
  CHECK(error_with(R"("encoder": [{"type": "dense", "units": 9223372036854775808}])") ==
        "config /encoder/0/units: is 9223372036854775808, must be <= 9223372036854775807");
  CHECK(read(R"({"data": {"train": {"format": "moons"}}, "seed": 2e3})").seed == 2000);
}

TEST_CASE("read_json: an array of the wrong length is refused") {
  CHECK(error_with(R"("training": {"grid": [1, 2, 3]})") ==
        "config /training/grid: has 3 elements, must have 2");
  CHECK(read_error(R"({"data": {"train": {"format": "moons"}, "scale": [1]}})") ==
        "config /data/scale: has 1 elements, must have 2");
}

TEST_CASE("read_json: a codec reads its own form") {
  CHECK(read_error(R"({"data": {"train": {"format": "moons"}, "scale": "none"}})") ==
        "config /data/scale: is \"none\", must be \"auto\" or [low, high]");
  CHECK(read_error(R"({"data": {"train": {"format": "moons"}, "scale": ["a", 1]}})") ==
        "config /data/scale/0: is \"a\", must be a number");
  CHECK_FALSE(read(R"({"data": {"train": {"format": "moons"}, "scale": "auto"}})").data.scale.interval);
}

TEST_CASE("read_json: a schedule is a number or an object, and takes values in the field's range") {
  const auto rate = [](const std::string& json) {
    return error_with(R"("optimizer": {"type": "adam", "learning_rate": )" + json + "}");
  };
  CHECK(rate("0") == "config /optimizer/learning_rate: is 0, must be > 0");
  CHECK(rate("\"fast\"") == "config /optimizer/learning_rate: is \"fast\", must be a number or an object");
  CHECK(rate(R"({"from": 1})") == "config /optimizer/learning_rate/schedule: missing key, required");
  CHECK(rate(R"({"schedule": "linera", "from": 1})") ==
        "config /optimizer/learning_rate/schedule: unknown value \"linera\"; known: constant, cosine, "
        "cyclical, exponential, linear, logistic, multi_step; did you mean \"linear\"?");
  CHECK(rate(R"({"schedule": "linear", "from": 1, "to": 0, "epochs": 0})") ==
        "config /optimizer/learning_rate/epochs: is 0, must be > 0");
  CHECK(rate(R"({"schedule": "constant", "from": 0})") ==
        "config /optimizer/learning_rate/from: is 0, must be > 0");
  CHECK(rate(R"({"schedule": "cosine", "from": 1, "to": -1})") ==
        "config /optimizer/learning_rate/to: is -1, must be >= 0");
  CHECK(rate(R"({"schedule": "cosine", "from": 1, "to": 0})") == "accepted");
  CHECK(rate(R"({"schedule": "linear", "from": 0, "to": 1})") == "accepted");
}

TEST_CASE("read_json: text that could not be written again is refused") {
  CHECK_THROWS_WITH_AS(static_cast<void>(read_json<std::string>(Json("\xff"))),
                       "config: is \"\xEF\xBF\xBD\", must be UTF-8", ConfigError);
}
