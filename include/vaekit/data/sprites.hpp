// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "vaekit/core/error.hpp"
#include "vaekit/core/random.hpp"
#include "vaekit/data/dataset.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

/// Whether (x, y) lies in shape 0 (square), 1 (ellipse) or 2 (heart), each within the unit disc.
[[nodiscard]] inline bool in_shape(Index shape, double x, double y) {
  if (shape == 0) {
    return std::max(std::abs(x), std::abs(y)) < 0.7;
  }
  if (shape == 1) {
    return x * x + 4 * y * y < 1;
  }
  // (x² + y² − 1)³ < x² y³, a heart about 2.3 wide and high; y points down in an image.
  const double u = 1.36 * x;
  const double v = -1.36 * y + 0.1;
  const double ring = u * u + v * v - 1;
  return ring * ring * ring < u * u * v * v * v;
}

/// Largest radius of a sprite, of an image of height 1. Centres keep that distance from the edges.
inline constexpr double sprite_radius = 0.25;

/// White pixels of one sprite, whose position does not move with its scale or orientation. A pixel is white
/// when its centre is inside.
inline void draw_sprite(std::span<const std::int32_t> factors, std::span<std::uint8_t> image) {
  const auto side = static_cast<Index>(std::lround(std::sqrt(static_cast<double>(image.size()))));
  const double pixels = static_cast<double>(side);
  const double radius = sprite_radius * pixels * (0.5 + 0.1 * factors[1]);
  const double angle = 2 * std::numbers::pi * factors[2] / 40;
  const double cosine = std::cos(angle) / radius;
  const double sine = std::sin(angle) / radius;
  const auto centre = [&](std::int32_t position) {
    return pixels * (sprite_radius + (1 - 2 * sprite_radius) * (position + 0.5) / 32);
  };
  const double left = centre(factors[3]);
  const double top = centre(factors[4]);
  const auto extent = [&](double middle) {
    return std::pair(std::max<Index>(0, static_cast<Index>(std::floor(middle - radius))),
                     std::min(side, static_cast<Index>(std::ceil(middle + radius))));
  };
  const auto [first_row, last_row] = extent(top);
  const auto [first_column, last_column] = extent(left);
  std::ranges::fill(image, std::uint8_t{0});
  for (Index row = first_row; row < last_row; ++row) {
    std::uint8_t* line = image.data() + row * side;
    const double y = static_cast<double>(row) + 0.5 - top;
    for (Index column = first_column; column < last_column; ++column) {
      const double x = static_cast<double>(column) + 0.5 - left;
      line[column] = in_shape(factors[0], cosine * x + sine * y, cosine * y - sine * x) ? 255 : 0;
    }
  }
}

}  // namespace detail

/// 3 shapes (square, ellipse, heart), 6 scales, 40 orientations, 32 × 32 positions: 737,280 combinations.
[[nodiscard]] inline Factors sprite_factors() {
  return {{{"shape", 3, false}, {"scale", 6}, {"orientation", 40}, {"x", 32}, {"y", 32}}};
}

/// Black and white images of one sprite each, drawn whenever they are read; label: the shape.
///
/// All 737,280 combinations in order when `count` says so, else `count` different ones, drawn by `seed`.
/// Scales are 0.5, 0.6 .. 1 of the largest, which is half the image wide; orientations are multiples of 9°,
/// so that no two are the same (a square looks alike at every tenth, an ellipse at every twentieth).
///
/// Shapes  [count × size²], 0 or 255
///
/// Throws  ConfigError
///
/// Source  after dSprites (Matthey, Higgins, Hassabis, Lerchner 2017), whose images are 64 × 64
[[nodiscard]] inline Dataset make_sprites(Index count, Index size, std::uint64_t seed) {
  const Factors factors = sprite_factors();
  const Index all = factors.combinations();
  if (count < 1 || count > all) {
    throw ConfigError(concat("synthetic sprites: count is ", count, ", must be in [1, ", all, ']'));
  }
  if (size < 4) {
    throw ConfigError(concat("synthetic sprites: size is ", size, ", must be >= 4"));
  }
  std::vector<std::uint32_t> combinations(static_cast<std::size_t>(all));
  std::iota(combinations.begin(), combinations.end(), std::uint32_t{0});
  if (count < all) {
    fill_permutation(combinations, RandomStream(seed, Purpose::synthetic).child(0));
    combinations.resize(static_cast<std::size_t>(count));
    combinations.shrink_to_fit();
  }
  std::vector<std::int32_t> labels(combinations.size());
  std::vector<std::int32_t> values(5);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    factors.decompose(combinations[i], values);
    labels[i] = values[0];
  }
  return {"synthetic sprites", Shape{size, size, 1},
          GeneratedRows{factors, detail::draw_sprite, std::move(combinations)}, std::move(labels)};
}

}  // namespace vaekit::inline VAEKIT_ABI
