// SPDX-License-Identifier: MIT
//
// What must hold before a study goes on: each cell can be trained, on the data of the study, and what is
// finished belongs to it.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "vaekit/app/load_run.hpp"
#include "vaekit/app/study.hpp"
#include "vaekit/app/study_folder.hpp"
#include "vaekit/app/train.hpp"
#include "vaekit/core/parallel.hpp"
#include "vaekit/io/safetensors.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// `ExperimentData::fingerprints` of the cells of a study, by the values that choose their data
/// (`data_identity`).
using StudyFingerprints = std::map<std::string, std::map<std::string, std::string>>;

/// Where the configurations of a study come from.
struct StudySource {
  std::filesystem::path config;
  std::vector<std::string> overrides;  ///< of all runs

  /// The configuration of the cell of `run`. Throws ConfigError, IoError
  [[nodiscard]] ExperimentConfig load(const StudyRun& run) const {
    return load_config(config, settings(run));
  }
  /// What all runs have in common, then what is the run's own.
  [[nodiscard]] std::vector<std::string> settings(const StudyRun& run) const {
    std::vector<std::string> all = overrides;
    all.insert(all.end(), run.settings.begin(), run.settings.end());
    return all;
  }
};

namespace detail {

/// The configuration that all runs of a study share, as study.json holds it.
[[nodiscard]] inline Json study_json(ExperimentConfig config) {
  config.training.threads = 0;
  return write_json(config);
}

/// Those values of a cell that are of the data: cells with equal ones have the same data.
[[nodiscard]] inline std::string data_identity(const StudyRun& run) {
  StudyRun of_data;
  for (const std::string& setting : run.settings) {
    if (setting.starts_with("data.") || setting.starts_with("data=")) {
      of_data.settings.push_back(setting);
    }
  }
  return cell_identity(of_data);
}

/// Cells with the same data.
struct CellsOfData {
  std::vector<const StudyRun*> runs;
  std::vector<ExperimentConfig> configs;  // of each
};

/// Reads the configuration of each cell; those with the same data together, in the order of the first of
/// each.
///
/// Throws ConfigError, IoError, UsageError when two are the same
[[nodiscard]] inline std::vector<CellsOfData> load_cells(const StudySource& source,
                                                         const std::vector<StudyRun>& cells,
                                                         std::uint64_t seed) {
  std::vector<CellsOfData> groups;
  std::map<std::string, std::size_t> places;
  std::map<std::string, std::string> known;  // the cell of each configuration
  for (const StudyRun& cell : cells) {
    ExperimentConfig config = source.load(cell);
    config.seed = seed;
    const auto [same, is_new] = known.emplace(dump(study_json(config), -1), cell.cell);
    if (!is_new) {
      throw UsageError(
          concat("--grid: ", same->second, " and ", cell.cell, " are the same configuration, must differ"));
    }
    // Labels may be hidden only where there is a classifier.
    const std::string data = concat(dump(write_json(config.data), -1), config.model.classifier.has_value());
    const auto place = places.emplace(data, groups.size()).first;
    groups.resize(places.size());
    groups[place->second].runs.push_back(&cell);
    groups[place->second].configs.push_back(std::move(config));
  }
  return groups;
}

/// All that `train` checks before its first step.
///
/// Throws ConfigError, DataError
inline void check_cell(const ExperimentConfig& config, const ExperimentData& data,
                       std::set<std::string>& supported) {
  with_precision(config.precision, [&]<class T>(T) {
    const TrainingData views = data.views(config.seed);
    ConfiguredVae<T> model = checked_model<T>(config, data, views);
    choose_pseudo_inputs(model, views.train, config.seed);
    // A pass over all samples: once for each likelihood.
    if (supported.insert(dump(write_json(config.model.likelihood), -1)).second) {
      check_supports(views, model, likelihood_name(config.model));
    }
  });
}

/// Checks that each cell can be trained, with its data, which are read once.
///
/// Throws   Error as `vaekit train` would before its first step; UsageError when two cells are the same
/// Threads  one: processes are started later
[[nodiscard]] inline StudyFingerprints check_cells(const StudySource& source,
                                                   const std::vector<StudyRun>& cells, std::uint64_t seed) {
  const ThreadScope one(1);
  StudyFingerprints fingerprints;
  for (CellsOfData& group : load_cells(source, cells, seed)) {
    const ExperimentData data(group.configs.front());
    std::set<std::string> supported;
    for (ExperimentConfig& config : group.configs) {
      config.data = group.configs.front().data;  // with what it leaves to the data
      check_cell(config, data, supported);
    }
    const auto of_data = data.fingerprints();
    for (const StudyRun* run : group.runs) {
      fingerprints.emplace(data_identity(*run), of_data);
    }
  }
  return fingerprints;
}

/// Throws DataError unless `run`, which is finished, was trained as `expected` says on the data of the
/// fingerprint `data` (empty: not known), ConfigError for another configuration
inline void check_finished_run(const RunFolder& run, ExperimentConfig expected, const std::string& data) {
  const auto found = read_json<ExperimentConfig>(
      parse_json<ConfigError>(read_text_file(run.config()), run.config().string()));
  if (expected.data.condition && condition_columns(expected.data.condition) == 0) {  // left to the data
    const Index columns = condition_columns(found.data.condition);
    if (auto* labels = std::get_if<LabelConditionConfig>(&*expected.data.condition)) {
      labels->classes = columns;
    } else {
      std::get<VectorConditionConfig>(*expected.data.condition).columns = columns;
    }
  }
  const std::string hint = " as its study says; remove this folder to train the run again";
  if (const auto difference = first_difference(study_json(found), study_json(expected), movable_keys)) {
    throw ConfigError(concat(run.root.string(), ": was trained with ", difference->pointer, ' ',
                             difference->before, ", must be ", difference->now, hint));
  }
  if (data.empty() || !std::filesystem::exists(run.last())) {
    return;
  }
  const auto metadata = read_safetensors_metadata(run.last());
  if (const auto trained_on = metadata.find("data");
      trained_on != metadata.end() && trained_on->second != data) {
    throw DataError(
        concat(run.root.string(), ": was trained on ", trained_on->second, ", must be ", data, hint));
  }
}

/// Checks that those of `runs` that are finished are of their cells and the study.
///
/// Throws ConfigError, DataError, IoError
inline void check_finished_runs(const StudyFolder& folder, const StudySource& source,
                                const std::vector<StudyRun>& runs, const StudyFingerprints& fingerprints) {
  std::map<std::string, std::pair<ExperimentConfig, std::string>> cells;  // with the fingerprint
  for (const StudyRun& run : runs) {
    if (!std::filesystem::exists(folder.finished(run))) {
      continue;
    }
    auto cell = cells.find(run.cell);
    if (cell == cells.end()) {
      const auto data = fingerprints.find(data_identity(run));
      const bool known = data != fingerprints.end() && data->second.contains("train");
      cell =
          cells.emplace(run.cell, std::pair(source.load(run), known ? data->second.at("train") : "")).first;
    }
    ExperimentConfig expected = cell->second.first;
    expected.seed = run.seed;
    check_finished_run(folder.run(run), std::move(expected), cell->second.second);
  }
}

/// The key of study.json beside those of the configuration.
inline constexpr std::string_view fingerprints_key = "fingerprints";

/// What a study was trained on so far; empty where study.json does not tell.
///
/// Throws IoError, DataError when it is malformed
[[nodiscard]] inline StudyFingerprints stored_fingerprints(const StudyFolder& folder) {
  const std::string name = folder.study().string();
  const Json json = parse_json<DataError>(read_text_file(folder.study()), name);
  const auto entry = json.find(fingerprints_key);
  if (entry == json.end()) {
    return {};
  }
  try {
    return entry->get<StudyFingerprints>();
  } catch (const Json::exception&) {
    throw DataError(
        concat(name, ": ", fingerprints_key, " is ", preview(*entry), ", must be as vaekit sweep wrote it"));
  }
}

/// `before` and `now` together.
///
/// Throws DataError when they tell of different data in one place
[[nodiscard]] inline StudyFingerprints join_fingerprints(StudyFingerprints before,
                                                         const StudyFingerprints& now,
                                                         const StudyFolder& folder) {
  for (const auto& [values, sets] : now) {
    const auto place = before.emplace(values, sets).first;
    std::map<std::string, std::pair<std::string, std::string>> pairs;  // before and now
    for (const auto& [name, text] : place->second) {
      pairs[name] = {text, "not set"};
    }
    for (const auto& [name, text] : sets) {
      pairs.emplace(name, std::pair("not set", "")).first->second.second = text;
    }
    for (const auto& [name, texts] : pairs) {
      if (texts.first != texts.second) {
        throw DataError(concat("data/", name, values == "{}" ? "" : " of " + values, ": is ", texts.second,
                               ", must be ", texts.first, " to resume the study in ", folder.root.string()));
      }
    }
  }
  return before;
}

/// The content of study.json.
[[nodiscard]] inline std::string study_text(Json config, const StudyFingerprints& fingerprints) {
  config[std::string(fingerprints_key)] = fingerprints;
  return dump(config) + '\n';
}

}  // namespace detail

}  // namespace vaekit::inline VAEKIT_ABI
