// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <csignal>
#include <optional>
#include <utility>

#include "vaekit/core/check.hpp"
#include "vaekit/data/batches.hpp"
#include "vaekit/evaluate/accuracy.hpp"
#include "vaekit/evaluate/elbo.hpp"
#include "vaekit/model/compatibility.hpp"
#include "vaekit/objectives/critic.hpp"
#include "vaekit/optim/average.hpp"
#include "vaekit/optim/clip.hpp"
#include "vaekit/train/progress.hpp"
#include "vaekit/train/pseudo_inputs.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// How long and in which steps to train; the meaning of each is in `fields`.
struct TrainingConfig {
  Index epochs = 10;
  Index batch_size = 128;
  int threads = 0;
  double gradient_clip = 0;
  double weight_average = 0;
  Index early_stopping = 0;
  Index checkpoint_every = 1;
  Index images_every = 1;

  static constexpr auto fields() {
    return std::tuple{
        field("epochs", &TrainingConfig::epochs, "passes over the training set", non_negative),
        field("batch_size", &TrainingConfig::batch_size, "samples for each optimizer step", at_least(1)),
        field("threads", &TrainingConfig::threads,
              "OpenMP threads, 0 = all cores; results do not depend on it", between(0, 1024)),
        field("gradient_clip", &TrainingConfig::gradient_clip, "largest global gradient norm, 0 = no limit",
              non_negative),
        field("weight_average", &TrainingConfig::weight_average,
              "decay of the exponential moving average of weights that evaluation uses, 0 = none", below_one),
        field("early_stopping", &TrainingConfig::early_stopping,
              "epochs without a better validation ELBO before training stops, 0 = never", non_negative),
        field("checkpoint_every", &TrainingConfig::checkpoint_every,
              "epochs between numbered checkpoints, 0 = only last and best", non_negative),
        field("images_every", &TrainingConfig::images_every, "epochs between pictures, 0 = none",
              non_negative)};
  }
};

/// Everything that training changes.
template <class Model, class Optimizer>
struct TrainingState {
  Model model;
  typename Optimizer::template State<Model> optimizer;
  std::optional<WeightAverage<Model>> average;
  Critic<typename Model::Scalar> critic;  ///< of the objective, where it has one
  Progress progress;

  TrainingState(Model initial, const Optimizer& method, const TrainingConfig& config)
      : model(std::move(initial)), optimizer(method.make_state(model)) {
    if (config.weight_average > 0) {
      average.emplace(model);
    }
  }

  /// The weights to evaluate and sample with: the average where there is one.
  [[nodiscard]] const Model& evaluated() const { return average ? average->average : model; }
};

/// The data of a run. `validation` and `test` may be empty.
struct TrainingData {
  DataView train;
  DataView validation = {};
  DataView test = {};
};

/// Checks that `data` can be trained on as `config` says.
///
/// Throws ConfigError when a number is out of range, the batch is larger than the training set, or training
/// is to stop early without validation samples.
inline void check_training(const TrainingConfig& config, const TrainingData& data) {
  Batches::check_size(config.batch_size, std::ssize(data.train.rows));
  check_fields("training", config);
  if (config.early_stopping > 0 && data.validation.size() == 0) {
    throw ConfigError(concat("training/early_stopping: is ", config.early_stopping,
                             ", must be 0 without validation samples; hint: set data/validation_fraction or "
                             "data/validation"));
  }
}

/// Results of one epoch on one split, means over samples in nats.
struct EpochMetrics {
  ObjectiveValue value;
  double samples_per_second = 0;
  double seconds = 0;                   ///< training time of this call so far
  std::optional<double> accuracy = {};  ///< of q(y|x); not in training, where labels are hidden
};

/// What callbacks may ask for.
enum class Control { go_on, stop };

/// Set by a signal handler to make `train` stop after the step under way.
inline volatile std::sig_atomic_t interrupt_requested = 0;

enum class TrainingEnd { finished, stopped_early, interrupted };

/// Loss beyond this multiple of the first loss counts as divergence.
inline constexpr double divergence_factor = 1e6;

/// The training loop: minimises the objective's loss over shuffled mini-batches until `config.epochs` epochs
/// are complete, from wherever `state` stands.
///
/// A callback is a value with any of these members, called in the order of the arguments:
///
///   void begin(const State&)
///   void step(const State&, const ObjectiveValue&, Index batches)          after each optimizer step
///   Control epoch(const State&, const EpochReport&)                        after each epoch
///   void end(const State&, TrainingEnd)                                    also when interrupted
///
/// Equal bits for any number of threads, and for a state that was saved after any step and loaded again.
/// Nothing allocates after the first step of a call, apart from callbacks and the evaluation between epochs.
template <class Model, class Optimizer, class ObjectiveType>
class Trainer {
 public:
  using T = typename Model::Scalar;
  using State = TrainingState<Model, Optimizer>;

  struct EpochReport {
    EpochMetrics train;
    std::optional<EpochMetrics> validation;
    std::optional<EpochMetrics> test;
    bool improved = false;  ///< better ELBO on the validation split, or on the training split without one
  };

  /// Throws ConfigError as `check_training` does.
  Trainer(const TrainingConfig& config, const Optimizer& optimizer, const ObjectiveType& objective,
          const TrainingData& data, std::uint64_t seed)
      : config_(config),
        optimizer_(optimizer),
        objective_(objective),
        data_(data),
        seed_(seed),
        batches_({data.train.rows.begin(), data.train.rows.end()}, config.batch_size),
        x_(config.batch_size, data.train.columns()) {
    check_training(config, data);
    if constexpr (requires { objective_.set_dataset_size(Index{}); }) {
      objective_.set_dataset_size(data.train.size());
    }
  }

  /// Makes the parts of the state that come from the objective or the data, unless they are there. `train`
  /// does it; so does whoever loads a checkpoint.
  ///
  /// Throws ConfigError when there are too few data (see `choose_pseudo_inputs`)
  void prepare(State& state) const {
    choose_pseudo_inputs(state.model, data_.train, seed_);
    if (state.average) {
      choose_pseudo_inputs(state.average->average, data_.train, seed_);
    }
    if constexpr (requires { objective_.template make_critic<T>(Index{}, std::uint64_t{}); }) {
      if (state.critic.empty()) {
        state.critic = objective_.template make_critic<T>(state.model.latent_dim(), seed_);
      }
    }
  }

  /// Throws ConfigError when the objective has no meaning for the model (see `check_compatible`),
  /// NumericError when the loss is not finite or diverges, or an epoch or an interrupt ends in weights or
  /// results that are not finite; the state is then that of the last step.
  template <class... Callbacks>
  TrainingEnd train(State& state, Callbacks&&... callbacks) {
    const ThreadScope threads(config_.threads);
    check_compatible(state.model, objective_);
    check_codebook(state.model, data_.train.size());
    prepare(state);
    typename Model::Workspace w = state.model.make_workspace(config_.batch_size, objective_.samples());
    w.terms.critic = &state.critic;
    Model grad = zeros_like(state.model);
    seconds_ = epoch_seconds_ = epoch_samples_ = 0;
    TrainingEnd result = TrainingEnd::finished;
    (call_begin(callbacks, state), ...);
    while (state.progress.epoch < static_cast<std::uint64_t>(config_.epochs)) {
      if (state.progress.batch == 0 && out_of_patience(state.progress)) {
        result = TrainingEnd::stopped_early;  // a run that had stopped early is resumed
        break;
      }
      if (!run_epoch(state, w, grad, callbacks...)) {
        check_finite_weights(state, concat("train: step ", state.progress.step, ": "));
        result = TrainingEnd::interrupted;
        break;
      }
      [[maybe_unused]] const EpochReport report = finish_epoch(state);
      Control control = Control::go_on;
      ((control = call_epoch(callbacks, state, report) == Control::stop ? Control::stop : control), ...);
      if (control == Control::stop || out_of_patience(state.progress)) {
        result = TrainingEnd::stopped_early;
        break;
      }
    }
    (call_end(callbacks, state, result), ...);
    return result;
  }

 private:
  using Clock = std::chrono::steady_clock;

  /// False when interrupted.
  template <class... Callbacks>
  bool run_epoch(State& state, typename Model::Workspace& w, Model& grad, Callbacks&... callbacks) {
    Progress& progress = state.progress;
    batches_.shuffle(seed_, progress.epoch);
    const Index count = batches_.count();
    while (progress.batch < static_cast<std::uint64_t>(count)) {
      const std::size_t samples = batches_.batch(static_cast<Index>(progress.batch)).size();
      const auto start = Clock::now();
      [[maybe_unused]] const ObjectiveValue value = run_step(state, w, grad);
      const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
      seconds_ += elapsed;
      epoch_seconds_ += elapsed;
      epoch_samples_ += static_cast<double>(samples);
      (call_step(callbacks, state, value, count), ...);
      if (interrupt_requested != 0) {
        return false;
      }
    }
    return true;
  }

  ObjectiveValue run_step(State& state, typename Model::Workspace& w, Model& grad) {
    Progress& progress = state.progress;
    const std::span<const std::uint32_t> rows = batches_.batch(static_cast<Index>(progress.batch));
    const auto n = static_cast<Index>(rows.size());
    const double time = static_cast<double>(progress.epoch) +
                        static_cast<double>(progress.batch) / static_cast<double>(batches_.count());
    const MatrixOut<T> x = top(x_, n);
    read_view<T>(data_.train, rows, progress.epoch, x);
    state.model.draw_noise(seed_, progress.step, n, w);
    const ObjectiveValue value = state.model.gradient(x, objective_, time, w, grad);
    const double factor =
        config_.gradient_clip > 0 ? clip_factor(global_norm(grad, partials_), config_.gradient_clip) : 1.0;
    if (std::isnan(progress.first_loss) && std::isfinite(value.loss)) {
      progress.first_loss = value.loss;
    }
    if (!std::isfinite(value.loss) ||
        !(std::abs(value.loss) <= divergence_factor * std::max(1.0, std::abs(progress.first_loss)))) {
      throw NumericError(divergence_message(progress, value));
    }
    optimizer_.step(optimizer_.learning_rate(time), grad, factor, state.model, state.optimizer);
    state.model.update(seed_, progress.step, w);
    if constexpr (requires { objective_.train_critic(w.terms, seed_, progress.step, w.dterms); }) {
      objective_.train_critic(w.terms, seed_, progress.step, w.dterms);
    }
    ++progress.step;
    ++progress.batch;
    progress.sums.add(value, n);
    if (state.average) {
      state.average->update(config_.weight_average, progress.step, state.model);
    }
    return value;
  }

  [[nodiscard]] static std::string divergence_message(const Progress& progress, const ObjectiveValue& value) {
    const std::string limit =
        std::isnan(progress.first_loss)
            ? std::string()
            : concat(" and below ", divergence_factor, " times the first loss of ", progress.first_loss);
    return concat("train: step ", progress.step + 1, ": loss is ", value.loss, " (log-likelihood ",
                  value.reconstruction, ", KL ", value.kl, "), must be finite", limit);
  }

  EpochReport finish_epoch(State& state) {
    Progress& progress = state.progress;
    EpochReport report;
    report.train = {progress.sums.mean(), throughput(), seconds_};
    ++progress.epoch;
    progress.batch = 0;
    progress.sums = {};
    epoch_seconds_ = 0;
    epoch_samples_ = 0;
    report.validation = evaluate(state.evaluated(), data_.validation);
    report.test = evaluate(state.evaluated(), data_.test);
    check_finite(state, report);
    const double watched = (report.validation ? *report.validation : report.train).value.elbo;
    report.improved = !(watched <= progress.best_elbo);
    if (report.improved) {
      progress.best_elbo = watched;
      progress.best_epoch = progress.epoch;
    }
    return report;
  }

  /// A step may leave finite losses behind and ruined weights ahead: callbacks must not save those.
  static void check_finite(const State& state, const EpochReport& report) {
    const std::string where = concat("train: epoch ", state.progress.epoch, ": ");
    const auto check = [&](std::string_view split, const std::optional<EpochMetrics>& metrics) {
      if (metrics && !std::isfinite(metrics->value.elbo)) {
        throw NumericError(concat(where, split, " elbo is ", metrics->value.elbo, " (log-likelihood ",
                                  metrics->value.reconstruction, ", KL ", metrics->value.kl,
                                  "), must be finite"));
      }
    };
    check("validation", report.validation);
    check("test", report.test);
    check_finite_weights(state, where);
  }

  static void check_finite_weights(const State& state, const std::string& where) {
    for (const auto& parameter : state_tensors(state.model)) {
      if (!all_finite<T>(parameter.values)) {
        throw NumericError(concat(where, parameter.name, " is not finite, must be"));
      }
    }
  }

  /// Of the steps of this call: a state may come with an epoch half done.
  [[nodiscard]] double throughput() const { return epoch_seconds_ > 0 ? epoch_samples_ / epoch_seconds_ : 0; }

  [[nodiscard]] std::optional<EpochMetrics> evaluate(const Model& model, const DataView& view) const {
    if (view.size() == 0) {
      return std::nullopt;
    }
    const auto start = Clock::now();
    const ElboEvaluation e = evaluate_elbo(model, view, seed_);
    const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
    return EpochMetrics{{-e.elbo.mean(), e.elbo.mean(), e.reconstruction.mean(), e.kl.mean()},
                        static_cast<double>(view.size()) / elapsed,
                        seconds_,
                        classification_accuracy(model, view)};
  }

  [[nodiscard]] bool out_of_patience(const Progress& progress) const {
    return config_.early_stopping > 0 &&
           progress.epoch - progress.best_epoch >= static_cast<std::uint64_t>(config_.early_stopping);
  }

  // A callback implements only the members it needs.
  static void call_begin(auto& callback, const State& state) {
    if constexpr (requires { callback.begin(state); }) {
      callback.begin(state);
    }
  }
  static void call_step(auto& callback, const State& state, const ObjectiveValue& value, Index batches) {
    if constexpr (requires { callback.step(state, value, batches); }) {
      callback.step(state, value, batches);
    }
  }
  static Control call_epoch(auto& callback, const State& state, const EpochReport& report) {
    if constexpr (requires { callback.epoch(state, report); }) {
      return callback.epoch(state, report);
    } else {
      return Control::go_on;
    }
  }
  static void call_end(auto& callback, const State& state, TrainingEnd result) {
    if constexpr (requires { callback.end(state, result); }) {
      callback.end(state, result);
    }
  }

  TrainingConfig config_;
  Optimizer optimizer_;
  ObjectiveType objective_;
  TrainingData data_;
  std::uint64_t seed_;
  Batches batches_;
  Matrix<T> x_;  // [batch × features + condition]
  std::vector<double> partials_;
  double seconds_ = 0;
  double epoch_seconds_ = 0;
  double epoch_samples_ = 0;
};

}  // namespace vaekit::inline VAEKIT_ABI
