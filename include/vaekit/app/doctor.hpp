// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vaekit/app/train.hpp"
#include "vaekit/evaluate/check_collapse.hpp"
#include "vaekit/evaluate/check_data.hpp"
#include "vaekit/evaluate/check_gradient.hpp"
#include "vaekit/evaluate/check_likelihood.hpp"
#include "vaekit/evaluate/check_log_variance.hpp"
#include "vaekit/evaluate/check_objective.hpp"
#include "vaekit/evaluate/check_units.hpp"
#include "vaekit/train/check_first_steps.hpp"
#include "vaekit/train/learning_rate_range.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// What `vaekit doctor` is told on its command line.
struct DoctorOptions {
  std::filesystem::path target;  ///< a configuration, a run folder or a checkpoint
  std::vector<std::string> overrides;
  int threads = 0;
  bool json = false;
};

namespace detail {

using Findings = std::vector<Finding>;

inline void append(Findings more, Findings& findings) {
  std::ranges::move(more, std::back_inserter(findings));
}

/// What is examined: a configuration with its data, and the weights of a run of it.
struct Patient {
  const ExperimentConfig& config;
  const ExperimentData& data;
  const Run* run;  ///< null: there are none yet

  Patient(const ExperimentConfig& its_config, const ExperimentData& its_data, const Run* its_run)
      : config(its_config), data(its_data), run(its_run) {
    std::vector<bool> seen(static_cast<std::size_t>(data.train.size()), false);
    for (const std::uint32_t row : data.parts.train) {
      if (!seen[row]) {
        rows_.push_back(row);
        seen[row] = true;
      }
    }
  }

  [[nodiscard]] TrainingData views() const { return data.views(config.seed); }
  /// What an epoch of training sees.
  [[nodiscard]] DataView train() const { return views().train; }
  /// The samples of that, each once: labelled ones may be repeated.
  [[nodiscard]] DataView samples_once() const {
    DataView view = train();
    view.rows = rows_;
    return view;
  }
  [[nodiscard]] AnyObjective objective() const {
    AnyObjective objective(config.objective);
    objective.set_dataset_size(train().size());
    return objective;
  }
  /// Where schedules of the objective have nearly come to their end.
  [[nodiscard]] std::uint64_t epoch() const {
    return static_cast<std::uint64_t>(config.training.epochs) * 9 / 10;
  }

  /// As it is before training.
  template <class T>
  [[nodiscard]] ConfiguredVae<T> new_model() const {
    ConfiguredVae<T> model = build_model<T>(config.model, data.train.shape(), data.condition.columns());
    model.initialize(config.seed);
    choose_pseudo_inputs(model, train(), config.seed);
    return model;
  }
  /// With the run's weights, where there is one.
  template <class T>
  [[nodiscard]] ConfiguredVae<T> model() const {
    ConfiguredVae<T> model = new_model<T>();
    if (run != nullptr) {
      run->checkpoint.load(run->checkpoint.has_average() ? "average." : "", model);
    }
    return model;
  }
  /// Some training samples.
  template <class T>
  [[nodiscard]] Matrix<T> samples(Index most) const {
    const DataView view = train();
    const std::vector<std::uint32_t> rows = random_rows(view, most);
    Matrix<T> x(std::ssize(rows), view.columns());
    read_view<T>(view, rows, 0, x);
    return x;
  }

 private:
  std::vector<std::uint32_t> rows_;
};

/// Of a run, whether its weights are numbers; if not, no other figure says anything.
template <class T>
[[nodiscard]] Findings check_parameters(const Patient& patient) {
  if (patient.run == nullptr) {
    return {};
  }
  try {
    const ConfiguredVae<T> model = patient.model<T>();
    check_finite_parameters(model, patient.run->checkpoint.name);
    return {Finding::ok("weights", concat("all ", parameter_count(model), " are finite"))};
  } catch (const NumericError& error) {
    return {Finding::fault("weights", error.what(),
                           "take an earlier checkpoint of the run, or train again with a lower learning rate "
                           "or training/gradient_clip")};
  }
}

/// Faults of the data that leave nothing to examine.
template <class T>
[[nodiscard]] Findings check_values(const Patient& patient, const ConfiguredVae<T>& model) {
  const TrainingData views = patient.views();
  for (const DataView& view : {views.train, views.validation, views.test}) {
    try {
      if (view.size() > 0) {
        check_support(view, model.likelihood, likelihood_name(patient.config.model));
      }
    } catch (const DataError& error) {
      return {Finding::fault("data", error.what(),
                             "correct the values or their scaling, or take a likelihood for such data")};
    }
  }
  return {};
}

template <class T>
[[nodiscard]] Findings check_samples(const Patient& patient, const ConfiguredVae<T>& model) {
  const Matrix<T> x = patient.samples<T>(64);
  typename ConfiguredVae<T>::Workspace w = model.make_inference_workspace(x.rows());
  model.draw_evaluation_noise(patient.config.seed, 0, x.rows(), w);
  model.terms(x, w);
  const TrainingData views = patient.views();
  const std::array<NamedView, 2> others{{{"validation", views.validation}, {"test", views.test}}};
  return check_data(patient.samples_once(), model.likelihood, w.params, patient.config.seed, others);
}

/// What holds or does not whatever the weights are: in double, on few samples.
[[nodiscard]] inline Findings check_formulas(const Patient& patient) {
  const std::uint64_t seed = patient.config.seed;
  const ConfiguredVae<double> model = patient.model<double>();
  const AnyObjective objective = patient.objective();
  Findings findings = check_gradient(model, objective, patient.samples<double>(8),
                                     static_cast<double>(patient.epoch()), seed);
  std::vector<double> times;
  for (const double part : {0.0, 0.25, 0.5, 0.75, 1.0}) {
    times.push_back(part * static_cast<double>(patient.config.training.epochs));
  }
  append(check_objective(model, objective, patient.samples<double>(32), times, seed), findings);
  append(check_likelihood(model, patient.samples<double>(64), seed), findings);
  return findings;
}

/// Of the first `epochs` epochs.
[[nodiscard]] inline TrainingRate training_rate(const Patient& patient, Index epochs) {
  const Index batch = patient.config.training.batch_size;
  const Index batches = (patient.train().size() + batch - 1) / batch;
  return find_training_rate(AnyOptimizer(patient.config.optimizer),
                            static_cast<double>(std::max<Index>(epochs, 1)), static_cast<double>(batches));
}

/// Short trainings from the start; `trained` is left with that at the rate of the first epoch.
template <class T>
[[nodiscard]] Findings check_trials(const Patient& patient, ConfiguredVae<T>& trained) {
  const ExperimentConfig& config = patient.config;
  const ConfiguredVae<T> model = patient.new_model<T>();
  const AnyObjective objective = patient.objective();
  const Index batch = std::min<Index>(config.training.batch_size, 100);
  const auto trial = [&](double first_rate, double last_rate) {
    const TrialConfig trial_config{.batch_size = batch,
                                   .first_rate = first_rate,
                                   .last_rate = last_rate,
                                   .epoch = patient.epoch(),
                                   .gradient_clip = config.training.gradient_clip};
    return run_trial(model, AnyOptimizer(config.optimizer), objective, patient.train(), trial_config,
                     config.seed);
  };
  const double first = training_rate(patient, 1).largest;
  Findings findings{Finding::skipped("first steps", "the learning rate of the first epoch is 0")};
  Trial<ConfiguredVae<T>> constant{model, {}};
  if (first > 0) {
    const StepSizes sizes = step_sizes(model, objective, patient.samples<T>(batch),
                                       static_cast<double>(patient.epoch()), config.seed);
    constant = trial(first, first);
    findings = check_first_steps(model, sizes, constant);
  }
  trained = constant.error.empty() ? constant.model : model;
  const TrainingRate rate = training_rate(patient, config.training.epochs);
  if (!(rate.largest > 0)) {
    append({Finding::fault("learning rate", concat("0 in all of ", config.training.epochs, " epochs"),
                           "set optimizer/learning_rate: 0.001 suits most models with Adam")},
           findings);
    return findings;
  }
  if (rate.largest > first) {
    constant = trial(rate.largest, rate.largest);
  }
  append(
      check_learning_rate(trial(std::clamp(rate.largest / 10, 1e-7, 1e-5), std::max(1.0, 10 * rate.largest)),
                          constant, rate),
      findings);
  return findings;
}

template <class T>
[[nodiscard]] Findings check_weights(const Patient& patient, const ConfiguredVae<T>& model) {
  const std::uint64_t seed = patient.config.seed;
  const DataView train = patient.train();
  Findings findings = check_log_variance(model, patient.samples<T>(500), seed);
  append(check_units(model, patient.objective(), train, static_cast<double>(patient.epoch()), seed),
         findings);
  append(check_codes(model, patient.samples_once()), findings);
  append(patient.run != nullptr ? check_collapse(model, patient.objective(), patient.samples_once(), seed)
                                : Findings{Finding::skipped("collapse", "there are no trained weights yet")},
         findings);
  return findings;
}

template <class T>
[[nodiscard]] Findings examine(const Patient& patient) {
  ConfiguredVae<T> model = patient.new_model<T>();
  check_compatible(model, AnyObjective(patient.config.objective));
  check_codebook(model, patient.train().size());
  Findings findings = check_parameters<T>(patient);
  if (fault_count(findings) > 0) {
    return findings;
  }
  if (Findings faults = check_values<T>(patient, model); !faults.empty()) {
    append(std::move(faults), findings);
    return findings;
  }
  if (patient.run == nullptr) {
    check_training(patient.config.training, patient.views());
  }
  append(check_samples<T>(patient, model), findings);
  append(check_formulas(patient), findings);
  append(check_trials<T>(patient, model), findings);
  append(check_weights<T>(patient, patient.run != nullptr ? patient.model<T>() : model), findings);
  return findings;
}

inline void print_findings(const std::string& name, const Findings& findings, std::ostream& out) {
  const auto label = [&](std::string_view text) { out << std::left << std::setw(15) << text; };
  out << name << '\n';
  for (const Finding& finding : findings) {
    label(finding.check);
    out << (finding.verdict == Verdict::fault ? std::string("FAULT")
                                              : std::string(to_string(finding.verdict)))
        << ": " << finding.figure << '\n';
    if (!finding.advice.empty()) {
      label("");
      out << "advice: " << finding.advice << '\n';
    }
  }
  const Index faults = fault_count(findings);
  out << (faults == 0 ? "no faults" : faults == 1 ? "1 fault" : concat(faults, " faults")) << std::endl;
}

[[nodiscard]] inline Json to_json(const std::string& name, const Findings& findings) {
  Json checks = Json::array();
  for (const Finding& finding : findings) {
    Json check = {{"check", finding.check},
                  {"verdict", std::string(to_string(finding.verdict))},
                  {"figure", finding.figure}};
    if (!finding.advice.empty()) {
      check["advice"] = finding.advice;
    }
    checks.push_back(std::move(check));
  }
  return {{"name", name}, {"faults", fault_count(findings)}, {"checks", std::move(checks)}};
}

/// Data that cannot be loaded are the finding; nothing else can be said then.
[[nodiscard]] inline Findings examine(ExperimentConfig& config, const Run* run) {
  std::optional<ExperimentData> data;
  try {
    data.emplace(config);
  } catch (const DataError& error) {
    return {Finding::fault("data", error.what(), "correct the file, or data/train and data/test")};
  }
  return with_precision(config.precision,
                        [&]<class T>(T) { return examine<T>(Patient(config, *data, run)); });
}

}  // namespace detail

/// `vaekit doctor`: looks for faults in a configuration, its data and, of a run, its weights: docs/doctor.md
/// says what each check computes. A configuration is examined at its initial weights and after a short
/// training of a copy.
///
/// Throws   Error, but for data that cannot be used
/// Returns  `ExitCode::faults_found` when there is a fault
/// Threads  what is printed does not depend on their number
[[nodiscard]] inline ExitCode run_doctor(const DoctorOptions& options, std::ostream& out) {
  const ThreadScope threads(options.threads);
  std::optional<Run> run;
  ExperimentConfig config;
  if (is_configuration(options.target)) {
    config = load_config(options.target, options.overrides);
  } else {
    run = load_run(options.target, options.overrides);
    config = run->config;
  }
  const detail::Findings findings = detail::examine(config, run ? &*run : nullptr);
  if (options.json) {
    out << dump(detail::to_json(config.name, findings)) << std::endl;
  } else {
    detail::print_findings(config.name, findings, out);
  }
  return fault_count(findings) == 0 ? ExitCode::done : ExitCode::faults_found;
}

}  // namespace vaekit::inline VAEKIT_ABI
