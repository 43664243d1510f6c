// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "vaekit/core/error.hpp"
#include "vaekit/core/matrix.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Shape of one sample: `height × width × channels` (channels last), stored as one row of `size()` values.
/// A plain feature vector of n values is `1 × 1 × n`.
struct Shape {
  Index height = 1;
  Index width = 1;
  Index channels = 1;

  [[nodiscard]] static constexpr Shape flat(Index features) { return {1, 1, features}; }
  [[nodiscard]] constexpr Index size() const { return height * width * channels; }
  [[nodiscard]] constexpr bool is_image() const { return height > 1 && width > 1; }
  /// An image that can be shown: grey or RGB.
  [[nodiscard]] constexpr bool is_picture() const { return is_image() && (channels == 1 || channels == 3); }
  friend constexpr bool operator==(const Shape&, const Shape&) = default;
};

/// "784" for a flat shape, "28x28x1" for an image.
[[nodiscard]] inline std::string to_string(const Shape& shape) {
  return shape.is_image() ? concat(shape.height, 'x', shape.width, 'x', shape.channels)
                          : concat(shape.size());
}

}  // namespace vaekit::inline VAEKIT_ABI
