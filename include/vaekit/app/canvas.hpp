// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "vaekit/io/image.hpp"

namespace vaekit::inline VAEKIT_ABI {

using Colour = std::array<std::uint8_t, 3>;

/// A place on a picture in pixels: (0, 0) is the centre of the upper left one, y grows downwards.
struct CanvasPoint {
  double x = 0;
  double y = 0;
};

/// Draws on a white picture. What lies outside it, or outside `clip`, is left out.
class Canvas {
 public:
  Canvas(Index height, Index width)
      : image_{.height = height,
               .width = width,
               .channels = 3,
               .pixels = std::vector<std::uint8_t>(static_cast<std::size_t>(3 * height * width), 255)},
        bottom_(height - 1),
        right_(width - 1) {}

  /// From now on nothing changes above `top`, below `bottom`, left of `left` and right of `right`.
  void clip(Index top, Index bottom, Index left, Index right) {
    top_ = std::max<Index>(top, 0);
    bottom_ = std::min(bottom, image_.height - 1);
    left_ = std::max<Index>(left, 0);
    right_ = std::min(right, image_.width - 1);
  }

  /// Mixes a colour into a pixel: all of it for the opacity 1.
  void blend(Index row, Index column, const Colour& colour, double opacity) {
    if (row < top_ || row > bottom_ || column < left_ || column > right_) {
      return;
    }
    for (Index c = 0; c < 3; ++c) {
      std::uint8_t& pixel = image_.pixels[static_cast<std::size_t>((row * image_.width + column) * 3 + c)];
      pixel = static_cast<std::uint8_t>(
          std::lround((1 - opacity) * pixel + opacity * colour[static_cast<std::size_t>(c)]));
    }
  }

  /// A straight line with round ends, its rim fading over a pixel; a disc from a point to itself.
  void stroke(const CanvasPoint& from, const CanvasPoint& to, double radius, const Colour& colour,
              double opacity = 1) {
    const double dx = to.x - from.x;
    const double dy = to.y - from.y;
    const double square = dx * dx + dy * dy;
    const auto [first_row, last_row] = reached(from.y, to.y, radius, image_.height);
    const auto [first_column, last_column] = reached(from.x, to.x, radius, image_.width);
    for (Index row = first_row; row <= last_row; ++row) {
      for (Index column = first_column; column <= last_column; ++column) {
        const double x = static_cast<double>(column) - from.x;
        const double y = static_cast<double>(row) - from.y;
        const double share = square > 0 ? std::clamp((x * dx + y * dy) / square, 0.0, 1.0) : 0.0;
        const double distance = std::hypot(x - share * dx, y - share * dy);
        blend(row, column, colour, opacity * std::clamp(radius + 0.5 - distance, 0.0, 1.0));
      }
    }
  }

  [[nodiscard]] Image take() { return std::move(image_); }

 private:
  /// The first and the last pixel of `size` that a stroke may touch.
  [[nodiscard]] static std::pair<Index, Index> reached(double a, double b, double radius, Index size) {
    const double end = static_cast<double>(size);
    return {static_cast<Index>(std::floor(std::clamp(std::min(a, b) - radius, 0.0, end))),
            static_cast<Index>(std::ceil(std::clamp(std::max(a, b) + radius, -1.0, end - 1)))};
  }

  Image image_;
  Index top_ = 0;
  Index bottom_;
  Index left_ = 0;
  Index right_;
};

}  // namespace vaekit::inline VAEKIT_ABI
