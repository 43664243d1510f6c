// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "vaekit/evaluate/finding.hpp"
#include "vaekit/train/training_trial.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Where training gains, from one run with a rising learning rate.
struct LearningRateRange {
  double lowest = 0;    ///< rate at which the smoothed loss is lowest
  double gain = 0;      ///< what the loss has lost there since the start; 0 for less than noise
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
  constexpr double noise = 0.05;
  LearningRateRange range;
  const auto& steps = trial.steps;
  const std::size_t lead = std::min<std::size_t>(5, steps.size());
  if (lead == 0) {
    return range;
  }
  const double start = detail::mean_loss(steps, 0, lead);
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
               smoothed > lowest + std::max(0.25 * (start - lowest), noise * std::abs(start))) {
      turned = step.rate;
    }
  }
  range.turns_up = turned;
  range.gain = start - lowest > noise * std::abs(start) ? start - lowest : 0;
  return range;
}

/// The largest rate of a training of `epochs` epochs, and the number of its steps.
struct TrainingRate {
  double largest = 0;
  double steps = 0;
};

/// Looks at 64 places of each epoch; of more than 15625 epochs at a million places, and 64 of the first one.
template <class Optimizer>
[[nodiscard]] TrainingRate find_training_rate(const Optimizer& optimizer, double epochs,
                                              double steps_per_epoch) {
  TrainingRate rate{0, epochs * steps_per_epoch};
  const auto look_at = [&](double length) {
    const double places = std::min(64 * length, 1e6);
    for (double place = 0; place <= places; ++place) {
      rate.largest = std::max(rate.largest, optimizer.learning_rate(length * place / places));
    }
  };
  look_at(1);
  look_at(epochs);
  return rate;
}

/// Share of the rate of the lowest loss below which the largest rate of a training may be too small.
inline constexpr double smallest_rate_share = 1e-3;

namespace detail {

/// Whether the training cannot go as far as one of the trial's steps would have to: neither at its rate, nor
/// in all of its steps together, and the loss of `constant`, at that rate, has no twentieth of the gain.
template <class Model>
[[nodiscard]] bool is_too_small(const LearningRateRange& range, const Trial<Model>& constant,
                                const TrainingRate& rate) {
  const std::size_t count = constant.steps.size();
  const std::size_t part = std::min<std::size_t>(10, count);
  const double reach = std::max(1.0, rate.steps / static_cast<double>(std::max<std::size_t>(count, 1)));
  if (range.gain == 0 || part == 0 || rate.largest * reach >= smallest_rate_share * range.lowest) {
    return false;
  }
  const double gain = mean_loss(constant.steps, 0, part) - mean_loss(constant.steps, count - part, count);
  return gain < 0.05 * range.gain;
}

}  // namespace detail

/// "learning rate": a fault when the largest rate of the training is where the loss has turned up in `trial`,
/// with rates from far below to far above it; or when it is too small: in all steps of the training together
/// a thousandth of what the rate of the lowest loss is in those of the trial, and the loss of `constant`, a
/// trial at this rate, falls by less than a twentieth of the gain.
template <class Model>
[[nodiscard]] std::vector<Finding> check_learning_rate(const Trial<Model>& trial,
                                                       const Trial<Model>& constant,
                                                       const TrainingRate& rate) {
  constexpr std::string_view check = "learning rate";
  if (trial.steps.empty()) {
    return {Finding::skipped(check, "the first loss is not finite")};
  }
  const LearningRateRange range = find_learning_rate_range(trial);
  std::string figure =
      concat(rounded(rate.largest), "; the loss is lowest at ", rounded(range.lowest),
             std::isfinite(range.turns_up) ? concat(" and turns up at ", rounded(range.turns_up))
                                           : concat(" and does not turn up to ", rounded(range.highest)));
  const bool too_small = detail::is_too_small(range, constant, rate);
  if (rate.largest < range.turns_up && !too_small) {
    return {Finding::ok(check, figure)};
  }
  if (too_small) {
    figure += concat(", it does not fall in ", constant.steps.size(), " steps at ", rounded(rate.largest));
  }
  return {Finding::fault(check, figure,
                         concat("set optimizer/learning_rate to a tenth of ", rounded(range.lowest), " to ",
                                rounded(range.lowest)))};
}

}  // namespace vaekit::inline VAEKIT_ABI
