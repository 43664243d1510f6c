// SPDX-License-Identifier: MIT
#include "vaekit/app/study_check.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "app/example_run.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

/// A configuration file, whose data are labelled.
struct CheckedStudy {
  TemporaryFolder folder;
  StudySource source;
  StudyFolder study;

  explicit CheckedStudy(const std::string& name) : folder(name), study{folder / "study"} {
    source.config = folder / "config.json";
    write_file_atomically(source.config, dump(write_json(example::small_config())));
  }

  /// Writes a finished run of the cell, as `change` makes its configuration.
  template <class Change>
  void finish(const StudyRun& run, Change&& change) const {
    study.create(run);
    ExperimentConfig config = source.load(run);
    config.seed = run.seed;
    change(config);
    write_file_atomically(study.run(run).config(), dump(write_json(config)));
    write_file_atomically(study.finished(run), std::string_view());
  }

  void check(const StudyRun& run, const StudyFingerprints& fingerprints = {}) const {
    detail::check_finished_runs(study, source, {run}, fingerprints);
  }
};

StudyRun cell_of(const std::string& key, const Json& value) {
  StudyRun run = with_setting({}, key, value);
  run.seed = 1;
  return run;
}

}  // namespace

TEST_CASE("study check: cells with other data have fingerprints of their own") {
  const CheckedStudy example("check-fingerprints");
  const std::vector<StudyRun> cells =
      grid_cells({parse_grid_axis("objective.beta=[1,4]"), parse_grid_axis("data.train.seed=[1,5]")});
  const StudyFingerprints found = detail::check_cells(example.source, cells, 1);
  REQUIRE(found.size() == 2);
  const auto& first = found.at(R"({"data.train.seed":1})");
  const auto& other = found.at(R"({"data.train.seed":5})");
  const DataConfig data = example::small_config().data;
  CHECK(first.at("train") == detail::fingerprint(load_dataset(data.train)));
  CHECK(first.at("test") == detail::fingerprint(load_dataset(*data.test)));
  CHECK(first.size() == 2);
  CHECK(first.at("train") != other.at("train"));
  CHECK(first.at("test") == other.at("test"));
  CHECK(detail::data_identity(cells[0]) == R"({"data.train.seed":1})");
  CHECK(detail::data_identity(cell_of("dataset", 1)) == "{}");
}

TEST_CASE("study check: vectors of a condition are data too") {
  const CheckedStudy example("check-condition");
  Matrix<float> vectors = Matrix<float>::Constant(40, 3, 0.5F);
  write_file_atomically(example.folder / "c.npy", npy_bytes<float>(vectors, Shape::flat(3)));
  StudySource source = example.source;
  source.overrides = {"data.test=null",
                      R"(data.condition={"type":"vectors","train":{"format":"npy","path":")" +
                          (example.folder / "c.npy").string() + "\"}}"};
  const StudyFingerprints before = detail::check_cells(source, {StudyRun{}}, 1);
  CHECK(before.at("{}").size() == 2);
  CHECK(detail::join_fingerprints(before, before, example.study) == before);
  vectors(7, 1) = 0;
  write_file_atomically(example.folder / "c.npy", npy_bytes<float>(vectors, Shape::flat(3)));
  const StudyFingerprints now = detail::check_cells(source, {StudyRun{}}, 1);
  check_throws_with<DataError>(
      "data/condition/train: is " + now.at("{}").at("condition/train") + ", must be " +
          before.at("{}").at("condition/train") + " to resume the study in " + example.study.root.string(),
      [&] { static_cast<void>(detail::join_fingerprints(before, now, example.study)); });
}

TEST_CASE("study check: fingerprints are kept, and any that is lost, new or another is told") {
  const TemporaryFolder place("check-join");
  const StudyFolder folder{place / "study"};
  create_folder(folder.root);
  const StudyFingerprints before{{"{}", {{"train", "a"}, {"test", "b"}}}};
  write_file_atomically(folder.study(), detail::study_text(Json{{"name", "x"}}, before));
  CHECK(detail::stored_fingerprints(folder) == before);
  const StudyFingerprints more{{R"({"data.train.seed":2})", {{"train", "c"}}}};
  const StudyFingerprints both = detail::join_fingerprints(before, more, folder);
  CHECK(both.size() == 2);
  const auto refuse = [&](const StudyFingerprints& now, const std::string& message) {
    check_throws_with<DataError>(message + " to resume the study in " + folder.root.string(),
                                 [&] { static_cast<void>(detail::join_fingerprints(both, now, folder)); });
  };
  refuse({{"{}", {{"train", "a"}}}}, "data/test: is not set, must be b");
  refuse({{"{}", {{"train", "a"}, {"test", "b"}, {"validation", "d"}}}},
         "data/validation: is d, must be not set");
  refuse({{R"({"data.train.seed":2})", {{"train", "e"}}}},
         R"(data/train of {"data.train.seed":2}: is e, must be c)");
  write_file_atomically(folder.study(), std::string_view(R"({"name": "x"})"));
  CHECK(detail::stored_fingerprints(folder).empty());
  write_file_atomically(folder.study(), std::string_view(R"({"fingerprints": [1]})"));
  check_throws_with<DataError>(
      folder.study().string() + ": fingerprints is [1], must be as vaekit sweep wrote it",
      [&] { static_cast<void>(detail::stored_fingerprints(folder)); });
}

TEST_CASE("study check: a finished run has the configuration of its cell and its seed") {
  const CheckedStudy example("check-run");
  const StudyRun run = cell_of("objective.beta", 4);
  const std::string root = example.study.run(run).root.string();
  example.check(run);  // not finished
  const auto refuse = [&](const std::string& difference, auto&& change) {
    example.finish(run, change);
    check_throws_with<ConfigError>(root + ": was trained with " + difference +
                                       " as its study says; remove this folder to train the run again",
                                   [&] { example.check(run); });
  };
  refuse("/seed 2, must be 1", [](ExperimentConfig& config) { config.seed = 2; });
  refuse("/objective/beta 9.0, must be 4.0",
         [](ExperimentConfig& config) { config.objective = ElboConfig{.beta = Schedule(9)}; });
  refuse("/training/epochs 1, must be 2", [](ExperimentConfig& config) { config.training.epochs = 1; });
  example.finish(run, [](ExperimentConfig& config) {
    config.name = "moved";
    config.training.threads = 5;
  });
  example.check(run);
}

TEST_CASE("study check: what a configuration leaves to the data is no difference") {
  CheckedStudy example("check-left");
  example.source.overrides = {R"(data.condition={"type":"labels"})"};
  const StudyRun run = cell_of("objective.beta", 4);
  const auto classes = [](Index count) {
    return [count](ExperimentConfig& config) {
      std::get<LabelConditionConfig>(*config.data.condition).classes = count;
    };
  };
  example.finish(run, classes(2));
  example.check(run);
  example.source.overrides = {R"(data.condition={"type":"labels","classes":3})"};
  CHECK_THROWS_AS(example.check(run), ConfigError);
}

TEST_CASE("study check: a finished run was trained on the data of its cell") {
  const CheckedStudy example("check-run-data");
  const StudyRun run = cell_of("objective.beta", 4);
  const RunFolder folder = example.study.run(run);
  example.finish(run, [](ExperimentConfig&) {});
  example.check(run, {{"{}", {{"train", "here"}}}});
  write_file_atomically(folder.last(), safetensors_bytes({{}, {{"data", "elsewhere"}}}));
  example.check(run);
  example.check(run, {{R"({"data.train.seed":2})", {{"train", "here"}}}});
  check_throws_with<DataError>(folder.root.string() +
                                   ": was trained on elsewhere, must be here as its study says; remove this "
                                   "folder to train the run again",
                               [&] {
                                 example.check(run, {{"{}", {{"train", "here"}}}});
                               });
  write_file_atomically(folder.last(), safetensors_bytes({{}, {{"data", "here"}}}));
  example.check(run, {{"{}", {{"train", "here"}}}});
  write_file_atomically(folder.last(), safetensors_bytes({}));
  example.check(run, {{"{}", {{"train", "here"}}}});
}
