// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "vaekit/app/html.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// A number axis with round ticks.
struct Axis {
  double low = 0;
  double high = 1;
  std::vector<double> ticks;        ///< ascending, within [low, high]
  std::vector<std::string> labels;  ///< one for each tick

  /// Where `value` is: 0 at `low`, 1 at `high`.
  [[nodiscard]] double place(double value) const { return (value - low) / (high - low); }
};

/// How `round_axis` treats the ends.
struct AxisOptions {
  int intervals = 5;           ///< at most so many between ticks
  bool extend_to_tick = true;  ///< ends at ticks, else at the data's ends
  double smallest_step = 0;    ///< 1 for whole numbers
};

namespace detail {

/// Beyond it, differences of axis values would overflow.
inline constexpr double largest_coordinate = 1e300;

/// A step of 1, 2 or 5 times a power of ten. Kept as two whole numbers, so that ticks are the doubles nearest
/// to their decimals.
struct RoundStep {
  int digit = 1;
  int exponent = 0;

  [[nodiscard]] double tick(double index) const {
    return exponent < 0 ? index * digit / std::pow(10.0, -exponent)
                        : index * digit * std::pow(10.0, exponent);
  }

  /// The smallest step >= `least` (> 0).
  [[nodiscard]] static RoundStep at_least(double least) {
    const int exponent = static_cast<int>(std::floor(std::log10(least)));
    for (const RoundStep step : {RoundStep{1, exponent}, RoundStep{2, exponent}, RoundStep{5, exponent}}) {
      if (step.tick(1) >= least * (1 - 1e-9)) {
        return step;
      }
    }
    return {1, exponent + 1};
  }
};

/// Fixed notation as long as it is readable; all ticks of an axis get equally many decimals.
[[nodiscard]] inline std::string tick_label(double tick, const RoundStep& step, double largest) {
  if (largest < 1e9 && step.exponent >= -4) {
    return format_fixed(tick, std::max(0, -step.exponent));
  }
  const int decimals = static_cast<int>(std::floor(std::log10(largest) + 1e-9)) - step.exponent;
  return tick == 0 ? "0" : format_scientific(tick, std::max(0, decimals));
}

}  // namespace detail

/// The axis for values from `low` to `high`: ticks are multiples of 1, 2 or 5 times a power of ten.
///
/// The ends may come in either order; equal ones are moved apart; ends that are not finite count as 0 and 1.
/// Source  Heckbert 1990, "Nice numbers for graph labels" (Graphics Gems)
[[nodiscard]] inline Axis round_axis(double low, double high, const AxisOptions& options = {}) {
  const bool finite = std::isfinite(low) && std::isfinite(high);
  low = finite ? std::clamp(low, -detail::largest_coordinate, detail::largest_coordinate) : 0;
  high = finite ? std::clamp(high, -detail::largest_coordinate, detail::largest_coordinate) : 1;
  if (low > high) {
    std::swap(low, high);
  }
  const double size = std::max(std::abs(low), std::abs(high));
  // Closer than that, ticks between the ends would differ by rounding errors.
  if (!(high - low > 1e-9 * size) || high - low < 1e-300) {
    const double margin = std::max(size > 1e-290 ? 0.1 * size : 1.0, options.smallest_step);
    low -= margin;
    high += margin;
  }
  const double least = std::max((high - low) / options.intervals, options.smallest_step);
  const detail::RoundStep step = detail::RoundStep::at_least(least);
  constexpr double slack = 1e-6;  // of a step: a tick that is the end up to rounding
  const double first =
      options.extend_to_tick ? std::floor(low / step.tick(1) + slack) : std::ceil(low / step.tick(1) - slack);
  const double last = options.extend_to_tick ? std::ceil(high / step.tick(1) - slack)
                                             : std::floor(high / step.tick(1) + slack);
  Axis axis;
  // At most about `intervals` of them: the indices are far from the limits of an int.
  for (int i = 0; first + i <= last; ++i) {
    axis.ticks.push_back(step.tick(first + i));
  }
  axis.low = axis.ticks.empty() ? low : std::min(low, axis.ticks.front());
  axis.high = axis.ticks.empty() ? high : std::max(high, axis.ticks.back());
  const double largest = std::max(std::abs(axis.low), std::abs(axis.high));
  for (const double tick : axis.ticks) {
    axis.labels.push_back(detail::tick_label(tick, step, largest));
  }
  return axis;
}

}  // namespace vaekit::inline VAEKIT_ABI
