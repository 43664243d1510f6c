// SPDX-License-Identifier: MIT
//
// Where two configurations differ, and where they may.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "vaekit/config/json.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

/// Keys that a resumed run may change: they do not touch the steps already taken.
inline constexpr std::array<std::string_view, 8> resumable_keys{
    "name", "path", "labels", "epochs", "threads", "early_stopping", "checkpoint_every", "images_every"};

/// Keys that a resumed study may change: its data may have moved.
inline constexpr std::array<std::string_view, 3> movable_keys{"name", "path", "labels"};

/// Keys that an evaluation may change: it may look at other data than training did.
inline constexpr std::array<std::string_view, 7> replaceable_keys{"name", "path",       "labels", "train",
                                                                  "test", "validation", "threads"};

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

}  // namespace vaekit::inline VAEKIT_ABI
