// SPDX-License-Identifier: MIT
#include "vaekit/io/image_grid.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "support/throws_with.hpp"

using vaekit::GridOptions;
using vaekit::GridSize;
using vaekit::Image;
using vaekit::Index;
using vaekit::Matrix;
using vaekit::Shape;
using Pixels = std::vector<std::uint8_t>;

TEST_CASE("image_grid: images are placed row after row, empty places are background") {
  Matrix<float> images(3, 2);
  images << 0.0F, 1.0F, 0.2F, 0.4F, 0.6F, 0.8F;
  const Image grid = vaekit::image_grid<float>(images, Shape{1, 2, 1}, {.padding = 1, .background = 9});
  CHECK(grid.height == 5);
  CHECK(grid.width == 7);
  CHECK(grid.channels == 1);
  CHECK(grid.pixels == Pixels{9, 9,   9,   9, 9,  9,   9,  //
                              9, 0,   255, 9, 51, 102, 9,  //
                              9, 9,   9,   9, 9,  9,   9,  //
                              9, 153, 204, 9, 9,  9,   9,  //
                              9, 9,   9,   9, 9,  9,   9});
}

TEST_CASE("image_grid: columns are chosen, and pixels enlarged, RGB stays together") {
  Matrix<double> images(2, 3);
  images << 0, 0.2, 0.4, 1, 0.8, 0.6;
  const Image grid =
      vaekit::image_grid<double>(images, Shape{1, 1, 3}, {.columns = 1, .padding = 0, .upscale = 2});
  CHECK(grid.height == 4);
  CHECK(grid.width == 2);
  CHECK(grid.channels == 3);
  CHECK(grid.pixels == Pixels{0,   51,  102, 0,   51,  102, 0,   51,  102, 0,   51,  102,
                              255, 204, 153, 255, 204, 153, 255, 204, 153, 255, 204, 153});
  CHECK(vaekit::image_grid<double>(images, Shape{1, 1, 3}, {.columns = 9, .padding = 0}).width == 2);
}

TEST_CASE("image_grid: values outside [0, 1] are clamped, NaN is black, levels are rounded") {
  Matrix<float> image(1, 6);
  image << -1.0F, 2.0F, std::nanf(""), std::numeric_limits<float>::infinity(), 0.5F, 1.4F / 255;
  CHECK(vaekit::image_grid<float>(image, Shape{2, 3, 1}, {.padding = 0}).pixels ==
        Pixels{0, 255, 0, 255, 128, 1});
}

TEST_CASE("image_grid: what is no image, or would be too large, is refused") {
  const auto check_refused = []<class E>(const std::string& message, vaekit::Index rows, const Shape& shape,
                                         const GridOptions& options, const E&) {
    const Matrix<float> images(rows, 12);
    check_throws_with<E>(message,
                         [&] { static_cast<void>(vaekit::image_grid<float>(images, shape, options)); });
  };
  const vaekit::ShapeError shape_error("");
  const vaekit::ConfigError config_error("");
  check_refused("image_grid: images has 12 columns, must have 9 (features)", 1, Shape{3, 3, 1}, {},
                shape_error);
  check_refused("image_grid: images has 0 rows, must have at least 1", 0, Shape{4, 3, 1}, {}, shape_error);
  check_refused("image_grid: images have 12 channels, must have 1 (grey) or 3 (RGB)", 1, Shape::flat(12), {},
                shape_error);
  check_refused("image_grid: padding is 2, upscale 0, columns 0, must be >= 0, >= 1, >= 0", 1, Shape{4, 3, 1},
                {.upscale = 0}, config_error);
  check_refused(
      "image_grid: picture is 3e+18x4e+18 pixels, must have at most 268435456; lower count, padding or "
      "upscale",
      1, Shape{4, 3, 1}, {.padding = 0, .upscale = 1000000000000000000}, config_error);
}

TEST_CASE("image_grid: its size is known before it is made") {
  const Shape shape{3, 4, 1};
  for (const Index count : {1, 2, 7}) {
    for (const Index columns : {0, 1, 3, 20}) {
      const GridOptions options{.columns = columns, .padding = 2, .upscale = 3};
      const Image grid = image_grid<float>(Matrix<float>(count, 12), shape, options);
      const GridSize size = grid_size(count, shape, options);
      CHECK(size.width == static_cast<double>(grid.width));
      CHECK(size.height == static_cast<double>(grid.height));
      CHECK(size.fits());
    }
  }
}
