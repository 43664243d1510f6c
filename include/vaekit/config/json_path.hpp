// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "vaekit/config/suggest.hpp"
#include "vaekit/core/error.hpp"
#include "vaekit/io/json.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

/// At most `limit` bytes of UTF-8 text; what is cut off shows as "...".
[[nodiscard]] inline std::string shorten(std::string text, std::size_t limit) {
  if (text.size() > limit) {
    std::size_t end = limit - 3;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
      --end;  // not inside a multi-byte character
    }
    text.replace(end, std::string::npos, "...");
  }
  return text;
}

/// A JSON string literal: one line, valid UTF-8, whatever `text` holds.
[[nodiscard]] inline std::string quote(std::string_view text) { return dump(Json(text), -1); }

[[nodiscard]] inline bool is_utf8(const std::string& text) {
  try {
    static_cast<void>(Json(text).dump());
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

/// `text` on one line of at most 64 bytes, without quotes.
[[nodiscard]] inline std::string printable(std::string_view text) {
  const std::string literal = quote(text);
  return shorten(literal.substr(1, literal.size() - 2), 64);
}

inline void append_preview(const Json& json, std::size_t limit, std::string& out) {
  if (json.is_number_float() && !std::isfinite(json.get<double>())) {
    out += concat(json.get<double>());
  } else if (!json.is_structured()) {
    out += dump(json, -1);
  } else {
    out += json.is_object() ? '{' : '[';
    for (auto entry = json.begin(); entry != json.end() && out.size() <= limit; ++entry) {
      out += entry == json.begin() ? "" : ",";
      out += json.is_object() ? quote(entry.key()) + ':' : "";
      append_preview(*entry, limit, out);
    }
    out += json.is_object() ? '}' : ']';
  }
}

}  // namespace detail

/// The value as compact JSON on one line of at most 40 bytes.
[[nodiscard]] inline std::string preview(const Json& json) {
  constexpr std::size_t limit = 40;
  std::string text;
  detail::append_preview(json, limit, text);
  return detail::shorten(std::move(text), limit);
}

/// Place of a value in a document, as messages show it: `config` for the whole document, then the name and a
/// JSON pointer (RFC 6901): `config /model/encoder/0/units`.
class JsonPath {
 public:
  explicit JsonPath(std::string document) : text_(std::move(document)) {}

  [[nodiscard]] JsonPath operator/(std::string_view key) const {
    std::string token = detail::printable(key);
    for (std::size_t i = 0; i < token.size(); ++i) {
      if (token[i] == '~' || token[i] == '/') {
        token.replace(i, 1, token[i] == '~' ? "~0" : "~1");
      }
    }
    JsonPath child(text_ + (is_root_ ? " /" : "/") + token);
    child.is_root_ = false;
    return child;
  }

  [[nodiscard]] JsonPath operator/(std::size_t index) const { return *this / std::to_string(index); }

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
  bool is_root_ = true;
};

/// Throws ConfigError `<path>: is <json>, <expected>`.
[[noreturn]] inline void refuse(const Json& json, const JsonPath& path, std::string_view expected) {
  throw ConfigError(concat(path.text(), ": is ", preview(json), ", ", expected));
}

/// Throws ConfigError `<path>: unknown <noun> "<given>"; known: ...; did you mean "..."?`.
[[noreturn]] inline void refuse_name(std::string_view noun, std::string_view given, const JsonPath& path,
                                     std::span<const std::string_view> known) {
  throw ConfigError(
      concat(path.text(), ": unknown ", noun, ' ', preview(Json(given)), "; ", known_names(given, known)));
}

}  // namespace vaekit::inline VAEKIT_ABI
