// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include "vaekit/kernels/reduce.hpp"
#include "vaekit/nn/layer.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct LayerNormConfig {
  static constexpr std::string_view kind = "layer_norm";
  double epsilon = 1e-5;

  static constexpr auto fields() {
    return std::tuple{field("epsilon", &LayerNormConfig::epsilon, "added to the variance", positive)};
  }
};

/// Layer normalisation over the features of each sample,
///
///   x̂ = (x − mean) / √(variance + ε),   y = x̂ ∘ weight + bias,   variance = mean of squared deviations
///
/// Shapes    x, y [batch × n]; weight, bias [n]
/// Gradient  with g = dy ∘ weight and means over the features:
///           dx = (g − mean(g) − x̂ mean(g ∘ x̂)) / √(variance + ε)
/// Threads   const calls are safe with a cache each
/// Source    Ba, Kiros, Hinton 2016 (arXiv:1607.06450)
template <class T = float>
struct LayerNorm {
  using Scalar = T;
  using Config = LayerNormConfig;
  struct Cache {
    RowVector<T> mean;               // [batch]
    RowVector<T> inverse_deviation;  // [batch]
  };

  RowVector<T> weight;  // [n]
  RowVector<T> bias;    // [n]
  double epsilon = 1e-5;
  Shape shape;

  LayerNorm() = default;
  LayerNorm(const LayerNormConfig& config, const Shape& input)
      : weight(input.size()), bias(input.size()), epsilon(config.epsilon), shape(input) {
    check_fields("layer_norm", config);
  }

  [[nodiscard]] Shape input_shape() const { return shape; }
  [[nodiscard]] Shape output_shape() const { return shape; }
  [[nodiscard]] double multiply_adds() const { return 2 * static_cast<double>(weight.size()); }
  void initialize(const RandomStream&) {
    weight.setOnes();
    bias.setZero();
  }
  [[nodiscard]] Cache make_cache(Index batch) const { return {RowVector<T>(batch), RowVector<T>(batch)}; }

  void forward(MatrixIn<T> x, MatrixOut<T> y, Cache& cache) const {
    parallel_for(x.rows(), row_grain(x.cols()), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        forward_row(x.cols(), x.data() + row * x.outerStride(), y.data() + row * y.outerStride(),
                    cache.mean[row], cache.inverse_deviation[row]);
      }
    });
  }

  void backward(MatrixIn<T> x, MatrixIn<T>, MatrixIn<T> dy, MatrixOut<T> dx, Cache& cache,
                LayerNorm& grad) const {
    backward_parameters(x, dy, cache, grad);
    if (dx.size() == 0) {
      return;
    }
    parallel_for(x.rows(), row_grain(x.cols()), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        backward_row(x.cols(), x.data() + row * x.outerStride(), dy.data() + row * dy.outerStride(),
                     dx.data() + row * dx.outerStride(), cache.mean[row], cache.inverse_deviation[row]);
      }
    });
  }

  static void reflect(auto& self, auto&& visit) {
    visit("weight", self.weight);
    visit("bias", self.bias);
  }

 private:
  void forward_row(Index n, const T* x, T* y, T& mean, T& inverse_deviation) const {
    const auto count = static_cast<T>(n);
    mean = sum_vectors<T>(n, [&](Index i, auto which) { return load(x + i, which); }) / count;
    const Simd<T> m(mean);
    const T variance = sum_vectors<T>(n,
                                      [&](Index i, auto which) {
                                        const Simd<T> deviation = load(x + i, which) - m;
                                        return Simd<T>(deviation * deviation);
                                      }) /
                       count;
    inverse_deviation = 1 / std::sqrt(variance + static_cast<T>(epsilon));
    const Simd<T> scale(inverse_deviation);
    for_each_vector<T>(n, [&](Index i, auto which) {
      const Simd<T> normalised = (load(x + i, which) - m) * scale;
      store(y + i, xsimd::fma(normalised, load(weight.data() + i, which), load(bias.data() + i, which)),
            which);
    });
  }

  void backward_row(Index n, const T* x, const T* dy, T* dx, T mean, T inverse_deviation) const {
    const Simd<T> m(mean);
    const Simd<T> scale(inverse_deviation);
    const auto g = [&](Index i, auto which) {
      return Simd<T>(load(dy + i, which) * load(weight.data() + i, which));
    };
    const auto normalised = [&](Index i, auto which) { return Simd<T>((load(x + i, which) - m) * scale); };
    const auto count = static_cast<T>(n);
    const Simd<T> mean_g(sum_vectors<T>(n, g) / count);
    const Simd<T> mean_gx(
        sum_vectors<T>(n, [&](Index i, auto which) { return Simd<T>(g(i, which) * normalised(i, which)); }) /
        count);
    for_each_vector<T>(n, [&](Index i, auto which) {
      store(dx + i, Simd<T>((g(i, which) - mean_g - normalised(i, which) * mean_gx) * scale), which);
    });
  }

  // Each column adds its rows in index order, on whichever thread: the bits do not depend on the threads.
  static void backward_parameters(MatrixIn<T> x, MatrixIn<T> dy, const Cache& cache, LayerNorm& grad) {
    parallel_for(
        x.cols(), row_grain(x.rows()),
        [&](Index first, Index last) {
          T* dweight = grad.weight.data() + first;
          T* dbias = grad.bias.data() + first;
          for (Index row = 0; row < x.rows(); ++row) {
            const T* in = x.data() + row * x.outerStride() + first;
            const T* dout = dy.data() + row * dy.outerStride() + first;
            const Simd<T> mean(cache.mean[row]);
            const Simd<T> scale(cache.inverse_deviation[row]);
            for_each_vector<T>(last - first, [&](Index i, auto which) {
              const Simd<T> g = load(dout + i, which);
              const Simd<T> normalised = (load(in + i, which) - mean) * scale;
              store(dweight + i, xsimd::fma(g, normalised, load(dweight + i, which)), which);
              store(dbias + i, Simd<T>(load(dbias + i, which) + g), which);
            });
          }
        },
        64);
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
