// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "vaekit/app/difference.hpp"
#include "vaekit/app/picture_format.hpp"
#include "vaekit/app/run_folder.hpp"
#include "vaekit/config/build.hpp"
#include "vaekit/config/json.hpp"
#include "vaekit/config/merge.hpp"
#include "vaekit/config/override.hpp"
#include "vaekit/train/checkpoint.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

/// Applies `--set` assignments; relative file names in them are relative to the current folder.
inline void apply_overrides(Json& json, const std::vector<std::string>& overrides) {
  for (const std::string& assignment : overrides) {
    apply_override(json, assignment);
  }
  rebase_paths<ExperimentConfig>(json, std::filesystem::current_path());
}

/// The defaults of every key that has one: all but the data.
[[nodiscard]] inline Json default_config() {
  Json defaults = write_json(ExperimentConfig{});
  defaults.erase("data");
  return defaults;
}

}  // namespace detail

/// Reads a configuration file with what it extends, applies `--set` overrides, and checks it.
///
/// Relative data paths in the result are absolute, so that it means the same from any folder.
/// Throws ConfigError, IoError
[[nodiscard]] inline ExperimentConfig load_config(const std::filesystem::path& file,
                                                  const std::vector<std::string>& overrides) {
  Json json = load_extended<ExperimentConfig>(
      std::filesystem::absolute(file).string(),
      [](const std::string& name) { return parse_json(read_text_file(name), name); });
  detail::apply_overrides(json, overrides);
  // Over the defaults, so that a part that states some keys alone need not state its type.
  return read_json<ExperimentConfig>(merge_json(detail::default_config(), json));
}

/// Whether `path` is a configuration, else a run folder or a checkpoint. A file is known by what is in it: a
/// configuration begins with '{' after white space, a checkpoint with the length of its header, in 8 bytes
/// with a 0 among them. What is neither, or cannot be read again, goes by its name.
///
/// Throws IoError, DataError as `read_file`
[[nodiscard]] inline bool is_configuration(const std::filesystem::path& path) {
  const bool named = path.extension() == ".json";
  if (!std::filesystem::is_regular_file(path)) {
    return named;
  }
  const std::string text = read_text_file(path);
  if (std::string_view(text).substr(0, 8).find('\0') != std::string_view::npos) {
    return false;
  }
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return named || (first != std::string::npos && text[first] == '{');
}

/// The parts of an experiment's data.
enum class DataSplit { train, validation, test };

[[nodiscard]] constexpr auto enum_names(DataSplit) {
  return std::array<std::string_view, 3>{"train", "validation", "test"};
}

/// A trained run, opened for use.
struct Run {
  ExperimentConfig config;
  Checkpoint checkpoint;
  InputFormat input;

  [[nodiscard]] PictureFormat picture_format() const { return {input, config.data.scale}; }
};

/// Opens RUN: a checkpoint file, or a run folder, of which it takes best.safetensors where the run has a
/// validation split, else last.safetensors.
///
/// `overrides` change the configuration for this call (the place of a data set).
/// Throws IoError, DataError, ConfigError when they change what was trained
[[nodiscard]] inline Run load_run(const std::filesystem::path& path,
                                  const std::vector<std::string>& overrides = {}) {
  std::filesystem::path file = path;
  if (std::filesystem::is_directory(path)) {
    const RunFolder folder{path};
    file = folder.last();
    if (!std::filesystem::exists(file)) {
      throw IoError(concat(path.string(), ": holds no checkpoint, must be a run folder of vaekit train"));
    }
  }
  Run run;
  run.checkpoint = read_checkpoint(file);
  const auto effective = [&] {
    Json json = parse_json<DataError>(run.checkpoint.config(), run.checkpoint.name);
    ExperimentConfig config = read_json<ExperimentConfig>(json);
    if (overrides.empty()) {
      return config;
    }
    const Json trained = write_json(config);
    detail::apply_overrides(json, overrides);
    config = read_json<ExperimentConfig>(json);
    if (const auto difference =
            detail::first_difference(trained, write_json(config), detail::replaceable_keys)) {
      throw ConfigError(concat("config ", difference->pointer, ": is ", difference->now, ", must be ",
                               difference->before, " as in training: only the data can be others"));
    }
    return config;
  };
  run.config = effective();
  if (std::filesystem::is_directory(path) && has_validation(run.config.data) &&
      std::filesystem::exists(RunFolder{path}.best())) {
    run.checkpoint = read_checkpoint(RunFolder{path}.best());
    run.config = effective();
  }
  run.input = run.checkpoint.input();
  return run;
}

}  // namespace vaekit::inline VAEKIT_ABI
