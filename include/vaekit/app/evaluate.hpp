// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "vaekit/app/condition.hpp"
#include "vaekit/app/console.hpp"
#include "vaekit/app/use_model.hpp"
#include "vaekit/evaluate/accuracy.hpp"
#include "vaekit/evaluate/code_usage.hpp"
#include "vaekit/evaluate/latent_statistics.hpp"
#include "vaekit/evaluate/log_likelihood.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct EvaluateOptions {
  std::filesystem::path run;
  std::vector<std::string> overrides;
  DataSplit split = DataSplit::test;
  Index importance_samples = 0;
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

namespace detail {

struct EvaluationReport {
  Index samples = 0;
  ElboEvaluation elbo = {};
  LatentStatistics latent = {};
  std::optional<RunningMoments> log_likelihood = {};
  std::optional<double> accuracy = {};  ///< of the classifier, where the model has one
  CodeUsage codes = {};                 ///< of a posterior that has codes
};

[[nodiscard]] inline Json to_json(const EvaluationReport& report, const EvaluateOptions& options) {
  Json json = {{"split", std::string(to_string(options.split))},
               {"samples", report.samples},
               {"elbo", report.elbo.elbo.mean()},
               {"elbo_standard_error", report.elbo.elbo.standard_error()},
               {"reconstruction", report.elbo.reconstruction.mean()},
               {"reconstruction_standard_error", report.elbo.reconstruction.standard_error()},
               {"kl", report.elbo.kl.mean()},
               {"kl_standard_error", report.elbo.kl.standard_error()},
               {"active_units", report.latent.active_units},
               {"kl_per_dimension", report.latent.kl}};
  if (report.accuracy) {
    json["accuracy"] = *report.accuracy;
  }
  if (const std::vector<double>& counts = report.codes.counts; !counts.empty()) {
    json["codes"] = counts.size();
    json["codes_used"] = report.codes.used();
    json["code_perplexity"] = report.codes.perplexity();
  }
  if (report.log_likelihood) {
    json["importance_samples"] = options.importance_samples;
    json["log_likelihood"] = report.log_likelihood->mean();
    json["log_likelihood_standard_error"] = report.log_likelihood->standard_error();
  }
  return json;
}

inline void print(const EvaluationReport& report, const EvaluateOptions& options, std::ostream& out) {
  const auto line = [&](const char* name, const RunningMoments& m) {
    out << name << fixed(m.mean(), 3) << " +- " << fixed(m.standard_error(), 3) << '\n';
  };
  out << to_string(options.split) << " split, " << report.samples
      << " samples, nats a sample +- standard error\n";
  line("elbo            ", report.elbo.elbo);
  line("reconstruction  ", report.elbo.reconstruction);
  line("kl              ", report.elbo.kl);
  if (report.log_likelihood) {
    line("log likelihood  ", *report.log_likelihood);
    out << "                from " << options.importance_samples << " importance samples each\n";
  }
  if (report.accuracy) {
    out << "accuracy        " << fixed(*report.accuracy, 4) << " of labels from q(y|x)\n";
  }
  out << "active units    " << report.latent.active_units << " of " << report.latent.mean_variance.size()
      << '\n';
  if (const std::vector<double>& counts = report.codes.counts; !counts.empty()) {
    out << "codes used      " << report.codes.used() << " of " << counts.size() << ", perplexity "
        << fixed(report.codes.perplexity(), 1) << '\n';
  }
}

}  // namespace detail

/// `vaekit evaluate`: ELBO, reconstruction, KL and active units of a split; of a posterior with codes how
/// many are used; with `importance_samples` also the importance-sampled log-likelihood.
///
/// Throws Error
inline ExitCode run_evaluate(const EvaluateOptions& options, std::ostream& out, std::ostream& err) {
  const ThreadScope threads(options.threads);
  const Run run = load_run(options.run, options.overrides);
  const LoadedData data = load_split(run, options.split);
  detail::EvaluationReport report;
  report.samples = data.view().size();
  with_model(run, [&]<class Model>(const Model& model) {
    check_support(data.view(), model.likelihood, likelihood_name(run.config.model));
    report.elbo = evaluate_elbo(model, data.view(), run.config.seed);
    report.latent = latent_statistics(model, data.view());
    report.codes = code_usage(model, data.view());
    if (model.classifier && !data.dataset.labels().empty()) {
      report.accuracy = classification_accuracy(model, data.view());
    }
    if (options.importance_samples > 0) {
      PercentProgress progress(err, stderr_is_terminal(), "importance sampling", report.samples);
      report.log_likelihood =
          evaluate_log_likelihood(model, data.view(), options.importance_samples, run.config.seed,
                                  [&](Index input, double) { progress.update(input + 1); });
    }
  });
  if (options.json) {
    out << dump(detail::to_json(report, options)) << std::endl;
  } else {
    detail::print(report, options, out);
  }
  return ExitCode::done;
}

}  // namespace vaekit::inline VAEKIT_ABI
