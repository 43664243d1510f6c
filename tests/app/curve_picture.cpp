// SPDX-License-Identifier: MIT
#include "vaekit/app/curve_picture.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace vaekit;

namespace curves {

Colour at(const Image& image, Index row, Index column) {
  const auto first = static_cast<std::size_t>((row * image.width + column) * 3);
  return {image.pixels[first], image.pixels[first + 1], image.pixels[first + 2]};
}

bool has_colour(const Image& image, const Colour& colour) {
  for (Index row = 0; row < image.height; ++row) {
    for (Index column = 0; column < image.width; ++column) {
      if (at(image, row, column) == colour) {
        return true;
      }
    }
  }
  return false;
}

/// x from 0 to 10 is 200 pixels, from 24 on, and y 100, from 112 on upwards; around them are the numbers.
Image draw(std::vector<Series> series) {
  return curve_picture({.title = "t", .x_label = "x", .y_label = "y", .series = std::move(series)}, 138, 236);
}

}  // namespace curves

TEST_CASE("curve picture: curves go through their points in the colours of their styles") {
  const Image image = curves::draw({{"train", {0, 5, 10}, {0, 8, 10}, 0},
                                    {"validation", {0, 10}, {10, 0}, 1},
                                    {"test", {2.5, 7.5}, {1, 1}, 2}});
  CHECK(image.height == 138);
  CHECK(image.width == 236);
  CHECK(curves::at(image, 112, 24) == series_colours[0]);
  CHECK(curves::at(image, 72, 74) == series_colours[0]);  // (2.5, 4)
  CHECK(curves::at(image, 32, 124) == series_colours[0]);
  CHECK(curves::at(image, 12, 224) == series_colours[0]);
  CHECK(curves::at(image, 12, 24) == series_colours[1]);
  CHECK(curves::at(image, 87, 174) == series_colours[1]);  // (7.5, 2.5)
  CHECK(curves::at(image, 102, 74) == series_colours[2]);
  CHECK(curves::at(image, 102, 124) == series_colours[2]);
  CHECK(curves::at(image, 102, 174) == series_colours[2]);
  CHECK(curves::at(image, 105, 174) == Colour{141, 199, 175});  // the rim of its dot: half
}

TEST_CASE("curve picture: axes at the left and the bottom, a pale line at each tick of y") {
  const Image image = curves::draw({{"train", {0, 10}, {0, 10}, 0}});
  const Colour axis{102, 102, 102};
  CHECK(curves::at(image, 50, 24) == axis);
  CHECK(curves::at(image, 50, 23) == Colour{255, 255, 255});
  CHECK(curves::at(image, 115, 124) == axis);  // the tick of x = 5
  CHECK(curves::at(image, 115, 134) == Colour{255, 255, 255});
  const Colour pale{224, 224, 224};
  CHECK(curves::at(image, 32, 112) == pale);  // y = 8
  CHECK(curves::at(image, 52, 62) == pale);   // y = 6
  CHECK(curves::at(image, 42, 62) == Colour{255, 255, 255});
  const Colour bottom = curves::at(image, 112, 112);
  CHECK(bottom == Colour{90, 90, 90});  // the axis upon the line of y = 0
}

TEST_CASE("curve picture: gaps are left open, a point between them is a dot") {
  const double gap = std::nan("");
  const Image image = curves::draw({{"train", {0, 2, 4, 6, 8, 10}, {0, gap, 3, gap, gap, 10}, 0}});
  CHECK(curves::at(image, 82, 104) == series_colours[0]);     // (4, 3)
  CHECK(curves::at(image, 97, 64) == Colour{255, 255, 255});  // on the line from (0, 0)
  CHECK(curves::at(image, 47, 164) == Colour{255, 255, 255});
}

TEST_CASE("curve picture: what lies before `y_axis_from` is cut off; no data is an empty frame") {
  LineChart chart{.title = "t", .x_label = "x", .y_label = "y", .series = {}};
  chart.series = {{"train", {0, 5, 10}, {-1e300, 0, 10}, 0}};
  chart.y_axis_from = 1;
  const Image image = curve_picture(chart, 138, 236);
  CHECK(curves::at(image, 12, 224) == series_colours[0]);
  CHECK(curves::at(image, 62, 174) == series_colours[0]);
  CHECK(curves::at(image, 62, 74) == Colour{255, 255, 255});
  chart.series.clear();
  const Image empty = curve_picture(chart, 138, 236);
  CHECK_FALSE(curves::has_colour(empty, series_colours[0]));
  CHECK(curves::at(empty, 50, 32) == Colour{102, 102, 102});
}

TEST_CASE("curve picture: curves that begin outside the frame do not run into the margin") {
  LineChart chart{.title = "t", .x_label = "x", .y_label = "y", .series = {}};
  chart.series = {{"train", {0, 1, 10}, {-100, 0, 10}, 0}};
  chart.y_axis_from = 1;
  const Image image = curve_picture(chart, 138, 236);
  CHECK(curves::at(image, 112, 44) == series_colours[0]);
  CHECK(curves::at(image, 116, 44) == series_colours[0]);  // a dot's radius below the axis
  for (Index row = 117; row < image.height; ++row) {
    for (Index column = 0; column < image.width; ++column) {
      const Colour pixel = curves::at(image, row, column);
      CHECK(pixel[0] == pixel[2]);  // grey
    }
  }
}

TEST_CASE("curve picture: the ticks have their numbers") {
  const Image image = curves::draw({{"train", {0, 10}, {0, 10}, 0}});
  const Colour ink{102, 102, 102};
  // "10" beside y = 10: a one from column 4 on, a zero from column 12 on.
  CHECK(curves::at(image, 7, 6) == ink);
  CHECK(curves::at(image, 15, 4) == ink);
  CHECK(curves::at(image, 12, 12) == ink);
  CHECK(curves::at(image, 12, 14) == Colour{255, 255, 255});
  // "5" below x = 5: its upper line.
  CHECK(curves::at(image, 121, 121) == ink);
  CHECK(curves::at(image, 121, 126) == ink);
  CHECK(curves::at(image, 123, 125) == Colour{255, 255, 255});
}
