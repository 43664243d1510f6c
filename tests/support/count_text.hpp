// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>

/// How often `part` occurs in `text`.
[[nodiscard]] inline std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (auto place = text.find(part); place != std::string_view::npos; place = text.find(part, place + 1)) {
    ++found;
  }
  return found;
}

[[nodiscard]] inline bool contains(std::string_view text, std::string_view part) {
  return count(text, part) > 0;
}
