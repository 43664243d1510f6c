// SPDX-License-Identifier: MIT
#include "vaekit/train/learning_rate_range.hpp"

#include <doctest/doctest.h>

#include "evaluate/planted_faults.hpp"
#include "vaekit/optim/adam.hpp"

using namespace vaekit;

namespace {

/// Rates 1e-4 ... 1e0, and a loss of log10 of the rate.
template <class Loss>
Trial<example::BarsVae<float>> curve(Loss&& loss) {
  Trial<example::BarsVae<float>> trial;
  for (int i = 0; i <= 100; ++i) {
    const double exponent = -4 + 0.04 * i;
    trial.steps.push_back({std::pow(10, exponent), {.loss = loss(exponent)}});
  }
  return trial;
}

/// 100 steps at one rate whose loss goes from 100 to `last`.
Trial<example::BarsVae<float>> steady(double last) {
  Trial<example::BarsVae<float>> trial;
  for (int i = 0; i < 100; ++i) {
    trial.steps.push_back({1, {.loss = 100 + (last - 100) * i / 99}});
  }
  return trial;
}

/// 100 until 10⁻³, falls to 40 at 10⁻², and rises as steeply.
double valley(double exponent) { return exponent < -3 ? 100 : 40 + 60 * std::abs(exponent + 2); }

}  // namespace

TEST_CASE("learning-rate range: where the loss is lowest and where a quarter of the gain is lost") {
  const LearningRateRange range = find_learning_rate_range(curve(valley));
  // The average lags by about four steps of a 25th of a decade.
  CHECK(std::log10(range.lowest) == doctest::Approx(-1.9).epsilon(0.05));
  CHECK(std::log10(range.turns_up) == doctest::Approx(-1.58).epsilon(0.07));
  CHECK(range.highest == doctest::Approx(1));
  CHECK(range.gain == doctest::Approx(52.6).epsilon(0.01));
}

TEST_CASE("learning-rate range: a loss that only falls does not turn up, noise is no turn") {
  const auto falling = curve([](double exponent) { return 100 - 10 * exponent; });
  CHECK(std::isinf(find_learning_rate_range(falling).turns_up));
  int i = 0;
  const auto noisy = curve([&](double) { return ++i % 2 == 0 ? 100.0 : 106.0; });
  CHECK(std::isinf(find_learning_rate_range(noisy).turns_up));
  CHECK(find_learning_rate_range(noisy).gain == 0);
}

TEST_CASE("learning-rate range: a trial that ended turned up at its end") {
  auto trial = curve([](double exponent) { return 100 - 10 * exponent; });
  trial.error = "train: step 101: loss is nan";
  CHECK(find_learning_rate_range(trial).turns_up == doctest::Approx(1));
}

TEST_CASE("check learning rate: beyond the turn, or before it") {
  const auto trial = curve(valley);
  const auto sound = check_learning_rate(trial, steady(90), {0.005, 1000});
  REQUIRE(example::is_ok(sound));
  CHECK(sound[0].figure.starts_with("0.005; the loss is lowest at 0.01"));
  const auto findings = check_learning_rate(trial, steady(90), {0.3, 1000});
  REQUIRE(example::is_fault(findings));
  CHECK(findings[0].advice.starts_with("set optimizer/learning_rate to a tenth of 0.01"));
}

TEST_CASE("check learning rate: too small for the whole training, and without a gain") {
  const auto trial = curve(valley);
  const auto findings = check_learning_rate(trial, steady(100), {1e-7, 1000});
  REQUIRE(example::is_fault(findings));
  CHECK(findings[0].figure.starts_with("1e-07; the loss is lowest at 0.01"));
  CHECK(findings[0].figure.ends_with(", it does not fall in 100 steps at 1e-07"));
  CHECK(findings[0].advice.starts_with("set optimizer/learning_rate to a tenth of 0.01"));
  CHECK(example::is_ok(check_learning_rate(trial, steady(90), {1e-7, 1000})));   // it gains
  CHECK(example::is_ok(check_learning_rate(trial, steady(100), {1e-4, 1000})));  // it is not far below
  CHECK(example::is_ok(check_learning_rate(trial, steady(100), {1e-7, 1e6})));   // it has the time
  const auto flat = curve([](double) { return 100.0; });
  CHECK(example::is_ok(check_learning_rate(flat, steady(100), {1e-7, 1000})));  // no rate gains
}

TEST_CASE("training rate: the largest of all epochs") {
  Schedule schedule(0.0001);
  schedule.schedule = ScheduleKind::linear;
  schedule.to = 3;
  schedule.epochs = 10;
  const Adam adam({.learning_rate = schedule});
  CHECK(find_training_rate(adam, 20, 5).largest == doctest::Approx(3));
  CHECK(find_training_rate(adam, 20, 5).steps == 100);
  CHECK(find_training_rate(adam, 1, 5).largest == doctest::Approx(0.30009));
  Schedule warm(0.1);
  warm.warmup_epochs = 2;
  warm.schedule = ScheduleKind::exponential;
  CHECK(find_training_rate(Adam({.learning_rate = warm}), 1e9, 1).largest > 0);
  CHECK(find_training_rate(Adam({.learning_rate = warm}), 50, 1).largest == doctest::Approx(0.1));
  CHECK(find_training_rate(Adam({.learning_rate = 0}), 50, 1).largest == 0);
}

TEST_CASE("check learning rate: nothing is said of a trial without a finite loss") {
  const auto findings = check_learning_rate(Trial<example::BarsVae<float>>{}, steady(90), {0.001, 1000});
  CHECK(findings[0].verdict == Verdict::skipped);
  CHECK(findings[0].figure == "the first loss is not finite");
}

TEST_CASE("check learning rate: of a model, Adam's usual rate is sound and 1 is not") {
  const example::Bars bars;
  const auto trial = run_trial(example::bars_model<float>(), Adam(), Elbo(), bars.view(),
                               {.steps = 100, .batch_size = 40, .first_rate = 1e-5, .last_rate = 10}, 1);
  const LearningRateRange range = find_learning_rate_range(trial);
  CAPTURE(range.turns_up);
  CHECK(example::is_ok(check_learning_rate(trial, steady(90), {0.001, 120})));
  CHECK(example::is_fault(check_learning_rate(trial, steady(90), {1, 120})));
}
