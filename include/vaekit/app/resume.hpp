// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "vaekit/app/difference.hpp"
#include "vaekit/app/run_folder.hpp"
#include "vaekit/config/experiment.hpp"
#include "vaekit/config/json.hpp"
#include "vaekit/train/checkpoint.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// The configuration as a checkpoint holds it: without the number of threads, which decides nothing.
[[nodiscard]] inline std::string identity_text(ExperimentConfig config) {
  config.training.threads = 0;
  return dump(write_json(config), -1);
}

/// Throws ConfigError when the checkpoint was written by another experiment than the one that wants to go on.
inline void check_same_experiment(const Checkpoint& checkpoint, const std::string& identity,
                                  const RunFolder& folder) {
  const Json before = parse_json<DataError>(checkpoint.config(), checkpoint.name);
  const Json now = parse_json(identity, "config");
  if (const auto difference = detail::first_difference(before, now, detail::resumable_keys)) {
    throw ConfigError(concat("config ", difference->pointer, ": is ", difference->now, ", must be ",
                             difference->before, " to resume the run in ", folder.root.string()));
  }
}

/// Throws DataError when the checkpoint was written by training on other data than those of `fingerprint`.
inline void check_same_data(const Checkpoint& checkpoint, const std::string& fingerprint,
                            const RunFolder& folder) {
  const std::string before = checkpoint.data();
  if (!before.empty() && before != fingerprint) {
    throw DataError(concat("data/train: is ", fingerprint, ", must be ", before, " to resume the run in ",
                           folder.root.string()));
  }
}

}  // namespace vaekit::inline VAEKIT_ABI
