// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <tuple>
#include <type_traits>
#include <utility>
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

/// Variants over a list of parts, each with a `Config` and a `Cache`.
template <class Tuple>
struct PartList;
template <class... P>
struct PartList<std::tuple<P...>> {
  using Variant = std::variant<P...>;
  using ConfigVariant = std::variant<typename P::Config...>;
  using CacheVariant = std::variant<typename P::Cache...>;
};

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

/// A part of the list, chosen at run time: what posteriors, priors and likelihoods of such a list share. A
/// value: copies are deep.
template <class Parts>
struct AnyPart {
  using List = PartList<Parts>;
  using Scalar = typename std::tuple_element_t<0, Parts>::Scalar;
  struct Cache {
    typename List::CacheVariant chosen;
  };

  typename List::Variant chosen;

  AnyPart() = default;
  explicit AnyPart(typename List::Variant part) : chosen(std::move(part)) {}

  template <class... Sizes>
  [[nodiscard]] Cache make_cache(Sizes... sizes) const {
    return visit([&]<class P>(const P& part) {
      return Cache{
          typename List::CacheVariant(std::in_place_type<typename P::Cache>, part.make_cache(sizes...))};
    });
  }
  template <class... Arguments>
  void initialize(const Arguments&... arguments) {
    std::visit([&](auto& part) { part.initialize(arguments...); }, chosen);
  }

  static void reflect(auto& self, auto&& visitor) {
    std::visit([&]<class P>(P& part) { std::remove_cvref_t<P>::reflect(part, visitor); }, self.chosen);
  }

  /// Calls f(part).
  template <class F>
  decltype(auto) visit(F&& f) const {
    return std::visit(std::forward<F>(f), chosen);
  }
  /// Calls f(part, its own cache in `cache`).
  template <class CacheType, class F>
  decltype(auto) visit(CacheType& cache, F&& f) const {
    return std::visit(
        [&]<class P>(const P& part) -> decltype(auto) {
          return f(part, std::get<typename P::Cache>(cache.chosen));
        },
        chosen);
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
