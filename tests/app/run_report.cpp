// SPDX-License-Identifier: MIT
#include "vaekit/app/run_report.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "io/temporary_folder.hpp"
#include "train/example_training.hpp"

using namespace vaekit;

TEST_CASE("run report: few of many epochs, evenly spread") {
  using Epochs = std::vector<std::uint64_t>;
  CHECK(detail::spread({}, 3).empty());
  CHECK(detail::spread({1, 2, 3}, 3) == Epochs{1, 2, 3});
  CHECK(detail::spread({1, 2, 3, 4, 5}, 3) == Epochs{1, 3, 5});
  CHECK(detail::spread({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 4) == Epochs{1, 4, 7, 10});
}

TEST_CASE("run report: pictures of the epochs that have some") {
  const TemporaryFolder parent("run-report-pictures");
  const RunFolder folder{parent / "run"};
  folder.create();
  for (const std::uint64_t epoch : {2U, 4U}) {
    write_file_atomically(folder.image("samples", epoch), "picture " + std::to_string(epoch));
  }
  const std::vector<ReportPicture> pictures = detail::report_pictures(folder, "samples", 5);
  REQUIRE(pictures.size() == 2);
  CHECK(pictures[0].epoch == 2);
  CHECK(pictures[1].png == "picture 4");
  CHECK(detail::report_pictures(folder, "samples", 3).size() == 1);
  CHECK(detail::report_pictures(folder, "reconstructions", 5).empty());
}

TEST_CASE("run report: one page from what the folder holds") {
  const TemporaryFolder parent("run-report");
  const RunFolder folder{parent / "run"};
  folder.create();
  const example::Data data;
  ExperimentConfig config;
  config.name = "a <name>";
  config.data.train = SyntheticConfig{};
  write_file_atomically(folder.metrics(), to_json_line({1, 5, "train", -8.25, -7, 1.25, 8.25, 10, 1}) +
                                              to_json_line({2, 10, "train", -7.25, -6, 1.25, 7.25, 10, 2}));
  write_run_report(folder, config, example::make_model(), data.part(28, 5), "the test set");
  const std::string page = read_text_file(folder.report());
  CHECK(page.starts_with("<!DOCTYPE html>"));
  for (const std::string& part :
       {std::string("a &lt;name&gt;"), std::string("the test set"), std::string("7.25"), std::string(version),
        std::string(instruction_set), std::string("fashion")}) {
    CHECK((page.find(part) != std::string::npos) == (part != "fashion"));
  }
}

TEST_CASE("run report: a run without an epoch has a page too") {
  const TemporaryFolder parent("run-report-empty");
  const RunFolder folder{parent / "run"};
  folder.create();
  const example::Data data;
  ExperimentConfig config;
  config.data.train = SyntheticConfig{};
  write_run_report(folder, config, example::make_model(), data.part(0, 22), "the training set");
  CHECK(read_text_file(folder.report()).find("the training set") != std::string::npos);
}
