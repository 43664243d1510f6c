// SPDX-License-Identifier: MIT
#pragma once

#include "vaekit/core/variant.hpp"
#include "vaekit/objectives/elbo.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Config of any objective that a configuration can name: the one list, with `AnyObjective` below.
using ObjectiveConfig = std::variant<ElboConfig>;

/// An objective chosen at run time; itself an Objective.
struct AnyObjective {
  using Config = ObjectiveConfig;

  std::variant<Elbo> chosen;

  AnyObjective() = default;
  /// Throws ConfigError when a number is out of range.
  explicit AnyObjective(const ObjectiveConfig& config) : chosen(make_alternative<decltype(chosen)>(config)) {}

  [[nodiscard]] Index samples() const {
    return std::visit([](const auto& objective) { return objective.samples(); }, chosen);
  }

  [[nodiscard]] TermNeeds needs() const {
    return std::visit([](const auto& objective) { return needs_of(objective); }, chosen);
  }

  template <class T>
  ObjectiveValue evaluate(const Terms<T>& terms, double time, Terms<T>& gradients) const {
    return std::visit([&](const auto& objective) { return objective.evaluate(terms, time, gradients); },
                      chosen);
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
