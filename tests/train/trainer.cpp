// SPDX-License-Identifier: MIT
#include "vaekit/train/trainer.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "support/alloc_guard.hpp"
#include "support/same_bits.hpp"
#include "support/throws_with.hpp"
#include "train/example_training.hpp"

using namespace vaekit;
using example::data;
using example::Report;
using example::State;
using example::Training;

namespace {

/// Writes what is called into a common list.
struct Recorder {
  std::string name;
  std::vector<std::string>& calls;
  void begin(const State&) { calls.push_back(name + " begin"); }
  void step(const State& state, const ObjectiveValue& value, Index batches) {
    CHECK(std::isfinite(value.loss));
    calls.push_back(concat(name, " step ", state.progress.step, '/', batches));
  }
  Control epoch(const State& state, const Report&) {
    calls.push_back(concat(name, " epoch ", state.progress.epoch));
    return Control::go_on;
  }
  void end(const State&, TrainingEnd) { calls.push_back(name + " end"); }
};

struct KeepReports {
  std::vector<Report> reports = {};
  Control epoch(const State&, const Report& report) {
    reports.push_back(report);
    return Control::go_on;
  }
};

struct StopAfter {
  std::uint64_t epochs;
  Control epoch(const State& state, const Report&) const {
    return state.progress.epoch == epochs ? Control::stop : Control::go_on;
  }
};

void check_same_state(const State& a, const State& b) {
  CHECK(same_parameters(a.model, b.model));
  CHECK(same_parameters(a.optimizer, b.optimizer));
  CHECK(same_parameters(a.evaluated(), b.evaluated()));
  CHECK(a.optimizer.steps() == b.optimizer.steps());
  CHECK(a.progress.epoch == b.progress.epoch);
  CHECK(a.progress.step == b.progress.step);
  CHECK(a.progress.best_elbo == b.progress.best_elbo);
  CHECK(a.progress.best_epoch == b.progress.best_epoch);
}

}  // namespace

TEST_CASE("trainer: callbacks are called in order, step by step") {
  TrainingConfig config = example::short_training();
  config.epochs = 1;
  config.batch_size = 11;
  Training training(config, data().parts());
  std::vector<std::string> calls;
  CHECK(training.run(Recorder{"a", calls}, Recorder{"b", calls}) == TrainingEnd::finished);
  CHECK(calls == std::vector<std::string>{"a begin", "b begin", "a step 1/2", "b step 1/2", "a step 2/2",
                                          "b step 2/2", "a epoch 1", "b epoch 1", "a end", "b end"});
}

TEST_CASE("trainer: an epoch sees every sample once and reports each split that there is") {
  Training training(example::short_training(), data().parts());
  KeepReports kept;
  training.run(kept);
  REQUIRE(kept.reports.size() == 4);
  CHECK(training.state.progress.step == 4 * 5);
  for (const Report& report : kept.reports) {
    CHECK(report.train.value.elbo ==
          doctest::Approx(report.train.value.reconstruction - report.train.value.kl).epsilon(1e-6));
    REQUIRE(report.validation);
    REQUIRE(report.test);
    CHECK(report.validation->value.loss == -report.validation->value.elbo);
  }
  CHECK(kept.reports[0].improved);
  CHECK(kept.reports[3].train.value.elbo > kept.reports[0].train.value.elbo);

  Training alone(example::short_training(), data().training_alone());
  KeepReports train_only;
  alone.run(train_only);
  CHECK_FALSE(train_only.reports[0].validation);
  CHECK_FALSE(train_only.reports[0].test);
  CHECK(same_parameters(alone.state.model, training.state.model));
}

TEST_CASE("trainer: of a model with a classifier, the accuracy on validation and test") {
  const Dataset labelled("labelled", Shape::flat(1), std::vector<float>{0, 1, 1, 0, 1, 1, 0, 1},
                         {0, 1, 1, 1, 1, 0, 0, 1});
  const Transform identity = Transform::fit({}, labelled, all_rows(8));
  const std::vector<std::uint32_t> rows = all_rows(8);
  const auto part = [&](std::size_t first, std::size_t count) {
    return DataView{&labelled, &identity, std::span(rows).subspan(first, count), 1,
                    Condition::labels(labelled, 2)};
  };
  using Net = Sequential<Dense<float>>;
  Vae<Net, GaussianLatent<float>, Net, Bernoulli<float>> model(
      Net(Dense<float>({.units = 2}, Shape::flat(3))), GaussianLatent<float>({.dim = 1}),
      Net(Dense<float>({.units = 2}, Shape::flat(3))), Bernoulli<float>({}, 1), Initializer::fan_in_uniform,
      {}, 2);
  model.set_classifier(Net(Dense<float>({.units = 1}, Shape::flat(1))), 1);
  model.initialize(1);
  // y = x, and a rate of 0 leaves it so.
  auto& layer = std::get<0>(model.classifier->network.layers);
  layer.weight(0, 0) = 1;
  layer.bias.setZero();
  model.classifier->head.bias.setZero();
  model.classifier->head.weight.setZero();
  model.classifier->head.weight(1, 0) = 1;
  model.classifier->head.bias[0] = 0.5F;
  const TrainingConfig config{.epochs = 1, .batch_size = 2, .threads = 1};
  Trainer<decltype(model), AnyOptimizer, Elbo> trainer(config, example::adam(0), Elbo(),
                                                       {part(0, 2), part(2, 4), part(6, 2)}, 1);
  decltype(trainer)::State state(model, example::adam(0), config);
  struct KeepAccuracy {
    std::vector<std::optional<double>> of = {};
    Control epoch(const decltype(trainer)::State&, const decltype(trainer)::EpochReport& report) {
      of = {report.train.accuracy, report.validation->accuracy, report.test->accuracy};
      return Control::go_on;
    }
  } accuracy;
  trainer.train(state, accuracy);
  REQUIRE(accuracy.of.size() == 3);
  CHECK(accuracy.of[0] == std::nullopt);
  CHECK(accuracy.of[1] == 0.5);
  CHECK(accuracy.of[2] == 1.0);
}

TEST_CASE("trainer: a callback stops training, and a second call finishes it to the same bits") {
  Training straight(example::short_training(), data().parts());
  straight.run();
  Training stopped(example::short_training(), data().parts());
  CHECK(stopped.run(StopAfter{2}) == TrainingEnd::stopped_early);
  CHECK(stopped.state.progress.epoch == 2);
  CHECK(stopped.run() == TrainingEnd::finished);
  check_same_state(stopped.state, straight.state);
  CHECK(stopped.run() == TrainingEnd::finished);
  check_same_state(stopped.state, straight.state);
}

TEST_CASE("trainer: an interrupt ends training after the step under way; going on gives the same bits") {
  Training straight(example::short_training(), data().parts());
  straight.run();
  for (const std::uint64_t steps : {1U, 5U, 7U, 19U}) {
    Training interrupted(example::short_training(), data().parts());
    CHECK(interrupted.run(example::InterruptAfter{steps}) == TrainingEnd::interrupted);
    interrupt_requested = 0;
    CHECK(interrupted.state.progress.step == steps);
    CHECK(interrupted.run() == TrainingEnd::finished);
    check_same_state(interrupted.state, straight.state);
  }
}

TEST_CASE("trainer: the number of threads changes no bit") {
  TrainingConfig config = example::short_training();
  Training one(config, data().parts());
  one.run();
  for (const int threads : {2, 3}) {
    config.threads = threads;
    Training more(config, data().parts());
    more.run();
    check_same_state(more.state, one.state);
  }
}

TEST_CASE("trainer: early stopping waits for so many epochs without a better validation ELBO") {
  TrainingConfig config = example::short_training();
  config.epochs = 50;
  config.early_stopping = 2;
  config.weight_average = 0;
  // Without steps the validation ELBO stays what it was after the first epoch.
  Training still(config, data().parts(), example::adam(0));
  KeepReports kept;
  CHECK(still.run(kept) == TrainingEnd::stopped_early);
  CHECK(still.state.progress.epoch == 3);
  CHECK(still.state.progress.best_epoch == 1);
  CHECK(kept.reports[0].improved);
  CHECK_FALSE(kept.reports[1].improved);
  const example::Model stopped = still.state.model;
  CHECK(still.run() == TrainingEnd::stopped_early);
  CHECK(still.state.progress.epoch == 3);
  CHECK(same_parameters(still.state.model, stopped));
}

TEST_CASE("trainer: numbers that do not fit the data are refused, by the trainer and without one") {
  const auto refuse = [](const std::string& message, const TrainingConfig& config) {
    check_throws_with<ConfigError>(message, [&] { Training(config, data().training_alone()); });
    check_throws_with<ConfigError>(message, [&] { check_training(config, data().training_alone()); });
  };
  TrainingConfig config = example::short_training();
  check_training(config, data().training_alone());
  config.early_stopping = 2;
  check_training(config, data().parts());
  refuse(
      "training/early_stopping: is 2, must be 0 without validation samples; hint: set "
      "data/validation_fraction or data/validation",
      config);
  config = example::short_training();
  const std::string samples = std::to_string(data().training_alone().train.size());
  config.batch_size = 1000;
  refuse("training/batch_size: 1000 is larger than the training set of " + samples +
             " samples, must be at most " + samples,
         config);
  config = example::short_training();
  config.weight_average = 1;
  refuse("training: weight_average is 1, must be in [0, 1)", config);
}

TEST_CASE("trainer: the rate of an epoch that a call finds half done is that of its own steps") {
  Training training(example::short_training(), data().parts());
  training.run(example::InterruptAfter{4});  // of 5 batches
  interrupt_requested = 0;
  KeepReports kept;
  training.run(kept);
  const EpochMetrics& rest = kept.reports[0].train;
  CHECK(rest.samples_per_second * rest.seconds == doctest::Approx(2));
  CHECK(kept.reports[1].train.samples_per_second * (kept.reports[1].train.seconds - rest.seconds) ==
        doctest::Approx(22));
}

TEST_CASE("trainer: an interrupt does not hand on ruined weights") {
  struct RuinAndInterrupt {
    State& state;
    bool ended = false;
    void step(const State&, const ObjectiveValue&, Index) const {
      state.model.likelihood_head.bias(0) = std::numeric_limits<float>::infinity();
      interrupt_requested = 1;
    }
    void end(const State&, TrainingEnd) { ended = true; }
  };
  Training training(example::short_training(), data().parts());
  RuinAndInterrupt ruin{training.state};
  check_throws_with<NumericError>("train: step 1: likelihood_head.bias is not finite, must be",
                                  [&] { training.run(ruin); });
  interrupt_requested = 0;
  CHECK_FALSE(ruin.ended);
}

TEST_CASE("trainer: a loss that is not finite stops before the step") {
  Training training(example::short_training(), data().parts());
  training.state.model.likelihood_head.bias(3) = std::numeric_limits<float>::quiet_NaN();
  const example::Model before = training.state.model;
  check_throws_with<NumericError>(
      concat(
          "train: step 1: loss is nan (log-likelihood nan, KL ",
          [&] {
            auto w = training.state.model.make_workspace(5);
            Matrix<float> x(5, example::features);
            Batches batches(std::vector<std::uint32_t>(data().rows.begin(), data().rows.begin() + 22), 5);
            batches.shuffle(1, 0);
            read_rows<float>(data().dataset, batches.batch(0), data().transform, 1, 0, x);
            training.state.model.draw_noise(1, 0, 5, w);
            example::Model grad = zeros_like(training.state.model);
            return training.state.model.gradient(x, Elbo(), 0, w, grad).kl;
          }(),
          "), must be finite"),
      [&] { training.run(); });
  CHECK(same_parameters(training.state.model, before));
  CHECK(training.state.progress.step == 0);
}

TEST_CASE("trainer: a loss that grew a million times is divergence") {
  struct Worsen {
    State& state;
    void step(const State&, const ObjectiveValue&, Index) const {
      for (Index j = 0; j < example::features; ++j) {
        state.model.likelihood_head.bias(j) = 1e8F;
      }
    }
  };
  Training training(example::short_training(), data().parts());
  std::string message;
  try {
    training.run(Worsen{training.state});
  } catch (const NumericError& error) {
    message = error.what();
  }
  CHECK(message.starts_with("train: step 2: loss is "));
  CHECK(message.find("), must be finite and below 1000000 times the first loss of ") != std::string::npos);
  CHECK(training.state.progress.step == 1);
}

TEST_CASE("trainer: an epoch that ends in ruins is not reported") {
  struct Ruin {
    State& state;
    float value;
    int epochs = 0;
    void step(const State&, const ObjectiveValue&, Index batches) const {
      if (state.progress.batch == static_cast<std::uint64_t>(batches)) {
        state.model.likelihood_head.bias(0) = value;
      }
    }
    Control epoch(const State&, const Report&) {
      ++epochs;
      return Control::go_on;
    }
  };
  TrainingConfig config = example::short_training();
  config.weight_average = 0;
  Training alone(config, data().training_alone());
  Ruin ruin{alone.state, std::numeric_limits<float>::infinity()};
  check_throws_with<NumericError>("train: epoch 1: likelihood_head.bias is not finite, must be",
                                  [&] { alone.run(ruin); });
  CHECK(ruin.epochs == 0);
  Training with_splits(config, data().parts());
  std::string message;
  try {
    with_splits.run(Ruin{with_splits.state, std::numeric_limits<float>::quiet_NaN()});
  } catch (const NumericError& error) {
    message = error.what();
  }
  CHECK(message.starts_with("train: epoch 1: validation elbo is nan (log-likelihood nan, KL "));
  CHECK(message.ends_with("), must be finite"));
}

TEST_CASE("trainer: nothing allocates after the first step") {
  struct CountAllocations {
    std::optional<AllocationCount> guard = std::nullopt;
    std::size_t found = 0;
    Index counted = 0;
    void step(const State& state, const ObjectiveValue&, Index batches) {
      if (guard) {
        found += guard->count();
        ++counted;
        guard.reset();
      }
      // The evaluation between epochs may allocate.
      if (state.progress.batch < static_cast<std::uint64_t>(batches)) {
        guard.emplace();
      }
    }
  };
  for (const int threads : {1, 2}) {
    TrainingConfig config = example::short_training();
    config.threads = threads;
    config.gradient_clip = 1;
    Training training(config, data().parts());
    CountAllocations count;
    training.run(count);
    CHECK(count.counted == 4 * 4);
    CHECK(count.found == 0);
  }
}

TEST_CASE("trainer: a batch larger than the training set, and numbers out of range, are refused") {
  TrainingConfig config = example::short_training();
  config.batch_size = 23;
  check_throws_with<ConfigError>(
      "training/batch_size: 23 is larger than the training set of 22 samples, must be at most 22",
      [&] { Training(config, data().parts()); });
  config.batch_size = 5;
  config.gradient_clip = -1;
  check_throws_with<ConfigError>("training: gradient_clip is -1, must be >= 0",
                                 [&] { Training(config, data().parts()); });
}
