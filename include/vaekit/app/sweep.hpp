// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <csignal>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vaekit/app/child_process.hpp"
#include "vaekit/app/console.hpp"
#include "vaekit/app/folder_lock.hpp"
#include "vaekit/app/interrupt.hpp"
#include "vaekit/app/load_run.hpp"
#include "vaekit/app/resume.hpp"
#include "vaekit/app/run_writer.hpp"
#include "vaekit/app/study.hpp"
#include "vaekit/app/study_report.hpp"
#include "vaekit/io/file.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// What `vaekit sweep` is told on its command line.
struct SweepOptions {
  std::filesystem::path config;
  std::vector<std::string> overrides;
  std::vector<std::string> grid;  ///< KEY=[A, B, ...]
  Index seeds = 1;
  Index jobs = 0;   ///< runs at a time; 0: as many as the cores have room for
  int threads = 1;  ///< of each run
  std::optional<std::filesystem::path> out;
  bool resume = false;
  bool overwrite = false;
  std::filesystem::path program;  ///< the `vaekit` that trains
};

namespace detail {

/// Last line of what a run printed.
[[nodiscard]] inline std::string last_line(const std::filesystem::path& log) {
  if (!std::filesystem::exists(log)) {
    return "";
  }
  std::string text = read_text_file(log);
  text.erase(text.find_last_not_of(" \n\r\t") + 1);
  return text.substr(text.find_last_of("\n\r") + 1);
}

/// What all runs have in common, then what is the run's own.
[[nodiscard]] inline std::vector<std::string> all_settings(std::vector<std::string> overrides,
                                                           const StudyRun& run) {
  overrides.insert(overrides.end(), run.settings.begin(), run.settings.end());
  return overrides;
}

/// The configuration that all runs of a study share, as study.json holds it.
[[nodiscard]] inline std::string study_text(ExperimentConfig config) {
  config.training.threads = 0;
  return dump(write_json(config)) + '\n';
}

/// A sweep at work: starts runs, waits for them, keeps summary.csv and summary.html up to date.
class Sweep {
 public:
  Sweep(SweepOptions options, StudyFolder folder, std::vector<StudyRun> runs, StudyReport report,
        std::string text, std::ostream& err)
      : options_(std::move(options)),
        folder_(std::move(folder)),
        text_(std::move(text)),
        runs_(std::move(runs)),
        report_(std::move(report)),
        err_(err),
        failures_(runs_.size()) {}

  /// Trains what is not finished yet. The exit code of the first run that failed, if one did.
  ///
  /// Throws IoError
  [[nodiscard]] ExitCode train() {
    const InterruptGuard guard;
    const auto jobs = static_cast<std::size_t>(options_.jobs);
    for (std::size_t next = 0; next < runs_.size() || !at_work_.empty();) {
      if (interrupt_requested != 0) {
        next = runs_.size();
      } else if (next < runs_.size() && at_work_.size() < jobs) {
        next = start(next) ? next + 1 : runs_.size();
        continue;
      }
      if (!at_work_.empty()) {
        pass_on_interrupt();
        finish(wait_for_process([&] { pass_on_interrupt(); }));
      }
    }
    write_summary();
    return interrupt_requested != 0 ? ExitCode::interrupted : first_failure_;
  }

  [[nodiscard]] Index finished() const {
    return std::ranges::count_if(runs_, [&](const StudyRun& run) { return is_finished(run); });
  }

 private:
  [[nodiscard]] bool is_finished(const StudyRun& run) const {
    return std::filesystem::exists(folder_.finished(run));
  }

  [[nodiscard]] std::string describe(const StudyRun& run) const {
    return concat("run ", &run - runs_.data() + 1, '/', runs_.size(), " (", run.cell,
                  run.cell.empty() ? "" : ", ", "seed ", run.seed, ')');
  }

  /// False when the configuration is no longer that of the study: no more runs can join it.
  [[nodiscard]] bool start(std::size_t index) {
    const StudyRun& run = runs_[index];
    if (is_finished(run)) {
      return true;
    }
    if (!is_unchanged()) {
      err_ << options_.config.string() << ": changed during the sweep, must be as in "
           << folder_.study().string() << "; no more runs are started" << std::endl;
      first_failure_ = ExitCode::configuration;
      return false;
    }
    const RunFolder run_folder = folder_.run(run);
    run_folder.create();
    std::vector<std::string> arguments{"train", options_.config.string()};
    const auto add = [&](std::initializer_list<std::string> more) {
      arguments.insert(arguments.end(), more);
    };
    for (const std::string& setting : all_settings(options_.overrides, run)) {
      add({"--set", setting});
    }
    add({"--seed", concat(run.seed), "--threads", concat(options_.threads), "--out", run_folder.root.string(),
         "--quiet"});
    if (std::filesystem::exists(run_folder.last())) {
      add({"--resume"});
    } else if (run_folder.holds_run()) {
      add({"--overwrite"});  // stopped before its first checkpoint
    }
    err_ << describe(run) << ": started" << std::endl;
    at_work_.emplace(start_process(options_.program, arguments, folder_.log(run)), index);
    return true;
  }

  void finish(const ProcessEnd& end) {
    const auto child = at_work_.find(end.process);
    if (child == at_work_.end()) {
      return;
    }
    const std::size_t index = child->second;
    const StudyRun& run = runs_[index];
    at_work_.erase(child);
    if (end.exit_code == 0) {
      write_file_atomically(folder_.finished(run), std::string_view());
      err_ << describe(run) << ": finished" << std::endl;
    } else if (!was_interrupted(end)) {
      failures_[index] =
          concat("failed: ", end.exit_code > 128    ? concat("ended by signal ", end.exit_code - 128)
                             : end.exit_code == 127 ? std::string("cannot run the program")
                                                    : last_line(folder_.log(run)));
      first_failure_ = first_failure_ != ExitCode::done ? first_failure_ : as_exit_code(end.exit_code);
      err_ << describe(run) << ": " << failures_[index] << std::endl;
    }
    write_summary();
  }

  /// A file that cannot be read any more is as good as another one.
  [[nodiscard]] bool is_unchanged() const try {
    return study_text(load_config(options_.config, options_.overrides)) == text_;
  } catch (const Error&) {
    return false;
  }

  /// Before a run can write checkpoints, the signal that was passed on ends it.
  [[nodiscard]] static bool was_interrupted(const ProcessEnd& end) {
    return interrupt_requested != 0 && (end.exit_code == static_cast<int>(ExitCode::interrupted) ||
                                        end.exit_code == 128 + SIGTERM || end.exit_code == 128 + SIGINT);
  }

  /// Codes that `vaekit train` does not have (127, a signal's) count as failures of the system.
  [[nodiscard]] static ExitCode as_exit_code(int code) {
    const bool known =
        code == static_cast<int>(ExitCode::unexpected) ||
        (code >= static_cast<int>(ExitCode::usage) && code <= static_cast<int>(ExitCode::input_output));
    return known ? static_cast<ExitCode>(code) : ExitCode::input_output;
  }

  /// Once: a second signal would kill the runs before their checkpoints are written.
  void pass_on_interrupt() {
    if (interrupt_requested != 0 && !std::exchange(passed_on_, true)) {
      for (const auto& [process, index] : at_work_) {
        ::kill(process, SIGTERM);
      }
    }
  }

  void write_summary() {
    report_.results.clear();
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      const RunFolder run_folder = folder_.run(runs_[i]);
      const std::string status = is_finished(runs_[i])  ? "finished"
                                 : failures_[i].empty() ? "waiting"
                                                        : failures_[i];
      StudyResult result{
          runs_[i], status, {}, std::filesystem::relative(run_folder.root, folder_.root).generic_string()};
      if (std::filesystem::exists(run_folder.metrics())) {
        for (const MetricsRow& row : RunWriter::read_metrics(run_folder)) {
          result.last.insert_or_assign(row.split, row);
        }
      }
      report_.results.push_back(std::move(result));
    }
    write_file_atomically(folder_.summary(), study_csv(report_));
    write_file_atomically(folder_.page(), study_page(report_));
  }

  SweepOptions options_;
  StudyFolder folder_;
  std::string text_;  // of the configuration
  std::vector<StudyRun> runs_;
  StudyReport report_;
  std::ostream& err_;
  std::map<pid_t, std::size_t> at_work_;
  std::vector<std::string> failures_;  // of each run, empty where it did not fail
  ExitCode first_failure_ = ExitCode::done;
  bool passed_on_ = false;
};

/// Checks that `folder` is free, or holds this study and is to go on. More values and more seeds may join.
inline void claim_study(const StudyFolder& folder, const SweepOptions& options, const std::string& text) {
  const bool exists = std::filesystem::exists(folder.study());
  if (options.resume && !exists) {
    throw IoError(concat(folder.root.string(), ": holds no study, must hold one to resume"));
  }
  if (exists && !options.resume && !options.overwrite) {
    throw IoError(
        concat(folder.root.string(),
               ": holds another study, must be a new folder; use --resume to go on or --overwrite"));
  }
  if (!exists && std::filesystem::exists(folder.root / "runs")) {
    throw IoError(
        concat(folder.root.string(), ": holds a folder \"runs\" of no study, must be a new folder"));
  }
  if (!options.resume) {
    return;
  }
  const Json before = parse_json<DataError>(read_text_file(folder.study()), folder.study().string());
  if (const auto difference = first_difference(before, parse_json(text, "config"), movable_keys)) {
    throw ConfigError(concat("config ", difference->pointer, ": is ", difference->now, ", must be ",
                             difference->before, " to resume the study in ", folder.root.string(),
                             "; what differs from run to run belongs into --grid"));
  }
}

}  // namespace detail

/// `vaekit sweep`: trains a configuration with every combination of values and several seeds, runs in
/// parallel processes. The summary is brought up to date whenever a run ends. A study that was stopped, in
/// whatever way, goes on with `resume`: finished runs are kept, others go on from their last checkpoint.
///
/// The exit code is that of the first run that failed; the others are trained all the same.
/// Throws Error when the study itself cannot be set up
inline ExitCode run_sweep(SweepOptions options, std::ostream& out, std::ostream& err) {
  std::vector<GridAxis> axes;
  for (const std::string& axis : options.grid) {
    axes.push_back(parse_grid_axis(axis));
  }
  const ExperimentConfig config = load_config(options.config, options.overrides);
  std::vector<StudyRun> runs = expand_grid(axes, config.seed, options.seeds);
  std::map<std::string, std::string> cells;  // of each configuration
  for (const StudyRun& run : runs) {
    ExperimentConfig own = load_config(options.config, detail::all_settings(options.overrides, run));
    own.seed = run.seed;
    const auto [same, is_new] = cells.emplace(detail::study_text(own), run.cell);
    if (!is_new) {
      throw UsageError(concat("--grid: ", same->second, " and ", run.cell,
                              " are the same configuration, must differ; --seeds and --threads are options"));
    }
  }
  if (options.jobs == 0) {
    options.jobs = std::max(1, thread_count() / std::max(options.threads, 1));
  }
  const StudyFolder folder{options.out.value_or(std::filesystem::path("runs") / (config.name + "-sweep"))};
  const std::string text = detail::study_text(config);
  detail::claim_study(folder, options, text);
  create_folder(folder.root);
  const FolderLock lock(folder.lock());
  if (options.overwrite) {
    remove_path(folder.root / "runs");
  }
  write_file_atomically(folder.study(), text);
  StudyReport report{
      .name = config.name, .keys = {}, .results = {}, .command = "vaekit sweep " + options.config.string()};
  for (const GridAxis& axis : axes) {
    report.keys.push_back(axis.key);
  }
  for (const std::string& axis : options.grid) {
    report.command += concat(" --grid '", axis, '\'');
  }
  for (const std::string& setting : options.overrides) {
    report.command += concat(" --set '", setting, '\'');
  }
  report.command += concat(" --seeds ", options.seeds);
  const std::size_t count = runs.size();
  detail::Sweep sweep(options, folder, std::move(runs), std::move(report), text, err);
  const ExitCode result = sweep.train();
  out << sweep.finished() << " of " << count << " runs finished\nsummary: " << folder.summary().string()
      << ", " << folder.page().string() << std::endl;
  if (result == ExitCode::interrupted) {
    err << "interrupted: go on with --resume" << std::endl;
  }
  return result;
}

}  // namespace vaekit::inline VAEKIT_ABI
