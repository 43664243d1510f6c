// SPDX-License-Identifier: MIT
//
// A training run of a few milliseconds, with everything that has a state: dropout, binarisation, averages.
#pragma once

#include <utility>
#include <vector>

#include "vaekit/distributions/bernoulli.hpp"
#include "vaekit/kernels/random.hpp"
#include "vaekit/model/vae.hpp"
#include "vaekit/nn/dropout.hpp"
#include "vaekit/nn/sequential.hpp"
#include "vaekit/objectives/elbo.hpp"
#include "vaekit/optim/builtin.hpp"
#include "vaekit/train/trainer.hpp"

namespace example {

using namespace vaekit;

using Model = Vae<Sequential<Dense<float>, Dropout<float>>, GaussianLatent<float>, Sequential<Dense<float>>,
                  Bernoulli<float>>;
using TestTrainer = Trainer<Model, AnyOptimizer, Elbo>;
using State = TestTrainer::State;
using Report = TestTrainer::EpochReport;

constexpr Index features = 12;

inline Model make_model(Index hidden = 9) {
  const Dense<float> in({.units = hidden, .activation = Activation::tanh}, Shape::flat(features));
  const Dense<float> out({.units = 6, .activation = Activation::tanh}, Shape::flat(2));
  Model model(Sequential(in, Dropout<float>({.rate = 0.2}, Shape::flat(hidden))),
              GaussianLatent<float>({.dim = 2}), Sequential(out), Bernoulli<float>({}, features));
  model.initialize(1);
  return model;
}

/// 22 samples to train on, 6 to validate, 5 to test.
struct Data {
  Dataset dataset;
  Transform transform;
  std::vector<std::uint32_t> rows = all_rows(33);

  Data()
      : dataset("uniform", Shape::flat(features), values()),
        transform(std::vector<double>(features, 0), std::vector<double>(features, 1), 0,
                  Binarize::stochastic) {}

  [[nodiscard]] DataView part(std::size_t first, std::size_t count) const {
    return {&dataset, &transform, std::span(rows).subspan(first, count), 1};
  }
  [[nodiscard]] TrainingData parts() const { return {part(0, 22), part(22, 6), part(28, 5)}; }
  [[nodiscard]] TrainingData training_alone() const { return {part(0, 22), {}, {}}; }

  static std::vector<float> values() {
    std::vector<float> v(33 * features);
    fill_uniform(std::span(v), RandomStream(3, Purpose::synthetic));
    return v;
  }
};

[[nodiscard]] inline const Data& data() {
  static const Data value;
  return value;
}

inline TrainingConfig short_training() {
  return {.epochs = 4, .batch_size = 5, .threads = 1, .weight_average = 0.9};
}

inline AnyOptimizer adam(double learning_rate = 0.01) {
  return AnyOptimizer(OptimizerConfig(AdamConfig{.learning_rate = learning_rate}));
}

/// A trainer and the state it starts from.
struct Training {
  TestTrainer trainer;
  State state;

  Training(const TrainingConfig& config, const TrainingData& data, const AnyOptimizer& optimizer = adam())
      : trainer(config, optimizer, Elbo(), data, 1), state(make_model(), optimizer, config) {}

  template <class... Callbacks>
  TrainingEnd run(Callbacks&&... callbacks) {
    return trainer.train(state, callbacks...);
  }
};

/// Interrupts after `steps` steps.
struct InterruptAfter {
  std::uint64_t steps;
  void step(const State& state, const ObjectiveValue&, Index) const {
    if (state.progress.step == steps) {
      interrupt_requested = 1;
    }
  }
};

}  // namespace example
