// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include "vaekit/kernels/elementwise.hpp"
#include "vaekit/kernels/gemm.hpp"
#include "vaekit/kernels/reduce.hpp"
#include "vaekit/nn/initialize.hpp"
#include "vaekit/nn/layer.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct DenseConfig {
  static constexpr std::string_view kind = "dense";
  static constexpr std::string_view noun = "layer";
  Index units = 1;
  Activation activation = Activation::identity;
  bool bias = true;
  Initializer initializer = Initializer::fan_in_uniform;

  static constexpr auto fields() {
    return std::tuple{required_field("units", &DenseConfig::units, "number of outputs", size_range),
                      field("activation", &DenseConfig::activation, "function applied to the outputs"),
                      field("bias", &DenseConfig::bias, "whether a bias is added"),
                      field("initializer", &DenseConfig::initializer, "distribution of the first weights")};
  }
};

namespace detail {
/// Adds the bias and applies the activation while a product's tile is still in registers; keeps the input of
/// the activation where its derivative will need it.
template <class T, class Function>
struct BiasActivationEpilogue {
  const T* bias;  // null: none
  T* input;       // [batch × out], null: not kept
  Index input_stride;

  template <class Which>
  Simd<T> operator()(Simd<T> value, Index row, Index col, Which which) const {
    if (bias != nullptr) {
      value += load(bias + col, which);
    }
    if constexpr (Function::needs_input) {
      store(input + row * input_stride + col, value, which);
    }
    return Function::template value<T>(value);
  }
};

/// Multiplies a gradient by the derivative of the activation before it while it is stored.
template <class T>
struct DerivativeEpilogue {
  Activation activation;
  const T* output;  // [batch × in] of that activation
  Index output_stride;

  template <class Which>
  Simd<T> operator()(const Simd<T>& value, Index row, Index col, Which which) const {
    const Simd<T> y = load(output + row * output_stride + col, which);
    return with_activation(activation, [&](auto function) {
      return Simd<T>(value * decltype(function)::template derivative<T>(y, y));
    });
  }
};
}  // namespace detail

/// Fully connected layer, y = act(x Wᵀ + b).
///
/// Shapes    x [batch × in], y [batch × out]; images are taken as rows of height·width·channels values
/// Gradient  with g = dy ∘ act′:  dW += gᵀ x,  db += Σ_batch g,  dx = g W; where derivatives were handed on
///           (`fuse_derivative`), dy counts as g already, and dx = g W ∘ act′ of the layer before
/// Threads   const calls are safe with a cache each
template <class T = float>
struct Dense {
  using Scalar = T;
  using Config = DenseConfig;
  struct Cache {
    Matrix<T> input;     // [batch × out] argument of the activation; empty unless its derivative needs it
    Matrix<T> gradient;  // [batch × out] gradient of that argument; empty for the identity
    PackedMatrix<T> packed = {};                         // Wᵀ, when packed
    Sweep sweep = Sweep::backwards;                      // of the last forward with packed weights
    Store weight_gradient = Store::accumulate;           // what the next `backward` does with dW
    Activation input_activation = Activation::identity;  // whose derivative dx includes
    bool derivative_included = false;                    // dy is the gradient of the activation's argument
    bool skip_parameters = false;                        // `backward` finds dx alone
  };

  Matrix<T> weight;   // [out × in]
  RowVector<T> bias;  // [out], or empty
  Activation activation = Activation::identity;
  Initializer initializer = Initializer::fan_in_uniform;

  Dense() = default;
  /// Throws ConfigError when `units` < 1.
  Dense(const DenseConfig& config, const Shape& input)
      : weight(std::max<Index>(config.units, 0), input.size()),
        bias(config.bias ? std::max<Index>(config.units, 0) : 0),
        activation(config.activation),
        initializer(config.initializer) {
    check_fields("dense", config);
  }

  [[nodiscard]] Shape input_shape() const { return Shape::flat(weight.cols()); }
  [[nodiscard]] Shape output_shape() const { return Shape::flat(weight.rows()); }
  [[nodiscard]] double multiply_adds() const { return static_cast<double>(weight.size()); }

  void initialize(const RandomStream& stream) {
    vaekit::initialize<T>(initializer, weight.cols(), weight.rows(), weight.span(), bias.span(), stream);
  }

  [[nodiscard]] Cache make_cache(Index batch) const {
    return {needs_input(activation) ? Matrix<T>(batch, weight.rows()) : Matrix<T>(),
            activation == Activation::identity ? Matrix<T>() : Matrix<T>(batch, weight.rows())};
  }

  void forward(MatrixIn<T> x, MatrixOut<T> y, Cache& cache) const {
    with_activation(activation, [&](auto function) {
      const detail::BiasActivationEpilogue<T, decltype(function)> epilogue{
          bias.size() > 0 ? bias.data() : nullptr, cache.input.data(), cache.input.cols()};
      if (cache.packed.empty()) {
        gemm<T>(as_is<T>(x), transposed<T>(weight), weight.cols(), y, Store::overwrite, epilogue);
      } else {
        cache.sweep = cache.sweep == Sweep::forwards ? Sweep::backwards : Sweep::forwards;
        cache.packed.multiply(as_is<T>(x), y, Store::overwrite, epilogue, cache.sweep);
      }
    });
  }

  void pack(Cache& cache) const { cache.packed.pack(transposed<T>(weight), weight.cols(), weight.rows()); }
  void unpack(Cache& cache) const { cache.packed.clear(); }

  [[nodiscard]] Activation output_activation() const { return activation; }
  void leave_derivative(Cache& cache) const {
    cache.derivative_included = true;
    cache.gradient = Matrix<T>();
  }
  [[nodiscard]] bool take_derivative(Activation kind, Cache& cache) const {
    cache.input_activation = kind;
    return true;
  }

  void clear_gradient(Cache& cache, Dense& grad) const {
    cache.weight_gradient = Store::overwrite;
    grad.bias.setZero();
  }

  void skip_parameter_gradient(Cache& cache) const { cache.skip_parameters = true; }

  void backward(MatrixIn<T> x, MatrixIn<T> y, MatrixIn<T> dy, MatrixOut<T> dx, Cache& cache,
                Dense& grad) const {
    if (activation == Activation::identity || cache.derivative_included) {
      backward_linear(x, dy, dx, cache, grad);
      return;
    }
    const Index batch = dy.rows();
    activation_backward<T>(activation, cache.input.topRows(std::min(batch, cache.input.rows())), y, dy,
                           top(cache.gradient, batch));
    backward_linear(x, cache.gradient.topRows(batch), dx, cache, grad);
  }

  static void reflect(auto& self, auto&& visit) {
    visit("weight", self.weight);
    if (self.bias.size() > 0) {
      visit("bias", self.bias);
    }
  }

 private:
  void backward_linear(MatrixIn<T> x, MatrixIn<T> dy, MatrixOut<T> dx, Cache& cache, Dense& grad) const {
    if (!cache.skip_parameters) {
      gemm_with_column_sums<T>(dy, x, grad.weight, std::exchange(cache.weight_gradient, Store::accumulate),
                               grad.bias.span());
    }
    if (dx.size() == 0) {
      return;
    }
    if (cache.input_activation == Activation::identity) {
      gemm<T>(as_is<T>(dy), as_is<T>(weight), weight.rows(), dx, Store::overwrite);
    } else {
      gemm<T>(as_is<T>(dy), as_is<T>(weight), weight.rows(), dx, Store::overwrite,
              detail::DerivativeEpilogue<T>{cache.input_activation, x.data(), x.outerStride()});
    }
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
