// SPDX-License-Identifier: MIT
#pragma once

#include <tuple>
#include <variant>

#include "vaekit/core/variant.hpp"
#include "vaekit/objectives/critic.hpp"
#include "vaekit/objectives/objective.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {
template <class Tuple>
struct ObjectiveList;
template <class... O>
struct ObjectiveList<std::tuple<O...>> {
  using Variant = std::variant<O...>;
  using ConfigVariant = std::variant<typename O::Config...>;
};
}  // namespace detail

/// An objective of the list, chosen at run time; itself an Objective.
template <class Objectives>
struct AnyObjectiveOf {
  using List = detail::ObjectiveList<Objectives>;
  using Config = typename List::ConfigVariant;

  typename List::Variant chosen;

  AnyObjectiveOf() = default;
  /// Throws ConfigError when a number is out of range.
  explicit AnyObjectiveOf(const Config& config) : chosen(make_alternative<typename List::Variant>(config)) {}

  [[nodiscard]] Index samples() const {
    return std::visit([](const auto& objective) { return objective.samples(); }, chosen);
  }
  [[nodiscard]] TermNeeds needs() const {
    return std::visit([](const auto& objective) { return needs_of(objective); }, chosen);
  }
  /// See `Rae`; 0 for every other objective.
  [[nodiscard]] double decoder_decay() const {
    return std::visit(
        [](const auto& objective) {
          if constexpr (requires { objective.decoder_decay(); }) {
            return objective.decoder_decay();
          } else {
            return 0.0;
          }
        },
        chosen);
  }
  [[nodiscard]] bool weighs_inputs() const {
    return std::visit(
        [](const auto& objective) {
          if constexpr (requires { objective.weighs_inputs(); }) {
            return objective.weighs_inputs();
          } else {
            return false;
          }
        },
        chosen);
  }
  template <class T>
  [[nodiscard]] double input_loss(const Terms<T>& terms, double time, Index row) const {
    return std::visit(
        [&](const auto& objective) {
          if constexpr (requires { objective.input_loss(terms, time, row); }) {
            return objective.input_loss(terms, time, row);
          } else {
            return 0.0;
          }
        },
        chosen);
  }
  [[nodiscard]] bool has_critic() const {
    return std::visit([](const auto& objective) { return vaekit::has_critic(objective); }, chosen);
  }
  /// Empty for an objective that has none.
  template <class T>
  [[nodiscard]] Critic<T> make_critic(Index dim, std::uint64_t seed) const {
    return std::visit(
        [&](const auto& objective) {
          if constexpr (requires { objective.template make_critic<T>(dim, seed); }) {
            return objective.template make_critic<T>(dim, seed);
          } else {
            return Critic<T>();
          }
        },
        chosen);
  }
  template <class T>
  void train_critic(const Terms<T>& terms, std::uint64_t seed, std::uint64_t step, Terms<T>& scratch) const {
    std::visit(
        [&](const auto& objective) {
          if constexpr (requires { objective.train_critic(terms, seed, step, scratch); }) {
            objective.train_critic(terms, seed, step, scratch);
          }
        },
        chosen);
  }
  /// See `BetaTcvae`; nothing for objectives that do not ask.
  void set_dataset_size(Index size) {
    std::visit(
        [size](auto& objective) {
          if constexpr (requires { objective.set_dataset_size(size); }) {
            objective.set_dataset_size(size);
          }
        },
        chosen);
  }

  template <class T>
  ObjectiveValue evaluate(const Terms<T>& terms, double time, Terms<T>& gradients) const {
    return std::visit([&](const auto& objective) { return objective.evaluate(terms, time, gradients); },
                      chosen);
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
