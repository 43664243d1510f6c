// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <type_traits>
#include <variant>

#include "vaekit/version.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {
/// The alternative of a variant whose `Config` is C; incomplete when there is none.
template <class C, class Variant>
struct AlternativeOf;
template <class C, class First, class... Rest>
struct AlternativeOf<C, std::variant<First, Rest...>>
    : std::conditional_t<std::same_as<typename First::Config, C>, std::type_identity<First>,
                         AlternativeOf<C, std::variant<Rest...>>> {};
}  // namespace detail

/// The alternative of `Variant` whose `Config` type is the one that `config` holds, constructed from it and
/// `arguments`. A config without an alternative is a compile error.
template <class Variant, class... Configs, class... Arguments>
[[nodiscard]] Variant make_alternative(const std::variant<Configs...>& config,
                                       const Arguments&... arguments) {
  return std::visit(
      [&]<class C>(const C& chosen) {
        return Variant(std::in_place_type<typename detail::AlternativeOf<C, Variant>::type>, chosen,
                       arguments...);
      },
      config);
}

}  // namespace vaekit::inline VAEKIT_ABI
