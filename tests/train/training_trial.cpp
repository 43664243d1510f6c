// SPDX-License-Identifier: MIT
#include "vaekit/train/training_trial.hpp"

#include <doctest/doctest.h>

#include "support/same_bits.hpp"
#include "train/example_training.hpp"

using namespace vaekit;

namespace {

Trial<example::Model> trial_of(const TrialConfig& config) {
  return run_trial(example::make_model(), example::adam(), Elbo(), example::data().part(0, 22), config, 1);
}

}  // namespace

TEST_CASE("training trial: rates rise from the first to the last") {
  const RisingRate<AnyOptimizer> rising{example::adam(), 1e-4, 1e-2, 7};
  CHECK(rising.learning_rate(7) == doctest::Approx(1e-4));
  CHECK(rising.learning_rate(7.5) == doctest::Approx(1e-3));
  CHECK(rising.learning_rate(8) == doctest::Approx(1e-2));
  const auto trial =
      trial_of({.steps = 20, .batch_size = 5, .first_rate = 1e-4, .last_rate = 1e-2, .epoch = 7});
  REQUIRE(trial.steps.size() == 20);
  CHECK(trial.error.empty());
  CHECK(trial.steps[0].rate == doctest::Approx(1e-4));
  CHECK(trial.steps[10].rate == doctest::Approx(1e-3));
  CHECK(trial.steps[19].rate == doctest::Approx(std::pow(10, -4 + 2 * 0.95)));
}

TEST_CASE("training trial: trains a copy, by itself and the same on any number of threads") {
  const TrialConfig config{.steps = 60, .batch_size = 50, .first_rate = 0.01, .last_rate = 0.01};
  const auto trial = trial_of(config);  // batches of 22
  CHECK(trial.steps.back().value.loss < trial.steps.front().value.loss);
  CHECK_FALSE(same_parameters(trial.model, example::make_model()));
  for (const int threads : {1, 2, 3}) {
    const ThreadScope scope(threads);
    CHECK(same_parameters(trial_of(config).model, trial.model));
  }
}

TEST_CASE("training trial: a loss that diverges ends it") {
  const auto trial = trial_of({.steps = 60, .batch_size = 20, .first_rate = 1e30, .last_rate = 1e30});
  CHECK(trial.steps.size() < 60);
  CHECK(trial.error.starts_with("train: step "));
}
