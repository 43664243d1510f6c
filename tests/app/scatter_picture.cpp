// SPDX-License-Identifier: MIT
#include "vaekit/app/scatter_picture.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

using namespace vaekit;

namespace {

Colour pixel_of(const Image& image, Index row, Index column) {
  const auto at = static_cast<std::size_t>((row * image.width + column) * 3);
  return {image.pixels[at], image.pixels[at + 1], image.pixels[at + 2]};
}

bool is_like(const Colour& pixel, const Colour& colour) {
  for (std::size_t c = 0; c < 3; ++c) {
    const double expected = 0.3 * 255 + 0.7 * colour[c];
    if (std::abs(pixel[c] - expected) > 1) {
      return false;
    }
  }
  return true;
}

}  // namespace

TEST_CASE("scatter: corners are where they belong, in the colours of their classes") {
  Matrix<double> points(2, 2);
  points << 10, 10, 20, 20;
  const std::vector<std::size_t> ranks{3, 1};
  const Image image = scatter_picture(points, ranks, 101);
  CHECK(image.channels == 3);
  CHECK(is_like(pixel_of(image, 97, 3), class_colour(3)));  // 0.95 · 50 pixels from the middle, below left
  CHECK(is_like(pixel_of(image, 3, 97), class_colour(1)));
  CHECK(pixel_of(image, 50, 50) == Colour{255, 255, 255});
}

TEST_CASE("scatter: both axes have one scale, zero is marked, what is not finite is left out") {
  Matrix<double> points(3, 2);
  points << -1, -0.5, 1, 0.5, std::numeric_limits<double>::quiet_NaN(), 0;
  const Image image = scatter_picture(points, {}, 101);
  CHECK(is_like(pixel_of(image, 74, 3), class_colour(0)));
  CHECK(is_like(pixel_of(image, 26, 97), class_colour(0)));
  CHECK(pixel_of(image, 0, 50) == Colour{217, 217, 217});
  CHECK(pixel_of(image, 50, 20) == Colour{217, 217, 217});
}

TEST_CASE("scatter: thirty classes have thirty colours, far apart; they have names") {
  CHECK(colour_name({0, 114, 178}) == "#0072b2");
  for (std::size_t a = 0; a < 30; ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      CAPTURE(a);
      CAPTURE(b);
      double square = 0;
      for (std::size_t c = 0; c < 3; ++c) {
        square += std::pow(int{class_colour(a)[c]} - int{class_colour(b)[c]}, 2);
      }
      CHECK(square > 20 * 20);
    }
  }
  CHECK(class_colour(33) == class_colour(3));
}
