// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "vaekit/evaluate/finding.hpp"
#include "vaekit/train/training_trial.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Where training gains, from one run with a rising learning rate.
struct LearningRateRange {
  double lowest = 0;    ///< rate at which the smoothed loss is lowest
  double turns_up = 0;  ///< rate at which it has lost a quarter of its gain again, or is not finite
  double highest = 0;   ///< rate at the end of the test
};

/// Finds the range in losses of steps with rising rates. The loss is smoothed by an average of decay 0.8, its
/// start is the mean of the first five; less than a twentieth of that is noise.
///
/// Source  Smith 2017 (arXiv:1506.01186), section 3.3; the rate rises exponentially, as in later use
template <class Model>
[[nodiscard]] LearningRateRange find_learning_rate_range(const Trial<Model>& trial) {
  constexpr double decay = 0.8;
  LearningRateRange range;
  const auto& steps = trial.steps;
  const std::size_t lead = std::min<std::size_t>(5, steps.size());
  if (lead == 0) {
    return range;
  }
  double start = 0;
  for (std::size_t i = 0; i < lead; ++i) {
    start += steps[i].value.loss / static_cast<double>(lead);
  }
  double smoothed = start;
  double lowest = start;
  range.lowest = steps[0].rate;
  range.highest = steps.back().rate;
  range.turns_up = trial.error.empty() ? std::numeric_limits<double>::infinity() : range.highest;
  double turned = range.turns_up;
  for (const auto& step : steps) {
    smoothed = decay * smoothed + (1 - decay) * step.value.loss;
    if (smoothed < lowest) {
      lowest = smoothed;
      range.lowest = step.rate;
      turned = range.turns_up;
    } else if (turned == range.turns_up &&
               smoothed > lowest + std::max(0.25 * (start - lowest), 0.05 * std::abs(start))) {
      turned = step.rate;
    }
  }
  range.turns_up = turned;
  return range;
}

/// "learning rate": a fault when `rate` is where the loss has turned up, in a trial with rates from far below
/// to far above it.
template <class Model>
[[nodiscard]] std::vector<Finding> check_learning_rate(const Trial<Model>& trial, double rate) {
  constexpr std::string_view check = "learning rate";
  if (trial.steps.empty()) {
    return {Finding::skipped(check, "the first loss is not finite")};
  }
  const LearningRateRange range = find_learning_rate_range(trial);
  const std::string figure =
      concat(rounded(rate), "; the loss is lowest at ", rounded(range.lowest),
             std::isfinite(range.turns_up) ? concat(" and turns up at ", rounded(range.turns_up))
                                           : concat(" and does not turn up to ", rounded(range.highest)));
  if (rate < range.turns_up) {
    return {Finding::ok(check, figure)};
  }
  return {Finding::fault(check, figure,
                         concat("set optimizer/learning_rate to a tenth of ", rounded(range.lowest), " to ",
                                rounded(range.lowest)))};
}

}  // namespace vaekit::inline VAEKIT_ABI
