// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "vaekit/config/json_path.hpp"
#include "vaekit/core/error.hpp"
#include "vaekit/io/json.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

/// A word that needs no quotes: no blanks, no controls, and none of JSON's own characters.
[[nodiscard]] inline bool is_bare_word(std::string_view text) {
  return !text.empty() && is_utf8(std::string(text)) && std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) <= ' ' ||
           std::string_view("\"'{}[],\x7f").find(c) != std::string::npos;
  });
}

[[nodiscard]] inline Json override_value(std::string_view text, const std::string& where) {
  try {
    return parse_json(text, where);
  } catch (const Error&) {
    if (is_bare_word(text)) {
      return Json(text);
    }
    throw UsageError(concat(where, ": value is ", preview(Json(text)), ", must be JSON or a bare word"));
  }
}

/// The member `key` of `parent`, which is called `name` in messages. Creates it in an object, or in nothing.
[[nodiscard]] inline Json& override_member(Json& parent, std::string_view name, std::string_view key,
                                           const std::string& where) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
  const bool is_index = error == std::errc() && end == key.data() + key.size();
  if (parent.is_array()) {
    if (!is_index || index >= parent.size()) {
      throw ConfigError(concat(where, ": index is ", printable(key), ", must be < ", parent.size(),
                               " (elements of ", printable(name), ')'));
    }
    return parent[index];
  }
  if (parent.is_null() && is_index) {
    throw ConfigError(concat(where, ": ", printable(name), " is missing, must be an array"));
  }
  if (!parent.is_object() && !parent.is_null()) {
    throw ConfigError(
        concat(where, ": ", printable(name), " is ", preview(parent), ", must be an object or an array"));
  }
  return parent[std::string(key)];
}

}  // namespace detail

/// Applies one `--set KEY=JSON`, e.g. `model.encoder.0.units=300` or `name=first-try`.
///
/// KEY is a path of object keys and array indices, joined by dots; missing objects are created. The value
/// replaces what was there; it is JSON, or a bare word that is taken for a string.
/// Throws UsageError `--set KEY: ...` when it is malformed, ConfigError when the configuration has no such
/// place; `json` is then unchanged.
inline void apply_override(Json& json, std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  const std::string_view key = assignment.substr(0, equals);
  const std::string where = "--set " + detail::printable(key);
  if (equals == std::string_view::npos) {
    throw UsageError(where + ": has no \"=\", must be KEY=JSON");
  }
  if (!detail::is_utf8(std::string(key)) || key.empty() || key.front() == '.' || key.back() == '.' ||
      key.find("..") != std::string_view::npos) {
    throw UsageError(where + ": has an empty or unreadable key, must be KEY.KEY=JSON");
  }
  if (std::ranges::count(key, '.') >= json_depth_limit) {
    throw UsageError(concat(where, ": nested deeper than ", json_depth_limit, " levels"));
  }
  Json result = json;
  Json* target = &result;
  for (std::size_t begin = 0; begin < key.size();) {
    const std::size_t end = std::min(key.find('.', begin), key.size());
    const std::string_view parent = begin == 0 ? "the configuration" : key.substr(0, begin - 1);
    target = &detail::override_member(*target, parent, key.substr(begin, end - begin), where);
    begin = end + 1;
  }
  *target = detail::override_value(assignment.substr(equals + 1), where);
  json = std::move(result);
}

}  // namespace vaekit::inline VAEKIT_ABI
