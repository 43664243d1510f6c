// SPDX-License-Identifier: MIT
//
// A configuration with every kind of field that the JSON machinery knows.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "vaekit/config/codec.hpp"
#include "vaekit/config/read_json.hpp"
#include "vaekit/core/fields.hpp"
#include "vaekit/core/matrix.hpp"
#include "vaekit/core/schedule.hpp"

namespace example {

using vaekit::at_least;
using vaekit::below_one;
using vaekit::field;
using vaekit::non_negative;
using vaekit::path_field;
using vaekit::positive;
using vaekit::required_field;
using vaekit::required_path_field;

enum class Activation { identity, relu, tanh };

constexpr auto enum_names(Activation) { return std::array<std::string_view, 3>{"identity", "relu", "tanh"}; }

struct Dense {
  static constexpr std::string_view kind = "dense";
  static constexpr std::string_view help = "y = act(x Wᵀ + b)";
  vaekit::Index units = 0;
  Activation activation = Activation::identity;
  bool bias = true;
  static constexpr auto fields() {
    return std::tuple{required_field("units", &Dense::units, "output features", at_least(1)),
                      field("activation", &Dense::activation, "function of the output"),
                      field("bias", &Dense::bias, "add a bias")};
  }
};

struct Dropout {
  static constexpr std::string_view kind = "dropout";
  float rate = 0.1F;
  static constexpr auto fields() {
    return std::tuple{field("rate", &Dropout::rate, "probability of a zero", below_one)};
  }
};

struct Flatten {
  static constexpr std::string_view kind = "flatten";
  static constexpr auto fields() { return std::tuple<>{}; }
};

struct Layer;

struct Residual {
  static constexpr std::string_view kind = "residual";
  std::vector<Layer> layers;
  static constexpr auto fields();
};

struct Layer : std::variant<Dense, Dropout, Flatten, Residual> {
  static constexpr std::string_view noun = "layer";
  using variant::variant;
};

constexpr auto Residual::fields() {
  return std::tuple{required_field("layers", &Residual::layers, "y = x + layers(x)")};
}

struct Adam {
  static constexpr std::string_view kind = "adam";
  vaekit::Schedule learning_rate = 0.001;
  double beta1 = 0.9;
  double epsilon = 1e-8;
  static constexpr auto fields() {
    return std::tuple{field("learning_rate", &Adam::learning_rate, "step size", positive),
                      field("beta1", &Adam::beta1, "decay of the mean", below_one),
                      field("epsilon", &Adam::epsilon, "added to the root", positive)};
  }
};

struct Sgd {
  static constexpr std::string_view kind = "sgd";
  vaekit::Schedule learning_rate = 0.01;
  std::optional<double> momentum = std::nullopt;
  static constexpr auto fields() {
    return std::tuple{field("learning_rate", &Sgd::learning_rate, "step size", positive),
                      field("momentum", &Sgd::momentum, "decay of the velocity | null: none", below_one)};
  }
};

struct Idx {
  static constexpr std::string_view tag = "format";
  static constexpr std::string_view noun = "data format";
  static constexpr std::string_view kind = "idx";
  std::string path;
  std::string labels;
  static constexpr auto fields() {
    return std::tuple{required_path_field("path", &Idx::path, "images"),
                      path_field("labels", &Idx::labels, "labels, none when empty")};
  }
};

struct Csv {
  static constexpr std::string_view kind = "csv";
  std::vector<std::string> path = {};
  std::vector<int> columns = {};
  static constexpr auto fields() {
    return std::tuple{required_path_field("path", &Csv::path, "files, one after the other"),
                      field("columns", &Csv::columns, "columns to use, all when empty", non_negative)};
  }
};

struct Moons {
  static constexpr std::string_view kind = "moons";
  int count = 1000;
  static constexpr auto fields() {
    return std::tuple{field("count", &Moons::count, "number of samples", at_least(1))};
  }
};

using Source = std::variant<Idx, Csv, Moons>;

/// "auto", or the interval that is mapped to [0, 1].
struct Scale {
  std::optional<std::array<double, 2>> interval = std::nullopt;
};

struct Data {
  Source train = Idx{};
  std::optional<Source> test = std::nullopt;
  double validation_fraction = 0;
  Scale scale = {};
  static constexpr auto fields() {
    return std::tuple{
        required_field("train", &Data::train, "training samples"), field("test", &Data::test, "test samples"),
        field("validation_fraction", &Data::validation_fraction, "share of train held out", below_one),
        field("scale", &Data::scale, "interval mapped to [0, 1]")};
  }
};

struct Training {
  int epochs = 10;
  std::uint32_t threads = 0;
  std::array<int, 2> grid = {8, 8};
  static constexpr auto fields() {
    return std::tuple{field("epochs", &Training::epochs, "passes over the data", at_least(1)),
                      field("threads", &Training::threads, "0: all"),
                      field("grid", &Training::grid, "rows and columns of pictures", at_least(1))};
  }
};

struct Experiment {
  std::string name = "first";
  std::uint64_t seed = 1;
  Data data = {};
  std::vector<Layer> encoder = {};
  vaekit::Schedule beta = 1.0;
  std::variant<Adam, Sgd> optimizer = Adam{};
  Training training = {};
  static constexpr auto fields() {
    return std::tuple{field("name", &Experiment::name, "name of the run"),
                      field("seed", &Experiment::seed, "seed of all random numbers"),
                      field("data", &Experiment::data, "what is learned"),
                      field("encoder", &Experiment::encoder, "layers from x to features"),
                      field("beta", &Experiment::beta, "weight of the KL term", non_negative),
                      field("optimizer", &Experiment::optimizer, "update rule"),
                      field("training", &Experiment::training, "length and speed")};
  }
};

/// Every key once, with values that are not the defaults.
inline constexpr std::string_view full_text = R"({
  "name": "full", "seed": 18446744073709551615,
  "data": {"train": {"format": "idx", "path": "train.gz", "labels": "labels.gz"},
           "test": {"format": "csv", "path": ["a.csv", "b.csv"], "columns": [0, 2]},
           "validation_fraction": 0.1, "scale": [0, 255]},
  "encoder": [{"type": "dense", "units": 400, "activation": "relu", "bias": false},
              {"type": "residual", "layers": [{"type": "dropout", "rate": 0.3}, {"type": "flatten"}]}],
  "beta": {"schedule": "linear", "from": 0, "to": 1, "epochs": 10},
  "optimizer": {"type": "sgd", "learning_rate": {"schedule": "multi_step", "from": 0.1, "milestones": [5, 8]},
                "momentum": 0.9},
  "training": {"epochs": 3, "threads": 2, "grid": [4, 6]}})";

}  // namespace example

template <>
struct vaekit::JsonCodec<example::Scale> {
  static constexpr std::string_view type_name = "`\"auto\"` or [low, high]";
  static void read(const Json& json, const JsonPath& path, example::Scale& out) {
    if (json.is_array()) {
      read_json(json, path, out.interval);
    } else if (json == "auto") {
      out.interval.reset();
    } else {
      refuse(json, path, "must be \"auto\" or [low, high]");
    }
  }
  static Json write(const example::Scale& scale) {
    return scale.interval ? Json(*scale.interval) : Json("auto");
  }
  static Json schema() {
    return Json::parse(R"({"anyOf": [{"const": "auto"},
                                     {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}]})");
  }
};
