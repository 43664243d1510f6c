// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vaekit/app/run_folder.hpp"
#include "vaekit/config/json_path.hpp"
#include "vaekit/core/error.hpp"
#include "vaekit/core/matrix.hpp"
#include "vaekit/io/json.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// One key of the configuration and the values it takes in a study.
struct GridAxis {
  std::string key;  ///< as in `--set`: "model.latent.dim"
  std::vector<Json> values;
};

/// One training of a study.
struct StudyRun {
  std::string cell;                   ///< its values, readable: "model.latent.dim=2,objective.beta=4"
  std::vector<std::string> values;    ///< JSON text of the value of each axis
  std::vector<std::string> settings;  ///< `KEY=JSON` of each axis
  std::uint64_t seed = 0;
};

/// Parses one `--grid KEY=[A, B, ...]`.
///
/// Throws UsageError `--grid KEY: ...`
[[nodiscard]] inline GridAxis parse_grid_axis(std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  const std::string where = "--grid " + detail::printable(assignment.substr(0, equals));
  if (equals == std::string_view::npos || equals == 0) {
    throw UsageError(where + ": is no KEY=[...], must name a key and its values");
  }
  const Json values = parse_json<UsageError>(assignment.substr(equals + 1), where);
  if (!values.is_array() || values.empty()) {
    throw UsageError(
        concat(where, ": values are ", preview(values), ", must be a JSON array of one or more"));
  }
  GridAxis axis{std::string(assignment.substr(0, equals)), {}};
  for (const Json& value : values) {
    if (std::ranges::find(axis.values, value) != axis.values.end()) {
      throw UsageError(concat(where, ": holds ", preview(value), " twice, must hold each value once"));
    }
    axis.values.push_back(value);
  }
  return axis;
}

namespace detail {

/// `text` as a file name: letters, digits and "._+=,-" stay. Where others were replaced, or it was cut, a
/// number made from all of it (FNV-1a) tells it from its like.
[[nodiscard]] inline std::string file_name_for(std::string_view text) {
  constexpr std::size_t longest = 120;
  std::string name;
  std::uint32_t hash = 2166136261U;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       std::string_view("._+=,-").find(c) != std::string_view::npos;
    name += plain ? c : '_';
  }
  if (name == text && name.size() <= longest) {
    return name;
  }
  name.resize(std::min(name.size(), longest));
  return concat(name, '-', hash);
}

}  // namespace detail

/// Every combination of the values of `axes`, the last axis fastest, each with `seeds` seeds from
/// `first_seed` on, which are the innermost loop.
///
/// Throws UsageError when one key has two axes
[[nodiscard]] inline std::vector<StudyRun> expand_grid(const std::vector<GridAxis>& axes,
                                                       std::uint64_t first_seed, Index seeds) {
  std::set<std::string> keys;
  for (const GridAxis& axis : axes) {
    if (!keys.insert(axis.key).second) {
      throw UsageError(concat("--grid ", axis.key, ": is given twice, must be given once"));
    }
  }
  std::vector<StudyRun> cells(1);
  for (const GridAxis& axis : axes) {
    std::vector<StudyRun> longer;
    for (const StudyRun& cell : cells) {
      for (const Json& value : axis.values) {
        StudyRun next = cell;
        const std::string text = dump(value, -1);
        next.cell += concat(next.cell.empty() ? "" : ",", axis.key, '=',
                            value.is_string() ? value.get<std::string>() : text);
        next.values.push_back(text);
        next.settings.push_back(concat(axis.key, '=', text));
        longer.push_back(std::move(next));
      }
    }
    cells = std::move(longer);
  }
  std::vector<StudyRun> runs;
  for (const StudyRun& cell : cells) {
    for (Index seed = 0; seed < seeds; ++seed) {
      runs.push_back(cell);
      runs.back().seed = first_seed + static_cast<std::uint64_t>(seed);
    }
  }
  return runs;
}

/// The files of a study: runs/<cell>/seed-<seed>/ are run folders.
struct StudyFolder {
  std::filesystem::path root;

  [[nodiscard]] std::filesystem::path study() const { return root / "study.json"; }
  [[nodiscard]] std::filesystem::path lock() const { return root / "lock"; }
  [[nodiscard]] std::filesystem::path summary() const { return root / "summary.csv"; }
  [[nodiscard]] std::filesystem::path page() const { return root / "summary.html"; }
  [[nodiscard]] RunFolder run(const StudyRun& run) const {
    const std::string cell = run.cell.empty() ? "all" : detail::file_name_for(run.cell);
    return {root / "runs" / cell / concat("seed-", run.seed)};
  }
  /// What a run prints.
  [[nodiscard]] std::filesystem::path log(const StudyRun& run_of) const {
    return run(run_of).root / "log.txt";
  }
  /// Written once a run has ended well.
  [[nodiscard]] std::filesystem::path finished(const StudyRun& run_of) const {
    return run(run_of).root / "finished";
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
