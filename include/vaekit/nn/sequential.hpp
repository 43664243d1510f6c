// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <tuple>

#include "vaekit/nn/chain.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Layers one after another, composed at compile time; itself a Layer.
///
///   Sequential net{Dense<>({.units = 400, .activation = Activation::relu}, Shape::flat(784)),
///                  Dense<>({.units = 40}, Shape::flat(400))};
///
/// Shapes    as the first and the last layer
/// Throws    ShapeError when the output of a layer does not fit the next
/// Threads   const calls are safe with a cache each
template <Layer First, Layer... Rest>
struct Sequential {
  using Scalar = typename First::Scalar;
  static constexpr std::size_t size = 1 + sizeof...(Rest);
  struct Cache {
    std::tuple<typename First::Cache, typename Rest::Cache...> layers;
    detail::ChainBuffers<Scalar> between;
  };

  std::tuple<First, Rest...> layers;

  Sequential() = default;
  explicit Sequential(First first, Rest... rest) : layers(std::move(first), std::move(rest)...) {
    Index width = std::get<0>(layers).input_shape().size();
    for_each([&](std::size_t i, const auto& layer) {
      if (layer.input_shape().size() != width) {
        throw ShapeError(concat("Sequential: layer ", i, " takes ", layer.input_shape().size(),
                                " features, must take ", width, " (outputs of layer ", i - 1, ')'));
      }
      width = layer.output_shape().size();
    });
  }

  [[nodiscard]] Shape input_shape() const { return std::get<0>(layers).input_shape(); }
  [[nodiscard]] Shape output_shape() const { return std::get<size - 1>(layers).output_shape(); }
  [[nodiscard]] double multiply_adds() const {
    double sum = 0;
    for_each([&](std::size_t, const auto& layer) { sum += layer.multiply_adds(); });
    return sum;
  }

  void initialize(const RandomStream& stream) {
    for_each_of(layers, [&](std::size_t i, auto& layer) { layer.initialize(stream.child(i)); });
  }

  [[nodiscard]] Cache make_cache(Index batch) const {
    Cache cache{
        std::apply([&](const auto&... layer) { return std::tuple{layer.make_cache(batch)...}; }, layers), {}};
    for_each([&](std::size_t i, const auto& layer) {
      if (i + 1 < size) {
        cache.between.add(batch, layer.output_shape().size());
      }
    });
    detail::chain_fuse_derivatives(size, layer_and_cache(cache));
    return cache;
  }

  void draw_noise(const NoiseSource& source, Index batch, Cache& cache) const {
    each_index([&]<std::size_t I>() {
      draw_layer_noise(std::get<I>(layers), source ? NoiseSource(source->child(I)) : source, batch,
                       std::get<I>(cache.layers));
    });
  }

  void pack(Cache& cache) const {
    each_index([&]<std::size_t I>() { pack_layer(std::get<I>(layers), std::get<I>(cache.layers)); });
  }
  void unpack(Cache& cache) const {
    each_index([&]<std::size_t I>() { unpack_layer(std::get<I>(layers), std::get<I>(cache.layers)); });
  }

  [[nodiscard]] Activation output_activation() const {
    return derivative_to_leave(std::get<size - 1>(layers));
  }
  void leave_derivative(Cache& cache) const {
    vaekit::leave_derivative(std::get<size - 1>(layers), std::get<size - 1>(cache.layers));
  }
  [[nodiscard]] bool take_derivative(Activation kind, Cache& cache) const {
    return vaekit::take_derivative(std::get<0>(layers), kind, std::get<0>(cache.layers));
  }

  void clear_gradient(Cache& cache, Sequential& grad) const {
    each_index([&]<std::size_t I>() {
      vaekit::clear_gradient(std::get<I>(layers), std::get<I>(cache.layers), std::get<I>(grad.layers));
    });
  }

  void skip_parameter_gradient(Cache& cache) const {
    each_index([&]<std::size_t I>() {
      vaekit::skip_parameter_gradient(std::get<I>(layers), std::get<I>(cache.layers));
    });
  }

  void forward(MatrixIn<Scalar> x, MatrixOut<Scalar> y, Cache& cache) const {
    detail::chain_forward<Scalar>(size, x, y, cache.between, layer_and_cache(cache));
  }

  void backward(MatrixIn<Scalar> x, MatrixIn<Scalar> y, MatrixIn<Scalar> dy, MatrixOut<Scalar> dx,
                Cache& cache, Sequential& grad) const {
    detail::chain_backward<Scalar>(size, x, y, dy, dx, cache.between, [&](std::size_t i, auto&& run) {
      at(i, [&]<std::size_t I>() {
        run(std::get<I>(layers), std::get<I>(cache.layers), std::get<I>(grad.layers));
      });
    });
  }

  /// Calls `visit(i, layer)` in order.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for_each_of(layers, visit);
  }

  static void reflect(auto& self, auto&& visit) {
    for_each_of(self.layers, [&](std::size_t i, auto& layer) { visit(std::to_string(i), layer); });
  }

 private:
  /// Calls `f(layer i, cache i)`.
  [[nodiscard]] auto layer_and_cache(Cache& cache) const {
    return [this, &cache](std::size_t i, auto&& f) {
      at(i, [&]<std::size_t I>() { f(std::get<I>(layers), std::get<I>(cache.layers)); });
    };
  }

  template <class F>
  static void each_index(F&& f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) { (f.template operator()<I>(), ...); }
    (std::make_index_sequence<size>{});
  }

  template <class F>
  static void at(std::size_t i, F&& f) {
    each_index([&]<std::size_t I>() {
      if (i == I) {
        f.template operator()<I>();
      }
    });
  }

  static void for_each_of(auto& tuple, auto&& visit) {
    each_index([&]<std::size_t I>() { visit(I, std::get<I>(tuple)); });
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
