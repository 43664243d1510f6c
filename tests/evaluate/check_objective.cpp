// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/check_objective.hpp"

#include <doctest/doctest.h>

#include <array>

#include "evaluate/planted_faults.hpp"
#include "vaekit/model/part_name.hpp"
#include "vaekit/objectives/builtin.hpp"

using namespace vaekit;

namespace {

template <class ObjectiveType>
std::vector<Finding> checked_objective(const ObjectiveType& objective) {
  static const Matrix<double> x = example::Bars().samples<double>(16);
  const std::array<double, 3> times = {0, 2.5, 10};
  return check_objective(example::bars_model<double>(), objective, x, times, 1);
}

template <std::size_t... I>
std::vector<ObjectiveConfig> default_objectives(std::index_sequence<I...>) {
  return {ObjectiveConfig(std::variant_alternative_t<I, ObjectiveConfig>{})...};
}

}  // namespace

TEST_CASE("check objective: every built-in objective is sound") {
  for (const ObjectiveConfig& config :
       default_objectives(std::make_index_sequence<std::variant_size_v<ObjectiveConfig>>{})) {
    const AnyObjective objective(config);
    CAPTURE(part_name(objective));
    CHECK(example::is_ok(checked_objective(objective)));
  }
}

TEST_CASE("check objective: schedules, free bits and capacities are no faults") {
  Schedule rising(0.0);
  rising.schedule = ScheduleKind::linear;
  rising.to = 4;
  rising.epochs = 5;
  const auto findings = checked_objective(Elbo({.beta = rising, .free_bits = 2}));
  REQUIRE(example::is_ok(findings));
  CHECK(findings[0].figure == "the loss falls with log p(x|z); a nat of KL weighs up to 4");
  CHECK(example::is_ok(checked_objective(Capacity({.capacity = 30, .gamma = 1000}))));
  rising.to = 25;
  CHECK(example::is_ok(checked_objective(Capacity({.capacity = rising, .gamma = 1000}))));
}

TEST_CASE("check objective: a KL term of the wrong sign") {
  const auto findings = checked_objective(example::WeightedElbo{.kl = -1});
  REQUIRE(example::is_fault(findings));
  CHECK(findings[0].figure == "the loss changes by -1 for each nat of KL at epoch 0");
  CHECK(findings[0].advice == "the KL term has the wrong sign: loss = KL - log p(x|z)");
}

TEST_CASE("check objective: a reconstruction term of the wrong sign, or none") {
  const auto findings = checked_objective(example::WeightedElbo{.log_likelihood = -2});
  REQUIRE(example::is_fault(findings));
  CHECK(findings[0].figure == "the loss changes by 2 for each nat of log p(x|z) at epoch 0");
  CHECK(example::is_fault(checked_objective(example::WeightedElbo{.log_likelihood = 0})));
}

TEST_CASE("check objective: a mean over the features in place of the sum") {
  const auto findings = checked_objective(example::WeightedElbo{.log_likelihood = 1.0 / 64});
  REQUIRE(example::is_fault(findings));
  CHECK(findings[0].figure == "a nat of KL weighs as much as 64 nats of log p(x|z), of 64 features");
  CHECK(example::is_fault(checked_objective(Elbo({.beta = 16}))));
  CHECK(example::is_ok(checked_objective(Elbo({.beta = 15.9}))));
}
