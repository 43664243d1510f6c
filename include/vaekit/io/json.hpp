// SPDX-License-Identifier: MIT
// The only include of nlohmann: everything else says `Json`.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "vaekit/core/error.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// A JSON value; objects keep the order of their keys.
using Json = nlohmann::ordered_json;

/// Arrays and objects inside one another; deeper documents are refused, since code that walks them recurses.
inline constexpr int json_depth_limit = 256;

namespace detail {

/// Reads characters and tells how far the parser has come.
class TrackingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  TrackingIterator(const char* place, const char*& furthest) : place_(place), furthest_(&furthest) {}
  reference operator*() const { return *place_; }
  TrackingIterator& operator++() {
    *furthest_ = std::max(*furthest_, ++place_);
    return *this;
  }
  TrackingIterator operator++(int) {
    TrackingIterator old = *this;
    ++*this;
    return old;
  }
  bool operator==(const TrackingIterator& other) const { return place_ == other.place_; }
  bool operator!=(const TrackingIterator& other) const { return place_ != other.place_; }

 private:
  const char* place_;
  const char** furthest_;
};

/// "<name>:<line>:<column>" of the last character of `read`, which starts in `first_line`; columns count
/// UTF-8 characters from 1.
[[nodiscard]] inline std::string text_position(std::string_view name, std::string_view read,
                                               std::ptrdiff_t first_line) {
  const std::string_view before = read.substr(0, read.empty() ? 0 : read.size() - 1);
  const auto line = first_line + std::ranges::count(before, '\n');
  const std::string_view row = before.substr(before.rfind('\n') + 1);
  const auto column = 1 + std::ranges::count_if(row, [](char c) { return (c & 0xC0) != 0x80; });
  return concat(name, ':', line, ':', column);
}

/// nlohmann's text without its "[json.exception...] parse error at line 1, column 2: " and without the text
/// of the document, which may be long.
[[nodiscard]] inline std::string json_complaint(std::string text) {
  text.erase(0, text.find("] ") + 2);
  if (text.starts_with("parse error")) {
    text.erase(0, text.find(": ") + 2);
  }
  if (const auto token = text.find("; last read: '"); token != std::string::npos) {
    const auto expected = text.rfind("; expected ");
    text.erase(token, expected == std::string::npos ? expected : expected - token);
  }
  constexpr std::size_t limit = 160;  // an overflowing number is quoted in full
  return text.size() > limit ? text.substr(0, limit) + "..." : text;
}

/// Refuses what nlohmann accepts and we don't: duplicate keys and deep nesting.
class JsonGuard {
 public:
  /// What is wrong with the event, or nothing.
  [[nodiscard]] std::string check(int depth, Json::parse_event_t event, const Json& parsed) {
    if (event == Json::parse_event_t::object_start) {
      keys_.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      keys_.pop_back();
    } else if (event == Json::parse_event_t::key && !keys_.back().insert(parsed.get<std::string>()).second) {
      return "duplicate key " + parsed.dump() + ", must be unique";
    }
    return depth >= json_depth_limit ? concat("nested deeper than ", json_depth_limit, " levels")
                                     : std::string();
  }

 private:
  std::vector<std::set<std::string>> keys_;  // of the objects that are open
};

}  // namespace detail

/// Parses a JSON document (RFC 8259, UTF-8, no comments, unique keys).
///
/// Throws E "<name>:<line>:<column>: ...", one line, at the character where reading stopped; `first_line` is
/// that of the text in its file.
template <class E = ConfigError>
[[nodiscard]] Json parse_json(std::string_view text, std::string_view name, std::ptrdiff_t first_line = 1) {
  const char* furthest = text.data();
  const auto error = [&](const std::string& complaint) {
    const auto read = static_cast<std::size_t>(furthest - text.data());
    return E(concat(detail::text_position(name, text.substr(0, read), first_line), ": ", complaint));
  };
  detail::JsonGuard guard;
  try {
    return Json::parse(detail::TrackingIterator(text.data(), furthest),
                       detail::TrackingIterator(text.data() + text.size(), furthest),
                       [&](int depth, Json::parse_event_t event, Json& parsed) {
                         if (const std::string complaint = guard.check(depth, event, parsed);
                             !complaint.empty()) {
                           throw error(complaint);
                         }
                         return true;
                       });
  } catch (const Json::exception& exception) {
    throw error(detail::json_complaint(exception.what()));
  }
}

/// The text of a value: `indent` spaces a level, or one line when it is negative. Bytes that are not UTF-8
/// become U+FFFD, numbers that are not finite become null.
[[nodiscard]] inline std::string dump(const Json& json, int indent = 2) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace vaekit::inline VAEKIT_ABI
