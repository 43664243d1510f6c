// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "vaekit/core/matrix.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// A picture of 8-bit pixels: grey (1 channel) or RGB (3 channels), row after row, channels last.
struct Image {
  Index height = 0;
  Index width = 0;
  Index channels = 1;
  std::vector<std::uint8_t> pixels = {};  // [height × width × channels]

  friend bool operator==(const Image&, const Image&) = default;
};

/// Largest picture that is read or made; keeps absurd sizes from exhausting the memory.
inline constexpr Index image_pixel_limit = Index{1} << 28;

}  // namespace vaekit::inline VAEKIT_ABI
