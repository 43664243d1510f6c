// SPDX-License-Identifier: MIT
//
// How a C++ type is spelled in JSON: the traits that reader, writer, schema and reference share.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "vaekit/config/json_path.hpp"
#include "vaekit/core/fields.hpp"
#include "vaekit/core/schedule.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Specialise for a type whose JSON form follows none of the general rules, e.g. `"auto"` or `[lo, hi]`:
///
///   static void read(const Json& json, const JsonPath& path, X& out);   throws ConfigError, see `refuse`
///   static Json write(const X& value);                                  what `read` accepts
///   static Json schema();                                               JSON Schema of what `read` accepts
///   static constexpr std::string_view type_name;                        "type" column of the reference,
///   Markdown
template <class X>
struct JsonCodec {};

template <class X>
concept HasJsonCodec = requires(const Json& json, const JsonPath& path, X& value) {
  JsonCodec<X>::read(json, path, value);
  { JsonCodec<X>::write(std::as_const(value)) } -> std::same_as<Json>;
  { JsonCodec<X>::schema() } -> std::same_as<Json>;
  { JsonCodec<X>::type_name } -> std::convertible_to<std::string_view>;
};

namespace detail {

template <class X>
inline constexpr bool is_vector = false;
template <class X>
inline constexpr bool is_vector<std::vector<X>> = true;
template <class X>
inline constexpr bool is_array = false;
template <class X, std::size_t N>
inline constexpr bool is_array<std::array<X, N>> = true;
template <class X>
inline constexpr bool is_optional = false;
template <class X>
inline constexpr bool is_optional<std::optional<X>> = true;
template <class X>
inline constexpr bool is_unsupported = false;

template <class... A>
std::type_identity<std::variant<A...>> variant_base(const std::variant<A...>*);

}  // namespace detail

/// A `std::variant` or a class derived from one: in JSON an object with a tag, `{"type": "adam", ...}`.
///
/// Every alternative A has fields and a name, `static constexpr std::string_view A::kind`. The key of the tag
/// is "type", or the `tag` that V or its first alternative states (one of `tag_keys`). Messages call an
/// alternative by the `noun` that V or its first alternative states ("layer"), else by the tag.
template <class V>
concept TaggedVariant = requires(V* variant) {
  detail::variant_base(variant);
};

template <TaggedVariant V>
using VariantBase = typename decltype(detail::variant_base(static_cast<V*>(nullptr)))::type;

template <TaggedVariant V>
inline constexpr std::size_t alternative_count = std::variant_size_v<VariantBase<V>>;

template <TaggedVariant V, std::size_t I>
using Alternative = std::variant_alternative_t<I, VariantBase<V>>;

/// Keys whose string value decides which other keys an object may have. `merge_json` knows them too.
inline constexpr std::array<std::string_view, 3> tag_keys{"type", "format", "schedule"};

[[nodiscard]] constexpr bool is_tag_key(std::string_view key) {
  return key == tag_keys[0] || key == tag_keys[1] || key == tag_keys[2];
}

template <TaggedVariant V>
[[nodiscard]] constexpr std::string_view variant_tag() {
  using First = Alternative<V, 0>;
  if constexpr (requires { V::tag; }) {
    static_assert(is_tag_key(V::tag));
    return V::tag;
  } else if constexpr (requires { First::tag; }) {
    static_assert(is_tag_key(First::tag));
    return First::tag;
  } else {
    return tag_keys[0];
  }
}

template <TaggedVariant V>
[[nodiscard]] constexpr std::string_view variant_noun() {
  using First = Alternative<V, 0>;
  if constexpr (requires { V::noun; }) {
    return V::noun;
  } else if constexpr (requires { First::noun; }) {
    return First::noun;
  } else {
    return variant_tag<V>();
  }
}

/// Calls `visit(std::type_identity<A>{})` for each alternative.
template <TaggedVariant V, class Visit>
constexpr void for_each_alternative(Visit&& visit) {
  [&]<std::size_t... I>(std::index_sequence<I...>) { (visit(std::type_identity<Alternative<V, I>>{}), ...); }
  (std::make_index_sequence<alternative_count<V>>{});
}

/// The kinds of all alternatives, in declaration order.
template <TaggedVariant V>
inline constexpr auto variant_kinds = []<std::size_t... I>(std::index_sequence<I...>) {
  return std::array<std::string_view, sizeof...(I)>{Alternative<V, I>::kind...};
}
(std::make_index_sequence<alternative_count<V>>{});

/// A struct whose JSON form is the object of its own fields, nothing else.
template <class X>
inline constexpr bool is_plain_struct = HasFields<X> && !HasJsonCodec<X> && !std::same_as<X, Schedule>;

/// Whether the key must be written: the field is required, or is a struct with a key that is.
template <class C, class Member>
[[nodiscard]] constexpr bool is_required(const Field<C, Member>& row) {
  if constexpr (is_plain_struct<Member>) {
    return row.required ||
           std::apply([](const auto&... rows) { return (is_required(rows) || ...); }, Member::fields());
  } else {
    return row.required;
  }
}

/// The keys of a table, in table order.
template <HasFields C>
inline constexpr auto field_names =
    std::apply([](const auto&... row) { return std::array<std::string_view, sizeof...(row)>{row.name...}; },
               C::fields());

}  // namespace vaekit::inline VAEKIT_ABI
