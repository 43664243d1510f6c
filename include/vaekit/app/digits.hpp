// SPDX-License-Identifier: MIT
//
// Numbers on pictures, without a font.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "vaekit/app/canvas.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Height of a digit in pixels.
inline constexpr Index digit_height = 10;

namespace detail {

inline constexpr Index digit_pixel = 2;  // screen pixels a side
inline constexpr Index digit_advance = 4 * digit_pixel;

/// Five lines of three pixels from the top, the leftmost the highest bit: 0 to 9, minus, point, comma.
using Glyph = std::array<std::uint8_t, 5>;
inline constexpr std::array<Glyph, 13> glyphs{{{7, 5, 5, 5, 7},
                                               {2, 6, 2, 2, 7},
                                               {7, 1, 7, 4, 7},
                                               {7, 1, 7, 1, 7},
                                               {5, 5, 7, 1, 1},
                                               {7, 4, 7, 1, 7},
                                               {7, 4, 7, 5, 7},
                                               {7, 1, 1, 1, 1},
                                               {7, 5, 7, 5, 7},
                                               {7, 5, 7, 1, 7},
                                               {0, 0, 7, 0, 0},
                                               {0, 0, 0, 0, 2},
                                               {0, 0, 0, 2, 4}}};

/// The glyphs of a number as `format_fixed` writes it; nothing where it has other characters.
[[nodiscard]] inline std::optional<std::vector<Glyph>> number_glyphs(std::string_view text) {
  constexpr std::string_view minus = "\u2212";
  constexpr std::string_view known = "0123456789-.,";
  std::vector<Glyph> found;
  while (!text.empty()) {
    const bool is_minus = text.starts_with(minus);
    const std::size_t place = known.find(is_minus ? '-' : text.front());
    if (place == std::string_view::npos) {
      return std::nullopt;
    }
    found.push_back(glyphs[place]);
    text.remove_prefix(is_minus ? minus.size() : 1);
  }
  return found;
}

}  // namespace detail

/// Pixels from the left to the right of a number; 0 of what `draw_number` leaves out.
[[nodiscard]] inline Index number_width(std::string_view text) {
  const auto found = detail::number_glyphs(text);
  return found && !found->empty() ? std::ssize(*found) * detail::digit_advance - detail::digit_pixel : 0;
}

/// Draws a number with its upper left corner at `row` and `column`; what has characters other than digits,
/// minus, point and comma is left out.
inline void draw_number(Canvas& canvas, Index row, Index column, std::string_view text, const Colour& colour,
                        double opacity) {
  constexpr Index side = detail::digit_pixel;
  const auto found = detail::number_glyphs(text);
  for (std::size_t n = 0; found && n < found->size(); ++n) {
    const Index left = column + static_cast<Index>(n) * detail::digit_advance;
    for (Index y = 0; y < digit_height; ++y) {
      for (Index x = 0; x < 3 * side; ++x) {
        if (((*found)[n][static_cast<std::size_t>(y / side)] >> (2 - x / side) & 1) != 0) {
          canvas.blend(row + y, left + x, colour, opacity);
        }
      }
    }
  }
}

}  // namespace vaekit::inline VAEKIT_ABI
