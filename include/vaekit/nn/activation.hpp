// SPDX-License-Identifier: MIT
#pragma once

#include "vaekit/kernels/elementwise.hpp"
#include "vaekit/nn/layer.hpp"

namespace vaekit::inline VAEKIT_ABI {

template <Activation Kind>
struct ActivationConfig {
  static constexpr std::string_view kind = to_string(Kind);
  static constexpr auto fields() { return std::tuple{}; }
};

/// An activation function as a layer of its own, y = act(x); `Dense` fuses the same functions.
///
/// Shapes    x, y [batch × n]
/// Gradient  dx = dy ∘ act′(x)
/// Threads   const calls are safe with a cache each
template <class T, Activation Kind>
struct ActivationLayer {
  using Scalar = T;
  using Config = ActivationConfig<Kind>;
  struct Cache {};

  Shape shape;

  ActivationLayer() = default;
  ActivationLayer(const Config&, const Shape& input) : shape(input) {}

  [[nodiscard]] Shape input_shape() const { return shape; }
  [[nodiscard]] Shape output_shape() const { return shape; }
  [[nodiscard]] double multiply_adds() const { return 0; }
  void initialize(const RandomStream&) {}
  [[nodiscard]] Cache make_cache(Index) const { return {}; }

  void forward(MatrixIn<T> x, MatrixOut<T> y, Cache&) const { activate<T>(Kind, x, y); }

  void backward(MatrixIn<T> x, MatrixIn<T> y, MatrixIn<T> dy, MatrixOut<T> dx, Cache&,
                ActivationLayer&) const {
    if (dx.size() > 0) {
      activation_backward<T>(Kind, x, y, dy, dx);
    }
  }

  static void reflect(auto&, auto&&) {}
};

template <class T = float>
using Relu = ActivationLayer<T, Activation::relu>;
template <class T = float>
using LeakyRelu = ActivationLayer<T, Activation::leaky_relu>;
template <class T = float>
using Elu = ActivationLayer<T, Activation::elu>;
template <class T = float>
using Gelu = ActivationLayer<T, Activation::gelu>;
template <class T = float>
using Silu = ActivationLayer<T, Activation::silu>;
template <class T = float>
using Tanh = ActivationLayer<T, Activation::tanh>;
template <class T = float>
using Sigmoid = ActivationLayer<T, Activation::sigmoid>;
template <class T = float>
using Softplus = ActivationLayer<T, Activation::softplus>;

}  // namespace vaekit::inline VAEKIT_ABI
