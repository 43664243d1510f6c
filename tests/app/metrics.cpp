// SPDX-License-Identifier: MIT
#include "vaekit/app/metrics.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "app/example_pictures.hpp"
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

Json measured_json(MetricsOptions options) {
  options.threads = 1;
  options.json = true;
  return parse_json(measured(options), "out");
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
  LatentRepresentation represent(model, data.dataset, data.transform, data.seed);
  represent(combinations, codes);
  represent.silence_dead_codes(codes);
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

TEST_CASE("metrics: probes are the library's, of posterior means") {
  const example::ExampleRun example("metrics-probe-values");
  const Run run = load_run(example.run.root);
  const LoadedData train = load_split(run, DataSplit::train);
  const LoadedData test = load_split(run, DataSplit::test);
  const ConfiguredVae<float> model = example::initialized_model(example.config);
  Matrix<double> x(40, 2);
  Matrix<double> y(12, 2);
  latent_codes(model, train.view(), x);
  latent_codes(model, test.view(), y);
  const std::vector<std::int32_t>& known = train.dataset.labels();
  const std::vector<std::int32_t>& hidden = test.dataset.labels();
  const Index classes = std::max(std::ranges::max(known), std::ranges::max(hidden)) + 1;
  const LinearProbe probe(x, known, classes);
  const Json report = measured_json({.run = example.run.root, .probe = true, .neighbours = 3})["probe"];
  CHECK(report["train_samples"] == 40);
  CHECK(report["test_samples"] == 12);
  CHECK(report["linear_accuracy"] == probe.accuracy(y, hidden));
  CHECK(report["linear_train_accuracy"] == probe.accuracy(x, known));
  CHECK(report["neighbours"] == 3);
  CHECK(report["neighbour_accuracy"] == agreement(classify_by_neighbours(x, known, classes, y, 3), hidden));
  Index most = 0;
  for (Index label = 0; label < classes; ++label) {
    most = std::max<Index>(most, std::ranges::count(hidden, label));
  }
  CHECK(report["most_frequent_label"] == static_cast<double>(most) / 12);
  const Json fewer = measured_json({.run = example.run.root, .probe = true, .samples = 10})["probe"];
  CHECK(fewer["train_samples"] == 10);
  CHECK(fewer["test_samples"] == 10);
}

TEST_CASE("metrics: outputs of a binarised run are held against grey images") {
  const example::ExampleRun example("metrics-grey", example::grey_config(Binarize::stochastic));
  const std::filesystem::path file = example.folder / "features.safetensors";
  const FeatureClassifier features = example::untrained_features({12, 12, 1}, file);
  const Json report = measured_json({.run = example.run.root, .quality = true, .features = file})["quality"];
  const LoadedData data = load_shown(load_run(example.run.root));
  const ConfiguredVae<float> model = example::initialized_model(example.config, {12, 12, 1});
  const Matrix<double> grey = example::pixels_of(data.dataset);
  REQUIRE((grey.array() > 0 && grey.array() < 1).count() > 100);
  const Matrix<double> made = reconstruct_all(model, data.view()).template cast<double>();
  const std::vector<double> errors = mean_squared_errors(grey, made);
  double error = 0;
  double similarity = 0;
  for (const double one : errors) {
    error += one / 12;
  }
  for (const double one : structural_similarities(grey, made, {12, 12, 1})) {
    similarity += one / 12;
  }
  CHECK(report["samples"] == 12);
  CHECK(report["mean_squared_error"].get<double>() == doctest::Approx(error));
  CHECK(report["psnr_decibels"].get<double>() == doctest::Approx(mean_peak_signal_to_noise(errors)));
  CHECK(report["ssim"].get<double>() == doctest::Approx(similarity));
  CHECK(report["features"] == "test features");
  CHECK(report["sampler"] == "prior");
  CHECK(report["precision_neighbours"] == 3);
  example::check_distances(report, features(grey),
                           features(sample_all(model, example.config.seed, Index{12}, 1.0)));

  // The same weights without binarisation: samples are the same, and so is what they are compared with.
  const example::ExampleRun plain("metrics-plain", example::grey_config(Binarize::none));
  const Json same = measured_json({.run = plain.run.root, .quality = true, .features = file})["quality"];
  for (const char* name : {"frechet_distance", "kernel_distance", "precision", "recall"}) {
    CAPTURE(name);
    CHECK(same[name] == report[name]);
  }
}

TEST_CASE("metrics: a run whose prior cannot be sampled takes a fitted sampler") {
  ExperimentConfig config = example::small_config();
  config.objective = RaeConfig{};
  const example::ExampleRun example("metrics-rae", config);
  const std::filesystem::path file = example.folder / "features.safetensors";
  const FeatureClassifier features = example::untrained_features({8, 8, 1}, file);
  MetricsOptions options{.run = example.run.root, .quality = true, .features = file, .threads = 1};
  check_throws_with<UsageError>(
      "--sampler: is prior, must be mixture or flow: rae_l2 trains no prior to sample from",
      [&] { static_cast<void>(measured(options)); });
  options.sampler = Sampler::mixture;
  options.components = 2;
  const Json report = measured_json(options)["quality"];
  CHECK(report["sampler"] == "mixture");
  const Run run = load_run(example.run.root);
  const ConfiguredVae<float> model = example::initialized_model(config);
  Matrix<float> z(12, 2);
  sample_fitted(model, run, Sampler::mixture, 2, 1.0, config.seed, MatrixOut<float>(z));
  example::check_distances(report, features(example::pixels_of(load_shown(run).dataset)),
                           features(decode_all(model, z)));
  options.components = 3;
  CHECK(measured_json(options)["quality"]["frechet_distance"] != report["frechet_distance"]);
}

TEST_CASE("metrics: outliers against the data by the negative ELBO") {
  const example::ExampleRun example("metrics-outliers");
  const std::filesystem::path file = example.folder / "strange.npy";
  example::write_inputs(file, 5);
  const MetricsOptions options{.run = example.run.root, .outliers = file, .threads = 1};
  const Json json = measured_json(options);
  CHECK(json.size() == 1);  // nothing that was not asked for
  const Json& report = json["outliers"];
  CHECK(report["samples"] == 12);
  CHECK(report["outliers"] == 5);
  const Run run = load_run(example.run.root);
  const ConfiguredVae<float> model = example::initialized_model(example.config);
  const std::vector<double> usual = negative_elbos(model, run, load_shown(run).view());
  const std::vector<double> strange = negative_elbos(model, run, load_input(run, file).view());
  double area = 0;
  for (const double high : strange) {
    for (const double low : usual) {
      area += high > low ? 1.0 / 60 : 0;
    }
  }
  double precision = 0;  // at each outlier, from the strangest
  for (const double threshold : strange) {
    const auto above = [&](double score) { return score >= threshold; };
    const auto found = static_cast<double>(std::ranges::count_if(strange, above));
    precision += found / (found + static_cast<double>(std::ranges::count_if(usual, above))) / 5;
  }
  CHECK(report["auroc"].get<double>() == doctest::Approx(area));
  CHECK(report["average_precision"].get<double>() == doctest::Approx(precision));
  CHECK(measured(options) ==
        concat("outliers\n  samples                     12\n  outliers                    5\n",
               "  score                       elbo\n  auroc                       ", fixed(area, 4),
               "\n  average_precision           ", fixed(precision, 4), '\n'));
  CHECK(report["score"] == "elbo");
  const Json sampled = measured_json({.run = example.run.root, .outliers = file, .importance_samples = 20});
  CHECK(sampled["outliers"]["score"] == "log likelihood");
  std::vector<double> likely = negative_log_likelihoods(model, run, load_shown(run).view(), 20, [](Index) {});
  const std::vector<double> unlikely =
      negative_log_likelihoods(model, run, load_input(run, file).view(), 20, [](Index) {});
  std::vector<bool> is_outlier(likely.size(), false);
  is_outlier.resize(likely.size() + unlikely.size(), true);
  likely.insert(likely.end(), unlikely.begin(), unlikely.end());
  CHECK(sampled["outliers"]["auroc"] == auroc<double>(likely, is_outlier));
  const Json few = measured_json({.run = example.run.root, .quality = true, .outliers = file, .samples = 3});
  CHECK(few["outliers"]["samples"] == 3);
  CHECK(few["outliers"]["outliers"] == 3);
  CHECK(few.contains("quality"));
}

TEST_CASE("metrics: outliers of a conditional model, and those that are refused") {
  ExperimentConfig config = example::small_config();
  config.data.condition = LabelConditionConfig{.classes = 17};
  const example::ExampleRun example("metrics-outliers-refused", config);
  const std::filesystem::path file = example.folder / "x.npy";
  example::write_inputs(file, 5);
  MetricsOptions options{.run = example.run.root, .outliers = file, .condition = "2", .threads = 1};
  CHECK(measured_json(options)["outliers"]["outliers"] == 5);
  options.condition = "";
  const auto refused = [&] { static_cast<void>(measured(options)); };
  check_throws_with<UsageError>("--condition: missing, the model is conditional", refused);
  options.condition = "2";
  example::write_inputs(file, 2, 63);
  check_throws_with<DataError>("x.npy: samples have 63 features (63), must have 64 for this model (8x8x1)",
                               refused);
  Matrix<float> high(1, 64);
  high.setConstant(2);
  write_file_atomically(file, npy_bytes<float>(high, Shape::flat(64)));
  check_throws_with<DataError>(
      "x.npy: sample 0, feature 0 is 2 after scaling, must be in [0, 1] for a bernoulli likelihood; hint: "
      "set data/scale to [0, 1] or use a gaussian likelihood",
      refused);
  std::filesystem::remove(file);
  check_throws_with<IoError>(file.string() + ": cannot open: No such file or directory", refused);
}

TEST_CASE("metrics: distances of samples in the features of a classifier") {
  const example::ExampleRun example("metrics-features");
  const std::filesystem::path file = example.folder / "features.safetensors";
  FeatureClassifier features = example::untrained_features({8, 8, 1}, file);
  const MetricsOptions options{.run = example.run.root, .quality = true, .features = file, .threads = 1};
  const Json report = measured_json(options)["quality"];
  CHECK(measured_json({.run = example.run.root, .probe = true, .features = file})["quality"] == report);

  check_throws_with<DataError>("synthetic bars: has 1 sample, needs more than the 4 features of test", [&] {
    static_cast<void>(
        measured({.run = example.run.root, .quality = true, .features = file, .samples = 1, .threads = 1}));
  });

  features.shape = {4, 16, 1};
  write_feature_classifier(file, features);
  check_throws_with<DataError>(
      "synthetic bars: samples are 8x8x1 in [0, 1], must be 4x16x1 in [0, 1] for the features of test",
      [&] { static_cast<void>(measured(options)); });
}

TEST_CASE("metrics: a part of sorted data is a random part of it") {
  const TemporaryFolder folder("metrics-sorted");
  std::string table = "a,b,label\n";
  for (int i = 0; i < 60; ++i) {
    table += concat(i % 7, ',', i % 5, ',', i / 20, '\n');
  }
  write_file_atomically(folder / "sorted.csv", table);
  ExperimentConfig config = example::small_config();
  config.data.train = CsvConfig{.path = (folder / "sorted.csv").string(), .label_column = "label"};
  config.data.test = config.data.train;
  config.data.scale = {.kind = ScaleKind::range};
  const example::ExampleRun example("metrics-sorted-run", config);
  const Json report = measured_json({.run = example.run.root, .probe = true, .samples = 15})["probe"];
  // The first 15 would have one label.
  CHECK(report["train_samples"] == 15);
  CHECK(report["most_frequent_label"].get<double>() < 0.7);
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

  check_throws_with<UsageError>("--samples: is 99, must be at least 100 for --disentanglement", [&] {
    static_cast<void>(
        measured({.run = sprites.run.root, .disentanglement = true, .samples = 99, .threads = 1}));
  });
  CHECK_FALSE(measured_json({.run = sprites.run.root, .samples = 99}).contains("disentanglement"));

  const TemporaryFolder folder("metrics-labels");
  write_file_atomically(folder / "ids.csv", "a,id\n0,1\n1,10000\n0,2\n");
  ExperimentConfig ids = example::small_config();
  ids.data.train = CsvConfig{.path = (folder / "ids.csv").string(), .label_column = "id"};
  ids.data.test = ids.data.train;
  ids.training.batch_size = 2;
  const example::ExampleRun labelled("metrics-ids", ids);
  const auto probe = [&] {
    static_cast<void>(measured({.run = labelled.run.root, .probe = true, .threads = 1}));
  };
  check_throws_with<DataError>("ids.csv: label of sample 1 is 10000, must be in 0 .. 9999 for --probe",
                               probe);
  write_file_atomically(folder / "ids.csv", "a,id\n0,7\n1,7\n0,7\n");
  check_throws_with<DataError>("ids.csv: has label 7 alone, needs at least 2 labels for --probe", probe);
  CHECK_FALSE(measured_json({.run = labelled.run.root}).contains("probe"));
  write_file_atomically(folder / "ids.csv", "a,id\n0,-1\n1,-1\n0,-1\n");
  check_throws_with<DataError>("ids.csv: label of sample 0 is -1, must be in 0 .. 9999 for --probe", probe);
}

TEST_CASE("metrics: labels that allow no probe leave it out, unless it is asked for") {
  const TemporaryFolder folder("metrics-obstacles");
  const std::string train = (folder / "train.csv").string();
  const std::string test = (folder / "test.csv").string();
  ExperimentConfig config = example::small_config();
  config.data.train = CsvConfig{.path = train, .label_column = "id"};
  config.data.test = CsvConfig{.path = test, .label_column = "id"};
  config.training.batch_size = 2;
  const auto table = [](const std::string& path, const std::string& rows) {
    write_file_atomically(path, "a,id\n" + rows);
  };
  table(train, "0,1\n1,0\n0,1\n");
  table(test, "0,1\n1,0\n0,1\n");
  const example::ExampleRun example("metrics-obstacles-run", config);
  CHECK(measured_json({.run = example.run.root}).contains("probe"));
  const auto left_out = [&](const std::string& message, Index samples) {
    const Json report = measured_json({.run = example.run.root, .samples = samples});
    CHECK(report.size() == 1);
    CHECK(report["quality"].contains("mean_squared_error"));
    check_throws_with<DataError>(message, [&] {
      static_cast<void>(measured({.run = example.run.root, .probe = true, .samples = samples, .threads = 1}));
    });
  };
  table(test, "0,1\n1,10000\n0,1\n");
  left_out("test.csv: label of sample 1 is 10000, must be in 0 .. 9999 for --probe", 10);
  table(train, "0,1\n1,0\n0,-1\n");
  left_out("train.csv: label of sample 2 is -1, must be in 0 .. 9999 for --probe", 10);

  // Of many samples the few that are drawn count.
  std::string rows = "1,0\n";
  for (int i = 0; i < 500; ++i) {
    rows += "0,1\n1,1\n";
  }
  table(train, rows);
  table(test, "0,1\n1,0\n0,1\n");
  left_out("train.csv: has label 1 alone, needs at least 2 labels for --probe", 3);
  CHECK(measured_json({.run = example.run.root, .samples = 2000}).contains("probe"));
}

TEST_CASE("metrics: a model and data that allow none of them are told what there is to do") {
  const TemporaryFolder folder("metrics-nothing");
  write_file_atomically(folder / "table.csv", "a,kind,label\n0,2,1\n1,0,1\n0,1,1\n");
  ExperimentConfig config = example::small_config();
  config.data.train = CsvConfig{.path = (folder / "table.csv").string(), .label_column = "label"};
  config.data.test = config.data.train;
  config.training.batch_size = 2;
  config.data.scale = {.kind = ScaleKind::none};
  using Columns = ColumnsConfig<PartList<FeatureLikelihoods<>>::ConfigVariant>;
  config.model.likelihood = Columns{.groups = {{.count = 1, .likelihood = GaussianConfig{}},
                                               {.count = 1, .likelihood = CategoricalConfig{.classes = 3}}}};
  const example::ExampleRun example("metrics-nothing-run", config);
  MetricsOptions options{.run = example.run.root, .threads = 1};
  for (const bool json : {false, true}) {
    options.json = json;
    check_throws_with<UsageError>(
        "metrics: nothing to measure for this model and data, must be given --outliers; --disentanglement, "
        "--probe and --quality say what they lack",
        [&] { static_cast<void>(measured(options)); });
  }
}
