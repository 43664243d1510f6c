// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "vaekit/core/check.hpp"
#include "vaekit/core/error.hpp"
#include "vaekit/core/matrix.hpp"
#include "vaekit/core/shape.hpp"
#include "vaekit/io/image.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct GridOptions {
  Index columns = 0;             ///< images in a row; 0 for a square grid
  Index padding = 2;             ///< pixels around and between the images, not upscaled
  Index upscale = 1;             ///< each pixel becomes upscale × upscale pixels
  std::uint8_t background = 96;  ///< grey level of the padding and of empty places
};

/// Pixels of a grid; as real numbers, since the sizes asked for may be absurd.
struct GridSize {
  double width = 0;
  double height = 0;

  [[nodiscard]] bool fits() const { return width * height <= static_cast<double>(image_pixel_limit); }
};

/// How large `image_grid` makes the grid of `count` images (at least 1).
[[nodiscard]] inline GridSize grid_size(Index count, const Shape& shape, const GridOptions& options) {
  const auto square = static_cast<Index>(std::ceil(std::sqrt(static_cast<double>(count))));
  const Index columns = std::max<Index>(std::min(options.columns > 0 ? options.columns : square, count), 1);
  const auto extent = [&](Index images, Index pixels) {
    return static_cast<double>(images) * (static_cast<double>(pixels) * static_cast<double>(options.upscale) +
                                          static_cast<double>(options.padding)) +
           static_cast<double>(options.padding);
  };
  return {extent(columns, shape.width), extent((count + columns - 1) / columns, shape.height)};
}

namespace detail {

/// [0, 1] to 0 .. 255, rounded; values outside are clamped, NaN is black.
template <class T>
[[nodiscard]] std::uint8_t to_pixel(T value) {
  const double level = static_cast<double>(value) * 255 + 0.5;
  return level > 0 ? static_cast<std::uint8_t>(std::min(level, 255.0)) : std::uint8_t{0};
}

/// Checks the options and returns the empty grid.
[[nodiscard]] inline Image make_grid(Index count, const Shape& shape, const GridOptions& options) {
  constexpr std::string_view where = "image_grid";
  if (count < 1) {
    throw ShapeError(concat(where, ": images has 0 rows, must have at least 1"));
  }
  if (shape.channels != 1 && shape.channels != 3) {
    throw ShapeError(
        concat(where, ": images have ", shape.channels, " channels, must have 1 (grey) or 3 (RGB)"));
  }
  if (options.padding < 0 || options.upscale < 1 || options.columns < 0) {
    throw ConfigError(concat(where, ": padding is ", options.padding, ", upscale ", options.upscale,
                             ", columns ", options.columns, ", must be >= 0, >= 1, >= 0"));
  }
  const GridSize size = grid_size(count, shape, options);
  if (!size.fits()) {
    throw ConfigError(concat(where, ": picture is ", size.width, 'x', size.height,
                             " pixels, must have at most ", image_pixel_limit,
                             "; lower count, padding or upscale"));
  }
  Image grid{static_cast<Index>(size.height), static_cast<Index>(size.width), shape.channels, {}};
  grid.pixels.assign(static_cast<std::size_t>(grid.height * grid.width * grid.channels), options.background);
  return grid;
}

}  // namespace detail

/// Arranges images in one picture, row after row.
///
/// Shapes   images [n × shape.size()], values in [0, 1], others are clamped; 1 or 3 channels
/// Throws   ShapeError, ConfigError when sizes do not fit or the picture would be too large
template <class T>
[[nodiscard]] Image image_grid(MatrixIn<T> images, const Shape& shape, const GridOptions& options = {}) {
  check_columns("image_grid", "images", images, shape.size(), "features");
  const auto square = static_cast<Index>(std::ceil(std::sqrt(static_cast<double>(images.rows()))));
  const Index columns = std::min(options.columns > 0 ? options.columns : square, images.rows());
  Image grid = detail::make_grid(images.rows(), shape, options);
  for (Index n = 0; n < images.rows(); ++n) {
    const Index top = options.padding + n / columns * (shape.height * options.upscale + options.padding);
    const Index left = options.padding + n % columns * (shape.width * options.upscale + options.padding);
    for (Index y = 0; y < shape.height * options.upscale; ++y) {
      for (Index x = 0; x < shape.width * options.upscale; ++x) {
        const Index source = (y / options.upscale * shape.width + x / options.upscale) * shape.channels;
        const Index target = ((top + y) * grid.width + left + x) * grid.channels;
        for (Index c = 0; c < shape.channels; ++c) {
          grid.pixels[static_cast<std::size_t>(target + c)] = detail::to_pixel(images(n, source + c));
        }
      }
    }
  }
  return grid;
}

}  // namespace vaekit::inline VAEKIT_ABI
