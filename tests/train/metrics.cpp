// SPDX-License-Identifier: MIT
#include "vaekit/train/metrics.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/throws_with.hpp"

using vaekit::DataError;
using vaekit::MetricsRow;
using vaekit::parse_metrics;
using vaekit::to_json_line;

namespace {

const MetricsRow known_row{3, 24, "test", -12.5, -10, 2.5, 12.5, 1000, 0.1};
const std::string line =
    R"({"epoch":3,"step":24,"split":"test","elbo":-12.5,"reconstruction":-10.0,"kl":2.5,"loss":12.5,)"
    R"("samples_per_second":1000.0,"seconds":0.1})"
    "\n";

}  // namespace

TEST_CASE("metrics: a row is one line of JSON that reads back") {
  CHECK(to_json_line(known_row) == line);
  const std::vector<MetricsRow> rows = parse_metrics(line + line, "m");
  REQUIRE(rows.size() == 2);
  CHECK(to_json_line(rows[1]) == line);
}

TEST_CASE("metrics: the accuracy of a classifier, where there is one") {
  MetricsRow row = known_row;
  row.accuracy = 0.75;
  const std::string with_accuracy = line.substr(0, line.size() - 2) + ",\"accuracy\":0.75}\n";
  CHECK(to_json_line(row) == with_accuracy);
  const std::vector<MetricsRow> rows = parse_metrics(line + with_accuracy, "m");
  CHECK(rows[0].accuracy == std::nullopt);
  CHECK(rows[1].accuracy == 0.75);
  check_throws_with<DataError>("m:1: \"accuracy\" is missing or has the wrong type, must be a number", [] {
    static_cast<void>(parse_metrics(line.substr(0, line.size() - 2) + ",\"accuracy\":\"high\"}\n", "m"));
  });
}

TEST_CASE("metrics: an empty file and a line torn by a kill") {
  CHECK(parse_metrics("", "m").empty());
  CHECK(parse_metrics(line + line.substr(0, 30), "m").size() == 1);
  CHECK(parse_metrics(line.substr(0, line.size() - 1), "m").empty());
}

TEST_CASE("metrics: lines that are no rows are refused by number") {
  check_throws_with<DataError>("m:2: \"epoch\" is missing or has the wrong type, must be a number",
                               [] { static_cast<void>(parse_metrics(line + "{}\n", "m")); });
  check_throws_with<DataError>("m:1: \"epoch\" is missing or has the wrong type, must be a number",
                               [] { static_cast<void>(parse_metrics("[1]\n", "m")); });
  check_throws_with<DataError>("m:1: \"split\" is missing or has the wrong type, must be text", [] {
    static_cast<void>(parse_metrics("{\"epoch\":1,\"step\":1,\"split\":3}\n", "m"));
  });
  CHECK_THROWS_AS(static_cast<void>(parse_metrics(line.substr(0, 30) + "\n" + line, "m")), DataError);
}

TEST_CASE("metrics: an epoch gives a row for each split that there is") {
  struct EpochState {
    vaekit::Progress progress;
  };
  struct EpochReport {
    vaekit::EpochMetrics train;
    std::optional<vaekit::EpochMetrics> validation;
    std::optional<vaekit::EpochMetrics> test;
  };
  EpochState state;
  state.progress.epoch = 3;
  state.progress.step = 24;
  const vaekit::EpochMetrics metrics{{12.5, -12.5, -10, 2.5}, 1000, 0.1};
  vaekit::EpochMetrics classified = metrics;
  classified.accuracy = 0.5;
  const std::vector<MetricsRow> all =
      vaekit::metrics_rows(state, EpochReport{metrics, classified, metrics}, 2.0);
  REQUIRE(all.size() == 3);
  CHECK(all[0].split == "train");
  CHECK(all[1].split == "validation");
  CHECK(all[2].split == "test");
  CHECK(all[1].accuracy == 0.5);
  CHECK(all[2].accuracy == std::nullopt);
  CHECK(all[2].seconds == doctest::Approx(2.1));
  const std::vector<MetricsRow> rows = vaekit::metrics_rows(state, EpochReport{metrics, {}, metrics}, 0);
  REQUIRE(rows.size() == 2);
  CHECK(to_json_line(rows[1]) == line);
}
