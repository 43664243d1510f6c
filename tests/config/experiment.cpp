// SPDX-License-Identifier: MIT
#include "vaekit/config/experiment.hpp"

#include <doctest/doctest.h>

#include <string>
#include <type_traits>

#include "support/throws_with.hpp"
#include "vaekit/config/json.hpp"

using namespace vaekit;

namespace {

ExperimentConfig read_experiment(const std::string& text) {
  return read_json<ExperimentConfig>(parse_json(text, "text"));
}

}  // namespace

TEST_CASE("experiment: data is all that must be said") {
  const ExperimentConfig config =
      read_experiment(R"({"data": {"train": {"format": "idx", "path": "a.idx"}}})");
  CHECK(config.name == "experiment");
  CHECK(config.seed == 1);
  CHECK(config.precision == Precision::float32);
  CHECK_FALSE(config.data.test);
  CHECK(config.data.validation_fraction == 0);
  CHECK(config.data.scale.kind == ScaleKind::automatic);
  CHECK(config.data.binarize == Binarize::none);
  CHECK(std::get<DenseConfig>(config.model.encoder.at(0)).units == 400);
  CHECK(std::get<DenseConfig>(config.model.decoder.at(0)).activation == Activation::relu);
  CHECK(std::get<GaussianLatentConfig>(config.model.latent).dim == 20);
  CHECK(std::holds_alternative<BernoulliConfig>(config.model.likelihood));
  CHECK(std::holds_alternative<ElboConfig>(config.objective));
  CHECK(std::holds_alternative<AdamConfig>(config.optimizer));
  CHECK(config.training.epochs == 10);
  CHECK(config.training.batch_size == 128);
}

TEST_CASE("experiment: the effective configuration reads back as itself") {
  const ExperimentConfig config = read_experiment(R"({
    "name": "x", "seed": 18446744073709551615, "precision": "float64",
    "data": {"train": {"format": "synthetic", "source": "moons", "noise": 0.2}, "validation_fraction": 0.1,
             "test": {"format": "csv", "path": "/t.csv", "label_column": "y"}, "scale": [-1, 1], "binarize": "threshold"},
    "model": {"encoder": [{"type": "layer_norm"}], "decoder": [], "latent": {"type": "gaussian", "dim": 3},
              "likelihood": {"type": "gaussian", "variance": "learned"}},
    "objective": {"type": "elbo", "beta": {"schedule": "linear", "from": 0, "to": 1, "epochs": 5}},
    "optimizer": {"type": "sgd", "momentum": 0.9}, "training": {"epochs": 0}})");
  const Json written = write_json(config);
  CHECK(dump(write_json(read_json<ExperimentConfig>(written)), -1) == dump(written, -1));
  CHECK(written["seed"] == 18446744073709551615ULL);
  CHECK(written["data"]["scale"] == Json::array({-1.0, 1.0}));
  CHECK(written["training"]["epochs"] == 0);
}

TEST_CASE("experiment: what is left out or wrong is refused by its place") {
  const auto refuse = [](const std::string& text, const std::string& message) {
    check_throws_with<ConfigError>(message, [&] { static_cast<void>(read_experiment(text)); });
  };
  refuse("{}", "config /data: missing key, required");
  refuse(R"({"data": {}})", "config /data/train: missing key, required");
  refuse(R"({"data": {"train": {"format": "synthetic"}, "validation_fraction": 1}})",
         "config /data/validation_fraction: is 1, must be in [0, 1)");
  refuse(R"({"data": {"train": {"format": "synthetic"}}, "precision": "float16"})",
         "config /precision: unknown value \"float16\"; known: float32, float64; did you mean \"float32\"?");
}

TEST_CASE("experiment: the scalar type of a precision") {
  const auto size = []<class T>(T) { return sizeof(T); };
  CHECK(with_precision(Precision::float32, size) == 4);
  CHECK(with_precision(Precision::float64, size) == 8);
}
