// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "vaekit/config/codec.hpp"
#include "vaekit/core/error.hpp"
#include "vaekit/core/fields.hpp"
#include "vaekit/core/schedule.hpp"
#include "vaekit/io/json.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// The canonical JSON of a configuration: every field in table order, defaults filled in, tags first.
///
/// `read_json<X>(write_json(x))` equals x, bit for bit: numbers are the shortest decimals that read back
/// equal. Throws ConfigError for a number that is not finite, since JSON has no such numbers.
template <class X>
[[nodiscard]] Json write_json(const X& value);

namespace detail {

template <HasFields C>
[[nodiscard]] Json write_fields(const C& config, Json object = Json::object()) {
  for_each_field<C>([&](const auto& row) { object[std::string(row.name)] = write_json(config.*row.member); });
  return object;
}

template <TaggedVariant V>
[[nodiscard]] Json write_variant(const V& value) {
  const VariantBase<V>& variant = value;
  return std::visit(
      []<class A>(const A& alternative) {
        Json object = Json::object();
        object[std::string(variant_tag<V>())] = A::kind;
        return write_fields(alternative, std::move(object));
      },
      variant);
}

/// A float becomes the double nearest to its shortest decimal: 0.1f is written 0.1, not 0.10000000149011612.
template <std::floating_point X>
[[nodiscard]] Json write_real(X value) {
  if (!std::isfinite(value)) {
    throw ConfigError(concat("write_json: a number is ", value, ", must be finite"));
  }
  if constexpr (!std::same_as<X, double>) {
    std::array<char, 64> digits{};
    char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    if (const double decimal = Json::parse(std::string(digits.data(), end)).get<double>();
        static_cast<X>(decimal) == value) {
      return Json(decimal);
    }
  }
  return Json(static_cast<double>(value));
}

[[nodiscard]] inline Json write_schedule(const Schedule& schedule) {
  Json object = write_fields(schedule);
  return object == write_fields(Schedule(schedule.from)) ? write_real(schedule.from) : object;
}

template <class List>
[[nodiscard]] Json write_list(const List& list) {
  Json array = Json::array();
  for (const typename List::value_type& element : list) {
    array.push_back(write_json(element));
  }
  return array;
}

}  // namespace detail

template <class X>
Json write_json(const X& value) {
  if constexpr (HasJsonCodec<X>) {
    return JsonCodec<X>::write(value);
  } else if constexpr (std::floating_point<X>) {
    return detail::write_real(value);
  } else if constexpr (std::integral<X> || std::same_as<X, std::string>) {
    return Json(value);
  } else if constexpr (NamedEnum<X>) {
    return Json(to_string(value));
  } else if constexpr (detail::is_vector<X> || detail::is_array<X>) {
    return detail::write_list(value);
  } else if constexpr (detail::is_optional<X>) {
    return value ? write_json(*value) : Json(nullptr);
  } else if constexpr (std::same_as<X, Schedule>) {
    return detail::write_schedule(value);
  } else if constexpr (TaggedVariant<X>) {
    return detail::write_variant(value);
  } else if constexpr (HasFields<X>) {
    return detail::write_fields(value);
  } else {
    static_assert(detail::is_unsupported<X>, "no JSON form: give the type a fields() table or a JsonCodec");
  }
}

}  // namespace vaekit::inline VAEKIT_ABI
