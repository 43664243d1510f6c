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
    const Index n = x.cols();
    parallel_for(x.rows(), row_grain(n), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        const T mean = x.row(row).mean();
        const T variance = (x.row(row).array() - mean).square().mean();
        const T inverse_deviation = 1 / std::sqrt(variance + static_cast<T>(epsilon));
        cache.mean[row] = mean;
        cache.inverse_deviation[row] = inverse_deviation;
        y.row(row).array() = (x.row(row).array() - mean) * inverse_deviation * weight.array() + bias.array();
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
        const T mean = cache.mean[row];
        const T inverse_deviation = cache.inverse_deviation[row];
        const T mean_g = (dy.row(row).array() * weight.array()).mean();
        const T mean_gx =
            (dy.row(row).array() * weight.array() * ((x.row(row).array() - mean) * inverse_deviation)).mean();
        dx.row(row).array() = (dy.row(row).array() * weight.array() - mean_g -
                               (x.row(row).array() - mean) * inverse_deviation * mean_gx) *
                              inverse_deviation;
      }
    });
  }

  static void reflect(auto& self, auto&& visit) {
    visit("weight", self.weight);
    visit("bias", self.bias);
  }

 private:
  // Each column adds its rows in index order, on whichever thread: the bits do not depend on the threads.
  static void backward_parameters(MatrixIn<T> x, MatrixIn<T> dy, const Cache& cache, LayerNorm& grad) {
    parallel_for(
        x.cols(), row_grain(x.rows()),
        [&](Index first, Index last) {
          const Index n = last - first;
          for (Index row = 0; row < x.rows(); ++row) {
            grad.weight.segment(first, n).array() +=
                dy.row(row).segment(first, n).array() *
                ((x.row(row).segment(first, n).array() - cache.mean[row]) * cache.inverse_deviation[row]);
            grad.bias.segment(first, n) += dy.row(row).segment(first, n);
          }
        },
        64);
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
