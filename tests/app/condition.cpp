// SPDX-License-Identifier: MIT
#include "vaekit/app/condition.hpp"

#include <doctest/doctest.h>

#include <sstream>

#include "app/example_run.hpp"
#include "support/throws_with.hpp"
#include "vaekit/app/evaluate.hpp"
#include "vaekit/app/latent_space.hpp"
#include "vaekit/app/sample.hpp"
#include "vaekit/app/train.hpp"

using namespace vaekit;

namespace conditions {

Dataset labelled(std::vector<std::int32_t> labels) {
  const std::size_t size = labels.size();
  return {"data", Shape::flat(1), std::vector<float>(size, 0.5F), std::move(labels)};
}

ExperimentConfig with_classes(Index classes) {
  ExperimentConfig config;
  config.data.condition = LabelConditionConfig{.classes = classes};
  return config;
}

std::vector<double> values_of(const std::shared_ptr<const Dataset>& rows) {
  return std::get<std::vector<double>>(rows->values());
}

/// A configuration file of a conditional model on 30 labelled 4x4 images, beside its data.
std::filesystem::path write_experiment(const TemporaryFolder& folder, const std::string& condition,
                                       const std::string& model = "") {
  Matrix<float> x(30, 16);
  std::vector<float> labels(30);
  for (Index i = 0; i < 30; ++i) {
    labels[static_cast<std::size_t>(i)] = static_cast<float>(i % 3);
    x.row(i).setConstant(static_cast<float>(i % 3) / 2);
  }
  write_file_atomically(folder / "x.npy", npy_bytes<float>(x, Shape{4, 4, 1}));
  Matrix<float> vectors(30, 2);
  vectors.col(0) = x.col(0);
  write_file_atomically(folder / "c.npy", npy_bytes<float>(vectors, Shape::flat(2)));
  const std::string text = concat(
      R"({"name": "conditional", "data": {"train": {"format": "npy", "path": "x.npy", "labels": "l.npy"}, "condition": )",
      condition,
      R"(}, "model": {"encoder": [{"type": "dense", "units": 4}], "latent": {"type": "gaussian", "dim": 2},
      "decoder": [{"type": "dense", "units": 4}])",
      model, R"(}, "training": {"epochs": 2, "batch_size": 10, "threads": 1}})");
  std::vector<std::uint8_t> small;
  for (const float label : labels) {
    small.push_back(static_cast<std::uint8_t>(label));
  }
  write_file_atomically(folder / "l.npy", npy_bytes<std::uint8_t>(small, {30}));
  write_file_atomically(folder / "config.json", text);
  return folder / "config.json";
}

}  // namespace conditions

TEST_CASE("condition: what the configuration leaves open comes from the training data") {
  std::optional<ConditionConfig> config = LabelConditionConfig{};
  resolve_condition(config, conditions::labelled({0, 4, 2}));
  CHECK(condition_columns(config) == 5);
  resolve_condition(config, conditions::labelled({9}));
  CHECK(condition_columns(config) == 5);
  std::optional<ConditionConfig> none;
  resolve_condition(none, conditions::labelled({0}));
  CHECK(condition_columns(none) == 0);
}

TEST_CASE("condition: a label beyond any number of classes is refused by name") {
  std::optional<ConditionConfig> config = LabelConditionConfig{};
  const Dataset data("x.npy", Shape::flat(1), std::vector<float>(3), {0, 100'000, 1});
  check_throws_with<DataError>("x.npy: label of sample 1 is 100000, must be in 0 .. 99999 for a condition",
                               [&] { resolve_condition(config, data); });
}

TEST_CASE("condition: classes in turn, one class, a file of labels") {
  const ExperimentConfig config = conditions::with_classes(2);
  CHECK(conditions::values_of(condition_rows(config, "", 3)) == std::vector<double>{1, 0, 0, 1, 1, 0});
  CHECK(conditions::values_of(condition_rows(config, "1", 2)) == std::vector<double>{0, 1, 0, 1});
  const TemporaryFolder folder("condition_labels");
  write_file_atomically(folder / "l.npy", npy_bytes<std::uint8_t>(std::vector<std::uint8_t>{1, 0}, {2}));
  CHECK(conditions::values_of(condition_rows(config, (folder / "l.npy").string(), 2)) ==
        std::vector<double>{0, 1, 1, 0});
  CHECK(condition_rows(ExperimentConfig{}, "", 3) == nullptr);
}

TEST_CASE("condition: numbers for a model that was told vectors") {
  ExperimentConfig config;
  config.data.condition = VectorConditionConfig{.columns = 2};
  CHECK(conditions::values_of(condition_rows(config, "0.5,-2", 2)) == std::vector<double>{0.5, -2, 0.5, -2});
  check_throws_with<UsageError>("--condition: has 1 numbers, must have 2",
                                [&] { static_cast<void>(condition_rows(config, "0.5", 1)); });
  check_throws_with<UsageError>(
      "--condition: missing, the model was told a vector of numbers for each sample",
      [&] { static_cast<void>(condition_rows(config, "", 1)); });
}

TEST_CASE("condition: what makes no sense is refused") {
  const ExperimentConfig config = conditions::with_classes(3);
  check_throws_with<UsageError>("--condition: class is 3, must be in 0 .. 2 (3 classes)",
                                [&] { static_cast<void>(condition_rows(config, "3", 1)); });
  check_throws_with<UsageError>("--condition: has 2 numbers, must be one class in 0 .. 2 (3 classes)",
                                [&] { static_cast<void>(condition_rows(config, "0,1", 1)); });
  check_throws_with<UsageError>("--condition: class is 1.5, must be in 0 .. 2 (3 classes)",
                                [&] { static_cast<void>(condition_rows(config, "1.5", 1)); });
  check_throws_with<UsageError>(
      "--condition: is \"red\", must be a class, numbers with commas, or a file that ends in .npy",
      [&] { static_cast<void>(condition_rows(config, "red", 1)); });
  check_throws_with<UsageError>("--condition: the model has no condition, must be left out",
                                [] { static_cast<void>(condition_rows(ExperimentConfig{}, "1", 1)); });
  check_throws_with<ConfigError>("config /data/condition/test: missing key, required for data/test", [] {
    const std::optional<ConditionConfig> vectors = VectorConditionConfig{.columns = 2};
    static_cast<void>(load_condition(vectors, conditions::labelled({0}), DataSplit::test));
  });
}

TEST_CASE("condition: a conditional model is trained, evaluated and used by labels and by vectors") {
  for (const std::string condition :
       {R"({"type": "labels"})", R"({"type": "vectors", "train": {"format": "npy", "path": "c.npy"}})"}) {
    const TemporaryFolder folder("condition_run");
    const auto config =
        conditions::write_experiment(folder, condition, R"(, "prior": {"type": "conditional_gaussian"})");
    std::ostringstream out;
    std::ostringstream err;
    CHECK(run_train({.config = config,
                     .overrides = {},
                     .out = folder / "run",
                     .threads = 1,
                     .seed = {},
                     .quiet = true},
                    out, err) == ExitCode::done);
    run_evaluate({.run = folder / "run", .overrides = {}, .split = DataSplit::train, .importance_samples = 3},
                 out, err);
    CHECK(out.str().find("log likelihood") != std::string::npos);
    const std::string given = condition.find("labels") != std::string::npos ? "2" : "1,0";
    run_sample({.run = folder / "run", .out = folder / "s.npy", .count = 4, .condition = given, .threads = 1},
               out);
    CHECK(example::read_array(folder / "s.npy").size() == 4);
    run_encode({.run = folder / "run", .in = folder / "x.npy", .out = folder / "z.npy", .condition = given},
               out);
    run_decode({.run = folder / "run", .in = folder / "z.npy", .out = folder / "d.npy", .condition = given},
               out);
    CHECK(example::read_array(folder / "d.npy").size() == 30);
    run_interpolate({.run = folder / "run", .out = folder / "i.png", .threads = 1}, out);
    run_manifold({.run = folder / "run", .out = folder / "m.png", .condition = given, .threads = 1}, out);
    if (given == "1,0") {
      check_throws_with<UsageError>(
          "--condition: missing, the model was told a vector of numbers for each sample",
          [&] { run_manifold({.run = folder / "run", .out = folder / "m.png", .threads = 1}, out); });
    } else {
      CHECK(run_manifold({.run = folder / "run", .out = folder / "m.png", .threads = 1}, out) ==
            ExitCode::done);
    }
    check_throws_with<UsageError>("--condition: missing, the model is conditional", [&] {
      run_score({.run = folder / "run", .in = folder / "x.npy", .out = folder / "s.npy", .condition = {}},
                out, out);
    });
  }
}

TEST_CASE("condition: a semi-supervised model reports the accuracy of its classifier") {
  const TemporaryFolder folder("condition_semi");
  const auto config =
      conditions::write_experiment(folder, R"({"type": "labels", "labelled": 6})",
                                   R"(, "classifier": {"layers": [{"type": "dense", "units": 8}]})");
  std::ostringstream out;
  std::ostringstream err;
  run_train({.config = config,
             .overrides = {"training.epochs=40", "optimizer.learning_rate=0.01"},
             .out = folder / "run",
             .threads = 1,
             .seed = {},
             .quiet = true},
            out, err);
  out.str("");
  run_evaluate({.run = folder / "run", .overrides = {}, .split = DataSplit::train}, out, err);
  CHECK(out.str().find("accuracy        1.0000 of labels from q(y|x)") != std::string::npos);
  check_throws_with<ConfigError>(
      "config /model/classifier: missing key, required where not all labels are known "
      "(data/condition/labelled)",
      [&] {
        const auto bare = conditions::write_experiment(folder, R"({"type": "labels", "labelled": 6})");
        run_train({.config = bare,
                   .overrides = {},
                   .out = folder / "other",
                   .threads = 1,
                   .seed = {},
                   .quiet = true},
                  out, err);
      });
  check_throws_with<ConfigError>("config /model/classifier: needs data/condition of labels, got none", [] {
    ModelConfig model;
    model.classifier = ClassifierConfig{};
    static_cast<void>(build_model<float>(model, Shape::flat(4)));
  });
}
