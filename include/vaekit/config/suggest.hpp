// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vaekit/core/error.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {
[[nodiscard]] constexpr char lower_case(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
}  // namespace detail

/// Number of insertions, deletions, substitutions and swaps of neighbours that turn one word into the other
/// (Damerau–Levenshtein in its optimal string alignment form). Letters are equal in either case, so "ReLU" is
/// at distance 0 from "relu".
[[nodiscard]] inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  const auto equal = [&](std::size_t i, std::size_t j) {
    return detail::lower_case(a[i]) == detail::lower_case(b[j]);
  };
  std::vector<std::size_t> before_previous(b.size() + 1);
  std::vector<std::size_t> previous(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) {
    row[j] = j;
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    before_previous.swap(previous);
    previous.swap(row);
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      row[j + 1] = std::min({previous[j + 1] + 1, row[j] + 1, previous[j] + (equal(i, j) ? 0U : 1U)});
      if (i > 0 && j > 0 && equal(i, j - 1) && equal(i - 1, j)) {
        row[j + 1] = std::min(row[j + 1], before_previous[j - 1] + 1);
      }
    }
  }
  return row[b.size()];
}

/// The name nearest to `given`, empty when none is within max(1, length / 3) edits. The first wins a tie.
[[nodiscard]] inline std::string_view nearest_name(std::string_view given,
                                                   std::span<const std::string_view> known) {
  std::size_t limit = std::max<std::size_t>(1, given.size() / 3);
  std::string_view nearest;
  for (const std::string_view name : known) {
    const std::size_t gap = std::max(name.size(), given.size()) - std::min(name.size(), given.size());
    if (gap > limit) {
      continue;  // also keeps a megabyte-long key from costing its square
    }
    const std::size_t distance = edit_distance(given, name);
    if (distance < limit || (distance == limit && nearest.empty())) {
      nearest = name;
      limit = distance;
    }
  }
  return nearest;
}

/// The tail of a message about a name that nobody knows: `known: adam, sgd; did you mean "adam"?`.
[[nodiscard]] inline std::string known_names(std::string_view given,
                                             std::span<const std::string_view> known) {
  std::vector<std::string_view> sorted(known.begin(), known.end());
  std::ranges::sort(sorted);
  std::string text = sorted.empty() ? "known: none" : "known: ";
  for (const std::string_view& name : sorted) {
    text += concat(&name == sorted.data() ? "" : ", ", name);
  }
  const std::string_view nearest = nearest_name(given, sorted);
  return nearest.empty() ? text : concat(text, "; did you mean \"", nearest, "\"?");
}

}  // namespace vaekit::inline VAEKIT_ABI
