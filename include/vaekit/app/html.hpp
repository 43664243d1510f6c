// SPDX-License-Identifier: MIT
//
// Text of the pages that programs write: escaping, numbers, inlined bytes.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "vaekit/core/error.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// `text` as it may stand between tags and in quoted attributes of HTML and SVG.
[[nodiscard]] inline std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

/// RFC 4648 section 4, with padding.
[[nodiscard]] inline std::string base64(std::string_view bytes) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t first = 0; first < bytes.size(); first += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - first);
    std::uint32_t word = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      word = word << 8 | (i < count ? static_cast<unsigned char>(bytes[first + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      out += i <= count ? alphabet[word >> (18 - 6 * i) & 63U] : '=';
    }
  }
  return out;
}

namespace detail {

/// Digits of a finite number; `precision` as in %f (fixed) or %g (general).
[[nodiscard]] inline std::string number_text(double value, std::chars_format format, int precision) {
  std::array<char, 400> buffer{};  // 309 digits before the point of the largest double
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format, std::min(precision, 80));
  return {buffer.data(), end.ptr};
}

/// True minus signs, and none before a zero.
[[nodiscard]] inline std::string typographic_minus(std::string text) {
  const bool zero = text.find_first_of("123456789") >= text.find('e');
  if (zero && text.starts_with('-')) {
    text.erase(0, 1);
  }
  for (auto minus = text.find('-'); minus != std::string::npos; minus = text.find('-')) {
    text.replace(minus, 1, "\u2212");
  }
  return text;
}

[[nodiscard]] inline std::string not_finite(double value) {
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "\u2212inf";
}

}  // namespace detail

/// `value` with `decimals` digits after the point, grouped thousands and U+2212 as minus: "−12,345.60".
[[nodiscard]] inline std::string format_fixed(double value, int decimals) {
  if (!std::isfinite(value)) {
    return detail::not_finite(value);
  }
  std::string text = detail::number_text(value, std::chars_format::fixed, decimals);
  const std::size_t first = text.starts_with('-') ? 1 : 0;
  for (std::size_t place = std::min(text.find('.'), text.size()); place > first + 3;) {
    place -= 3;
    text.insert(place, 1, ',');
  }
  return detail::typographic_minus(std::move(text));
}

/// `value` with `decimals` digits after the first one: "−1.50e−07" for two.
[[nodiscard]] inline std::string format_scientific(double value, int decimals) {
  if (!std::isfinite(value)) {
    return detail::not_finite(value);
  }
  return detail::typographic_minus(detail::number_text(value, std::chars_format::scientific, decimals));
}

/// `value` in the shorter of fixed and scientific notation: "0.0312", "−2e+07".
[[nodiscard]] inline std::string format_general(double value, int significant_digits) {
  if (!std::isfinite(value)) {
    return detail::not_finite(value);
  }
  return detail::typographic_minus(
      detail::number_text(value, std::chars_format::general, significant_digits));
}

/// Digits after the point that show numbers of size `largest` with five significant ones.
[[nodiscard]] inline int decimals_for(double largest) {
  if (!std::isfinite(largest) || largest == 0) {
    return 2;
  }
  return std::clamp(4 - static_cast<int>(std::floor(std::log10(std::abs(largest)))), 0, 6);
}

/// A span of time: "4.31 s", "3 min 07 s", "2 h 05 min".
[[nodiscard]] inline std::string format_duration(double seconds) {
  if (!(seconds >= 60) || seconds > 1e9) {
    return format_fixed(seconds, seconds < 10 ? 2 : 1) + " s";
  }
  const long total = std::lround(seconds);
  const bool hours = total >= 3600;
  const long large = hours ? total / 3600 : total / 60;
  const long small = hours ? total % 3600 / 60 : total % 60;
  return concat(large, hours ? " h " : " min ", small < 10 ? "0" : "", small, hours ? " min" : " s");
}

}  // namespace vaekit::inline VAEKIT_ABI
