// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vaekit/app/page.hpp"
#include "vaekit/app/study.hpp"
#include "vaekit/evaluate/elbo.hpp"
#include "vaekit/train/metrics.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// What is known of one run of a study.
struct StudyResult {
  StudyRun run;
  std::string status;  ///< "finished", "waiting", "failed: <last line it printed>", "unreadable: ..."
  std::map<std::string, MetricsRow> last;  ///< of each split that was evaluated
  std::string folder;                      ///< relative to the study's
};

/// What a study's page tells.
struct StudyReport {
  std::string name;
  std::vector<std::string> keys;  ///< of the axes
  std::vector<StudyResult> results;
  std::string command;  ///< that made it
};

namespace detail {

inline constexpr std::array<std::string_view, 3> study_splits{"test", "validation", "train"};

/// RFC 4180: quoted where it must be.
[[nodiscard]] inline std::string csv_field(std::string_view text) {
  if (text.find_first_of("\",\r\n") == std::string_view::npos) {
    return std::string(text);
  }
  std::string out = "\"";
  for (const char c : text) {
    out += c == '"' ? "\"\"" : std::string(1, c);
  }
  return out + '"';
}

/// The shortest text that reads back as `value`.
[[nodiscard]] inline std::string csv_number(double value) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), end.ptr};
}

/// The split to choose by: validation where every run with figures has it, else training. Never test, whose
/// figure would flatter the combination that was chosen by it.
[[nodiscard]] inline std::string_view decisive_split(const std::vector<StudyResult>& results) {
  bool validated = false;
  for (const StudyResult& result : results) {
    const bool has = result.last.contains("validation");
    if (!has && !result.last.empty()) {
      return "train";
    }
    validated = validated || has;
  }
  return validated ? "validation" : "train";
}

[[nodiscard]] inline const MetricsRow* find_row(const StudyResult& result, std::string_view split) {
  const auto row = result.last.find(std::string(split));
  return row == result.last.end() ? nullptr : &row->second;
}

/// Whether any run has the accuracy of a classifier on `split`.
[[nodiscard]] inline bool has_accuracy(const std::vector<StudyResult>& results, std::string_view split) {
  return std::any_of(results.begin(), results.end(), [&](const StudyResult& result) {
    const MetricsRow* row = find_row(result, split);
    return row != nullptr && row->accuracy;
  });
}

/// The finished runs of one combination of values.
struct StudyCell {
  const StudyRun* run = nullptr;
  Index runs = 0;
  Index finished = 0;
  RunningMoments elbo, reconstruction, kl, seconds, accuracy;  // of the decisive split
  RunningMoments test_elbo, test_accuracy;
  ValueRange elbo_range;
};

[[nodiscard]] inline std::vector<StudyCell> study_cells(const std::vector<StudyResult>& results,
                                                        std::string_view split) {
  std::vector<StudyCell> cells;
  for (const StudyResult& result : results) {
    if (cells.empty() || cells.back().run->cell != result.run.cell) {
      cells.push_back({});
      cells.back().run = &result.run;
    }
    StudyCell& cell = cells.back();
    ++cell.runs;
    const MetricsRow* row = find_row(result, split);
    if (result.status != "finished" || row == nullptr) {
      continue;
    }
    ++cell.finished;
    cell.elbo.add(row->elbo);
    cell.elbo_range.add(row->elbo);
    cell.reconstruction.add(row->reconstruction);
    cell.kl.add(row->kl);
    cell.seconds.add(row->seconds);
    if (row->accuracy) {
      cell.accuracy.add(*row->accuracy);
    }
    if (const MetricsRow* test = find_row(result, "test")) {
      cell.test_elbo.add(test->elbo);
      if (test->accuracy) {
        cell.test_accuracy.add(*test->accuracy);
      }
    }
  }
  return cells;
}

/// "−101.20 ± 0.31": mean and standard deviation over seeds.
[[nodiscard]] inline std::string mean_and_deviation(const RunningMoments& moments, int decimals) {
  if (moments.count() == 0) {
    return "\u2013";
  }
  const std::string mean = format_fixed(moments.mean(), decimals);
  return moments.count() == 1
             ? mean
             : concat(mean, " \u00b1 ", format_fixed(std::sqrt(moments.variance()), decimals));
}

/// A column of a study's table.
struct StudyColumn {
  std::string title;
  RunningMoments StudyCell::*moments = nullptr;
  int decimals = 2;
};

[[nodiscard]] inline std::vector<StudyColumn> study_columns(const std::vector<StudyResult>& results,
                                                            std::string_view split) {
  std::vector<StudyColumn> columns{{concat("ELBO, ", split), &StudyCell::elbo},
                                   {"Reconstruction", &StudyCell::reconstruction},
                                   {"KL", &StudyCell::kl}};
  if (has_accuracy(results, split)) {
    columns.push_back({concat("Accuracy, ", split), &StudyCell::accuracy, 4});
  }
  if (std::any_of(results.begin(), results.end(),
                  [](const StudyResult& result) { return find_row(result, "test") != nullptr; })) {
    columns.push_back({"ELBO, test", &StudyCell::test_elbo});
  }
  if (has_accuracy(results, "test")) {
    columns.push_back({"Accuracy, test", &StudyCell::test_accuracy, 4});
  }
  columns.push_back({"Training time, s", &StudyCell::seconds});
  return columns;
}

/// The first cell with the largest mean; null where no run has a figure, or there is nothing to choose.
[[nodiscard]] inline const StudyCell* highest(const std::vector<StudyCell>& cells,
                                              RunningMoments StudyCell::*moments) {
  const StudyCell* best = nullptr;
  for (const StudyCell& cell : cells) {
    if ((cell.*moments).count() > 0 &&
        (best == nullptr || (cell.*moments).mean() > (best->*moments).mean())) {
      best = &cell;
    }
  }
  return cells.size() > 1 ? best : nullptr;
}

[[nodiscard]] inline std::string study_table(const StudyReport& report, const std::vector<StudyCell>& cells,
                                             std::string_view split) {
  const std::vector<StudyColumn> columns = study_columns(report.results, split);
  const StudyCell* best = highest(cells, &StudyCell::elbo);
  const StudyCell* most_accurate = highest(cells, &StudyCell::accuracy);
  std::string out = "<div class=\"scroll\"><table>\n<tr>";
  for (const std::string& key : report.keys) {
    out += concat("<th>", escape_html(key), "</th>");
  }
  out += "<th>runs</th>";
  for (const StudyColumn& column : columns) {
    out += concat("<th>", column.title, "</th>");
  }
  out += "<th></th></tr>\n";
  for (const StudyCell& cell : cells) {
    out += "<tr>";
    for (const std::string& value : cell.run->values) {
      out += concat("<td>", escape_html(value), "</td>");
    }
    out += concat("<td>", cell.finished, " of ", cell.runs, "</td>");
    for (const StudyColumn& column : columns) {
      out += concat("<td>", mean_and_deviation(cell.*column.moments, column.decimals), "</td>");
    }
    const bool both = &cell == best && &cell == most_accurate;
    out += concat("<td>", &cell == best ? "highest ELBO" : "", both ? ", " : "",
                  &cell == most_accurate ? "highest accuracy" : "", "</td></tr>\n");
  }
  return concat(out,
                "</table></div>\n<p class=\"note\">Nats a sample: mean \u00b1 standard deviation over seeds, "
                "after the last epoch of each run. Highest: on the ",
                split, " split.</p>\n");
}

[[nodiscard]] inline std::optional<double> as_number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

/// ELBO against the value of the only axis, where that is a number.
[[nodiscard]] inline std::string study_chart(const StudyReport& report, const std::vector<StudyCell>& cells,
                                             std::string_view split) {
  if (report.keys.size() != 1) {
    return "";
  }
  Series mean{.label = "mean", .x = {}, .y = {}, .style = 0};
  Series single{.label = "lowest and highest of its seeds", .x = {}, .y = {}, .style = 2};
  std::multimap<double, const StudyCell*> by_value;
  for (const StudyCell& cell : cells) {
    const std::optional<double> x = as_number(cell.run->values.front());
    if (!x) {
      return "";
    }
    if (cell.finished > 0) {
      by_value.emplace(*x, &cell);
    }
  }
  for (const auto& [x, cell] : by_value) {
    mean.x.push_back(x);
    mean.y.push_back(cell->elbo.mean());
    for (const double y : {cell->elbo_range.low, cell->elbo_range.high, std::nan("")}) {
      single.x.push_back(x);
      single.y.push_back(y);
    }
  }
  const LineChart chart{.title = concat("ELBO, ", split),
                        .x_label = report.keys.front(),
                        .y_label = "nats",
                        .series = {mean, single}};
  return concat("<div class=\"charts\">\n", render_svg(chart), "</div>\n");
}

[[nodiscard]] inline std::string study_runs(const StudyReport& report, std::string_view split) {
  std::string out = "<h2>Runs</h2>\n<div class=\"scroll\"><table>\n<tr><th>run</th><th>status</th>";
  out += concat("<th>epoch</th><th>ELBO, ", split, "</th></tr>\n");
  for (const StudyResult& result : report.results) {
    const MetricsRow* row = find_row(result, split);
    const std::string name = escape_html(result.folder);
    // A run writes its page when it ends.
    out += concat(
        "<tr><td>",
        result.status == "finished" ? concat("<a href=\"", name, "/report.html\">", name, "</a>") : name,
        "</td><td>", escape_html(result.status), "</td><td>", row != nullptr ? concat(row->epoch) : "",
        "</td><td>", row != nullptr ? format_fixed(row->elbo, 3) : "", "</td></tr>\n");
  }
  return out + "</table></div>\n";
}

}  // namespace detail

/// Brings the results in order: the runs of a cell together, by their seeds; cells as they first appear. Keys
/// that only some cells set are added to `keys`; the value of the others, that of the configuration, is
/// empty.
inline void arrange(StudyReport& report) {
  std::map<std::string, std::size_t> cells;
  for (StudyResult& result : report.results) {
    cells.emplace(result.run.cell, cells.size());
    std::vector<std::string> values(report.keys.size());
    for (std::size_t i = 0; i < result.run.settings.size(); ++i) {
      const std::string key = result.run.settings[i].substr(0, result.run.settings[i].find('='));
      const auto column = std::ranges::find(report.keys, key) - report.keys.begin();
      if (column == std::ssize(report.keys)) {
        report.keys.push_back(key);
        values.emplace_back();
      }
      values[static_cast<std::size_t>(column)] = result.run.values[i];
    }
    result.run.values = std::move(values);
  }
  for (StudyResult& result : report.results) {
    result.run.values.resize(report.keys.size());
  }
  std::ranges::stable_sort(report.results, {}, [&](const StudyResult& result) {
    return std::pair(cells.at(result.run.cell), result.run.seed);
  });
}

/// A study as CSV (RFC 4180): one line a run with the value of each axis, seed, status, epochs and, of each
/// split, ELBO, reconstruction and KL in nats, and the accuracy where any run has one; empty where there is
/// none.
[[nodiscard]] inline std::string study_csv(const StudyReport& report) {
  std::string out;
  for (const std::string& key : report.keys) {
    out += detail::csv_field(key) + ',';
  }
  out += "seed,status,epoch,step,seconds";
  std::map<std::string_view, bool> accuracy;
  for (const std::string_view split : detail::study_splits) {
    accuracy[split] = detail::has_accuracy(report.results, split);
    out += concat(',', split, "_elbo,", split, "_reconstruction,", split, "_kl");
    out += accuracy[split] ? concat(',', split, "_accuracy") : "";
  }
  out += ",folder\n";
  for (const StudyResult& result : report.results) {
    for (const std::string& value : result.run.values) {
      out += detail::csv_field(value) + ',';
    }
    out += concat(result.run.seed, ',', detail::csv_field(result.status), ',');
    const MetricsRow* train = detail::find_row(result, "train");
    out += train == nullptr ? ",,"
                            : concat(train->epoch, ',', train->step, ',', detail::csv_number(train->seconds));
    for (const std::string_view split : detail::study_splits) {
      const MetricsRow* row = detail::find_row(result, split);
      out += row == nullptr
                 ? ",,,"
                 : concat(',', detail::csv_number(row->elbo), ',', detail::csv_number(row->reconstruction),
                          ',', detail::csv_number(row->kl));
      if (accuracy[split]) {
        out += ',';
        out += row != nullptr && row->accuracy ? detail::csv_number(*row->accuracy) : "";
      }
    }
    out += concat(',', detail::csv_field(result.folder), '\n');
  }
  return out;
}

/// A study as one self-contained page: mean and standard deviation over the seeds of each combination, the
/// best on the validation split (else in training) marked, its figure on test beside; a chart where one
/// number varies, and every run with a link to its report.
[[nodiscard]] inline std::string study_page(const StudyReport& report) {
  const std::string_view split = detail::decisive_split(report.results);
  const std::vector<detail::StudyCell> cells = detail::study_cells(report.results, split);
  Index finished = 0;
  for (const detail::StudyCell& cell : cells) {
    finished += cell.finished;
  }
  return render_page(
      report.name,
      concat("<dl class=\"tiles\">\n", page_tile("Runs", concat(report.results.size())),
             page_tile("Finished", concat(finished)), page_tile("Combinations", concat(cells.size())),
             "</dl>\n", detail::study_table(report, cells, split), detail::study_chart(report, cells, split),
             detail::study_runs(report, split), "<h2>Command</h2>\n<pre>", escape_html(report.command),
             "</pre>\n"));
}

}  // namespace vaekit::inline VAEKIT_ABI
