// SPDX-License-Identifier: MIT
#include "vaekit/app/quality.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "app/example_run.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

/// An untrained run on a table of four samples.
struct TableRun {
  TemporaryFolder folder;
  example::ExampleRun example;
  Run run;
  LoadedData data;
  ConfiguredVae<float> model;

  TableRun(const std::string& name, const std::string& table, const LikelihoodConfig& likelihood)
      : folder(name + "-table"),
        example(name, table_config(folder / "x.csv", table, likelihood)),
        run(load_run(example.run.root)),
        data(load_split(run, DataSplit::train)),
        model(example::initialized_model(example.config, data.dataset.shape())) {}

  [[nodiscard]] Json quality(Index samples = 10'000) const {
    return quality_metrics(model, run, data, {.samples = samples});
  }

 private:
  static ExperimentConfig table_config(const std::filesystem::path& file, const std::string& table,
                                       const LikelihoodConfig& likelihood) {
    write_file_atomically(file, table);
    ExperimentConfig config = example::small_config();
    config.data.train = CsvConfig{.path = file.string()};
    config.data.test = std::nullopt;
    config.data.scale = {.kind = ScaleKind::none};
    config.model.likelihood = likelihood;
    config.training.batch_size = 2;
    return config;
  }
};

}  // namespace

TEST_CASE("quality: counts that are given their total are compared at that total") {
  const TableRun table("quality-counts", "a,b,c\n1,2,3\n4,0,0\n7,1,2\n0,5,5\n",
                       PoissonConfig{.library_size = LibrarySize::observed});
  const Matrix<double> shares = reconstruct_all(table.model, table.data.view()).cast<double>() / 1e4;
  const double totals[] = {6, 4, 10, 10};
  const double counts[4][3] = {{1, 2, 3}, {4, 0, 0}, {7, 1, 2}, {0, 5, 5}};
  double error = 0;
  for (Index i = 0; i < 4; ++i) {
    CHECK(shares.row(i).sum() == doctest::Approx(1).epsilon(1e-5));
    for (Index j = 0; j < 3; ++j) {
      error += std::pow(totals[i] * shares(i, j) - counts[i][j], 2) / 12;
    }
  }
  const Json report = table.quality();
  CHECK(report["mean_squared_error"].get<double>() == doctest::Approx(error).epsilon(1e-5));
  CHECK(report["samples"] == 4);
  CHECK(table.quality(3)["samples"] == 3);
}

TEST_CASE("quality: numbers of classes have an error rate") {
  const TableRun table("quality-classes", "a,b\n0,2\n1,1\n2,0\n0,0\n", CategoricalConfig{.classes = 3});
  const Matrix<float> guesses = reconstruct_all(table.model, table.data.view());
  const float classes[4][2] = {{0, 2}, {1, 1}, {2, 0}, {0, 0}};
  int wrong = 0;
  for (Index i = 0; i < 4; ++i) {
    for (Index j = 0; j < 2; ++j) {
      wrong += guesses(i, j) == classes[i][j] ? 0 : 1;
    }
  }
  const Json report = table.quality();
  CHECK(report["error_rate"] == wrong / 8.0);
  CHECK(report.size() == 2);
}

TEST_CASE("quality: columns whose differences cannot be added up are refused") {
  using Columns = ColumnsConfig<PartList<FeatureLikelihoods<>>::ConfigVariant>;
  const std::string numbers = "a,b\n0,2.5\n1,1\n2,0\n0,0\n";
  const std::string refusal =
      "--quality: differences of columns that are class numbers (categorical, index) or have a library_size "
      "cannot be added to others, must be left out";
  const TableRun classes("quality-columns", numbers,
                         Columns{{{1, CategoricalConfig{.classes = 3}}, {1, GaussianConfig{}}}});
  check_throws_with<UsageError>(refusal, [&] { static_cast<void>(classes.quality()); });
  const TableRun counts(
      "quality-columns-counts", numbers,
      Columns{{{1, PoissonConfig{.library_size = LibrarySize::observed}}, {1, GaussianConfig{}}}});
  check_throws_with<UsageError>(refusal, [&] { static_cast<void>(counts.quality()); });
  const TableRun values("quality-columns-values", numbers,
                        Columns{{{1, LaplaceConfig{}}, {1, GaussianConfig{}}}});
  CHECK(values.quality()["mean_squared_error"].get<double>() > 0);
}

TEST_CASE("quality: images of another scale are compared as pictures show them") {
  ExperimentConfig config = example::small_config();
  config.data.train = SyntheticConfig{.source = SyntheticSource::shapes, .count = 20, .size = 12};
  config.data.test = std::nullopt;
  config.data.scale = {.kind = ScaleKind::range, .low = -1, .high = 1};
  config.model.likelihood = GaussianConfig{};
  const example::ExampleRun example("quality-scale", config);
  const Run run = load_run(example.run.root);
  const LoadedData data = load_split(run, DataSplit::train);
  const ConfiguredVae<float> model = example::initialized_model(config, {12, 12, 1});
  const auto& bytes = std::get<std::vector<std::uint8_t>>(data.dataset.values());
  const Matrix<double> made = reconstruct_all(model, data.view()).cast<double>();
  Matrix<double> pixels(20, 144), grey(20, 144), scaled(20, 144);
  for (Index i = 0; i < pixels.size(); ++i) {
    pixels.data()[i] = bytes[static_cast<std::size_t>(i)] / 255.0;
    grey.data()[i] = std::clamp((made.data()[i] + 1) / 2, 0.0, 1.0);
    scaled.data()[i] = 2 * pixels.data()[i] - 1;
  }
  const auto mean = [](const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  };
  const Json report = quality_metrics(model, run, data, {});
  CHECK(report["psnr_decibels"].get<double>() ==
        doctest::Approx(mean_peak_signal_to_noise(mean_squared_errors(pixels, grey))).epsilon(1e-6));
  CHECK(report["ssim"].get<double>() ==
        doctest::Approx(mean(structural_similarities(pixels, grey, {12, 12, 1}))).epsilon(1e-6));
  CHECK(report["mean_squared_error"].get<double>() ==
        doctest::Approx(mean(mean_squared_errors(scaled, made))).epsilon(1e-6));
}
