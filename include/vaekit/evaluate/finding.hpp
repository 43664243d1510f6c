// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <locale>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vaekit/core/fields.hpp"
#include "vaekit/core/matrix.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// How a check of a model ended.
enum class Verdict { ok, skipped, fault };

[[nodiscard]] constexpr auto enum_names(Verdict) {
  return std::array<std::string_view, 3>{"ok", "skipped", "fault"};
}

/// What one check has to say of a model: docs/doctor.md has the formula and the threshold of each.
struct Finding {
  std::string check;  ///< its name: "gradient", "learning rate"
  Verdict verdict;
  std::string figure;  ///< the number that decided, in words; why it was skipped
  std::string advice;  ///< of a fault: what to do

  [[nodiscard]] static Finding ok(std::string_view check, std::string figure) {
    return {std::string(check), Verdict::ok, std::move(figure), {}};
  }
  [[nodiscard]] static Finding skipped(std::string_view check, std::string reason) {
    return {std::string(check), Verdict::skipped, std::move(reason), {}};
  }
  [[nodiscard]] static Finding fault(std::string_view check, std::string figure, std::string advice) {
    return {std::string(check), Verdict::fault, std::move(figure), std::move(advice)};
  }
};

[[nodiscard]] inline Index fault_count(std::span<const Finding> findings) {
  return std::ranges::count(findings, Verdict::fault, &Finding::verdict);
}

/// A number in three digits, as figures have them.
[[nodiscard]] inline std::string rounded(double value) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out.precision(3);
  out << value;
  return out.str();
}

/// At most `most` of `rows`, at equal distances: enough for a statement about all of them.
[[nodiscard]] inline std::vector<std::uint32_t> evenly_spaced(std::span<const std::uint32_t> rows,
                                                              Index most) {
  const auto count = std::min(rows.size(), static_cast<std::size_t>(most));
  std::vector<std::uint32_t> chosen(count);
  for (std::size_t i = 0; i < count; ++i) {
    chosen[i] = rows[i * rows.size() / count];
  }
  return chosen;
}

}  // namespace vaekit::inline VAEKIT_ABI
