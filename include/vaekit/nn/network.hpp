// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "vaekit/nn/builtin.hpp"
#include "vaekit/nn/chain.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {
template <class Tuple>
struct LayerList;
template <class... Layers>
struct LayerList<std::tuple<Layers...>> {
  using Variant = std::variant<Layers...>;
  using ConfigVariant = std::variant<typename Layers::Config...>;
  using CacheVariant = std::variant<typename Layers::Cache...>;

  /// The layer whose Config is `config`, for samples of shape `input`.
  static Variant make(const ConfigVariant& config, const Shape& input) {
    return std::visit(
        [&]<class C>(const C& chosen) {
          Variant layer;
          ((std::same_as<typename Layers::Config, C> ? build<Layers>(layer, chosen, input) : void()), ...);
          return layer;
        },
        config);
  }

 private:
  template <class L, class C>
  static void build(Variant& layer, const C& config, const Shape& input) {
    if constexpr (std::same_as<typename L::Config, C>) {
      layer.template emplace<L>(config, input);
    }
  }
};
}  // namespace detail

/// The Config of any layer of the list.
template <class Layers = BuiltinLayers<float>>
using LayerConfig = typename detail::LayerList<Layers>::ConfigVariant;

/// Layers one after another, composed at run time; itself a Layer, with the same bits as `Sequential`.
///
/// A value: copies are deep. No layers at all is the identity.
/// Threads   const calls are safe with a cache each
template <class T = float, class Layers = BuiltinLayers<T>>
struct Network {
  using Scalar = T;
  using List = detail::LayerList<Layers>;
  struct Cache {
    std::vector<typename List::CacheVariant> layers;
    detail::ChainBuffers<T> between;
  };

  std::vector<typename List::Variant> layers;
  Shape input;

  Network() = default;
  /// Builds the layers for samples of shape `input_shape`; each takes the shape that the one before puts out.
  Network(std::span<const typename List::ConfigVariant> configs, const Shape& shape) : input(shape) {
    layers.reserve(configs.size());
    for (const auto& config : configs) {
      layers.push_back(List::make(config, output_shape()));
    }
  }

  [[nodiscard]] Shape input_shape() const { return input; }
  [[nodiscard]] Shape output_shape() const {
    return layers.empty()
               ? input
               : std::visit([](const auto& layer) { return Shape(layer.output_shape()); }, layers.back());
  }
  [[nodiscard]] double multiply_adds() const {
    double sum = 0;
    for_each([&](std::size_t, const auto& layer) { sum += layer.multiply_adds(); });
    return sum;
  }

  void initialize(const RandomStream& stream) {
    for_each_of(layers, [&](std::size_t i, auto& layer) { layer.initialize(stream.child(i)); });
  }

  [[nodiscard]] Cache make_cache(Index batch) const {
    Cache cache;
    for_each([&](std::size_t i, const auto& layer) {
      cache.layers.emplace_back(layer.make_cache(batch));
      if (i + 1 < layers.size()) {
        cache.between.add(batch, layer.output_shape().size());
      }
    });
    detail::chain_fuse_derivatives(layers.size(), layer_and_cache(cache));
    return cache;
  }

  void draw_noise(const NoiseSource& source, Index batch, Cache& cache) const {
    for_each([&]<class L>(std::size_t i, const L& layer) {
      draw_layer_noise(layer, source ? NoiseSource(source->child(i)) : source, batch,
                       std::get<typename L::Cache>(cache.layers[i]));
    });
  }

  void pack(Cache& cache) const {
    for_each([&]<class L>(std::size_t i, const L& layer) {
      pack_layer(layer, std::get<typename L::Cache>(cache.layers[i]));
    });
  }
  void unpack(Cache& cache) const {
    for_each([&]<class L>(std::size_t i, const L& layer) {
      unpack_layer(layer, std::get<typename L::Cache>(cache.layers[i]));
    });
  }

  [[nodiscard]] Activation output_activation() const {
    return layers.empty()
               ? Activation::identity
               : std::visit([](const auto& layer) { return derivative_to_leave(layer); }, layers.back());
  }
  void leave_derivative(Cache& cache) const {
    if (!layers.empty()) {
      layer_and_cache(cache)(layers.size() - 1,
                             [](const auto& layer, auto& own) { vaekit::leave_derivative(layer, own); });
    }
  }
  [[nodiscard]] bool take_derivative(Activation kind, Cache& cache) const {
    bool taken = false;
    if (!layers.empty()) {
      layer_and_cache(cache)(
          0, [&](const auto& layer, auto& own) { taken = vaekit::take_derivative(layer, kind, own); });
    }
    return taken;
  }

  void clear_gradient(Cache& cache, Network& grad) const {
    for_each([&]<class L>(std::size_t i, const L& layer) {
      vaekit::clear_gradient(layer, std::get<typename L::Cache>(cache.layers[i]),
                             std::get<L>(grad.layers[i]));
    });
  }

  void skip_parameter_gradient(Cache& cache) const {
    for_each([&]<class L>(std::size_t i, const L& layer) {
      vaekit::skip_parameter_gradient(layer, std::get<typename L::Cache>(cache.layers[i]));
    });
  }

  void forward(MatrixIn<T> x, MatrixOut<T> y, Cache& cache) const {
    detail::chain_forward<T>(layers.size(), x, y, cache.between, layer_and_cache(cache));
  }

  void backward(MatrixIn<T> x, MatrixIn<T> y, MatrixIn<T> dy, MatrixOut<T> dx, Cache& cache,
                Network& grad) const {
    detail::chain_backward<T>(layers.size(), x, y, dy, dx, cache.between, [&](std::size_t i, auto&& run) {
      std::visit(
          [&]<class L>(const L& layer) {
            run(layer, std::get<typename L::Cache>(cache.layers[i]), std::get<L>(grad.layers[i]));
          },
          layers[i]);
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
      std::visit([&]<class L>(const L& layer) { f(layer, std::get<typename L::Cache>(cache.layers[i])); },
                 layers[i]);
    };
  }

  static void for_each_of(auto& list, auto&& visit) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      std::visit([&](auto& layer) { visit(i, layer); }, list[i]);
    }
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
