// SPDX-License-Identifier: MIT
// The models and data that the programs here and their peers (peers/workloads.py) share. Parameters and
// pixels are functions of their position, so that every peer computes the same numbers and results can be
// compared.
#pragma once

#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "vaekit/core/reflect.hpp"
#include "vaekit/data/dataset.hpp"
#include "vaekit/distributions/bernoulli.hpp"
#include "vaekit/model/vae.hpp"
#include "vaekit/nn/sequential.hpp"

namespace benchmarks {

using namespace vaekit;

/// Sizes of a VAE with one hidden layer on each side.
struct Sizes {
  const char* name;
  Index side;  ///< images are side × side
  Index hidden;
  Index latent;
  [[nodiscard]] constexpr Index features() const { return side * side; }
  /// Floating-point operations of the matrix products of a training step, for each image: forward, dX and dW
  /// of every layer, but no dX of the first.
  [[nodiscard]] constexpr double step_flop() const {
    const Index weights = hidden * (2 * features() + 3 * latent);
    return 2.0 * static_cast<double>(3 * weights - features() * hidden);
  }
};

inline constexpr Sizes quickstart{"784-400-20", 28, 400, 20};
inline constexpr Sizes small{"64-32-8", 8, 32, 8};
inline constexpr Sizes wide{"784-400-40", 28, 400, 40};

/// A random bijection of 32-bit words (the finaliser of MurmurHash3).
[[nodiscard]] constexpr std::uint32_t scramble(std::uint32_t x) {
  x = (x ^ (x >> 16)) * 0x85EBCA6BU;
  x = (x ^ (x >> 13)) * 0xC2B2AE35U;
  return x ^ (x >> 16);
}

/// Uniform on [−1, 1): number `i` of list `list`.
[[nodiscard]] constexpr double uniform(std::uint32_t list, std::uint32_t i) {
  return scramble(i + list * 1'000'003U) * 0x1p-31 - 1;
}

/// Weights and biases uniform on ±1/√(inputs of their layer), list t for the t-th tensor.
template <class Model>
void fill_parameters(Model& model) {
  std::uint32_t list = 0;
  double bound = 1;
  for (auto& parameter : parameters(model)) {
    if (!parameter.is_vector) {
      bound = 1 / std::sqrt(static_cast<double>(parameter.cols));
    }
    for (std::uint32_t i = 0; auto& value : parameter.values) {
      value = static_cast<typename Model::Scalar>(bound * uniform(list, i++));
    }
    ++list;
  }
}

template <class T>
[[nodiscard]] auto make_vae(const Sizes& sizes) {
  const DenseConfig hidden{.units = sizes.hidden, .activation = Activation::relu};
  Vae model(Sequential(Dense<T>(hidden, Shape::flat(sizes.features()))),
            GaussianLatent<T>({.dim = sizes.latent}), Sequential(Dense<T>(hidden, Shape::flat(sizes.latent))),
            Bernoulli<T>({}, sizes.features()));
  fill_parameters(model);
  return model;
}

/// Ten kinds of stripes with noise: something to learn that needs no file.
[[nodiscard]] inline std::vector<std::uint8_t> make_pixels(const Sizes& sizes, Index count) {
  std::vector<std::uint8_t> pixels;
  pixels.reserve(static_cast<std::size_t>(count * sizes.features()));
  for (Index image = 0; image < count; ++image) {
    const Index kind = image % 10;
    for (Index j = 0; j < sizes.features(); ++j) {
      const Index stripes = (j / sizes.side * (kind + 1) + j % sizes.side * (kind + 3)) % 16 * 12;
      const Index noise = scramble(static_cast<std::uint32_t>(image * sizes.features() + j)) >> 26;
      pixels.push_back(static_cast<std::uint8_t>(stripes + noise));
    }
  }
  return pixels;
}

/// The first `count` images, scaled to [0, 1].
template <class T>
[[nodiscard]] Matrix<T> make_images(const Sizes& sizes, Index count) {
  const std::vector<std::uint8_t> pixels = make_pixels(sizes, count);
  Matrix<T> images(count, sizes.features());
  for (std::size_t i = 0; auto& value : images.span()) {
    value = static_cast<T>(pixels[i++]) / T{255};
  }
  return images;
}

[[nodiscard]] inline Dataset make_dataset(const Sizes& sizes, Index count) {
  return {"stripes", Shape{sizes.side, sizes.side, 1}, make_pixels(sizes, count)};
}

}  // namespace benchmarks
