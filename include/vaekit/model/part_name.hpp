// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <variant>

#include "vaekit/version.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// What a configuration calls a part, also one that was chosen at run time.
template <class Part>
[[nodiscard]] std::string part_name(const Part& part) {
  if constexpr (requires { part.chosen; }) {
    return std::visit([](const auto& chosen) { return part_name(chosen); }, part.chosen);
  } else if constexpr (requires { Part::Config::kind; }) {
    return std::string(Part::Config::kind);
  } else {
    return "custom";
  }
}

}  // namespace vaekit::inline VAEKIT_ABI
