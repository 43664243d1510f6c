// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include "vaekit/core/fields.hpp"
#include "vaekit/distributions/von_mises_fisher.hpp"
#include "vaekit/kernels/random.hpp"
#include "vaekit/kernels/reduce.hpp"
#include "vaekit/latent/latent.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// The uniform distribution on the unit sphere: no parameters.
struct UniformSphereConfig {
  static constexpr std::string_view kind = "sphere";
  static constexpr auto fields() { return std::tuple{}; }
};

/// The uniform distribution on the unit sphere S^(dim−1): log p(z) = −log |S^(dim−1)|.
///
/// Shapes   z [n × dim], rows of length 1 (which is not checked)
/// Units    nats
/// Threads  const calls are safe
/// Source   Davidson et al. 2018 (arXiv:1804.00891)
template <class T = float>
struct UniformSphere {
  using Scalar = T;
  using Config = UniformSphereConfig;
  struct Cache {};

  double log_density = 0;

  UniformSphere() = default;
  UniformSphere(const Config&, Index dim, Index = 0) : log_density(-log_sphere_surface(dim)) {}

  [[nodiscard]] std::string_view space() const { return "the unit sphere"; }
  [[nodiscard]] Cache make_cache(Index) const { return {}; }
  void initialize(const RandomStream&) {}

  void log_prob(MatrixIn<T> z, Cache&, std::span<T> out) const {
    for (Index row = 0; row < z.rows(); ++row) {
      const T* value = z.data() + row * z.outerStride();
      const T sum = sum_vectors<T>(z.cols(), [&](Index j, auto which) { return load(value + j, which); });
      out[static_cast<std::size_t>(row)] = static_cast<T>(log_density) + (sum - sum);  // NaN stays NaN
    }
  }

  /// The density is constant: nothing is added.
  void backward(MatrixIn<T>, std::span<const T>, Cache&, MatrixOut<T>, UniformSphere&) const {}

  /// Normals divided by their length. The temperature is ignored: there is no flatter or sharper version of a
  /// uniform distribution.
  void sample(const RandomStream& stream, std::uint64_t first, double, Cache&, MatrixOut<T> z) const {
    for (Index row = 0; row < z.rows(); ++row) {
      T* value = z.data() + row * z.outerStride();
      fill_normal(std::span<T>(value, static_cast<std::size_t>(z.cols())), stream,
                  (first + static_cast<std::uint64_t>(row)) * static_cast<std::uint64_t>(z.cols()));
      const T square = sum_vectors<T>(z.cols(), [&](Index j, auto which) {
        const Simd<T> v = load(value + j, which);
        return Simd<T>(v * v);
      });
      if (square > 0) {
        z.row(row) /= std::sqrt(square);
      } else {
        value[0] = 1;
      }
    }
  }

  static void reflect(auto&, auto&&) {}
};

}  // namespace vaekit::inline VAEKIT_ABI
