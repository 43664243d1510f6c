// SPDX-License-Identifier: MIT
#pragma once

#include <iostream>

#include "vaekit/app/condition.hpp"
#include "vaekit/app/use_model.hpp"
#include "vaekit/config/markdown.hpp"
#include "vaekit/config/schema.hpp"
#include "vaekit/model/compatibility.hpp"
#include "vaekit/model/summary.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// What `vaekit describe` is told on its command line.
struct DescribeOptions {
  std::filesystem::path target;  ///< a configuration, a run folder or a checkpoint
  std::vector<std::string> overrides;
};

/// `vaekit describe`: layers, shapes, parameters, multiply-adds and memory; nothing is trained.
///
/// Throws ConfigError, DataError, IoError
inline ExitCode run_describe(const DescribeOptions& options, std::ostream& out) {
  ExperimentConfig config;
  Shape shape;
  if (is_configuration(options.target)) {
    config = load_config(options.target, options.overrides);
    const Dataset data = load_dataset(config.data.train);
    shape = data.shape();
    resolve_condition(config.data.condition, data);
  } else {
    const Run run = load_run(options.target, options.overrides);
    config = run.config;
    shape = run.input.shape;
  }
  with_precision(config.precision, [&]<class T>(T) {
    const ConfiguredVae<T> model =
        build_model<T>(config.model, shape, condition_columns(config.data.condition));
    const AnyObjective objective(config.objective);
    check_compatible(model, objective);
    const Index averages = config.training.weight_average > 0 ? 1 : 0;
    const Index moments = AnyOptimizer(config.optimizer).moments() + averages;
    out << config.name << ": " << to_string(shape) << " inputs, " << likelihood_name(config.model)
        << " likelihood, " << to_string(config.precision) << '\n'
        << to_string(summary(model, config.training.batch_size, objective.samples(), moments));
  });
  return ExitCode::done;
}

/// `vaekit schema`: the JSON Schema of the configuration, or its reference page.
inline ExitCode run_schema(bool markdown, std::ostream& out) {
  if (markdown) {
    out << markdown_table<ExperimentConfig>("Configuration", 1) << std::flush;
  } else {
    out << dump(json_schema<ExperimentConfig>("vaekit experiment")) << std::endl;
  }
  return ExitCode::done;
}

}  // namespace vaekit::inline VAEKIT_ABI
