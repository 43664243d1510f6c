// SPDX-License-Identifier: MIT
#include "vaekit/app/run_folder.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "io/temporary_folder.hpp"
#include "support/throws_with.hpp"

using vaekit::IoError;
using vaekit::RunFolder;

TEST_CASE("run folder: names of its files") {
  const RunFolder folder{"runs/a"};
  CHECK(folder.config() == "runs/a/config.json");
  CHECK(folder.metrics() == "runs/a/metrics.jsonl");
  CHECK(folder.report() == "runs/a/report.html");
  CHECK(folder.last() == "runs/a/checkpoints/last.safetensors");
  CHECK(folder.best() == "runs/a/checkpoints/best.safetensors");
  CHECK(folder.checkpoint(7) == "runs/a/checkpoints/epoch-0007.safetensors");
  CHECK(folder.checkpoint(12345) == "runs/a/checkpoints/epoch-12345.safetensors");
  CHECK(folder.image("samples", 12) == "runs/a/images/samples-0012.png");
  CHECK(folder.curves() == "runs/a/images/curves.png");
}

TEST_CASE("run folder: holds a run once a configuration, metrics or a checkpoint is there") {
  const TemporaryFolder parent("run-folder");
  const RunFolder folder{parent / "run"};
  CHECK_FALSE(folder.holds_run());
  folder.create();
  folder.create();
  CHECK(std::filesystem::is_directory(folder.checkpoints()));
  CHECK(std::filesystem::is_directory(folder.images()));
  CHECK_FALSE(folder.holds_run());
  for (const std::filesystem::path& file : {folder.config(), folder.metrics(), folder.last()}) {
    std::ofstream(file) << "x";
    CHECK(folder.holds_run());
    std::filesystem::remove(file);
  }
}

TEST_CASE("run folder: halves of files are removed, and nothing else") {
  const TemporaryFolder parent("run-folder-unfinished");
  const RunFolder folder{parent / "run"};
  folder.remove_unfinished();
  folder.create();
  const std::filesystem::path half = folder.checkpoints() / "last.safetensors.7-0.tmp";
  const std::filesystem::path notes = parent / "run/notes.7-0.tmp";
  for (const std::filesystem::path& file : {half, notes, folder.last(), folder.config()}) {
    std::ofstream(file) << "x";
  }
  folder.remove_unfinished();
  CHECK(std::filesystem::exists(notes));
  CHECK_FALSE(std::filesystem::exists(half));
  CHECK(std::filesystem::exists(folder.last()));
  CHECK(std::filesystem::exists(folder.config()));
}

TEST_CASE("run folder: clear removes what a run wrote, and nothing else") {
  const TemporaryFolder parent("run-folder-clear");
  const RunFolder folder{parent / "run"};
  folder.create();
  for (const std::filesystem::path& file :
       {folder.config(), folder.metrics(), folder.last(), folder.report(), folder.image("samples", 1)}) {
    std::ofstream(file) << "x";
  }
  const std::vector<std::filesystem::path> mine = {
      parent / "run/notes.txt", folder.images() / "photo.png", folder.images() / "samples-a.png",
      folder.checkpoints() / "other.pt", folder.checkpoints() / "epoch-.safetensors"};
  for (const std::filesystem::path& file : mine) {
    std::ofstream(file) << "mine";
    CHECK_FALSE(folder.owns(file));
  }
  CHECK(folder.owns(folder.last()));
  CHECK(folder.owns(parent / "run/../run/metrics.jsonl"));
  CHECK_FALSE(folder.owns(folder.best()));
  folder.clear();
  CHECK_FALSE(folder.holds_run());
  CHECK_FALSE(std::filesystem::exists(folder.report()));
  CHECK_FALSE(std::filesystem::exists(folder.image("samples", 1)));
  for (const std::filesystem::path& file : mine) {
    CHECK(std::filesystem::exists(file));
  }
  folder.clear();
}

TEST_CASE("run folder: a folder below a file cannot be made") {
  const TemporaryFolder parent("run-folder-file");
  std::ofstream(parent / "file") << "mine";
  check_throws_with<IoError>((parent / "file/run").string() + ": cannot create folder: Not a directory",
                             [&] { RunFolder{parent / "file/run"}.create(); });
}
