// SPDX-License-Identifier: MIT
#include "vaekit/app/study_folder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "io/temporary_folder.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

/// Names of the folders of runs that a study holds, sorted.
std::vector<std::string> stored_names(const StudyFolder& folder) {
  std::vector<std::string> names;
  for (const StudyRun& run : stored_runs(folder)) {
    names.push_back(std::filesystem::relative(folder.run(run).root, folder.runs()).generic_string());
  }
  std::ranges::sort(names);
  return names;
}

void check_claim_refused(const std::filesystem::path& root, const std::string& message) {
  for (const bool overwrite : {false, true}) {
    check_throws_with<IoError>(root.string() + message,
                               [&] { claim_study({root}, false, overwrite, Json::object()); });
  }
}

}  // namespace

TEST_CASE("study folder: names can be read, and differ where values do") {
  const StudyFolder folder{"s"};
  CHECK(folder.run({"objective.beta=0.5", {}, {}, 2}).root == "s/runs/objective.beta=0.5/seed-2");
  const std::string a = folder.run({"name=a/b", {}, {}, 1}).root.string();
  const std::string b = folder.run({"name=a b", {}, {}, 1}).root.string();
  CHECK(a.starts_with("s/runs/name=a_b-"));
  CHECK(b.starts_with("s/runs/name=a_b-"));
  CHECK(a != b);
  const std::string long_name = folder.run({std::string(500, 'x'), {}, {}, 1}).root.string();
  CHECK(long_name.size() < 200);
  CHECK(folder.run({"", {}, {}, 3}).root == "s/runs/all/seed-3");
  CHECK(folder.failed({"", {}, {}, 3}) == "s/runs/all/seed-3/failed");
}

TEST_CASE("study folder: tells the runs it holds, with the values of their cells") {
  const TemporaryFolder place("study-folder");
  const StudyFolder folder{place / "study"};
  CHECK(stored_runs(folder).empty());
  StudyRun run = with_setting(with_setting({}, "a.b", 0.1), "name", "x y");
  run.seed = 7;
  folder.create(run);
  folder.create({"", {}, {}, 2});
  const std::vector<StudyRun> runs = stored_runs(folder);
  REQUIRE(runs.size() == 2);
  const StudyRun& found = runs[0].seed == 7 ? runs[0] : runs[1];
  CHECK(found.cell == "a.b=0.1,name=x y");
  CHECK(found.values == run.values);
  CHECK(found.settings == std::vector<std::string>{"a.b=0.1", "name=\"x y\""});
  CHECK(folder.run(found).root == folder.run(run).root);

  std::filesystem::create_directories(folder.runs() / "all/x");
  std::filesystem::create_directories(folder.runs() / "all/seed-x");
  std::filesystem::create_directories(folder.runs() / "all/seed-18446744073709551616");
  std::filesystem::create_directories(folder.runs() / "mine/seed-1");
  std::filesystem::create_directories(folder.runs() / "garbled/seed-1");
  write_file_atomically(folder.runs() / "garbled/values.json", std::string_view("{"));
  std::filesystem::create_directories(folder.runs() / "renamed/seed-1");
  write_file_atomically(folder.runs() / "renamed/values.json", std::string_view("{\"a\": 1}"));
  const std::string cell = folder.cell(run).filename().string();
  CHECK(stored_names(folder) == std::vector<std::string>{cell + "/seed-7", "all/seed-2"});
}

TEST_CASE("study folder: a cell is found by its values, in any order and form") {
  const TemporaryFolder place("study-cells");
  const StudyFolder folder{place / "study"};
  StudyRun run = with_setting(with_setting({}, "b", 4.0), "a.c", Json{{"x", 1}, {"y", {2.5, "z"}}});
  run.seed = 7;
  folder.create(run);
  const std::vector<StudyRun> stored = stored_runs(folder);
  REQUIRE(stored.size() == 1);
  StudyRun same = with_setting(with_setting({}, "a.c", Json{{"y", {2.5, "z"}}, {"x", 1.0}}), "b", 4);
  same.seed = 8;
  const StudyRun other = with_setting(with_setting({}, "a.c", Json{{"y", {2.5, "z"}}, {"x", 1}}), "b", 4.5);
  const std::vector<StudyRun> found = in_stored_cells({same, other}, stored);
  REQUIRE(found.size() == 2);
  CHECK(found[0].cell == run.cell);
  CHECK(found[0].settings == run.settings);
  CHECK(found[0].values == run.values);
  CHECK(found[0].seed == 8);
  CHECK(found[1].cell == other.cell);
  // Where both ways to write it have folders, each keeps its own.
  const StudyRun written = with_setting({}, "b", 4);
  folder.create(written);
  folder.create(with_setting({}, "b", 4.0));
  CHECK(in_stored_cells({written}, stored_runs(folder))[0].cell == "b=4");
}

TEST_CASE("study folder: neither a run nor a part of another study") {
  const TemporaryFolder place("study-claim");
  const RunFolder run{place / "run"};
  run.create();
  write_file_atomically(run.metrics(), std::string_view());
  check_claim_refused(run.root, ": holds a run of vaekit train, must be a new folder");
  const StudyFolder study{place / "study"};
  study.create({"", {}, {}, 1});
  check_claim_refused(study.root, ": holds a folder \"runs\" of no study, must be a new folder");
  write_file_atomically(study.study(), std::string_view("{}"));
  for (const std::filesystem::path& inner : {study.runs(), study.runs() / "all", study.runs() / "new/er"}) {
    check_claim_refused(inner, ": lies among the runs of the study " + study.root.string() +
                                   ", must be a new folder elsewhere");
  }
  claim_study(study, true, false, Json::object());
  claim_study({place / "runs/other"}, false, false, Json::object());
}
