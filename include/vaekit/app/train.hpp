// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vaekit/app/condition.hpp"
#include "vaekit/app/console.hpp"
#include "vaekit/app/folder_lock.hpp"
#include "vaekit/app/interrupt.hpp"
#include "vaekit/app/resume.hpp"
#include "vaekit/app/run_report.hpp"
#include "vaekit/app/run_writer.hpp"
#include "vaekit/app/use_model.hpp"
#include "vaekit/data/labelled.hpp"
#include "vaekit/io/checksum.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// What `vaekit train` is told on its command line.
struct TrainOptions {
  std::filesystem::path config;
  std::vector<std::string> overrides;
  std::optional<std::filesystem::path> out;
  std::optional<int> threads;
  std::optional<std::uint64_t> seed;
  bool resume = false;
  bool overwrite = false;
  bool quiet = false;
};

namespace detail {

/// Tells the samples and labels of other data sets from these.
[[nodiscard]] inline std::string fingerprint(const Dataset& data) {
  Checksum checksum;
  std::visit(
      [&]<class Stored>(const Stored& stored) {
        if constexpr (std::same_as<Stored, GeneratedRows>) {
          checksum.add(memory_of<std::uint32_t>(stored.combinations));
        } else {
          checksum.add(memory_of<typename Stored::value_type>(stored));
        }
      },
      data.values());
  checksum.add(memory_of<std::int32_t>(data.labels()));
  return concat(data.size(), " samples, checksum ", checksum_text(checksum.value()));
}

/// A data set that is used whole.
struct WholeData {
  Dataset dataset;
  std::vector<std::uint32_t> rows;
  Condition condition;
};

/// The data of a run, loaded, split, scaled and checked.
struct ExperimentData {
  Dataset train;
  std::optional<WholeData> validation;
  std::optional<WholeData> test;
  Split parts;
  Transform transform;
  Condition condition;
  Condition train_condition;  // of the samples to train on: not all labels may be known

  /// Fills in what `config` leaves to the data.
  explicit ExperimentData(ExperimentConfig& config)
      : train(load_dataset(config.data.train)),
        parts(split(train.size(), config.data.validation_fraction, config.seed)),
        transform(Transform::fit({config.data.scale, config.data.binarize}, train, parts.train)) {
    resolve_condition(config.data.condition, train);
    condition = load_condition(config.data.condition, train, DataSplit::train);
    train_condition = condition;
    hide_labels(config);
    if (has_validation(config.data) && config.data.validation) {
      validation = load_whole(*config.data.validation, config, DataSplit::validation);
    }
    if (config.data.test) {
      test = load_whole(*config.data.test, config, DataSplit::test);
    }
  }

  [[nodiscard]] WholeData load_whole(const DataSource& source, const ExperimentConfig& config,
                                     DataSplit split) const {
    Dataset dataset = load_dataset(source);
    check_features(dataset, format());
    std::vector<std::uint32_t> rows = all_rows(dataset.size());
    Condition its_condition = load_condition(config.data.condition, dataset, split);
    return {std::move(dataset), std::move(rows), std::move(its_condition)};
  }

  [[nodiscard]] InputFormat format() const {
    return {train.shape(), train.is_bytes(), transform, train.is_binary_bytes(), train.column_names()};
  }

  /// Of each set of samples or conditions, by its place in a configuration's data.
  [[nodiscard]] std::map<std::string, std::string> fingerprints() const {
    std::map<std::string, std::string> found{{"train", fingerprint(train)}};
    const auto add_condition = [&](const std::string& split, const Condition& of_split) {
      if (of_split.values() != nullptr) {
        found.emplace("condition/" + split, fingerprint(*of_split.values()));
      }
    };
    const auto add = [&](const std::string& split, const std::optional<WholeData>& whole) {
      if (whole) {
        found.emplace(split, fingerprint(whole->dataset));
        add_condition(split, whole->condition);
      }
    };
    add_condition("train", condition);
    add("validation", validation);
    add("test", test);
    return found;
  }

  /// Leaves the labels that the configuration grants, and repeats their samples.
  void hide_labels(const ExperimentConfig& config) {
    const auto* labels =
        config.data.condition ? std::get_if<LabelConditionConfig>(&*config.data.condition) : nullptr;
    const Index count = labels != nullptr ? labels->labelled : 0;
    if (count == 0) {
      return;
    }
    if (!config.model.classifier) {
      throw ConfigError(
          "config /model/classifier: missing key, required where not all labels are known "
          "(data/condition/labelled)");
    }
    const std::vector<std::uint32_t> labelled =
        choose_labelled(train, parts.train, labels->classes, count, config.seed);
    std::vector<bool> known(static_cast<std::size_t>(train.size()), false);
    for (const std::uint32_t row : labelled) {
      known[row] = true;
    }
    train_condition = condition.masked(std::move(known));
    parts.train = repeat_labelled(parts.train, labelled, labels->labelled_share);
  }

  /// Views into this object.
  [[nodiscard]] TrainingData views(std::uint64_t seed) const {
    const auto view = [&](const std::optional<WholeData>& data) {
      return data ? DataView{&data->dataset, &transform, data->rows, seed, data->condition}
                  : DataView{nullptr, &transform, {}, seed, {}};
    };
    return {{&train, &transform, parts.train, seed, train_condition},
            validation ? view(validation) : DataView{&train, &transform, parts.validation, seed, condition},
            view(test)};
  }
};

/// Adds the way back to the message of a run that diverged.
[[nodiscard]] inline NumericError with_advice(const NumericError& error, const RunFolder& folder) {
  const std::string last = std::filesystem::exists(folder.last()) ? folder.last().string() : "none";
  return NumericError(concat(error.what(), "; last finite checkpoint: ", last,
                             "; try a lower learning_rate or gradient clipping"));
}

/// Runs `write` for a run that has not come to its end: its failure is told on `err`, and hides nothing.
template <class Write>
void write_if_possible(const RunFolder& folder, std::ostream& err, Write&& write) {
  try {
    write();
  } catch (const std::exception& error) {
    err << folder.report().string() << ": not written: " << error.what() << std::endl;
  }
}

inline void print_results(const std::vector<MetricsRow>& rows, const RunFolder& folder, std::ostream& out) {
  for (const char* split : {"train", "validation", "test"}) {
    const auto last =
        std::find_if(rows.rbegin(), rows.rend(), [&](const MetricsRow& row) { return row.split == split; });
    if (last != rows.rend()) {
      out << split << ": elbo " << fixed(last->elbo, 3) << ", reconstruction "
          << fixed(last->reconstruction, 3) << ", kl " << fixed(last->kl, 3) << " nats after " << last->epoch
          << " epochs\n";
    }
  }
  out << "run folder: " << folder.root.string() << std::endl;
}

/// runs/<name>; throws ConfigError for a name that leads elsewhere
[[nodiscard]] inline std::filesystem::path default_folder(const std::string& name) {
  const std::filesystem::path path(name);
  if (name.empty() || name == "." || name == ".." || path.filename() != path) {
    throw ConfigError(concat("config /name: is \"", name,
                             "\", must be the name of a folder below runs/; or "
                             "choose one with --out"));
  }
  return "runs" / path;
}

/// Throws IoError when another run is in the folder, or none where one is to go on
inline void check_free(const RunFolder& folder, const TrainOptions& options) {
  if (options.resume && !std::filesystem::exists(folder.last())) {
    throw IoError(concat(folder.root.string(), ": holds no checkpoint, must hold one to resume from"));
  }
  if (!options.resume && !options.overwrite && folder.holds_run()) {
    throw IoError(concat(folder.root.string(),
                         ": holds another run, must be a new folder; use --resume to go on or --overwrite"));
  }
  if (folder.holds_study()) {
    throw IoError(concat(folder.root.string(), ": holds a study of vaekit sweep, must be a new folder"));
  }
}

/// The model of an experiment, without weights, once all is checked that can be known of it before training
/// but the values of its data.
///
/// Throws ConfigError
template <class T>
[[nodiscard]] ConfiguredVae<T> checked_model(const ExperimentConfig& config, const ExperimentData& data,
                                             const TrainingData& views) {
  ConfiguredVae<T> model = build_model<T>(config.model, data.train.shape(), data.condition.columns());
  check_compatible(model, AnyObjective(config.objective));
  check_codebook(model, views.train.size());
  check_training(config.training, views);
  return model;
}

/// Throws DataError when values of the samples cannot come from the likelihood of `model` (see
/// `check_support`)
template <class Model>
void check_supports(const TrainingData& views, const Model& model, std::string_view likelihood) {
  for (const DataView& view : {views.train, views.validation, views.test}) {
    if (view.size() > 0) {
      check_support(view, model.likelihood, likelihood);
    }
  }
}

/// Goes on from the last checkpoint where that is asked for, or removes what is to be written over.
///
/// Throws ConfigError, DataError when the run in the folder is another one
template <class State>
void resume_or_clear(const TrainOptions& options, const RunFolder& folder, const RunIdentity& identity,
                     State& state, RunWriter& writer, std::ostream& err) {
  if (options.resume) {
    const Checkpoint checkpoint = read_checkpoint(folder.last());
    check_same_experiment(checkpoint, identity.config, folder);
    check_same_data(checkpoint, identity.data, folder);
    restore(checkpoint, state);
    writer.resume(state.progress.epoch);
    folder.remove_unfinished();
    err << "resuming after " << state.progress.epoch << " epochs and " << state.progress.batch
        << " batches\n";
  } else if (options.overwrite) {
    folder.clear();
  }
}

template <class T>
ExitCode train_model(ExperimentConfig config, const TrainOptions& options, const RunFolder& folder,
                     std::ostream& out, std::ostream& err) {
  const ExperimentData data(config);
  const TrainingData views = data.views(config.seed);
  ConfiguredVae<T> model = checked_model<T>(config, data, views);
  model.initialize(config.seed);
  check_supports(views, model, likelihood_name(config.model));
  const AnyOptimizer optimizer(config.optimizer);
  Trainer<ConfiguredVae<T>, AnyOptimizer, AnyObjective> trainer(
      config.training, optimizer, AnyObjective(config.objective), views, config.seed);
  TrainingState<ConfiguredVae<T>, AnyOptimizer> state(std::move(model), optimizer, config.training);
  const RunIdentity identity{identity_text(config), fingerprint(data.train)};
  trainer.prepare(state);
  RunWriter writer(folder, config.training, {data.format(), config.data.scale}, identity,
                   views.test.size() > 0 ? views.test : views.train, config.seed);
  folder.create();
  const FolderLock lock(folder.root);
  check_free(folder, options);  // again: another run may have come first while the data were read
  resume_or_clear(options, folder, identity, state, writer, err);
  write_file_atomically(folder.config(), dump(write_json(config)) + '\n');
  const InterruptGuard guard;
  TrainingEnd end{};
  try {
    ConsoleProgress progress(err, stderr_is_terminal(), config.training.epochs);
    end = options.quiet ? trainer.train(state, writer) : trainer.train(state, progress, writer);
  } catch (const NumericError& error) {
    const NumericError advised = with_advice(error, folder);
    write_if_possible(folder, err, [&] {
      write_run_report(folder, config, concat("This run diverged: ", advised.what()));
    });
    throw advised;
  }
  const bool tested = views.test.size() > 0;
  const auto write_report = [&](std::string notice) {
    write_run_report(folder, config, data.format(), state.evaluated(), tested ? views.test : views.train,
                     tested ? "the test set" : "the training set", std::move(notice));
  };
  if (end == TrainingEnd::interrupted) {
    err << (stderr_is_terminal() ? "\n" : "") << "interrupted: wrote " << folder.last().string()
        << "; go on with --resume" << std::endl;
    write_if_possible(folder, err, [&] {
      write_report(concat("This run was interrupted after ", state.progress.epoch, " of ",
                          config.training.epochs, " epochs."));
    });
    return ExitCode::interrupted;
  }
  write_report("");
  print_results(
      std::filesystem::exists(folder.metrics()) ? RunWriter::read_metrics(folder) : std::vector<MetricsRow>{},
      folder, out);
  return ExitCode::done;
}

}  // namespace detail

/// `vaekit train`: trains a configuration into a run folder. Results go to `out`, progress to `err`.
///
/// Throws ConfigError, DataError, NumericError, IoError; an interrupt is an exit code
inline ExitCode run_train(const TrainOptions& options, std::ostream& out, std::ostream& err) {
  ExperimentConfig config = load_config(options.config, options.overrides);
  config.seed = options.seed.value_or(config.seed);
  config.training.threads = options.threads.value_or(config.training.threads);
  const RunFolder folder{options.out ? *options.out : detail::default_folder(config.name)};
  detail::check_free(folder, options);
  const ThreadScope threads(config.training.threads);
  err << environment_line(thread_count(), to_string(config.precision)) << std::endl;
  return with_precision(config.precision, [&]<class T>(T) {
    return detail::train_model<T>(config, options, folder, out, err);
  });
}

}  // namespace vaekit::inline VAEKIT_ABI
