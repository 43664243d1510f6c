// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vaekit/app/condition.hpp"
#include "vaekit/app/console.hpp"
#include "vaekit/app/evaluation_report.hpp"
#include "vaekit/app/use_model.hpp"
#include "vaekit/evaluate/accuracy.hpp"
#include "vaekit/evaluate/log_likelihood.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// What `vaekit evaluate` is told on its command line.
struct EvaluateOptions {
  std::filesystem::path run;
  std::vector<std::string> overrides;
  DataSplit split = DataSplit::test;
  Index importance_samples = 0;
  AnnealingOptions annealing = {.chains = 0};  ///< no chains: not asked for
  Index annealed_inputs = 100;                 ///< of the split
  Index simulated_inputs = 0;
  int threads = 0;
  bool json = false;
};

/// The samples of one split of the run's data.
///
/// Throws ConfigError when the run's configuration has no such split
[[nodiscard]] inline LoadedData load_split(const Run& run, DataSplit which) {
  const ExperimentConfig& config = run.config;
  if (which == DataSplit::test && !config.data.test) {
    throw ConfigError("config /data/test: missing key, required to evaluate the test split");
  }
  if (which == DataSplit::validation && !has_validation(config.data)) {
    throw ConfigError("config /data/validation_fraction: is 0, must be > 0 to evaluate the validation split");
  }
  const bool held_out = which == DataSplit::validation && !config.data.validation;
  const bool whole = which != DataSplit::train && !held_out;
  const DataSource& source = !whole                     ? config.data.train
                             : which == DataSplit::test ? *config.data.test
                                                        : *config.data.validation;
  LoadedData data(load_dataset(source), run.input, config.seed);
  data.condition = load_condition(config.data.condition, data.dataset, held_out ? DataSplit::train : which);
  if (whole) {
    return data;
  }
  Split parts = split(data.dataset.size(), config.data.validation_fraction, config.seed);
  data.rows = which == DataSplit::train ? std::move(parts.train) : std::move(parts.validation);
  return data;
}

/// Throws NumericError when a value of a sample of `view` is not finite
inline void check_finite(std::string_view what, const std::vector<double>& values, const DataView& view) {
  const auto bad = std::ranges::find_if_not(values, [](double value) { return std::isfinite(value); });
  if (bad != values.end()) {
    throw NumericError(concat(view.dataset->name(), ": ", what, " of sample ",
                              view.rows[static_cast<std::size_t>(bad - values.begin())], " is ",
                              std::isnan(*bad) ? "nan"
                              : *bad > 0       ? "inf"
                                               : "-inf",
                              ", must be finite; its values may be out of range"));
  }
}

namespace detail {

/// Annealing of some inputs of the split and, where asked, of inputs that the model makes up (under the
/// conditions of the split's samples in turn).
template <class Model>
[[nodiscard]] EvaluationReport::Annealed anneal(const Model& model, const EvaluateOptions& options,
                                                DataView view, std::uint64_t seed, std::ostream& err) {
  using T = typename Model::Scalar;
  const std::vector<std::uint32_t> rows = random_rows(view, options.annealed_inputs);
  DataView part = view;
  part.rows = rows;
  EvaluationReport::Annealed result{.options = options.annealing, .inputs = part.size()};
  {
    PercentProgress progress(err, stderr_is_terminal(), "annealing", part.size());
    std::vector<double> values;
    result.log_likelihood =
        evaluate_annealed(model, part, options.annealing, seed, [&](Index i, const AnnealedLogLikelihood& v) {
          values.push_back(v.lower);
          result.acceptance.add(v.acceptance);
          progress.update(i + 1);
        });
    check_finite("annealed log-likelihood", values, part);
  }
  if (options.simulated_inputs > 0) {
    const Index count = options.simulated_inputs;
    Matrix<T> conditions(count, model.condition);
    for (Index i = 0; model.condition > 0 && i < count; ++i) {
      view.condition.read<T>(part.rows.subspan(static_cast<std::size_t>(i % part.size()), 1),
                             conditions.middleRows(i, 1));
    }
    PercentProgress progress(err, stderr_is_terminal(), "annealing simulated samples", count);
    result.simulated_inputs = count;
    result.simulated = simulated_bounds(model, conditions, options.annealing, seed,
                                        [&](Index i, const auto&) { progress.update(i + 1); });
  }
  return result;
}

}  // namespace detail

/// `vaekit evaluate`: ELBO, reconstruction, KL, active units and statistics of the aggregate posterior of a
/// split, its discrepancy from the prior; of a posterior with codes how many are used; with
/// `importance_samples` and with `annealing.chains` also the log-likelihood.
///
/// Throws UsageError, ConfigError, DataError, NumericError, IoError
inline ExitCode run_evaluate(const EvaluateOptions& options, std::ostream& out, std::ostream& err) {
  const ThreadScope threads(options.threads);
  const Run run = load_run(options.run, options.overrides);
  const LoadedData data = load_split(run, options.split);
  const DataView view = data.view();
  const std::uint64_t seed = run.config.seed;
  EvaluationReport report{.split = std::string(to_string(options.split)),
                          .samples = view.size(),
                          .importance_samples = options.importance_samples};
  with_model(run, [&]<class Model>(const Model& model) {
    const std::string_view likelihood = likelihood_name(run.config.model);
    check_support(view, model.likelihood, likelihood);
    if (options.importance_samples > 0) {
      check_importance_sampling(model);
    }
    if (options.annealing.chains > 0) {
      check_annealing(model, options.annealing.start);
      if (options.simulated_inputs > 0) {
        check_simulation(model);
      }
    }
    report.levels_of = level_dimensions(likelihood, view);
    report.elbo = evaluate_elbo(model, view, seed);
    if (!std::isfinite(report.elbo.elbo.mean())) {
      throw NumericError(concat("evaluate: elbo of the ", report.split, " split is ", report.elbo.elbo.mean(),
                                ", must be finite; values of the data may be out of range"));
    }
    report.posterior_trained = !needs_of(AnyObjective(run.config.objective)).deterministic;
    report.latent = latent_statistics(model, view).known(report.posterior_trained);
    if (report.posterior_trained) {
      report.aggregate = aggregate_statistics(model, view, seed);
    }
    report.discrepancy = aggregate_discrepancy(model, view, !report.posterior_trained, seed);
    report.codes = code_usage(model, view);
    report.accuracy = classification_accuracy(model, view);
    if (options.importance_samples > 0) {
      PercentProgress progress(err, stderr_is_terminal(), "importance sampling", report.samples);
      std::vector<double> values;
      report.log_likelihood = evaluate_log_likelihood(model, view, options.importance_samples, seed,
                                                      [&](Index input, double value) {
                                                        values.push_back(value);
                                                        progress.update(input + 1);
                                                      });
      check_finite("log-likelihood", values, view);
    }
    if (options.annealing.chains > 0) {
      report.annealed = detail::anneal(model, options, view, seed, err);
    }
  });
  if (options.json) {
    out << dump(to_json(report)) << std::endl;
  } else {
    print(report, out);
  }
  return ExitCode::done;
}

}  // namespace vaekit::inline VAEKIT_ABI
