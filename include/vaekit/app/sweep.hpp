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
#include "vaekit/app/run_writer.hpp"
#include "vaekit/app/study.hpp"
#include "vaekit/app/study_check.hpp"
#include "vaekit/app/study_folder.hpp"
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

/// Last line of a file, such as what a run printed; empty where there is none.
[[nodiscard]] inline std::string last_line(const std::filesystem::path& log) {
  if (!std::filesystem::exists(log)) {
    return "";
  }
  std::string text = read_text_file(log);
  text.erase(text.find_last_not_of(" \n\r\t") + 1);
  return text.substr(text.find_last_of("\n\r") + 1);
}

/// Those of `stored` that are not among `runs`.
[[nodiscard]] inline std::vector<StudyRun> others(const std::vector<StudyRun>& stored,
                                                  const std::vector<StudyRun>& runs) {
  std::map<std::pair<std::string, std::uint64_t>, StudyRun> rest;
  for (const StudyRun& run : stored) {
    rest.emplace(std::pair(run.cell, run.seed), run);
  }
  for (const StudyRun& run : runs) {
    rest.erase(std::pair(run.cell, run.seed));
  }
  std::vector<StudyRun> left;
  for (const auto& [name, run] : rest) {
    left.push_back(run);
  }
  return left;
}

/// A sweep at work: starts runs, waits for them, keeps summary.csv and summary.html up to date.
class Sweep {
 public:
  /// `earlier` runs are of the study, but not of this sweep.
  Sweep(SweepOptions options, StudyFolder folder, std::vector<StudyRun> runs, std::vector<StudyRun> earlier,
        StudyReport report, Json config, std::ostream& err)
      : options_(std::move(options)),
        source_{options_.config, options_.overrides},
        folder_(std::move(folder)),
        config_(std::move(config)),
        runs_(std::move(runs)),
        earlier_(std::move(earlier)),
        report_(std::move(report)),
        err_(err) {}

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
    folder_.create(run);
    remove_path(folder_.failed(run));
    std::vector<std::string> arguments{"train", options_.config.string()};
    const auto add = [&](std::initializer_list<std::string> more) {
      arguments.insert(arguments.end(), more);
    };
    for (const std::string& setting : source_.settings(run)) {
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
    at_work_.emplace(
        start_process(options_.program, arguments, folder_.log(run),
                      options_.jobs > 1 ? neighbourly_environment() : std::vector<std::string>{}),
        index);
    return true;
  }

  void finish(const ProcessEnd& end) {
    const auto child = at_work_.find(end.process);
    if (child == at_work_.end()) {
      return;
    }
    const StudyRun& run = runs_[child->second];
    at_work_.erase(child);
    if (end.exit_code == 0) {
      write_file_atomically(folder_.finished(run), std::string_view());
      err_ << describe(run) << ": finished" << std::endl;
    } else if (!was_interrupted(end)) {
      const std::string message = end.exit_code > 128    ? concat("ended by signal ", end.exit_code - 128)
                                  : end.exit_code == 127 ? std::string("cannot run the program")
                                                         : last_line(folder_.log(run));
      write_file_atomically(folder_.failed(run), message + '\n');
      first_failure_ = first_failure_ != ExitCode::done ? first_failure_ : as_exit_code(end.exit_code);
      err_ << describe(run) << ": failed: " << message << std::endl;
    }
    write_summary();
  }

  /// A file that cannot be read any more is as good as another one.
  [[nodiscard]] bool is_unchanged() const try {
    return study_json(source_.load({})) == config_;
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

  [[nodiscard]] std::string status_of(const StudyRun& run) const {
    if (is_finished(run)) {
      return "finished";
    }
    const std::filesystem::path failed = folder_.failed(run);
    return std::filesystem::exists(failed) ? "failed: " + last_line(failed) : "waiting";
  }

  /// What is known of `run`.
  [[nodiscard]] StudyResult result_of(const StudyRun& run) const {
    const RunFolder run_folder = folder_.run(run);
    StudyResult result{
        run, "", {}, std::filesystem::relative(run_folder.root, folder_.root).generic_string()};
    try {
      result.status = status_of(run);
      if (std::filesystem::exists(run_folder.metrics())) {
        for (const MetricsRow& row : RunWriter::read_metrics(run_folder)) {
          result.last.insert_or_assign(row.split, row);
        }
      }
    } catch (const Error& error) {
      // The other runs are worth as much as before.
      result.last.clear();
      result.status = concat("unreadable: ", error.what());
    }
    return result;
  }

  void write_summary() {
    report_.results.clear();
    for (const std::vector<StudyRun>* some : {&runs_, &earlier_}) {
      for (const StudyRun& run : *some) {
        report_.results.push_back(result_of(run));
      }
    }
    arrange(report_);
    write_file_atomically(folder_.summary(), study_csv(report_));
    write_file_atomically(folder_.page(), study_page(report_));
  }

  SweepOptions options_;
  StudySource source_;
  StudyFolder folder_;
  Json config_;
  std::vector<StudyRun> runs_;
  std::vector<StudyRun> earlier_;
  StudyReport report_;
  std::ostream& err_;
  std::map<pid_t, std::size_t> at_work_;
  ExitCode first_failure_ = ExitCode::done;
  bool passed_on_ = false;
};

/// The command line, for the page.
[[nodiscard]] inline std::string sweep_command(const SweepOptions& options) {
  std::string command = "vaekit sweep " + options.config.string();
  for (const std::string& axis : options.grid) {
    command += concat(" --grid '", axis, '\'');
  }
  for (const std::string& setting : options.overrides) {
    command += concat(" --set '", setting, '\'');
  }
  return command + concat(" --seeds ", options.seeds);
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
  const std::vector<StudyRun> cells = grid_cells(axes);
  const StudySource source{options.config, options.overrides};
  const ExperimentConfig config = source.load({});
  const StudyFolder folder{options.out.value_or(std::filesystem::path("runs") / (config.name + "-sweep"))};
  const Json shared = detail::study_json(config);
  claim_study(folder, options.resume, options.overwrite, shared);
  std::vector<StudyRun> runs = with_seeds(cells, config.seed, options.seeds);
  StudyFingerprints fingerprints = detail::check_cells(source, cells, config.seed);
  if (options.jobs == 0) {
    options.jobs = std::max(1, thread_count() / std::max(options.threads, 1));
  }
  create_folder(folder.root);
  const FolderLock lock(folder.root);
  claim_study(folder, options.resume, options.overwrite, shared);  // again: another may have come first
  if (options.overwrite) {
    // First what tells of the runs: it must not outlive them, whenever this is stopped.
    for (const std::filesystem::path& old : {folder.summary(), folder.page(), folder.runs()}) {
      remove_path(old);
    }
  } else if (options.resume) {
    fingerprints = detail::join_fingerprints(detail::stored_fingerprints(folder), fingerprints, folder);
  }
  const std::vector<StudyRun> stored = stored_runs(folder);
  runs = in_stored_cells(std::move(runs), stored);
  std::vector<StudyRun> earlier = detail::others(stored, runs);
  for (const std::vector<StudyRun>* some : {&runs, &earlier}) {
    detail::check_finished_runs(folder, source, *some, fingerprints);
  }
  write_file_atomically(folder.study(), detail::study_text(shared, fingerprints));
  StudyReport report{
      .name = config.name, .keys = {}, .results = {}, .command = detail::sweep_command(options)};
  for (const GridAxis& axis : axes) {
    report.keys.push_back(axis.key);
  }
  const std::size_t count = runs.size();
  detail::Sweep sweep(options, folder, std::move(runs), std::move(earlier), std::move(report), shared, err);
  const ExitCode result = sweep.train();
  out << sweep.finished() << " of " << count << " runs finished\nsummary: " << folder.summary().string()
      << ", " << folder.page().string() << std::endl;
  if (result == ExitCode::interrupted) {
    err << "interrupted: go on with --resume" << std::endl;
  }
  return result;
}

}  // namespace vaekit::inline VAEKIT_ABI
