// SPDX-License-Identifier: MIT
#include "vaekit/app/run_writer.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <utility>
#include <vector>

#include "io/temporary_folder.hpp"
#include "support/throws_with.hpp"
#include "train/example_training.hpp"

using namespace vaekit;
using example::data;
using example::Training;

namespace {

InputFormat format() { return {Shape{3, 4, 1}, true, data().transform}; }

RunWriter make_writer(const RunFolder& folder, const TrainingConfig& config) {
  folder.create();
  return {folder, config, {format()}, {"{}"}, data().part(28, 5), 1};
}

}  // namespace

TEST_CASE("run writer: metrics, checkpoints and pictures of each epoch") {
  const TemporaryFolder parent("run-writer");
  const RunFolder folder{parent / "run"};
  TrainingConfig config = example::short_training();
  config.epochs = 5;
  config.checkpoint_every = 2;
  config.images_every = 3;
  Training training(config, data().parts());
  RunWriter writer = make_writer(folder, config);
  training.run(writer);
  for (std::uint64_t epoch = 1; epoch <= 5; ++epoch) {
    CHECK(std::filesystem::exists(folder.checkpoint(epoch)) == (epoch == 2 || epoch >= 4));
    CHECK(std::filesystem::exists(folder.image("samples", epoch)) == (epoch == 3 || epoch == 5));
    CHECK(std::filesystem::exists(folder.image("reconstructions", epoch)) == (epoch == 3 || epoch == 5));
  }
  CHECK(read_file(folder.last()) == checkpoint_bytes(training.state, format(), {"{}"}));
  CHECK(read_checkpoint(folder.best()).progress().best_epoch == training.state.progress.best_epoch);
  CHECK(read_checkpoint(folder.best()).progress().epoch == training.state.progress.best_epoch);
  const std::vector<MetricsRow> rows = RunWriter::read_metrics(folder);
  REQUIRE(rows.size() == 15);
  CHECK(rows[14].epoch == 5);
  CHECK(rows[14].step == 25);
  CHECK(rows[14].split == "test");
}

TEST_CASE("run writer: pictures show a random part of the data, the same in each epoch") {
  const TemporaryFolder parent("run-writer-pictures");
  const RunFolder folder{parent / "run"};
  TrainingConfig config = example::short_training();
  config.epochs = 2;
  const DataView pictured = data().part(0, 33);
  // Without steps nothing but the samples could differ.
  Training training(config, data().parts(), example::adam(0));
  folder.create();
  RunWriter writer(folder, config, {format()}, {"{}"}, pictured, 1);
  training.run(writer);
  DataView shown = pictured;
  const std::vector<std::uint32_t> rows = random_rows(pictured, 16);
  REQUIRE(rows != all_rows(16));
  shown.rows = rows;
  const Image expected = reconstruction_picture(training.state.evaluated(), {format()}, shown);
  CHECK(read_png(folder.image("reconstructions", 1)) == expected);
  CHECK(read_png(folder.image("reconstructions", 2)) == expected);
}

TEST_CASE("run writer: a run that stops early has the checkpoint and the pictures of its last epoch") {
  const TemporaryFolder parent("run-writer-early");
  const RunFolder folder{parent / "run"};
  TrainingConfig config = example::short_training();
  config.epochs = 50;
  config.early_stopping = 1;
  config.checkpoint_every = 3;
  config.images_every = 3;
  config.weight_average = 0;
  // Without steps the second epoch is no better than the first.
  Training training(config, data().parts(), example::adam(0));
  RunWriter writer = make_writer(folder, config);
  CHECK(training.run(writer) == TrainingEnd::stopped_early);
  CHECK(training.state.progress.epoch == 2);
  CHECK(read_file(folder.checkpoint(2)) == read_file(folder.last()));
  CHECK_FALSE(std::filesystem::exists(folder.checkpoint(1)));
  CHECK(std::filesystem::exists(folder.image("samples", 2)));
  CHECK(std::filesystem::exists(folder.image("reconstructions", 2)));
}

TEST_CASE(
    "run writer: an interrupt leaves a checkpoint of the step under way, another end one only where none "
    "is") {
  const TemporaryFolder parent("run-writer-interrupt");
  const RunFolder folder{parent / "run"};
  Training training(example::short_training(), data().parts());
  RunWriter writer = make_writer(folder, example::short_training());
  training.run(example::InterruptAfter{7}, writer);
  interrupt_requested = 0;
  const Progress progress = read_checkpoint(folder.last()).progress();
  CHECK(progress.epoch == 1);
  CHECK(progress.batch == 2);
  CHECK(progress.step == 7);
  write_file_atomically(folder.last(), std::string_view("as it was"));
  writer.end(training.state, TrainingEnd::finished);
  CHECK(read_text_file(folder.last()) == "as it was");
  std::filesystem::remove(folder.last());
  writer.end(training.state, TrainingEnd::finished);
  CHECK(read_checkpoint(folder.last()).progress().step == 7);
}

TEST_CASE(
    "run writer: a resumed run drops rows beyond its checkpoint and torn lines, and goes on counting time") {
  const TemporaryFolder parent("run-writer-resume");
  const RunFolder folder{parent / "run"};
  TrainingConfig config = example::short_training();
  config.epochs = 2;
  RunWriter writer = make_writer(folder, config);
  writer.resume(0);
  CHECK_FALSE(std::filesystem::exists(folder.metrics()));
  const std::string kept = to_json_line({1, 5, "train", -1, -1, 0, 1, 10, 100}) +
                           to_json_line({1, 5, "test", -1, -1, 0, 1, 10, 100});
  std::ofstream(folder.metrics()) << kept << to_json_line({2, 10, "train", -1, -1, 0, 1, 10, 200})
                                  << "{\"epoch\":2,";
  writer.resume(1);
  CHECK(read_text_file(folder.metrics()) == kept);
  Training training(config, data().parts());
  training.run(writer);
  const std::vector<MetricsRow> rows = RunWriter::read_metrics(folder);
  REQUIRE(rows.size() == 8);
  CHECK(rows[7].seconds > 100);
  CHECK(rows[7].seconds < 200);
}

TEST_CASE("run writer: a folder that cannot be written is an error") {
  const TemporaryFolder parent("run-writer-gone");
  const RunFolder folder{parent / "run"};
  Training training(example::short_training(), data().parts());
  RunWriter writer = make_writer(folder, example::short_training());
  std::filesystem::remove_all(folder.root);
  check_throws_with<IoError>(folder.metrics().string() + ": cannot write: No such file or directory",
                             [&] { training.run(writer); });
}
