// SPDX-License-Identifier: MIT
#pragma once

#include "vaekit/kernels/random.hpp"
#include "vaekit/nn/layer.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct DropoutConfig {
  static constexpr std::string_view kind = "dropout";
  double rate = 0.5;

  static constexpr auto fields() {
    return std::tuple{field("rate", &DropoutConfig::rate, "probability that a value is set to 0", below_one)};
  }
};

/// Inverted dropout: in training y = x ∘ mask with mask = 0 (probability `rate`) or 1/(1 − rate); else y = x.
///
/// Shapes    x, y [batch × n]
/// Gradient  dx = dy ∘ mask
/// Threads   const calls are safe with a cache each
/// Source    Srivastava et al. 2014 (JMLR 15)
template <class T = float>
struct Dropout {
  using Scalar = T;
  using Config = DropoutConfig;
  struct Cache {
    Matrix<T> mask;  // [batch × n]
    bool active = false;
  };

  double rate = 0.5;
  Shape shape;

  Dropout() = default;
  Dropout(const DropoutConfig& config, const Shape& input) : rate(config.rate), shape(input) {
    check_fields("dropout", config);
  }

  [[nodiscard]] Shape input_shape() const { return shape; }
  [[nodiscard]] Shape output_shape() const { return shape; }
  [[nodiscard]] double multiply_adds() const { return 0; }
  void initialize(const RandomStream&) {}
  [[nodiscard]] Cache make_cache(Index batch) const { return {Matrix<T>(batch, shape.size()), false}; }

  void draw_noise(const NoiseSource& source, Index batch, Cache& cache) const {
    cache.active = source.has_value() && rate > 0;
    if (!cache.active) {
      return;
    }
    const std::span<T> mask = cache.mask.span().first(static_cast<std::size_t>(batch * shape.size()));
    fill_uniform(mask, *source);
    const auto threshold = static_cast<T>(rate);
    const auto kept = static_cast<T>(1 / (1 - rate));
    for (T& value : mask) {
      value = value < threshold ? T{0} : kept;
    }
  }

  void forward(MatrixIn<T> x, MatrixOut<T> y, Cache& cache) const { apply(x, y, cache); }

  void backward(MatrixIn<T>, MatrixIn<T>, MatrixIn<T> dy, MatrixOut<T> dx, Cache& cache, Dropout&) const {
    if (dx.size() > 0) {
      apply(dy, dx, cache);
    }
  }

  static void reflect(auto&, auto&&) {}

 private:
  static void apply(MatrixIn<T> in, MatrixOut<T> out, const Cache& cache) {
    if (cache.active) {
      out.array() = in.array() * cache.mask.topRows(in.rows()).array();
    } else {
      out = in;
    }
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
