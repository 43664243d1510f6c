// SPDX-License-Identifier: MIT
#include "vaekit/data/synthetic.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <set>
#include <span>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "support/throws_with.hpp"

using vaekit::Dataset;
using vaekit::Index;
using vaekit::Shape;
using vaekit::SyntheticConfig;
using vaekit::SyntheticSource;

namespace {

using Floats = std::vector<float>;
using Pixels = std::vector<std::uint8_t>;

std::set<std::int32_t> label_set(const Dataset& data) { return {data.labels().begin(), data.labels().end()}; }

}  // namespace

TEST_CASE("synthetic: a mixture surrounds its centres on the unit circle") {
  const Dataset data = vaekit::make_gaussian_mixture(4000, 5, 0.05, 1);
  CHECK(data.shape() == Shape::flat(2));
  CHECK(label_set(data) == std::set<std::int32_t>{0, 1, 2, 3, 4});
  const Floats& values = std::get<Floats>(data.values());
  double squares = 0;
  for (std::size_t i = 0; i < 4000; ++i) {
    const double angle = 2 * std::numbers::pi * data.labels()[i] / 5;
    const double distance = std::hypot(values[2 * i] - std::cos(angle), values[2 * i + 1] - std::sin(angle));
    CHECK(distance < 0.3);
    squares += distance * distance;
  }
  CHECK(std::sqrt(squares / 8000) == doctest::Approx(0.05).epsilon(0.05));
}

TEST_CASE("synthetic: moons without noise are two half circles") {
  const Dataset data = vaekit::make_moons(1000, 0, 1);
  CHECK(label_set(data) == std::set<std::int32_t>{0, 1});
  const Floats& values = std::get<Floats>(data.values());
  for (std::size_t i = 0; i < 1000; ++i) {
    const double x = values[2 * i];
    const double y = values[2 * i + 1];
    const bool upper = data.labels()[i] == 0;
    CHECK(std::hypot(upper ? x : x - 1, upper ? y : y - 0.5) == doctest::Approx(1).epsilon(1e-6));
    CHECK((upper ? y >= 0 : y <= 0.5));
  }
}

TEST_CASE("synthetic: bars are whole rows and columns, two on average") {
  const Dataset data = vaekit::make_bars(2000, 8, 0, 1);
  CHECK(data.shape() == Shape{8, 8, 1});
  const Pixels& pixels = std::get<Pixels>(data.values());
  double bars = 0;
  for (std::size_t i = 0; i < 2000; ++i) {
    const auto image = std::span(pixels).subspan(64 * i, 64);
    std::int32_t rows = 0;
    std::int32_t columns = 0;
    for (std::size_t k = 0; k < 8; ++k) {
      rows += std::ranges::count(image.subspan(8 * k, 8), 255) == 8 ? 1 : 0;
      int white = 0;
      for (std::size_t y = 0; y < 8; ++y) {
        white += image[8 * y + k] == 255 ? 1 : 0;
      }
      columns += white == 8 ? 1 : 0;
    }
    CHECK(rows + columns == data.labels()[i]);
    CHECK(std::ranges::count(image, 255) == 8 * rows + 8 * columns - rows * columns);
    CHECK(std::ranges::count(image, 0) + std::ranges::count(image, 255) == 64);
    bars += data.labels()[i];
  }
  CHECK(bars / 2000 == doctest::Approx(2).epsilon(0.05));
}

TEST_CASE("synthetic: shapes have their area, grey at the edges, or black and white") {
  const Dataset smooth = vaekit::make_shapes(300, 32, 0, 1);
  const Dataset binary = vaekit::make_shapes(300, 32, 0, 1, false);
  CHECK(smooth.shape() == Shape{32, 32, 1});
  CHECK(label_set(smooth) == std::set<std::int32_t>{0, 1, 2});
  CHECK(binary.labels() == smooth.labels());
  const Pixels& grey = std::get<Pixels>(smooth.values());
  const Pixels& white = std::get<Pixels>(binary.values());
  CHECK(std::ranges::any_of(grey, [](std::uint8_t p) { return p != 0 && p != 255; }));
  CHECK(std::ranges::all_of(white, [](std::uint8_t p) { return p == 0 || p == 255; }));
  for (std::size_t i = 0; i < 300; ++i) {
    const auto image = std::span(grey).subspan(1024 * i, 1024);
    double area = 0;
    for (const std::uint8_t p : image) {
      area += p / (255.0 * 1024);
    }
    // Radius 0.15 .. 0.3 of the picture: square 1.96 r², ellipse π/2 r², heart about 2.1 r².
    CHECK(area > 0.03);
    CHECK(area < 0.21);
    CHECK(std::abs(area -
                   static_cast<double>(std::ranges::count(std::span(white).subspan(1024 * i, 1024), 255)) /
                       1024) < 0.01);
  }
}

TEST_CASE("synthetic: every shape lies in the unit disc, so that none is cut off") {
  for (Index shape = 0; shape < 3; ++shape) {
    double farthest = 0;
    for (int i = 0; i < 300 * 300; ++i) {
      const int column = i % 300 - 150;
      const int row = i / 300 - 150;
      const double x = 0.01 * column;
      const double y = 0.01 * row;
      farthest = vaekit::detail::in_shape(shape, x, y) ? std::max(farthest, std::hypot(x, y)) : farthest;
    }
    CHECK(farthest > 0.9);
    CHECK(farthest <= 1);
  }
}

TEST_CASE("synthetic: noise inverts pixels with its probability") {
  const Pixels clean = std::get<Pixels>(vaekit::make_bars(500, 8, 0, 1).values());
  const Pixels noisy = std::get<Pixels>(vaekit::make_bars(500, 8, 0.1, 1).values());
  double inverted = 0;
  for (std::size_t i = 0; i < clean.size(); ++i) {
    CHECK((noisy[i] == clean[i] || noisy[i] == 255 - clean[i]));
    inverted += noisy[i] != clean[i] ? 1 : 0;
  }
  CHECK(inverted / static_cast<double>(clean.size()) == doctest::Approx(0.1).epsilon(0.05));
}

TEST_CASE("synthetic: data depend on the seed, not on threads, and grow without changing") {
  SyntheticConfig config;
  config.count = 100;
  config.size = 16;
  for (const auto source :
       {SyntheticSource::mixture, SyntheticSource::moons, SyntheticSource::bars, SyntheticSource::shapes}) {
    config.source = source;
    config.noise = 0.05;
    config.seed = 1;
    const Dataset data = vaekit::make_synthetic(config);
    CHECK(data.name() == "synthetic " + std::string(to_string(source)));
    config.count = 200;
    const vaekit::ThreadScope scope(3);
    const Dataset longer = vaekit::make_synthetic(config);
    const auto check_grown = [&]<class Values>(const Values& values) {
      if constexpr (!std::same_as<Values, vaekit::GeneratedRows>) {
        const auto& more = std::get<Values>(longer.values());
        CHECK(std::equal(values.begin(), values.end(), more.begin()));
      }
    };
    std::visit(check_grown, data.values());
    config.count = 100;
    config.seed = 2;
    CHECK(vaekit::make_synthetic(config).values() != data.values());
  }
}

TEST_CASE("synthetic: samples share no random numbers") {
  const vaekit::RandomStream stream(1, vaekit::Purpose::synthetic);
  std::set<double> seen;
  for (std::size_t sample = 0; sample < 100; ++sample) {
    for (const double uniform : vaekit::detail::sample_uniforms<5>(stream, sample)) {
      CHECK(seen.insert(uniform).second);
    }
  }
}

TEST_CASE("synthetic: noise has a default for points and another one for images") {
  SyntheticConfig config;
  config.count = 50;
  config.size = 8;
  config.source = SyntheticSource::bars;
  CHECK(vaekit::make_synthetic(config).values() == vaekit::make_bars(50, 8, 0, 1).values());
  config.source = SyntheticSource::moons;
  CHECK(vaekit::make_synthetic(config).values() == vaekit::make_moons(50, 0.1, 1).values());
}

TEST_CASE("synthetic: numbers out of range are refused") {
  const auto check_refused = [](const std::string& message, auto&& make) {
    check_throws_with<vaekit::ConfigError>(message, [&] { static_cast<void>(make()); });
  };
  check_refused("synthetic moons: count is 0, must be >= 1", [] { return vaekit::make_moons(0, 0, 1); });
  check_refused("synthetic moons: noise is -1, must be >= 0 (standard deviation)",
                [] { return vaekit::make_moons(1, -1, 1); });
  check_refused("synthetic mixture: components is 0, must be >= 1",
                [] { return vaekit::make_gaussian_mixture(1, 0, 0, 1); });
  check_refused("synthetic bars: size is 0, must be >= 1", [] { return vaekit::make_bars(1, 0, 0, 1); });
  check_refused("synthetic shapes: noise is 1.5, must be in [0, 1] (probability that a pixel is inverted)",
                [] { return vaekit::make_shapes(1, 8, 1.5, 1); });
  SyntheticConfig config;
  config.size = 2;
  check_refused("synthetic: size is 2, must be in [4, 1024]", [&] { return vaekit::make_synthetic(config); });
  config = {.source = SyntheticSource::sprites, .noise = 0.1};
  check_refused("synthetic sprites: noise is 0.1, must be 0 or left out",
                [&] { return vaekit::make_synthetic(config); });
  config.noise = 0;
  CHECK(vaekit::make_synthetic(config).size() == 10000);
}
