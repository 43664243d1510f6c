// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

/// Throws UsageError for what options of the sweep decide, whatever the configuration says
inline void check_not_an_option(const GridAxis& axis) {
  const auto refuse = [&](std::string_view key, std::string_view option) {
    throw UsageError(concat("--grid ", axis.key, ": sets ", key, ", must not; use ", option));
  };
  if (axis.key == "seed") {
    refuse("seed", "--seeds");
  }
  const bool inside = axis.key == "training" && std::ranges::any_of(axis.values, [](const Json& value) {
                        return value.is_object() && value.contains("threads");
                      });
  if (inside || axis.key == "training.threads") {
    refuse("training.threads", "--threads");
  }
}

/// Throws UsageError when one key has two axes, or lies inside another: the later would hide the earlier; or
/// is not for a grid
inline void check_axes(const std::vector<GridAxis>& axes) {
  std::ranges::for_each(axes, check_not_an_option);
  std::set<std::string> keys;
  for (const GridAxis& axis : axes) {
    if (!keys.insert(axis.key).second) {
      throw UsageError(concat("--grid ", axis.key, ": is given twice, must be given once"));
    }
  }
  for (const GridAxis& inner : axes) {
    for (std::size_t dot = inner.key.find('.'); dot != std::string::npos;
         dot = inner.key.find('.', dot + 1)) {
      if (const std::string outer = inner.key.substr(0, dot); keys.contains(outer)) {
        throw UsageError(concat("--grid ", inner.key, ": is a part of --grid ", outer,
                                ", must not be; write its values into those of ", outer));
      }
    }
  }
}

}  // namespace detail

/// The run `before` with one more key set.
[[nodiscard]] inline StudyRun with_setting(StudyRun before, const std::string& key, const Json& value) {
  const std::string text = dump(value, -1);
  before.cell +=
      concat(before.cell.empty() ? "" : ",", key, '=', value.is_string() ? value.get<std::string>() : text);
  before.values.push_back(text);
  before.settings.push_back(concat(key, '=', text));
  return before;
}

namespace detail {

/// `json` with the keys of objects in order and whole numbers without a fraction: equal values, equal texts.
[[nodiscard]] inline Json canonical(const Json& json) {
  if (json.is_object()) {
    std::map<std::string, Json> sorted;
    for (const auto& [key, value] : json.items()) {
      sorted.emplace(key, canonical(value));
    }
    return Json(sorted);
  }
  if (json.is_array()) {
    Json array = Json::array();
    std::ranges::transform(json, std::back_inserter(array), canonical);
    return array;
  }
  constexpr double exact = 9007199254740992.0;  // 2^53
  if (json.is_number_float() && std::abs(json.get<double>()) <= exact) {
    const auto value = json.get<double>();
    return value == std::floor(value) ? Json(static_cast<std::int64_t>(value)) : json;
  }
  return json;
}

/// The keys of a cell and their values.
[[nodiscard]] inline Json cell_values(const StudyRun& run) {
  Json json = Json::object();
  for (const std::string& setting : run.settings) {
    const std::size_t equals = setting.find('=');
    json[setting.substr(0, equals)] = parse_json(setting.substr(equals + 1), "values");
  }
  return json;
}

/// What tells a cell from others: its values, in whatever order and form they were written.
[[nodiscard]] inline std::string cell_identity(const StudyRun& run) {
  return dump(canonical(cell_values(run)), -1);
}

}  // namespace detail

/// Every combination of the values of `axes`, the last axis fastest; without seeds.
///
/// Throws UsageError when keys of two axes are one, or one inside the other, or one is an option of the sweep
[[nodiscard]] inline std::vector<StudyRun> grid_cells(const std::vector<GridAxis>& axes) {
  detail::check_axes(axes);
  std::vector<StudyRun> cells(1);
  for (const GridAxis& axis : axes) {
    std::vector<StudyRun> longer;
    for (const StudyRun& cell : cells) {
      for (const Json& value : axis.values) {
        longer.push_back(with_setting(cell, axis.key, value));
      }
    }
    cells = std::move(longer);
  }
  return cells;
}

/// Each cell with `count` seeds from `first` on, which are the inner loop.
///
/// Throws UsageError when there are not so many
[[nodiscard]] inline std::vector<StudyRun> with_seeds(const std::vector<StudyRun>& cells, std::uint64_t first,
                                                      Index count) {
  constexpr std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
  if (static_cast<std::uint64_t>(count - 1) > last - first) {
    throw UsageError(concat("--seeds: is ", count, " from seed ", first, " on, must end at ", last,
                            " at the latest; lower the configuration's seed"));
  }
  std::vector<StudyRun> runs;
  runs.reserve(cells.size() * static_cast<std::size_t>(count));
  for (const StudyRun& cell : cells) {
    for (Index seed = 0; seed < count; ++seed) {
      runs.push_back(cell);
      runs.back().seed = first + static_cast<std::uint64_t>(seed);
    }
  }
  return runs;
}

}  // namespace vaekit::inline VAEKIT_ABI
