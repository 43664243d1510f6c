// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "vaekit/app/resume.hpp"
#include "vaekit/app/run_folder.hpp"
#include "vaekit/app/study.hpp"
#include "vaekit/io/file.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

/// `text` as a file name: letters, digits and "._+=,-" stay. Where others were replaced, or it was cut, a
/// number made from all of it (FNV-1a) tells it from its like.
[[nodiscard]] inline std::string file_name_for(std::string_view text) {
  constexpr std::size_t longest = 120;
  std::string name;
  std::uint32_t hash = 2166136261U;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       std::string_view("._+=,-").find(c) != std::string_view::npos;
    name += plain ? c : '_';
  }
  if (name == text && name.size() <= longest) {
    return name;
  }
  name.resize(std::min(name.size(), longest));
  return concat(name, '-', hash);
}

}  // namespace detail

/// The files of a study: runs/<cell>/seed-<seed>/ are run folders.
struct StudyFolder {
  std::filesystem::path root;

  [[nodiscard]] std::filesystem::path study() const { return root / study_file; }
  [[nodiscard]] std::filesystem::path summary() const { return root / "summary.csv"; }
  [[nodiscard]] std::filesystem::path page() const { return root / "summary.html"; }
  [[nodiscard]] std::filesystem::path runs() const { return root / "runs"; }
  [[nodiscard]] std::filesystem::path cell(const StudyRun& run_of) const {
    return runs() / (run_of.cell.empty() ? "all" : detail::file_name_for(run_of.cell));
  }
  /// What the runs of a cell have in common: its keys and their values.
  [[nodiscard]] std::filesystem::path values(const StudyRun& run_of) const {
    return cell(run_of) / "values.json";
  }
  [[nodiscard]] RunFolder run(const StudyRun& run_of) const {
    return {cell(run_of) / concat("seed-", run_of.seed)};
  }
  /// What a run prints.
  [[nodiscard]] std::filesystem::path log(const StudyRun& run_of) const {
    return run(run_of).root / "log.txt";
  }
  /// Written once a run has ended well.
  [[nodiscard]] std::filesystem::path finished(const StudyRun& run_of) const {
    return run(run_of).root / "finished";
  }
  /// Holds the message of a run that has failed, until it starts again.
  [[nodiscard]] std::filesystem::path failed(const StudyRun& run_of) const {
    return run(run_of).root / "failed";
  }

  /// Makes the folders of a run, and notes the values of its cell.
  ///
  /// Throws IoError
  void create(const StudyRun& run_of) const {
    run(run_of).create();
    if (std::filesystem::exists(values(run_of))) {
      return;
    }
    write_file_atomically(values(run_of), dump(detail::cell_values(run_of)) + '\n');
  }
};

namespace detail {

/// The cell that a folder of `StudyFolder::runs` holds, nothing where it does not say.
[[nodiscard]] inline std::optional<StudyRun> read_cell(const std::filesystem::path& folder) try {
  const Json json = parse_json<DataError>(read_text_file(folder / "values.json"), "values.json");
  StudyRun cell;
  for (const auto& [key, value] : json.items()) {
    cell = with_setting(std::move(cell), key, value);
  }
  return cell;
} catch (const Error&) {
  return std::nullopt;
}

/// "seed-7" → 7.
[[nodiscard]] inline std::optional<std::uint64_t> seed_of_folder(const std::string& name) {
  constexpr std::string_view prefix = "seed-";
  if (!name.starts_with(prefix)) {
    return std::nullopt;
  }
  std::uint64_t seed = 0;
  const auto [end, error] = std::from_chars(name.data() + prefix.size(), name.data() + name.size(), seed);
  return error == std::errc() && end == name.data() + name.size() ? std::optional(seed) : std::nullopt;
}

/// Throws IoError when `folder` is one of another kind, or belongs to another study
inline void check_no_other_folder(const StudyFolder& folder) {
  const std::string name = folder.root.string();
  if (RunFolder{folder.root}.holds_run()) {
    throw IoError(concat(name, ": holds a run of vaekit train, must be a new folder"));
  }
  const std::filesystem::path whole = std::filesystem::absolute(folder.root / "").lexically_normal();
  for (std::filesystem::path inner = whole; inner.has_relative_path(); inner = inner.parent_path()) {
    const StudyFolder above{inner.parent_path()};
    if (inner.filename() == "runs" && std::filesystem::exists(above.study())) {
      throw IoError(concat(name, ": lies among the runs of the study ", above.root.string(),
                           ", must be a new folder elsewhere"));
    }
  }
  if (!std::filesystem::exists(folder.study()) && std::filesystem::exists(folder.runs())) {
    throw IoError(concat(name, ": holds a folder \"runs\" of no study, must be a new folder"));
  }
}

}  // namespace detail

/// The runs that a study's folder holds, of this sweep and of earlier ones with other values or more seeds.
[[nodiscard]] inline std::vector<StudyRun> stored_runs(const StudyFolder& folder) {
  std::vector<StudyRun> runs;
  std::error_code error;
  std::set<std::filesystem::path> cells;  // in order
  for (const auto& of_cell : std::filesystem::directory_iterator(folder.runs(), error)) {
    cells.insert(of_cell.path());
  }
  for (const std::filesystem::path& of_cell : cells) {
    const std::optional<StudyRun> cell = detail::read_cell(of_cell);
    if (!cell || folder.cell(*cell) != of_cell) {
      continue;
    }
    for (const auto& of_run : std::filesystem::directory_iterator(of_cell, error)) {
      if (const auto seed = detail::seed_of_folder(of_run.path().filename().string())) {
        runs.push_back(*cell);
        runs.back().seed = *seed;
      }
    }
  }
  return runs;
}

/// `runs`, each in the cell that one of `stored` has for its values, in whatever order and form they were
/// written then; the others as they are.
[[nodiscard]] inline std::vector<StudyRun> in_stored_cells(std::vector<StudyRun> runs,
                                                           const std::vector<StudyRun>& stored) {
  std::map<std::string, StudyRun> by_name;
  for (const StudyRun& run : stored) {
    by_name.emplace(run.cell, run);
  }
  std::map<std::string, StudyRun> by_values;
  for (const auto& [name, run] : by_name) {
    by_values.emplace(detail::cell_identity(run), run);
  }
  const auto stored_cell = [&](const StudyRun& run) {
    if (by_name.contains(run.cell)) {
      return by_name.at(run.cell);
    }
    const auto same = by_values.find(detail::cell_identity(run));
    return same == by_values.end() ? run : same->second;
  };
  std::map<std::string, StudyRun> cells;  // by their names in `runs`
  for (StudyRun& run : runs) {
    if (!cells.contains(run.cell)) {
      cells.emplace(run.cell, stored_cell(run));
    }
    const std::uint64_t seed = run.seed;
    run = cells.at(run.cell);
    run.seed = seed;
  }
  return runs;
}

/// Checks that `folder` is free, or holds this study (`config` is its configuration) and is to go on. More
/// values and more seeds may join.
///
/// Throws IoError, ConfigError when the study has another configuration, DataError
inline void claim_study(const StudyFolder& folder, bool resume, bool overwrite, const Json& config) {
  detail::check_no_other_folder(folder);
  const bool exists = std::filesystem::exists(folder.study());
  if (resume && !exists) {
    throw IoError(concat(folder.root.string(), ": holds no study, must hold one to resume"));
  }
  if (exists && !resume && !overwrite) {
    throw IoError(
        concat(folder.root.string(),
               ": holds another study, must be a new folder; use --resume to go on or --overwrite"));
  }
  if (!resume) {
    return;
  }
  const Json before = parse_json<DataError>(read_text_file(folder.study()), folder.study().string());
  if (const auto difference = detail::first_difference(before, config, detail::movable_keys)) {
    throw ConfigError(concat("config ", difference->pointer, ": is ", difference->now, ", must be ",
                             difference->before, " to resume the study in ", folder.root.string(),
                             "; what differs from run to run belongs into --grid"));
  }
}

}  // namespace vaekit::inline VAEKIT_ABI
