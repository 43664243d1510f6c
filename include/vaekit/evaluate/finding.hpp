// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
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

}  // namespace vaekit::inline VAEKIT_ABI
