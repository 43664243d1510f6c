// SPDX-License-Identifier: MIT
#include "vaekit/data/sprites.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

#include "support/throws_with.hpp"
#include "vaekit/data/batches.hpp"

using vaekit::Dataset;
using vaekit::Index;
using vaekit::make_sprites;

namespace {

using Sprite = std::vector<std::uint8_t>;

Sprite sprite(std::array<std::int32_t, 5> factors, Index size = 64) {
  Sprite image(static_cast<std::size_t>(size * size), 7);
  vaekit::detail::draw_sprite(factors, image);
  return image;
}

Index white(const Sprite& image) { return std::ranges::count(image, 255); }

/// The image moved by whole pixels, black where nothing comes from.
Sprite moved(const Sprite& image, Index right, Index down) {
  Sprite out(image.size(), 0);
  for (Index y = 0; y < 64; ++y) {
    for (Index x = 0; x < 64; ++x) {
      if (x >= right && y >= down) {
        out[static_cast<std::size_t>(y * 64 + x)] =
            image[static_cast<std::size_t>((y - down) * 64 + x - right)];
      }
    }
  }
  return out;
}

}  // namespace

TEST_CASE("sprites: the whole set is in the order of its factors, and holds no image") {
  const Dataset data = make_sprites(737280, 64, 1);
  CHECK(data.name() == "synthetic sprites");
  CHECK(data.size() == 737280);
  CHECK(data.shape() == vaekit::Shape{64, 64, 1});
  REQUIRE(data.generated() != nullptr);
  const vaekit::Factors& factors = data.generated()->factors;
  CHECK(factors.combinations() == 737280);
  CHECK(factors[0].name == "shape");
  CHECK_FALSE(factors[0].ordered);
  CHECK(factors[2].ordered);
  CHECK(data.generated()->combinations[4711] == 4711);
  CHECK(data.labels()[245759] == 0);
  CHECK(data.labels()[245760] == 1);
  CHECK(data.labels()[737279] == 2);
}

TEST_CASE("sprites: a pixel a position, and no sprite is cut off") {
  const Sprite corner = sprite({2, 5, 7, 0, 0});
  CHECK(sprite({2, 5, 7, 1, 0}) == moved(corner, 1, 0));
  CHECK(sprite({2, 5, 7, 0, 1}) == moved(corner, 0, 1));
  CHECK(sprite({2, 5, 7, 31, 31}) == moved(corner, 31, 31));
  for (std::int32_t shape = 0; shape < 3; ++shape) {
    for (std::int32_t orientation = 0; orientation < 40; ++orientation) {
      const Index area = white(sprite({shape, 5, orientation, 15, 15}));
      CHECK(white(sprite({shape, 5, orientation, 0, 31})) == area);
      CHECK(white(sprite({shape, 5, orientation, 31, 0})) == area);
    }
  }
}

TEST_CASE("sprites: areas follow shape and scale") {
  const std::array<double, 3> of_unit_disc = {1.96, std::acos(-1.0) / 2, 2.0};  // square, ellipse, heart
  for (std::int32_t shape = 0; shape < 3; ++shape) {
    for (std::int32_t scale = 0; scale < 6; ++scale) {
      const double radius = 16 * (0.5 + 0.1 * scale);
      const double area = of_unit_disc[static_cast<std::size_t>(shape)] * radius * radius;
      const Sprite image = sprite({shape, scale, 3, 15, 15});
      CHECK(static_cast<double>(white(image)) == doctest::Approx(area).epsilon(0.05));
      CHECK(std::ranges::all_of(image, [](std::uint8_t p) { return p == 0 || p == 255; }));
    }
  }
}

TEST_CASE("sprites: orientations differ up to the symmetry of the shape") {
  CHECK(sprite({2, 5, 0, 9, 9}) != sprite({2, 5, 39, 9, 9}));
  std::set<Sprite> hearts;
  for (std::int32_t orientation = 0; orientation < 40; ++orientation) {
    hearts.insert(sprite({2, 5, orientation, 15, 15}));
  }
  CHECK(hearts.size() == 40);
  // Half a turn of an ellipse, but for pixels whose centre is on the edge.
  const Sprite ellipse = sprite({1, 5, 3, 15, 15});
  const Sprite turned = sprite({1, 5, 23, 15, 15});
  Index different = 0;
  for (std::size_t i = 0; i < ellipse.size(); ++i) {
    different += ellipse[i] != turned[i] ? 1 : 0;
  }
  CHECK(different <= 4);
}

TEST_CASE("sprites: a sample of the set is drawn by the seed without repetition") {
  const Dataset data = make_sprites(5000, 16, 3);
  const std::vector<std::uint32_t>& chosen = data.generated()->combinations;
  CHECK(std::set<std::uint32_t>(chosen.begin(), chosen.end()).size() == 5000);
  CHECK(chosen != make_sprites(5000, 16, 4).generated()->combinations);
  CHECK(data.values() == make_sprites(5000, 16, 3).values());
  std::array<Index, 3> shapes{};
  for (std::size_t i = 0; i < 5000; ++i) {
    ++shapes[static_cast<std::size_t>(data.labels()[i])];
    CHECK(data.labels()[i] == static_cast<std::int32_t>(chosen[i] / 245760));
  }
  for (const Index count : shapes) {
    CHECK(static_cast<double>(count) == doctest::Approx(5000.0 / 3).epsilon(0.06));
  }
}

TEST_CASE("sprites: batches hold zeros and ones") {
  const Dataset data = make_sprites(100, 64, 1);
  const std::vector<std::uint32_t> rows = {99, 0, 41};
  const vaekit::Transform scaling = vaekit::Transform::fit({}, data, rows);
  vaekit::Matrix<float> x(3, 4096);
  vaekit::read_rows<float>(data, rows, scaling, 1, 0, x);
  std::array<std::int32_t, 5> factors{};
  data.generated()->factors.decompose(data.generated()->combinations[41], factors);
  const Sprite expected = sprite(factors);
  for (Index j = 0; j < 4096; ++j) {
    CHECK(x(2, j) == (expected[static_cast<std::size_t>(j)] == 255 ? 1.0F : 0.0F));
  }
}

TEST_CASE("sprites: numbers out of range are refused") {
  check_throws_with<vaekit::ConfigError>("synthetic sprites: count is 737281, must be in [1, 737280]",
                                         [] { static_cast<void>(make_sprites(737281, 64, 1)); });
  check_throws_with<vaekit::ConfigError>("synthetic sprites: size is 3, must be >= 4",
                                         [] { static_cast<void>(make_sprites(1, 3, 1)); });
}
