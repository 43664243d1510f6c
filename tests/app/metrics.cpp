// SPDX-License-Identifier: MIT
#include "vaekit/app/metrics.hpp"

#include <doctest/doctest.h>

#include <array>
#include <sstream>

#include "app/example_run.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

std::string measured(const MetricsOptions& options) {
  std::ostringstream out;
  const ExitCode code = run_metrics(options, out);  // outside of CHECK, which keeps what is thrown
  CHECK(code == ExitCode::done);
  return out.str();
}

/// A run on small sprites.
ExperimentConfig sprite_config() {
  ExperimentConfig config = example::small_config(3);
  config.data.train = SyntheticConfig{.source = SyntheticSource::sprites, .count = 60, .size = 12};
  config.data.test = std::nullopt;
  return config;
}

}  // namespace

TEST_CASE("metrics: of data with factors, all disentanglement metrics") {
  const example::ExampleRun example("metrics-sprites", sprite_config());
  const MetricsOptions options{.run = example.run.root, .samples = 200, .threads = 1, .json = true};
  const Json json = parse_json(measured(options), "out");
  const Json& report = json["disentanglement"];
  CHECK(report["samples"] == 200);
  for (const char* name : {"mig", "sap", "modularity", "dci_disentanglement", "dci_completeness",
                           "dci_informativeness", "factor_vae_score", "beta_vae_score"}) {
    CAPTURE(name);
    CHECK(report[name].get<double>() >= 0);
    CHECK(report[name].get<double>() <= 1);
  }
  CHECK(report["mig_of_factor"].size() == 5);
  CHECK(report["mig_of_factor"].contains("orientation"));
  CHECK_FALSE(json.contains("probe"));  // no test split
  CHECK(json["quality"]["samples"] == 60);
  CHECK(json["quality"].contains("ssim"));
  MetricsOptions more = options;
  more.threads = 3;
  CHECK(measured(more) == measured(options));
}

TEST_CASE("metrics: the codes are the library's posterior means of combinations drawn by the seed") {
  const example::ExampleRun example("metrics-mig", sprite_config());
  const Run run = load_run(example.run.root);
  const LoadedData data = load_split(run, DataSplit::train);
  const ConfiguredVae<float> model = example::initialized_model(example.config, {12, 12, 1});
  const std::vector<std::uint32_t> combinations =
      draw_combinations(sprite_factors(), 150, example.config.seed);
  Matrix<double> codes(150, 3);
  LatentRepresentation(model, data.dataset, data.transform, data.seed)(combinations, codes);
  const double mig = mutual_information_gap(
      mutual_information(discretize(codes), factor_values(sprite_factors(), combinations)));
  const Json json = parse_json(
      measured(
          {.run = example.run.root, .disentanglement = true, .samples = 150, .threads = 1, .json = true}),
      "out");
  CHECK(json["disentanglement"]["mig"] == mig);
  CHECK(json.size() == 1);
}

TEST_CASE("metrics: probes of labelled data, in text") {
  const example::ExampleRun example("metrics-probe");
  const std::string text = measured({.run = example.run.root, .threads = 1});
  CHECK(text.starts_with("probe\n  train_samples               40\n  test_samples                12\n"));
  CHECK(text.find("  linear_accuracy             0.") != std::string::npos);
  CHECK(text.find("  neighbours                  5\n") != std::string::npos);
  CHECK(text.find("quality\n  samples                     12\n  mean_squared_error          0.") !=
        std::string::npos);
  CHECK(text.find("psnr_decibels") != std::string::npos);
  CHECK(text.find("ssim") == std::string::npos);  // images of 8x8
}

TEST_CASE("metrics: distances of samples in the features of a classifier") {
  const example::ExampleRun example("metrics-features");
  constexpr std::array<Index, 1> units = {4};
  FeatureClassifier features("bars", {8, 8, 1}, units, 2);
  features.classifier.initialize(RandomStream(1, Purpose::initialize));
  const std::filesystem::path file = example.folder / "features.safetensors";
  write_feature_classifier(file, features);
  const MetricsOptions options{
      .run = example.run.root, .quality = true, .features = file, .threads = 1, .json = true};
  const Json json = parse_json(measured(options), "out");
  const Json& report = json["quality"];
  CHECK(report["features"] == "bars features");
  CHECK(report["frechet_distance"].get<double>() > 0);
  CHECK(report["kernel_distance"].is_number());
  CHECK(report["precision"].get<double>() <= 1);
  CHECK(report["recall"].get<double>() <= 1);
  const Json with_probe = parse_json(
      measured({.run = example.run.root, .probe = true, .features = file, .threads = 1, .json = true}),
      "out");
  CHECK(with_probe["quality"] == report);

  check_throws_with<DataError>("synthetic bars: has 1 sample, needs at least 2 for --features", [&] {
    static_cast<void>(
        measured({.run = example.run.root, .quality = true, .features = file, .samples = 1, .threads = 1}));
  });

  features.shape = {4, 16, 1};
  write_feature_classifier(file, features);
  check_throws_with<DataError>(
      "synthetic bars: samples are 8x8x1 in [0, 1], must be 4x16x1 in [0, 1] for the features of bars",
      [&] { static_cast<void>(measured(options)); });
}

TEST_CASE("metrics: what the data do not allow is refused") {
  const example::ExampleRun bars("metrics-bars");
  check_throws_with<DataError>(
      "synthetic bars: has no known factors, needs a generated source (synthetic sprites) for "
      "--disentanglement",
      [&] { static_cast<void>(measured({.run = bars.run.root, .disentanglement = true, .threads = 1})); });
  const example::ExampleRun sprites("metrics-no-test", sprite_config());
  check_throws_with<ConfigError>("config /data/test: missing key, required to evaluate the test split", [&] {
    static_cast<void>(measured({.run = sprites.run.root, .probe = true, .threads = 1}));
  });

  const TemporaryFolder folder("metrics-labels");
  write_file_atomically(folder / "ids.csv", "a,id\n0,1\n1,10000\n0,2\n");
  ExperimentConfig ids = example::small_config();
  ids.data.train = CsvConfig{.path = (folder / "ids.csv").string(), .label_column = "id"};
  ids.data.test = ids.data.train;
  ids.training.batch_size = 2;
  const example::ExampleRun labelled("metrics-ids", ids);
  check_throws_with<DataError>("bars: largest label is 10000, must be below 10000 for --probe", [&] {
    static_cast<void>(measured({.run = labelled.run.root, .probe = true, .threads = 1}));
  });
}
