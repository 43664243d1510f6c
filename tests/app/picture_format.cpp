// SPDX-License-Identifier: MIT
#include "vaekit/app/picture_format.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "vaekit/data/batches.hpp"

using namespace vaekit;

namespace picture_formats {

/// The levels of what a model is given of `values`, two pictures of 2x1.
template <class S>
std::vector<double> levels(const Scale& scale, Binarize binarize, const std::vector<S>& values) {
  const Dataset data("d", Shape{1, 2, 1}, values);
  const std::vector<std::uint32_t> rows = all_rows(data.size());
  const Transform transform = Transform::fit({scale, binarize}, data, rows);
  Matrix<float> x(data.size(), 2);
  read_rows<float>(data, rows, transform, 1, 0, x);
  const PictureFormat format{{data.shape(), data.is_bytes(), transform, data.is_binary_bytes()}, scale};
  const Matrix<double> made = picture_levels(format, x);
  return {made.span().begin(), made.span().end()};
}

bool near(const std::vector<double>& a, const std::vector<double>& b) {
  return std::ranges::equal(a, b, [](double u, double v) { return std::abs(u - v) < 1e-6; });
}

const std::vector<Scale> scales{{}, {ScaleKind::none}, {ScaleKind::standardize}, {ScaleKind::range, -1, 1}};

}  // namespace picture_formats

TEST_CASE("picture format: small pictures are enlarged to about 64 pixels") {
  CHECK(grid_options({8, 8, 1}, 5).upscale == 8);
  CHECK(grid_options({8, 28, 1}, 5).upscale == 2);
  CHECK(grid_options({200, 64, 1}, 5).upscale == 1);
  CHECK(grid_options({8, 8, 1}, 5).columns == 5);
}

TEST_CASE("picture format: bytes have the levels they are stored with, however they are scaled") {
  using picture_formats::near;
  for (const Scale& scale : picture_formats::scales) {
    CAPTURE(to_string(scale.kind));
    // The second feature is constant.
    CHECK(near(picture_formats::levels<std::uint8_t>(scale, Binarize::none, {0, 51, 255, 51}),
               {0, 0.2, 1, 0.2}));
    CHECK(near(picture_formats::levels<std::uint8_t>(scale, Binarize::none, {0, 1, 1, 1}), {0, 1, 1, 1}));
  }
}

TEST_CASE("picture format: binarised data are zeros and ones, however they were scaled") {
  using picture_formats::near;
  const Scale part{ScaleKind::range, 0.25, 0.75};
  for (const Scale& scale : {Scale{}, part}) {
    CAPTURE(to_string(scale.kind));
    CHECK(near(picture_formats::levels<std::uint8_t>(scale, Binarize::threshold, {0, 255, 255, 0}),
               {0, 1, 1, 0}));
  }
  CHECK(near(picture_formats::levels<std::uint8_t>({ScaleKind::none}, Binarize::threshold, {0, 1, 1, 0}),
             {0, 1, 1, 0}));
}

TEST_CASE("picture format: floating data are shown as they are stored, or from the ends of their range") {
  using picture_formats::near;
  const std::vector<float> values{0.25F, 1.5F, 0.75F, -0.5F};
  for (const Scale& scale : {Scale{}, Scale{ScaleKind::none}, Scale{ScaleKind::standardize}}) {
    CAPTURE(to_string(scale.kind));
    CHECK(near(picture_formats::levels(scale, Binarize::none, values), {0.25, 1.5, 0.75, -0.5}));
  }
  CHECK(near(picture_formats::levels({ScaleKind::range, -3, 5}, Binarize::none, values), {0, 1, 1, 0}));
}

TEST_CASE("picture format: a grid has the levels of its samples") {
  const PictureFormat format{{Shape{1, 64, 1}}, {ScaleKind::range, -1, 1}};
  Matrix<float> samples(2, 64);
  samples.row(0).setConstant(-1);
  samples.row(1).setConstant(0);
  const Image image = sample_grid(format, samples, 1);
  REQUIRE(image.height == 8);
  CHECK(image.pixels[static_cast<std::size_t>(2 * image.width + 10)] == 0);
  CHECK(image.pixels[static_cast<std::size_t>(5 * image.width + 10)] == 128);
}
