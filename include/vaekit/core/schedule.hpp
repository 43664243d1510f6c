// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string_view>
#include <tuple>
#include <vector>

#include "vaekit/core/fields.hpp"

namespace vaekit::inline VAEKIT_ABI {

enum class ScheduleKind { constant, linear, cosine, exponential, multi_step, cyclical, logistic };

[[nodiscard]] constexpr auto enum_names(ScheduleKind) {
  return std::array<std::string_view, 7>{"constant",   "linear",   "cosine",  "exponential",
                                         "multi_step", "cyclical", "logistic"};
}

/// A number that changes over training: learning rate, KL weight.
///
/// With t = training time in epochs (fractional, so a value can change at every step), w = `warmup_epochs`,
/// a = `from`, b = `to`, e = `epochs` and s = max(t − w, 0):
///
///   constant      a
///   linear        a + (b − a) min(s/e, 1)
///   cosine        b + (a − b) (1 + cos(π min(s/e, 1))) / 2
///   exponential   a · factor^s
///   multi_step    a · factor^(number of milestones ≤ t)
///   cyclical      a + (b − a) min(2 (s/e mod 1), 1): up in the first half of each e epochs, then held
///   logistic      a + (b − a) / (1 + exp(−12 (s/e − 1/2)))
///   warm-up       the value above times min(t/w, 1)   when w > 0
///
/// Threads  pure.
/// Source   cyclical: Fu et al. 2019 (arXiv:1903.10145); logistic: Bowman et al. 2016 (arXiv:1511.06349)
struct Schedule {
  ScheduleKind schedule = ScheduleKind::constant;
  double from = 0;
  double to = 0;
  double epochs = 1;
  double factor = 0.1;
  std::vector<double> milestones = {};
  double warmup_epochs = 0;

  Schedule() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): a plain number is a schedule
  Schedule(double value) : from(value) {}

  [[nodiscard]] double value(double t) const {
    const double since_warmup = std::max(t - warmup_epochs, 0.0);
    const double fraction = std::min(since_warmup / epochs, 1.0);
    const double warmup = warmup_epochs > 0 ? std::min(t / warmup_epochs, 1.0) : 1.0;
    switch (schedule) {
      case ScheduleKind::constant:
        return warmup * from;
      case ScheduleKind::linear:
        return warmup * (from + (to - from) * fraction);
      case ScheduleKind::cosine:
        return warmup * (to + (from - to) * (1 + std::cos(std::numbers::pi * fraction)) / 2);
      case ScheduleKind::exponential:
        return warmup * from * std::pow(factor, since_warmup);
      case ScheduleKind::multi_step:
        return warmup * from *
               std::pow(factor, std::ranges::count_if(milestones, [t](double m) { return m <= t; }));
      case ScheduleKind::cyclical: {
        const double cycles = since_warmup / epochs;
        return warmup * (from + (to - from) * std::min(2 * (cycles - std::floor(cycles)), 1.0));
      }
      case ScheduleKind::logistic:
        return warmup * (from + (to - from) / (1 + std::exp(-12 * (since_warmup / epochs - 0.5))));
    }
    return from;
  }

  /// Whether the value goes from `from` to `to`.
  [[nodiscard]] bool travels() const {
    return schedule == ScheduleKind::linear || schedule == ScheduleKind::cosine ||
           schedule == ScheduleKind::cyclical || schedule == ScheduleKind::logistic;
  }

  static constexpr auto fields() {
    return std::tuple{required_field("schedule", &Schedule::schedule, "shape of the change over training"),
                      required_field("from", &Schedule::from, "value at the start (after any warm-up)"),
                      field("to", &Schedule::to, "final value (linear, cosine, cyclical, logistic)"),
                      field("epochs", &Schedule::epochs,
                            "epochs from `from` to `to` (linear, cosine, logistic), or of a cycle", positive),
                      field("factor", &Schedule::factor,
                            "multiplier per epoch (exponential) or milestone (multi_step)", positive),
                      field("milestones", &Schedule::milestones,
                            "epochs at which multi_step multiplies by `factor`", non_negative),
                      field("warmup_epochs", &Schedule::warmup_epochs,
                            "epochs of linear growth from 0 before the schedule", non_negative)};
  }

  /// Throws ConfigError "<where>: <name>...": `range` holds for the values that the schedule takes. An open
  /// end is closed for a value that is only travelled to or from.
  void check(std::string_view where, std::string_view name, const Range& range) const {
    const bool constant = schedule == ScheduleKind::constant;
    Range values = range;
    values.exclusive_minimum = values.exclusive_minimum && !travels();
    values.exclusive_maximum = values.exclusive_maximum && !travels();
    const auto check_value = [&](std::string_view part, double value, const Range& permitted) {
      if (!std::isfinite(value) || !permitted.contains(value)) {
        throw ConfigError(concat(where, ": ", name, part, " is ", value, ", ",
                                 to_string(std::isfinite(value) ? permitted : any_number)));
      }
    };
    check_value(constant ? "" : "/from", from, values);
    if (travels()) {
      check_value("/to", to, values);
    }
    for (const double milestone : milestones) {
      check_value("/milestones", milestone, non_negative);
    }
    check_fields(concat(where, ": ", name), *this);
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
