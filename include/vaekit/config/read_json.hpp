// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "vaekit/config/codec.hpp"
#include "vaekit/config/json_path.hpp"
#include "vaekit/core/error.hpp"
#include "vaekit/core/fields.hpp"
#include "vaekit/core/schedule.hpp"
#include "vaekit/io/json.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Reads one value of any supported type; `range` bounds a number, or the numbers of a list.
///
///   bool, integers, float, double, std::string    the JSON type; 2.0 is an integer, 2.5 is not
///   NamedEnum                                      a string, one of its names
///   std::vector<X>, std::array<X, N>               an array
///   std::optional<X>                               X or null
///   a struct with `fields()`                       an object; unknown keys are errors
///   a tagged variant                               an object whose tag names the alternative
///   Schedule                                       a number (constant), or an object
///   a type with a JsonCodec                        what the codec accepts
///
/// An absent key keeps the value that `out` has, so `out` brings the defaults; lists and variants are
/// replaced. Throws ConfigError with the JSON path; `out` is then partly written. Recurses as deep as the
/// JSON.
template <class X>
void read_json(const Json& json, const JsonPath& path, X& out, const Range& range = any_number);

namespace detail {

/// Throws ConfigError for the first key of the object that is neither in `known` nor the tag.
inline void check_keys(const Json& json, const JsonPath& path, std::span<const std::string_view> known,
                       std::string_view tag) {
  for (auto entry = json.begin(); entry != json.end(); ++entry) {
    const std::string& key = entry.key();
    if (key != tag && std::ranges::find(known, key) == known.end()) {
      throw ConfigError(concat((path / key).text(), ": unknown key; ", known_names(key, known)));
    }
  }
}

template <HasFields C>
void read_fields(const Json& json, const JsonPath& path, std::string_view tag, C& out) {
  if (!json.is_object()) {
    refuse(json, path, "must be an object");
  }
  check_keys(json, path, field_names<C>, tag);
  for_each_field<C>([&](const auto& row) {
    const JsonPath place = path / row.name;
    if (const auto entry = json.find(row.name); entry != json.end()) {
      read_json(*entry, place, out.*row.member, row.range);
    } else if (is_required(row)) {
      throw ConfigError(place.text() + ": missing key, required");
    }
  });
}

/// The alternative's name in an object with a tag.
[[nodiscard]] inline const std::string& read_tag(const Json& json, const JsonPath& path, std::string_view tag,
                                                 std::span<const std::string_view> kinds) {
  if (!json.is_object()) {
    refuse(json, path, "must be an object");
  }
  const auto entry = json.find(tag);
  if (entry == json.end()) {
    throw ConfigError(concat(path.text(), ": missing key \"", tag, "\"; ", known_names("", kinds)));
  }
  if (!entry->is_string()) {
    refuse(*entry, path / tag, "must be a string");
  }
  return entry->get_ref<const std::string&>();
}

template <TaggedVariant V>
void read_variant(const Json& json, const JsonPath& path, V& out) {
  constexpr std::string_view tag = variant_tag<V>();
  const std::string& kind = read_tag(json, path, tag, variant_kinds<V>);
  bool found = false;
  for_each_alternative<V>([&]<class A>(std::type_identity<A>) {
    static_assert(std::ranges::find(field_names<A>, tag) == field_names<A>.end(),
                  "a field is named as the tag");
    if (kind == A::kind) {
      found = true;
      read_fields(json, path, tag, out.template emplace<A>());
    }
  });
  if (!found) {
    refuse_name(variant_noun<V>(), kind, path / tag, variant_kinds<V>);
  }
}

template <std::integral X>
void read_integer(const Json& json, const JsonPath& path, const Range& range, X& out) {
  using Limits = std::numeric_limits<X>;
  const auto store = [&](auto value) {
    if (!range.contains(static_cast<double>(value))) {
      refuse(json, path, to_string(range));
    }
    if (!std::in_range<X>(value)) {
      refuse(json, path,
             value < 0 ? concat("must be >= ", +Limits::min()) : concat("must be <= ", +Limits::max()));
    }
    out = static_cast<X>(value);
  };
  if (json.is_number_unsigned()) {
    store(json.get<std::uint64_t>());
  } else if (json.is_number_integer()) {
    store(json.get<std::int64_t>());
  } else {
    constexpr double exact =
        9007199254740992.0;  // 2^53: beyond it a double does not say which integer is meant
    const double value = json.is_number() ? json.get<double>() : 0.5;
    if (!(std::abs(value) <= exact) || value != std::floor(value)) {
      refuse(json, path, "must be an integer");
    }
    store(static_cast<std::int64_t>(value));
  }
}

template <std::floating_point X>
void read_real(const Json& json, const JsonPath& path, const Range& range, X& out) {
  if (!json.is_number()) {
    refuse(json, path, "must be a number");
  }
  const double value = json.get<double>();
  constexpr double largest = static_cast<double>(std::numeric_limits<X>::max());
  if (!std::isfinite(value)) {
    refuse(json, path, "must be finite");
  }
  // The range is that of the stored number: 1e-50 is > 0, but not as a float.
  const X stored = static_cast<X>(std::clamp(value, -largest, largest));
  if (!range.contains(static_cast<double>(stored))) {
    refuse(json, path, to_string(range));
  }
  // A quarter of epsilon above the largest number still rounds to it, as its shortest decimal does.
  if (std::abs(value) > largest * (1 + static_cast<double>(std::numeric_limits<X>::epsilon()) / 4)) {
    refuse(json, path, concat("must be at most ", largest, " in magnitude"));
  }
  out = stored;
}

inline void read_string(const Json& json, const JsonPath& path, std::string& out) {
  if (!json.is_string()) {
    refuse(json, path, "must be a string");
  }
  out = json.get_ref<const std::string&>();
  if (out.find('\0') != std::string::npos) {
    refuse(json, path, "must not contain \\u0000");  // a file name would end there
  }
  if (!is_utf8(out)) {
    refuse(json, path, "must be UTF-8");  // a file name need not be, a written configuration must
  }
}

template <NamedEnum E>
void read_enum(const Json& json, const JsonPath& path, E& out) {
  std::string name;
  read_string(json, path, name);
  const auto names = enum_names(E{});
  const auto match = std::ranges::find(names, name);
  if (match == names.end()) {
    refuse_name("value", name, path, names);
  }
  out = static_cast<E>(match - names.begin());
}

template <class X>
void read_vector(const Json& json, const JsonPath& path, const Range& range, std::vector<X>& out) {
  if (!json.is_array()) {
    refuse(json, path, "must be an array");
  }
  out.clear();
  out.reserve(json.size());
  for (std::size_t i = 0; i < json.size(); ++i) {
    X element{};
    read_json(json[i], path / i, element, range);
    out.push_back(std::move(element));
  }
}

template <class X, std::size_t N>
void read_array(const Json& json, const JsonPath& path, const Range& range, std::array<X, N>& out) {
  if (!json.is_array()) {
    refuse(json, path, "must be an array");
  }
  if (json.size() != N) {
    throw ConfigError(concat(path.text(), ": has ", json.size(), " elements, must have ", N));
  }
  for (std::size_t i = 0; i < N; ++i) {
    read_json(json[i], path / i, out[i], range);
  }
}

/// The field's range holds for the values a schedule takes. An open end is closed for a value that is only
/// travelled to or from.
inline void read_schedule(const Json& json, const JsonPath& path, const Range& range, Schedule& out) {
  out = Schedule();
  if (json.is_number()) {
    read_real(json, path, range, out.from);
    return;
  }
  if (!json.is_object()) {
    refuse(json, path, "must be a number or an object");
  }
  read_fields(json, path, "", out);
  Range values = range;
  values.exclusive_minimum = values.exclusive_minimum && !out.travels();
  values.exclusive_maximum = values.exclusive_maximum && !out.travels();
  read_real(json["from"], path / "from", values, out.from);
  if (out.travels() && json.contains("to")) {
    read_real(json["to"], path / "to", values, out.to);
  }
}

}  // namespace detail

template <class X>
void read_json(const Json& json, const JsonPath& path, X& out, const Range& range) {
  if constexpr (HasJsonCodec<X>) {
    JsonCodec<X>::read(json, path, out);
  } else if constexpr (std::same_as<X, bool>) {
    if (!json.is_boolean()) {
      refuse(json, path, "must be true or false");
    }
    out = json.get<bool>();
  } else if constexpr (std::integral<X>) {
    detail::read_integer(json, path, range, out);
  } else if constexpr (std::floating_point<X>) {
    detail::read_real(json, path, range, out);
  } else if constexpr (std::same_as<X, std::string>) {
    detail::read_string(json, path, out);
  } else if constexpr (NamedEnum<X>) {
    detail::read_enum(json, path, out);
  } else if constexpr (detail::is_vector<X>) {
    detail::read_vector(json, path, range, out);
  } else if constexpr (detail::is_array<X>) {
    detail::read_array(json, path, range, out);
  } else if constexpr (detail::is_optional<X>) {
    if (json.is_null()) {
      out.reset();
    } else {
      read_json(json, path, out.emplace(), range);
    }
  } else if constexpr (std::same_as<X, Schedule>) {
    detail::read_schedule(json, path, range, out);
  } else if constexpr (TaggedVariant<X>) {
    detail::read_variant(json, path, out);
  } else if constexpr (HasFields<X>) {
    detail::read_fields(json, path, "", out);
  } else {
    static_assert(detail::is_unsupported<X>, "no JSON form: give the type a fields() table or a JsonCodec");
  }
}

/// Reads `json` over `config`: absent keys keep their values. On an error `config` is unchanged.
///
/// Throws ConfigError `<where> /key/...: ...`.
template <HasFields C>
void read_json(const Json& json, C& config, const std::string& where = "config") {
  C result = config;
  read_json(json, JsonPath(where), result);
  config = std::move(result);
}

/// Reads a whole configuration; absent keys get the defaults of `C{}`.
///
/// Throws ConfigError `<where> /key/...: ...`.
template <class C>
[[nodiscard]] C read_json(const Json& json, const std::string& where = "config") {
  C config{};
  read_json(json, JsonPath(where), config);
  return config;
}

}  // namespace vaekit::inline VAEKIT_ABI
