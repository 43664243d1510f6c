// SPDX-License-Identifier: MIT
#include "vaekit/app/canvas.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace vaekit;

namespace canvases {

constexpr Colour blue{0, 0, 200};
constexpr Colour white{255, 255, 255};

Colour at(const Image& image, Index row, Index column) {
  const auto first = static_cast<std::size_t>((row * image.width + column) * 3);
  return {image.pixels[first], image.pixels[first + 1], image.pixels[first + 2]};
}

bool is_blank(const Image& image) {
  return std::ranges::all_of(image.pixels, [](std::uint8_t value) { return value == 255; });
}

}  // namespace canvases

TEST_CASE("canvas: a stroke is full at its middle and fades over a pixel") {
  Canvas canvas(9, 12);
  canvas.stroke({3, 4}, {8, 4}, 1, canvases::blue);
  const Image image = canvas.take();
  CHECK(image.height == 9);
  CHECK(image.width == 12);
  CHECK(image.channels == 3);
  for (Index column = 3; column <= 8; ++column) {
    CHECK(canvases::at(image, 4, column) == canvases::blue);
    CHECK(canvases::at(image, 3, column) == Colour{128, 128, 228});  // a pixel off: half
    CHECK(canvases::at(image, 5, column) == Colour{128, 128, 228});
    CHECK(canvases::at(image, 2, column) == canvases::white);
    CHECK(canvases::at(image, 6, column) == canvases::white);
  }
  CHECK(canvases::at(image, 4, 2) == Colour{128, 128, 228});  // round ends
  CHECK(canvases::at(image, 4, 9) == Colour{128, 128, 228});
  CHECK(canvases::at(image, 4, 1) == canvases::white);
  CHECK(canvases::at(image, 4, 10) == canvases::white);
}

TEST_CASE("canvas: a stroke may be steep, of some opacity, or a disc") {
  Canvas canvas(9, 9);
  canvas.stroke({1, 7}, {7, 1}, 0.5, canvases::blue, 0.4);
  canvas.stroke({1, 1}, {1, 1}, 1, canvases::blue);
  const Image image = canvas.take();
  for (Index i = 1; i <= 7; ++i) {
    CHECK(canvases::at(image, 8 - i, i) == Colour{153, 153, 233});
  }
  CHECK(canvases::at(image, 1, 1) == canvases::blue);
  CHECK(canvases::at(image, 1, 2) == Colour{128, 128, 228});
  CHECK(canvases::at(image, 0, 1) == Colour{128, 128, 228});
  CHECK(canvases::at(image, 1, 3) == canvases::white);
}

TEST_CASE("canvas: what lies outside is left out") {
  Canvas canvas(5, 5);
  canvas.blend(-1, 0, canvases::blue, 1);
  canvas.blend(0, 5, canvases::blue, 1);
  canvas.stroke({-30, -4}, {1e6, -4}, 2, canvases::blue);
  canvas.stroke({9, -1e6}, {9, 1e6}, 2, canvases::blue);
  CHECK(canvases::is_blank(canvas.take()));
  Canvas crossed(5, 5);
  crossed.stroke({2, -1e6}, {2, 1e6}, 0.5, canvases::blue);
  const Image image = crossed.take();
  for (Index row = 0; row < 5; ++row) {
    CHECK(canvases::at(image, row, 2) == canvases::blue);
    CHECK(canvases::at(image, row, 1) == canvases::white);
  }
}

TEST_CASE("canvas: what lies outside the part that is kept to is left out") {
  Canvas canvas(5, 5);
  canvas.clip(1, 2, 2, 9);
  canvas.stroke({-9, 2}, {9, 2}, 5, canvases::blue);
  const Image image = canvas.take();
  for (Index row = 0; row < 5; ++row) {
    for (Index column = 0; column < 5; ++column) {
      const bool inside = row >= 1 && row <= 2 && column >= 2;
      CHECK(canvases::at(image, row, column) == (inside ? canvases::blue : canvases::white));
    }
  }
}
