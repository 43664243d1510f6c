// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <string_view>

#include "vaekit/distributions/standard_normal.hpp"
#include "vaekit/latent/vector_quantized.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct CodePriorConfig {
  static constexpr std::string_view kind = "codes";
  static constexpr auto fields() { return std::tuple{}; }
};

/// Uniform over the codes of a vector quantizer at every position.
///
/// It does not know the codebook. `sample` draws normals, which `VectorQuantizedLatent::project` takes to
/// codes; exactly uniform codes are drawn by `VectorQuantizedLatent::sample_codes`. `log_prob` is relative to
/// the uniform distribution, so 0; the divergence is exact.
///
/// Shapes   z [n × dim]
/// Threads  const calls are safe
/// Source   van den Oord et al. 2017 (arXiv:1711.00937) section 3.1
template <class T = float>
struct CodePrior {
  using Scalar = T;
  using Config = CodePriorConfig;
  struct Cache {};

  CodePrior() = default;
  CodePrior(const Config&, Index, Index = 0) {}

  [[nodiscard]] std::string_view space() const { return "codes of a vector quantizer"; }
  [[nodiscard]] Cache make_cache(Index) const { return {}; }
  void initialize(const RandomStream&) {}

  void log_prob(MatrixIn<T>, Cache&, std::span<T> out) const { std::ranges::fill(out, T{0}); }
  void backward(MatrixIn<T>, std::span<const T>, Cache&, MatrixOut<T>, CodePrior&) const {}
  void sample(const RandomStream& stream, std::uint64_t first, double temperature, Cache&,
              MatrixOut<T> z) const {
    typename StandardNormal<T>::Cache cache;
    StandardNormal<T>().sample(stream, first, temperature, cache, z);
  }

  static void reflect(auto&, auto&&) {}
};

/// A point mass against uniform codes: log C for each position, whatever the parameters.
template <class T>
struct KlPair<VectorQuantizedLatent<T>, CodePrior<T>> {
  using Latent = VectorQuantizedLatent<T>;
  using Prior = CodePrior<T>;
  using Cache = typename Latent::Cache;
  static bool closed_form(const Latent&, const Prior&) { return true; }
  static void forward(const Latent& latent, const Prior&, MatrixIn<T>, Cache&, typename Prior::Cache&,
                      MatrixOut<T> kl) {
    kl.setConstant(static_cast<T>(std::log(static_cast<double>(latent.code_count()))));
  }
  static void backward(const Latent&, const Prior&, MatrixIn<T>, MatrixIn<T>, Cache&, typename Prior::Cache&,
                       Prior&) {}
};

}  // namespace vaekit::inline VAEKIT_ABI
