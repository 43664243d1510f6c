// SPDX-License-Identifier: MIT
//
// The contract of a layer. A layer is a value: a struct of parameters that knows how to compute, and nothing
// that a computation leaves behind.
//
//   Config        an aggregate with `kind` (its name in a configuration) and a `fields()` table
//   Layer(config, input)   a layer for samples of shape `input`; parameters exist, all zero
//   initialize(stream)     draws the initial parameters
//   input_shape(), output_shape()
//   make_cache(batch)      everything `forward` and `backward` write besides their outputs, for ≤ batch rows
//   forward(x, y, cache)   y [batch × out] from x [batch × in]
//   backward(x, y, dy, dx, cache, grad)
//                 with the x, y and cache of the forward call: `grad` (an object of the layer's own type)
//                 += the gradient of the parameters; dx = the gradient of x, unless dx is empty
//                 (`no_matrix`), which says that nobody needs it
//   reflect(self, visit)   visits the parameters, under PyTorch's names and in its layouts
//   multiply_adds()        of one forward pass, per sample
//
// A layer that uses noise (dropout) also has
//   draw_noise(stream, batch, cache)
//                 fills the cache's noise from `stream`; with no stream the layer behaves as it does outside
//                 training
//
// A layer whose weights can be laid out for fast forward calls also has
//   pack(cache), unpack(cache)
//                 `forward` with this cache uses the weights as they are now, until it is packed again or
//                 unpacked
//
// A layer whose gradient is dearer to zero than to assign also has
//   clear_gradient(cache, grad)   `grad` counts as zero from now on, whatever it holds: the next `backward`
//                 with this cache assigns instead of adding
//
// A layer whose parameters' gradient is work of its own also has
//   skip_parameter_gradient(cache)   `backward` with this cache finds dx alone from now on
//
// Two layers that follow each other can save the pass over the gradient that multiplies it by the derivative
// of the activation between them, where that follows from the activation's output. The first has
//   output_activation()          the activation it ends in
//   leave_derivative(cache)      `dy` includes the derivative from now on
// and the second
//   take_derivative(activation, cache)   `dx` includes the derivative from now on, x being the activation's
//                 output; false: it cannot
// `fuse_derivative` settles it between the caches of two layers.
//
// All of them are const except `initialize`; one layer serves many threads that own a cache each. Nothing
// allocates except the constructor, copies and `make_cache`. Shapes are checked where data enters a model,
// not in every layer.
#pragma once

#include <concepts>
#include <optional>
#include <string_view>

#include "vaekit/core/fields.hpp"
#include "vaekit/core/random.hpp"
#include "vaekit/core/reflect.hpp"
#include "vaekit/core/shape.hpp"
#include "vaekit/kernels/elementwise.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Where a layer's noise comes from; none outside training.
using NoiseSource = std::optional<RandomStream>;

/// What `Sequential`, `Network` and `Vae` ask of a layer; the file comment says what each call means.
template <class L>
concept Layer = std::copyable<L> && Reflectable<L> && requires(
    const L& layer, L& mutable_layer, typename L::Cache& cache,
    const Eigen::Ref<const EigenMatrix<typename L::Scalar>, Eigen::Unaligned, Eigen::OuterStride<>>& in,
    MatrixOut<typename L::Scalar> out, RandomStream stream) {
  { layer.make_cache(Index{}) } -> std::same_as<typename L::Cache>;
  { layer.input_shape() } -> std::convertible_to<Shape>;
  { layer.output_shape() } -> std::convertible_to<Shape>;
  { layer.multiply_adds() } -> std::convertible_to<double>;
  layer.forward(in, out, cache);
  layer.backward(in, in, in, out, cache, mutable_layer);
  mutable_layer.initialize(stream);
};

/// A layer that can be built from its own Config, as `Network` does.
template <class L>
concept ConfigurableLayer = Layer<L> && HasFields<typename L::Config> &&
    std::constructible_from<L, const typename L::Config&, const Shape&> && requires {
  { L::Config::kind } -> std::convertible_to<std::string_view>;
};

/// A layer with noise in training.
template <class L>
concept NoisyLayer = Layer<L> && requires(const L& layer, typename L::Cache& cache) {
  layer.draw_noise(NoiseSource{}, Index{}, cache);
};

/// Draws noise where the layer has any.
template <Layer L>
void draw_layer_noise(const L& layer, const NoiseSource& source, Index batch, typename L::Cache& cache) {
  if constexpr (NoisyLayer<L>) {
    layer.draw_noise(source, batch, cache);
  }
}

/// A layer that can prepare its weights for many forward calls.
template <class L>
concept PackableLayer = Layer<L> && requires(const L& layer, typename L::Cache& cache) {
  layer.pack(cache);
  layer.unpack(cache);
};

/// Prepares the weights where the layer can.
template <Layer L>
void pack_layer(const L& layer, typename L::Cache& cache) {
  if constexpr (PackableLayer<L>) {
    layer.pack(cache);
  }
}

template <Layer L>
void unpack_layer(const L& layer, typename L::Cache& cache) {
  if constexpr (PackableLayer<L>) {
    layer.unpack(cache);
  }
}

/// A layer that can leave zeroing its gradient to the next `backward`.
template <class L>
concept GradientClearingLayer = Layer<L> && requires(const L& layer, typename L::Cache& cache, L& grad) {
  layer.clear_gradient(cache, grad);
};

/// The next `backward` with `cache` sets `grad` instead of adding to it.
template <Layer L>
void clear_gradient(const L& layer, typename L::Cache& cache, L& grad) {
  if constexpr (GradientClearingLayer<L>) {
    layer.clear_gradient(cache, grad);
  } else {
    set_zero(grad);
  }
}

/// `backward` with `cache` finds dx and may leave out the gradient of the parameters from now on.
template <Layer L>
void skip_parameter_gradient(const L& layer, typename L::Cache& cache) {
  if constexpr (requires { layer.skip_parameter_gradient(cache); }) {
    layer.skip_parameter_gradient(cache);
  }
}

/// The activation whose derivative `layer` can leave to the next one; identity: none.
template <Layer L>
[[nodiscard]] Activation derivative_to_leave(const L& layer) {
  if constexpr (requires { layer.output_activation(); }) {
    const Activation kind = layer.output_activation();
    return needs_input(kind) ? Activation::identity : kind;
  }
  return Activation::identity;
}

template <Layer L>
void leave_derivative(const L& layer, typename L::Cache& cache) {
  if constexpr (requires { layer.leave_derivative(cache); }) {
    layer.leave_derivative(cache);
  }
}

/// False where the layer cannot take it.
template <Layer L>
[[nodiscard]] bool take_derivative(const L& layer, Activation kind, typename L::Cache& cache) {
  if constexpr (requires { layer.take_derivative(kind, cache); }) {
    return layer.take_derivative(kind, cache);
  }
  return false;
}

/// Hands the derivative of the activation between two layers from the first to the second, where both can.
template <Layer First, Layer Second>
void fuse_derivative(const First& first, typename First::Cache& first_cache, const Second& second,
                     typename Second::Cache& second_cache) {
  const Activation kind = derivative_to_leave(first);
  if (kind != Activation::identity && take_derivative(second, kind, second_cache)) {
    leave_derivative(first, first_cache);
  }
}

}  // namespace vaekit::inline VAEKIT_ABI
