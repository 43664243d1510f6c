// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
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

/// Throws UsageError when one key has two axes, or lies inside another: the later would hide the earlier
inline void check_axes(const std::vector<GridAxis>& axes) {
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

/// Every combination of the values of `axes`, the last axis fastest; without seeds.
///
/// Throws UsageError when keys of two axes are one, or one inside the other
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
