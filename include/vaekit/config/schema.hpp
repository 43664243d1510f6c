// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "vaekit/config/codec.hpp"
#include "vaekit/config/definition_names.hpp"
#include "vaekit/config/write_json.hpp"
#include "vaekit/core/fields.hpp"
#include "vaekit/core/schedule.hpp"
#include "vaekit/io/json.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

/// A bound as JSON: 1 rather than 1.0.
[[nodiscard]] inline Json bound(double value) {
  const bool is_whole = value == std::floor(value) && std::abs(value) < 1e15;
  return is_whole ? Json(static_cast<std::int64_t>(value)) : Json(value);
}

[[nodiscard]] inline Json number_schema(std::string_view type, const Range& range) {
  Json schema = {{"type", type}};
  if (std::isfinite(range.minimum)) {
    schema[range.exclusive_minimum ? "exclusiveMinimum" : "minimum"] = bound(range.minimum);
  }
  if (std::isfinite(range.maximum)) {
    schema[range.exclusive_maximum ? "exclusiveMaximum" : "maximum"] = bound(range.maximum);
  }
  return schema;
}

[[nodiscard]] inline Json either(Json first, Json second) {
  return {{"anyOf", Json::array({std::move(first), std::move(second)})}};
}

inline void add_member(Json& object, std::string_view key, Json value) {
  object[std::string(key)] = std::move(value);
}

/// Walks the tables; structs, variants and schedules become entries of "$defs", which may be recursive.
class SchemaWriter {
 public:
  /// Schema of a value of type X that stands under `key`.
  template <class X>
  [[nodiscard]] Json value(const Range& range, std::string_view key) {
    if constexpr (HasJsonCodec<X>) {
      return JsonCodec<X>::schema();
    } else if constexpr (std::same_as<X, bool>) {
      return {{"type", "boolean"}};
    } else if constexpr (std::integral<X>) {
      Range bounds = range;
      bounds.minimum = std::is_unsigned_v<X> ? std::max(range.minimum, 0.0) : range.minimum;
      return number_schema("integer", bounds);
    } else if constexpr (std::floating_point<X>) {
      return number_schema("number", range);
    } else if constexpr (std::same_as<X, std::string>) {
      return {{"type", "string"}};
    } else if constexpr (NamedEnum<X>) {
      return {{"enum", enum_names(X{})}};
    } else if constexpr (is_optional<X>) {
      return either(value<typename X::value_type>(range, key), {{"type", "null"}});
    } else if constexpr (is_vector<X>) {
      return {{"type", "array"}, {"items", value<typename X::value_type>(range, key)}};
    } else if constexpr (is_array<X>) {
      constexpr std::size_t size = std::tuple_size_v<X>;
      return {{"type", "array"},
              {"items", value<typename X::value_type>(range, key)},
              {"minItems", size},
              {"maxItems", size}};
    } else if constexpr (std::same_as<X, Schedule>) {
      return either(number_schema("number", range), definition<X>(key));
    } else {
      return definition<X>(key);
    }
  }

  [[nodiscard]] Json take_definitions() { return std::move(definitions_); }

 private:
  /// A reference to the entry of X, which is written when it is first wanted.
  template <class X>
  [[nodiscard]] Json definition(std::string_view key) {
    auto [name, is_new] = names_.entry<X>(key);
    std::ranges::replace(name, ' ', '_');  // a reference is a URI
    if (is_new) {
      definitions_[name] = nullptr;  // keeps the place: outer entries come before inner ones
      Json schema = Json::object();
      if constexpr (TaggedVariant<X>) {
        for_each_alternative<X>([&]<class A>(std::type_identity<A>) {
          schema["oneOf"].push_back(object<A>(variant_tag<X>(), A::kind, true));
        });
      } else {
        schema = object<X>("", "", false);
      }
      definitions_[name] = std::move(schema);
    }
    return {{"$ref", "#/$defs/" + name}};
  }

  /// What adjusts the default of a field and so need not state its type.
  template <TaggedVariant V>
  [[nodiscard]] Json adjustment(const V& fallback) {
    return std::visit([this]<class A>(const A&) { return this->object<A>(variant_tag<V>(), A::kind, false); },
                      fallback);
  }

  template <HasFields C>
  [[nodiscard]] Json object(std::string_view tag, std::string_view kind, bool is_tag_required) {
    Json properties = Json::object();
    Json required = Json::array();
    if (!tag.empty()) {
      properties[std::string(tag)] = {{"const", kind}};
    }
    if (is_tag_required) {
      required.push_back(tag);
    }
    const C defaults{};
    for_each_field<C>([&](const auto& row) {
      using Member = typename std::remove_cvref_t<decltype(row)>::member_type;
      Json property = value<Member>(row.range, row.name);
      if constexpr (TaggedVariant<Member>) {
        if (tag.empty() && !is_required(row)) {
          property = either(std::move(property), adjustment(defaults.*row.member));
        }
      }
      add_member(property, "description", row.help);
      if (is_required(row)) {
        required.push_back(row.name);
      } else if constexpr (!is_plain_struct<Member>) {
        add_member(property, "default", write_json(defaults.*row.member));
      }
      add_member(properties, row.name, std::move(property));
    });
    Json schema = {{"type", "object"}};
    if constexpr (requires { C::help; }) {
      schema["description"] = C::help;
    }
    schema["properties"] = std::move(properties);
    if (!required.empty()) {
      schema["required"] = std::move(required);
    }
    schema["additionalProperties"] = false;
    return schema;
  }

  DefinitionNames names_;
  Json definitions_ = Json::object();
};

}  // namespace detail

/// JSON Schema (draft 2020-12) of a configuration file that is read as C.
///
/// Accepts all that `read_json<C>` accepts. Beyond that only what a schema does not state: the limits of the
/// number types, the ranges of schedule objects, U+0000 in strings. An object without its tag is accepted
/// where it adjusts the default of a plain struct's field, since a file is laid over the defaults before it
/// is read. A file may also name its "$schema"; a file that "extends" another is only held to the known
/// top-level keys, since it may leave out what the other file states.
template <HasFields C>
[[nodiscard]] Json json_schema(std::string_view title) {
  detail::SchemaWriter writer;
  const Json whole = writer.value<C>(any_number, "config");
  Json definitions = writer.take_definitions();
  Json& properties = definitions["config"]["properties"];
  properties["$schema"] = {{"type", "string"}, {"description", "where an editor finds this schema"}};
  Json partial = {{"extends", {{"type", "string"}, {"description", "the file to lay this one over"}}}};
  for (auto entry = properties.begin(); entry != properties.end(); ++entry) {
    partial[entry.key()] = true;
  }
  return {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
          {"title", title},
          {"type", "object"},
          {"if", {{"required", {"extends"}}}},
          {"then", {{"properties", partial}, {"additionalProperties", false}}},
          {"else", whole},
          {"$defs", definitions}};
}

}  // namespace vaekit::inline VAEKIT_ABI
