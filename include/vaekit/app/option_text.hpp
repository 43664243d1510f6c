// SPDX-License-Identifier: MIT
//
// What users wrote on a command line, read strictly: no number is cut, wrapped or made up.
#pragma once

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "vaekit/config/json_path.hpp"
#include "vaekit/config/suggest.hpp"
#include "vaekit/core/error.hpp"
#include "vaekit/core/fields.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

/// True when all of `text` is a number of the type of `value` that it can hold.
template <class Number>
[[nodiscard]] bool parse_whole(std::string_view text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace detail

/// The whole number >= 0 that `option` was given.
///
/// Throws UsageError "--seed: is "-1", must be a whole number from 0 to 18446744073709551615"
template <std::integral Number>
[[nodiscard]] Number parse_whole_number(std::string_view option, std::string_view text) {
  Number value = 0;
  if (!detail::parse_whole(text, value) || value < Number{0}) {
    throw UsageError(concat(option, ": is ", preview(Json(text)), ", must be a whole number from 0 to ",
                            std::numeric_limits<Number>::max()));
  }
  return value;
}

/// The seed that `option` was given. Throws as `parse_whole_number` does.
[[nodiscard]] inline std::uint64_t parse_seed(std::string_view option, std::string_view text) {
  return parse_whole_number<std::uint64_t>(option, text);
}

/// The finite number in `range`, bounded on a side, that `option` was given.
///
/// Throws UsageError "--temperature: is nan, must be a number >= 0"
[[nodiscard]] inline double parse_real(std::string_view option, std::string_view text, const Range& range) {
  double value = 0;
  const bool is_number = detail::parse_whole(text, value);
  if (!is_number || !std::isfinite(value) || !range.contains(value)) {
    throw UsageError(concat(option, ": is ", is_number ? std::string(text) : preview(Json(text)),
                            ", must be a number ", to_string(range).substr(std::size("must be ") - 1)));
  }
  return value;
}

/// Throws UsageError "vaekit: unknown command "trian"; known: ...; did you mean "train"?"
[[noreturn]] inline void refuse_command(std::string_view given, std::span<const std::string_view> known) {
  throw UsageError(concat("vaekit: unknown command ", preview(Json(given)), "; ", known_names(given, known)));
}

}  // namespace vaekit::inline VAEKIT_ABI
