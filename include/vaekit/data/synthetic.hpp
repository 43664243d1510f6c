// SPDX-License-Identifier: MIT
// Built-in data sets for tests, examples and machines without data. Each is a function of its arguments
// alone: the same bits for any number of threads.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "vaekit/core/error.hpp"
#include "vaekit/core/fields.hpp"
#include "vaekit/core/matrix.hpp"
#include "vaekit/core/parallel.hpp"
#include "vaekit/core/random.hpp"
#include "vaekit/core/shape.hpp"
#include "vaekit/data/dataset.hpp"
#include "vaekit/data/sprites.hpp"
#include "vaekit/kernels/random.hpp"

namespace vaekit::inline VAEKIT_ABI {

enum class SyntheticSource { mixture, moons, bars, shapes, sprites };

[[nodiscard]] constexpr auto enum_names(SyntheticSource) {
  return std::array<std::string_view, 5>{"mixture", "moons", "bars", "shapes", "sprites"};
}

/// A built-in data set, made on the spot.
struct SyntheticConfig {
  static constexpr std::string_view kind = "synthetic";
  static constexpr std::string_view tag = "format";
  SyntheticSource source = SyntheticSource::shapes;
  Index count = 10000;
  Index size = 32;
  Index components = 8;
  std::optional<double> noise = std::nullopt;
  std::uint64_t seed = 1;

  static constexpr auto fields() {
    return std::tuple{
        field("source", &SyntheticConfig::source,
              "mixture and moons (points in the plane), bars and shapes (grey images), sprites (737,280 "
              "black and "
              "white images of known factors, drawn when they are read)"),
        field("count", &SyntheticConfig::count, "samples", between(1, 100'000'000)),
        field("size", &SyntheticConfig::size, "height and width of the images", between(4, 1024)),
        field("components", &SyntheticConfig::components, "Gaussians of the mixture", between(1, 1'000'000)),
        field("noise", &SyntheticConfig::noise,
              "points: standard deviation, by default 0.1; images: probability that a pixel is inverted, by "
              "default 0",
              non_negative),
        field("seed", &SyntheticConfig::seed, "data sets with different seeds are independent samples")};
  }
};

namespace detail {

/// The uniform numbers of one sample: elements of a stream, so that samples don't depend on one another.
template <std::size_t N>
[[nodiscard]] std::array<double, N> sample_uniforms(const RandomStream& stream, std::size_t sample) {
  std::array<double, N> values{};
  fill_uniform<double>(values, stream, sample * N);
  return values;
}

/// A number 0 .. count-1 from a uniform on (0, 1).
[[nodiscard]] inline Index choose(double uniform, Index count) {
  return std::min(static_cast<Index>(uniform * static_cast<double>(count)), count - 1);
}

inline void check_at_least_one(std::string_view where, std::string_view name, Index value) {
  if (value < 1) {
    throw ConfigError(concat(where, ": ", name, " is ", value, ", must be >= 1"));
  }
}

/// Points in the plane: `place(uniform, uniform, label)` returns the centre, to which noise is added.
template <class Place>
[[nodiscard]] Dataset make_points(std::string name, Index count, double noise, std::uint64_t seed,
                                  Place&& place) {
  check_at_least_one(name, "count", count);
  if (!(noise >= 0 && std::isfinite(noise))) {
    throw ConfigError(concat(name, ": noise is ", noise, ", must be >= 0 (standard deviation)"));
  }
  const RandomStream stream(seed, Purpose::synthetic);
  std::vector<float> values(static_cast<std::size_t>(2 * count));
  std::vector<std::int32_t> labels(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto uniforms = sample_uniforms<2>(stream.child(0), i);
    std::array<double, 2> normals{};
    fill_normal<double>(normals, stream.child(1), 2 * i);
    const auto [x, y] = place(uniforms[0], uniforms[1], labels[i]);
    values[2 * i] = static_cast<float>(x + noise * normals[0]);
    values[2 * i + 1] = static_cast<float>(y + noise * normals[1]);
  }
  return {std::move(name), Shape::flat(2), std::move(values), std::move(labels), {"x", "y"}};
}

/// Square grey images: `draw(sample, pixels)` fills an image of zeros and returns its label.
template <class Draw>
[[nodiscard]] Dataset make_images(std::string name, Index count, Index size, double noise, std::uint64_t seed,
                                  Draw&& draw) {
  check_at_least_one(name, "count", count);
  check_at_least_one(name, "size", size);
  if (!(noise >= 0 && noise <= 1)) {
    throw ConfigError(
        concat(name, ": noise is ", noise, ", must be in [0, 1] (probability that a pixel is inverted)"));
  }
  const auto pixels = static_cast<std::size_t>(size * size);
  const RandomStream inverted = RandomStream(seed, Purpose::synthetic).child(1);
  std::vector<std::uint8_t> values(static_cast<std::size_t>(count) * pixels);
  std::vector<std::int32_t> labels(static_cast<std::size_t>(count));
  parallel_for(count, 16, [&](Index first, Index last) {
    std::vector<double> uniforms(noise > 0 ? pixels : 0);
    for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
      const auto image = std::span(values).subspan(i * pixels, pixels);
      labels[i] = draw(i, image);
      fill_uniform<double>(uniforms, inverted, i * pixels);
      for (std::size_t p = 0; p < uniforms.size(); ++p) {
        image[p] = uniforms[p] < noise ? static_cast<std::uint8_t>(255 - image[p]) : image[p];
      }
    }
  });
  return {std::move(name), Shape{size, size, 1}, std::move(values), std::move(labels)};
}

}  // namespace detail

/// Points around `components` centres, evenly on the unit circle; label: the centre.
///
/// `noise` is the standard deviation of each Gaussian.
///
/// Shapes  [count × 2] floats
///
/// Throws  ConfigError
[[nodiscard]] inline Dataset make_gaussian_mixture(Index count, Index components, double noise,
                                                   std::uint64_t seed) {
  detail::check_at_least_one("synthetic mixture", "components", components);
  return detail::make_points(
      "synthetic mixture", count, noise, seed, [&](double uniform, double, std::int32_t& label) {
        const Index component = detail::choose(uniform, components);
        label = static_cast<std::int32_t>(component);
        const double angle =
            2 * std::numbers::pi * static_cast<double>(component) / static_cast<double>(components);
        return std::pair(std::cos(angle), std::sin(angle));
      });
}

/// Two interleaved half circles of radius 1; label: 0 the upper, 1 the lower one.
///
/// `noise` is the standard deviation across.
///
/// Shapes  [count × 2] floats
///
/// Throws  ConfigError
/// Source  scikit-learn, make_moons
[[nodiscard]] inline Dataset make_moons(Index count, double noise, std::uint64_t seed) {
  return detail::make_points("synthetic moons", count, noise, seed,
                             [](double uniform0, double uniform1, std::int32_t& label) {
                               label = uniform0 < 0.5 ? 0 : 1;
                               const double x = std::cos(std::numbers::pi * uniform1);
                               const double y = std::sin(std::numbers::pi * uniform1);
                               return label == 0 ? std::pair(x, y) : std::pair(1 - x, 0.5 - y);
                             });
}

/// Images in which each of the `size` rows and `size` columns is white with probability 1/size; label: the
/// number of white rows and columns.
///
/// Shapes  [count × size²], uint8 0 or 255. `noise` is the probability that a pixel is inverted. Throws
///         ConfigError
/// Source  Földiák: Forming sparse representations by local anti-Hebbian learning (1990)
[[nodiscard]] inline Dataset make_bars(Index count, Index size, double noise, std::uint64_t seed) {
  const RandomStream stream = RandomStream(seed, Purpose::synthetic).child(0);
  const auto side = static_cast<std::size_t>(size);
  return detail::make_images(
      "synthetic bars", count, size, noise, seed, [&](std::size_t sample, std::span<std::uint8_t> image) {
        std::int32_t label = 0;
        for (std::size_t bar = 0; bar < 2 * side; ++bar) {
          const auto uniform = detail::sample_uniforms<1>(stream, sample * 2 * side + bar);
          if (uniform[0] * static_cast<double>(size) >= 1) {
            continue;
          }
          ++label;
          for (std::size_t i = 0; i < side; ++i) {
            image[bar < side ? bar * side + i : i * side + (bar - side)] = 255;
          }
        }
        return label;
      });
}

/// Images of one white square, ellipse or heart of random scale, rotation and position; label: 0, 1 or 2.
///
/// Each pixel is the average of 4 × 4 points, or black or white by its centre unless `antialias`.
/// `noise` is the probability that a pixel is inverted.
///
/// Shapes  [count × size²], uint8
///
/// Throws  ConfigError
/// Source  after dSprites (Matthey, Higgins, Hassabis, Lerchner 2017)
[[nodiscard]] inline Dataset make_shapes(Index count, Index size, double noise, std::uint64_t seed,
                                         bool antialias = true) {
  const RandomStream stream = RandomStream(seed, Purpose::synthetic).child(0);
  const int points = antialias ? 4 : 1;
  const auto side = static_cast<std::size_t>(size);
  return detail::make_images(
      "synthetic shapes", count, size, noise, seed, [=](std::size_t sample, std::span<std::uint8_t> image) {
        const auto uniforms = detail::sample_uniforms<5>(stream, sample);
        const Index shape = detail::choose(uniforms[0], 3);
        const double radius = 0.15 + 0.15 * uniforms[1];  // of an image of height 1
        const double cosine = std::cos(2 * std::numbers::pi * uniforms[2]) / radius;
        const double sine = std::sin(2 * std::numbers::pi * uniforms[2]) / radius;
        const double left = radius + (1 - 2 * radius) * uniforms[3];
        const double top = radius + (1 - 2 * radius) * uniforms[4];
        for (std::size_t p = 0; p < image.size(); ++p) {
          int inside = 0;
          for (int point = 0; point < points * points; ++point) {
            const auto centre = [&](std::size_t pixel, int part) {
              return (static_cast<double>(pixel) + (part + 0.5) / points) / static_cast<double>(size);
            };
            const double x = centre(p % side, point % points) - left;
            const double y = centre(p / side, point / points) - top;
            inside += detail::in_shape(shape, cosine * x + sine * y, cosine * y - sine * x) ? 1 : 0;
          }
          image[p] = static_cast<std::uint8_t>((255 * inside + points * points / 2) / (points * points));
        }
        return static_cast<std::int32_t>(shape);
      });
}

/// The data set that a configuration asks for.
///
/// Throws ConfigError when a number is outside its range.
[[nodiscard]] inline Dataset make_synthetic(const SyntheticConfig& config) {
  check_fields("synthetic", config);
  const double deviation = config.noise.value_or(0.1);
  const double probability = config.noise.value_or(0);
  switch (config.source) {
    case SyntheticSource::mixture:
      return make_gaussian_mixture(config.count, config.components, deviation, config.seed);
    case SyntheticSource::moons:
      return make_moons(config.count, deviation, config.seed);
    case SyntheticSource::bars:
      return make_bars(config.count, config.size, probability, config.seed);
    case SyntheticSource::shapes:
      return make_shapes(config.count, config.size, probability, config.seed);
    case SyntheticSource::sprites:
      if (probability > 0) {
        throw ConfigError(concat("synthetic sprites: noise is ", probability, ", must be 0 or left out"));
      }
      return make_sprites(config.count, config.size, config.seed);
  }
  throw ConfigError("synthetic: source is unknown, must be mixture, moons, bars, shapes or sprites");
}

}  // namespace vaekit::inline VAEKIT_ABI
