// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vaekit/io/json.hpp"
#include "vaekit/train/trainer.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// One line of metrics.jsonl: the results of one epoch on one split, means over samples in nats.
struct MetricsRow {
  std::uint64_t epoch = 0;  ///< epochs completed
  std::uint64_t step = 0;   ///< optimizer steps taken
  std::string split;        ///< "train", "validation" or "test"
  double elbo = 0;
  double reconstruction = 0;
  double kl = 0;
  double loss = 0;  ///< what the optimizer minimises; of validation and test, −ELBO
  double samples_per_second = 0;
  double seconds = 0;                   ///< training time since the run began
  std::optional<double> accuracy = {};  ///< of q(y|x), on validation and test of a model with a classifier
};

/// The rows of one epoch. `earlier_seconds`: training time of earlier calls of a resumed run.
template <class State, class EpochReport>
[[nodiscard]] std::vector<MetricsRow> metrics_rows(const State& state, const EpochReport& report,
                                                   double earlier_seconds) {
  std::vector<MetricsRow> rows;
  const auto add = [&](const char* split, const EpochMetrics& m) {
    rows.push_back({state.progress.epoch, state.progress.step, split, m.value.elbo, m.value.reconstruction,
                    m.value.kl, m.value.loss, m.samples_per_second, earlier_seconds + m.seconds, m.accuracy});
  };
  add("train", report.train);
  if (report.validation) {
    add("validation", *report.validation);
  }
  if (report.test) {
    add("test", *report.test);
  }
  return rows;
}

/// The row as one line of JSON, newline included.
[[nodiscard]] inline std::string to_json_line(const MetricsRow& row) {
  Json json = {{"epoch", row.epoch},
               {"step", row.step},
               {"split", row.split},
               {"elbo", row.elbo},
               {"reconstruction", row.reconstruction},
               {"kl", row.kl},
               {"loss", row.loss},
               {"samples_per_second", row.samples_per_second},
               {"seconds", row.seconds}};
  if (row.accuracy) {
    json["accuracy"] = *row.accuracy;
  }
  return dump(json, -1) + '\n';
}

/// Reads the lines of metrics.jsonl. A last line without its newline, torn by a kill, is dropped.
///
/// Throws DataError "<name>:<line>: ..." for anything else that is not a row.
[[nodiscard]] inline std::vector<MetricsRow> parse_metrics(std::string_view text, std::string_view name) {
  std::vector<MetricsRow> rows;
  std::ptrdiff_t number = 0;
  while (true) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) {
      return rows;
    }
    ++number;
    const std::string where = concat(name, ':', number);
    const Json json = parse_json<DataError>(text.substr(0, end), name, number);
    const auto get = [&]<class X>(const char* key, X& out) {
      const bool fits = json.is_object() && json.contains(key) &&
                        (std::is_same_v<X, std::string> ? json[key].is_string() : json[key].is_number());
      if (!fits) {
        throw DataError(concat(where, ": \"", key, "\" is missing or has the wrong type, must be ",
                               std::is_same_v<X, std::string> ? "text" : "a number"));
      }
      json[key].get_to(out);
    };
    MetricsRow row;
    get("epoch", row.epoch);
    get("step", row.step);
    get("split", row.split);
    get("elbo", row.elbo);
    get("reconstruction", row.reconstruction);
    get("kl", row.kl);
    get("loss", row.loss);
    get("samples_per_second", row.samples_per_second);
    get("seconds", row.seconds);
    if (json.contains("accuracy")) {
      get("accuracy", row.accuracy.emplace());
    }
    rows.push_back(std::move(row));
    text.remove_prefix(end + 1);
  }
}

}  // namespace vaekit::inline VAEKIT_ABI
