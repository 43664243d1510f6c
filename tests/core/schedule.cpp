// SPDX-License-Identifier: MIT
#include "vaekit/core/schedule.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/throws_with.hpp"

using namespace vaekit;

namespace {
Schedule make(ScheduleKind kind, double from, double to, double epochs) {
  Schedule schedule(from);
  schedule.schedule = kind;
  schedule.to = to;
  schedule.epochs = epochs;
  return schedule;
}

doctest::Approx near(double value) { return doctest::Approx(value).epsilon(1e-12); }
}  // namespace

TEST_CASE("schedule: a plain number is constant") {
  const Schedule schedule = 0.25;
  CHECK(schedule.schedule == ScheduleKind::constant);
  for (const double t : {0.0, 0.5, 1.0, 1e6}) {
    CHECK(schedule.value(t) == 0.25);
  }
  CHECK(Schedule().value(3) == 0);
}

TEST_CASE("schedule: linear runs from one end to the other and stays there") {
  const Schedule up = make(ScheduleKind::linear, 0, 1, 10);
  CHECK(up.value(0) == 0);
  CHECK(up.value(2.5) == near(0.25));
  CHECK(up.value(10) == 1);
  CHECK(up.value(1000) == 1);
  const Schedule down = make(ScheduleKind::linear, 2, -2, 4);
  CHECK(down.value(1) == near(1));
  CHECK(down.value(4) == -2);
}

TEST_CASE("schedule: cosine is flat at both ends and half way in the middle") {
  const Schedule schedule = make(ScheduleKind::cosine, 1, 0.2, 8);
  CHECK(schedule.value(0) == near(1));
  CHECK(schedule.value(4) == near(0.6));
  CHECK(schedule.value(2) == near(0.2 + 0.8 * (1 + std::sqrt(0.5)) / 2));
  CHECK(schedule.value(8) == near(0.2));
  CHECK(schedule.value(80) == near(0.2));
  CHECK(1 - schedule.value(0.01) < 1e-5);
}

TEST_CASE("schedule: exponential multiplies by the factor each epoch, at any fraction of one") {
  Schedule schedule = make(ScheduleKind::exponential, 3, 0, 1);
  schedule.factor = 0.5;
  CHECK(schedule.value(0) == 3);
  CHECK(schedule.value(1) == near(1.5));
  CHECK(schedule.value(0.5) == near(3 * std::sqrt(0.5)));
  CHECK(schedule.value(10) == near(3.0 / 1024));
}

TEST_CASE("schedule: multi_step multiplies at each milestone, the milestone itself included") {
  Schedule schedule = make(ScheduleKind::multi_step, 1, 0, 1);
  schedule.factor = 0.1;
  schedule.milestones = {30, 60};
  CHECK(schedule.value(0) == 1);
  CHECK(schedule.value(29.999) == 1);
  CHECK(schedule.value(30) == near(0.1));
  CHECK(schedule.value(60) == near(0.01));
  CHECK(schedule.value(1000) == near(0.01));
  schedule.milestones = {60, 30};
  CHECK(schedule.value(30) == near(0.1));
  schedule.milestones = {};
  CHECK(schedule.value(99) == 1);
}

TEST_CASE("schedule: warm-up grows from zero, then the schedule starts at its own beginning") {
  Schedule constant = 4.0;
  constant.warmup_epochs = 2;
  CHECK(constant.value(0) == 0);
  CHECK(constant.value(0.5) == near(1));
  CHECK(constant.value(2) == 4);
  CHECK(constant.value(50) == 4);

  Schedule linear = make(ScheduleKind::linear, 1, 0, 10);
  linear.warmup_epochs = 5;
  CHECK(linear.value(2.5) == near(0.5));
  CHECK(linear.value(5) == near(1));
  CHECK(linear.value(10) == near(0.5));
  CHECK(linear.value(15) == 0);

  Schedule exponential = make(ScheduleKind::exponential, 1, 0, 1);
  exponential.factor = 0.5;
  exponential.warmup_epochs = 1;
  CHECK(exponential.value(2) == near(0.5));
}

TEST_CASE("schedule: the table names every member and refuses what value() cannot use") {
  std::vector<std::string> names;
  std::vector<std::string> required;
  for_each_field<Schedule>([&](const auto& field) {
    names.emplace_back(field.name);
    if (field.required) {
      required.emplace_back(field.name);
    }
  });
  CHECK(names == std::vector<std::string>{"schedule", "from", "to", "epochs", "factor", "milestones",
                                          "warmup_epochs"});
  CHECK(required == std::vector<std::string>{"schedule", "from"});
  CHECK_NOTHROW(check_fields("optimizer", Schedule(0.1)));
  check_throws_with<ConfigError>("beta: epochs is 0, must be > 0",
                                 [] { check_fields("beta", make(ScheduleKind::linear, 0, 1, 0)); });
  Schedule negative = 1.0;
  negative.warmup_epochs = -1;
  check_throws_with<ConfigError>("beta: warmup_epochs is -1, must be >= 0",
                                 [&] { check_fields("beta", negative); });
}

TEST_CASE("schedule: kinds have the names of the configuration") {
  CHECK(to_string(ScheduleKind::constant) == "constant");
  CHECK(to_string(ScheduleKind::linear) == "linear");
  CHECK(to_string(ScheduleKind::cosine) == "cosine");
  CHECK(to_string(ScheduleKind::exponential) == "exponential");
  CHECK(to_string(ScheduleKind::multi_step) == "multi_step");
  CHECK(to_string(ScheduleKind::cyclical) == "cyclical");
  CHECK(to_string(ScheduleKind::logistic) == "logistic");
}

TEST_CASE("schedule: cyclical rises in the first half of each cycle and holds in the second") {
  const Schedule schedule = make(ScheduleKind::cyclical, 0, 2, 4);
  for (const double start : {0.0, 4.0, 400.0}) {
    CHECK(schedule.value(start) == 0);
    CHECK(schedule.value(start + 1) == near(1));
    CHECK(schedule.value(start + 2) == 2);
    CHECK(schedule.value(start + 3.9) == 2);
  }
}

TEST_CASE("schedule: logistic is half way in the middle and near its ends at the ends") {
  const Schedule schedule = make(ScheduleKind::logistic, 0, 1, 10);
  CHECK(schedule.value(5) == near(0.5));
  CHECK(schedule.value(0) == near(1 / (1 + std::exp(6.0))));
  CHECK(schedule.value(10) == near(1 / (1 + std::exp(-6.0))));
  CHECK(schedule.value(7) > schedule.value(6));
}

TEST_CASE("schedule: check holds the values it takes to a range and names the part") {
  const auto refused = [](const std::string& message, const Schedule& schedule, const Range& range) {
    check_throws_with<ConfigError>(message, [&] { schedule.check("adam", "learning_rate", range); });
  };
  CHECK_NOTHROW(Schedule(0.1).check("adam", "learning_rate", positive));
  refused("adam: learning_rate is 0, must be > 0", Schedule(0.0), positive);
  refused("adam: learning_rate is nan, must be finite", Schedule(std::nan("")), positive);

  const Schedule to_zero = make(ScheduleKind::linear, 1, 0, 10);
  CHECK_NOTHROW(to_zero.check("adam", "learning_rate", positive));  // only travelled to
  refused("adam: learning_rate/to is -1, must be >= 0", make(ScheduleKind::cosine, 1, -1, 10), positive);
  refused("adam: learning_rate/from is 2, must be in [0, 1]", make(ScheduleKind::linear, 2, 0, 1),
          zero_to_one);
  refused("adam: learning_rate: epochs is -1, must be > 0", make(ScheduleKind::linear, 1, 0, -1), positive);

  Schedule steps = make(ScheduleKind::multi_step, 1, -5, 1);  // `to` is not used
  CHECK_NOTHROW(steps.check("adam", "learning_rate", positive));
  steps.milestones = {3, -1};
  refused("adam: learning_rate/milestones is -1, must be >= 0", steps, positive);
}
