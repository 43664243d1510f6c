// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "vaekit/core/parallel.hpp"
#include "vaekit/train/trainer.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// An optimizer whose step size goes from `first` to `last`, exponentially, in the epoch after `epoch`.
template <class Optimizer>
struct RisingRate {
  template <class Model>
  using State = typename Optimizer::template State<Model>;

  Optimizer optimizer;
  double first = 0;
  double last = 0;
  double epoch = 0;

  [[nodiscard]] double learning_rate(double time) const {
    return first * std::pow(last / first, time - epoch);
  }
  template <class Model>
  [[nodiscard]] State<Model> make_state(const Model& model) const {
    return optimizer.make_state(model);
  }
  template <class Model>
  void step(double learning_rate, const Model& grad, double grad_scale, Model& model,
            State<Model>& state) const {
    optimizer.step(learning_rate, grad, grad_scale, model, state);
  }
};

/// Some steps of training on a copy.
struct TrialConfig {
  Index steps = 100;
  Index batch_size = 100;
  double first_rate = 1e-3;
  double last_rate = 1e-3;
  std::uint64_t epoch = 0;   ///< the training time of the steps, for schedules of the objective
  double gradient_clip = 0;  ///< as in training
};

/// What became of them.
template <class Model>
struct Trial {
  struct Step {
    double rate = 0;
    ObjectiveValue value;
  };
  Model model;              ///< after the last step
  std::vector<Step> steps;  ///< the value before each step, and its rate
  std::string error = {};   ///< why it ended before its time
};

namespace detail {

/// Mean loss of steps first ... last − 1.
template <class Steps>
[[nodiscard]] double mean_loss(const Steps& steps, std::size_t first, std::size_t last) {
  double sum = 0;
  for (std::size_t i = first; i < last; ++i) {
    sum += steps[i].value.loss;
  }
  return sum / static_cast<double>(last - first);
}

}  // namespace detail

/// Trains a copy of `model` for `config.steps` steps on random batches of `train`, all in one epoch.
///
/// Throws   ConfigError as `Trainer`; a loss that diverges is no error but ends the trial
/// Threads  bits do not depend on their number
template <class Model, class Optimizer, class ObjectiveType>
[[nodiscard]] Trial<Model> run_trial(const Model& model, const Optimizer& optimizer,
                                     const ObjectiveType& objective, const DataView& train,
                                     const TrialConfig& config, std::uint64_t seed) {
  using Rising = RisingRate<Optimizer>;
  const Index batch = std::min(config.batch_size, train.size());
  std::vector<std::uint32_t> order(train.rows.size());
  fill_permutation(order, RandomStream(seed, Purpose::shuffle).child(500));
  std::vector<std::uint32_t> rows(static_cast<std::size_t>(config.steps * batch));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i] = train.rows[order[i % order.size()]];
  }
  DataView view = train;
  view.rows = rows;
  const Rising rising{optimizer, config.first_rate, config.last_rate, static_cast<double>(config.epoch)};
  const TrainingConfig training{.epochs = static_cast<Index>(config.epoch) + 1,
                                .batch_size = batch,
                                .threads = thread_count(),
                                .gradient_clip = config.gradient_clip};
  Trainer<Model, Rising, ObjectiveType> trainer(training, rising, objective, {.train = view}, seed);
  TrainingState<Model, Rising> state(model, rising, training);
  state.progress.epoch = config.epoch;
  Trial<Model> trial{model, {}};
  struct Recorder {
    Trial<Model>& trial;
    const Rising& rising;
    void step(const TrainingState<Model, Rising>& now, const ObjectiveValue& value, Index batches) {
      const double fraction = static_cast<double>(now.progress.batch - 1) / static_cast<double>(batches);
      trial.steps.push_back({rising.learning_rate(rising.epoch + fraction), value});
    }
  };
  try {
    trainer.train(state, Recorder{trial, rising});
  } catch (const NumericError& error) {
    trial.error = error.what();
  }
  trial.model = std::move(state.model);
  return trial;
}

}  // namespace vaekit::inline VAEKIT_ABI
