// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

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

namespace detail {

/// Keys that a resumed run may change: they do not touch the steps already taken.
inline constexpr std::array<std::string_view, 8> resumable_keys{
    "name", "path", "labels", "epochs", "threads", "early_stopping", "checkpoint_every", "images_every"};

/// Keys that a resumed study may change: its data may have moved.
inline constexpr std::array<std::string_view, 3> movable_keys{"name", "path", "labels"};

struct Difference {
  std::string pointer;
  std::string before;
  std::string now;
};

/// The first place where two configurations differ in another key than those of `free_keys`.
[[nodiscard]] inline std::optional<Difference> first_difference(const Json& before, const Json& now,
                                                                std::span<const std::string_view> free_keys,
                                                                const std::string& pointer = "") {
  if (before.is_object() && now.is_object()) {
    for (const auto& [key, value] : now.items()) {
      // "epochs" is free only as the length of the training, not inside a schedule.
      const bool free =
          std::ranges::find(free_keys, key) != free_keys.end() && (key != "epochs" || pointer == "/training");
      if (free) {
        continue;
      }
      const std::string below = concat(pointer, '/', key);
      if (!before.contains(key)) {
        return Difference{below, "not set", preview(value)};
      }
      if (auto difference = first_difference(before[key], value, free_keys, below)) {
        return difference;
      }
    }
    return std::nullopt;
  }
  if (before.is_array() && now.is_array() && before.size() == now.size()) {
    for (std::size_t i = 0; i < now.size(); ++i) {
      if (auto difference = first_difference(before[i], now[i], free_keys, concat(pointer, '/', i))) {
        return difference;
      }
    }
    return std::nullopt;
  }
  return before == now ? std::nullopt : std::optional(Difference{pointer, preview(before), preview(now)});
}

}  // namespace detail

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

}  // namespace vaekit::inline VAEKIT_ABI
