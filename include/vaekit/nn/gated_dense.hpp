// SPDX-License-Identifier: MIT
#pragma once

#include "vaekit/nn/dense.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct GatedDenseConfig {
  static constexpr std::string_view kind = "gated_dense";
  static constexpr std::string_view noun = "layer";
  Index units = 1;
  Activation activation = Activation::identity;
  Initializer initializer = Initializer::fan_in_uniform;

  static constexpr auto fields() {
    return std::tuple{
        required_field("units", &GatedDenseConfig::units, "number of outputs", size_range),
        field("activation", &GatedDenseConfig::activation, "function applied to the values before the gate"),
        field("initializer", &GatedDenseConfig::initializer, "distribution of the first weights")};
  }
};

/// Fully connected layer with a gate for each output:
///
///   y = act(x Wₕᵀ + bₕ) ∘ sigmoid(x W_gᵀ + b_g)
///
/// Shapes    x [batch × in], y [batch × out]
/// Gradient  as two dense layers whose gradients of the output are dy ∘ gate and dy ∘ value
/// Threads   const calls are safe with a cache each
/// Source    Dauphin et al. 2017 (arXiv:1612.08083) eq. 1; in VAEs Tomczak & Welling 2018 (arXiv:1705.07120)
template <class T = float>
struct GatedDense {
  using Scalar = T;
  using Config = GatedDenseConfig;
  struct Cache {
    typename Dense<T>::Cache value_cache;
    typename Dense<T>::Cache gate_cache;
    Matrix<T> values;      // [batch × out]
    Matrix<T> gates;       // [batch × out]
    Matrix<T> dvalues;     // [batch × out]
    Matrix<T> dgates;      // [batch × out]
    Matrix<T> dx_by_gate;  // [batch × in]
  };

  Dense<T> value;
  Dense<T> gate;

  GatedDense() = default;
  /// Throws ConfigError when `units` < 1.
  GatedDense(const Config& config, const Shape& input)
      : value({.units = checked("gated_dense", config).units,
               .activation = config.activation,
               .initializer = config.initializer},
              input),
        gate({.units = config.units, .activation = Activation::sigmoid, .initializer = config.initializer},
             input) {}

  [[nodiscard]] Shape input_shape() const { return value.input_shape(); }
  [[nodiscard]] Shape output_shape() const { return value.output_shape(); }
  [[nodiscard]] double multiply_adds() const { return value.multiply_adds() + gate.multiply_adds(); }

  void initialize(const RandomStream& stream) {
    value.initialize(stream.child(0));
    gate.initialize(stream.child(1));
  }

  [[nodiscard]] Cache make_cache(Index batch) const {
    const Index out = value.weight.rows();
    return {value.make_cache(batch),
            gate.make_cache(batch),
            Matrix<T>(batch, out),
            Matrix<T>(batch, out),
            Matrix<T>(batch, out),
            Matrix<T>(batch, out),
            Matrix<T>(batch, value.weight.cols())};
  }

  void forward(MatrixIn<T> x, MatrixOut<T> y, Cache& cache) const {
    const Index batch = x.rows();
    value.forward(x, top(cache.values, batch), cache.value_cache);
    gate.forward(x, top(cache.gates, batch), cache.gate_cache);
    for_each_row(batch, [&](Index row) {
      const T* values = cache.values.data() + row * cache.values.cols();
      const T* gates = cache.gates.data() + row * cache.gates.cols();
      T* target = y.data() + row * y.outerStride();
      for_each_vector<T>(cache.values.cols(), [&](Index j, auto which) {
        store(target + j, Simd<T>(load(values + j, which) * load(gates + j, which)), which);
      });
    });
  }

  void pack(Cache& cache) const {
    value.pack(cache.value_cache);
    gate.pack(cache.gate_cache);
  }
  void unpack(Cache& cache) const {
    value.unpack(cache.value_cache);
    gate.unpack(cache.gate_cache);
  }
  void clear_gradient(Cache& cache, GatedDense& grad) const {
    value.clear_gradient(cache.value_cache, grad.value);
    gate.clear_gradient(cache.gate_cache, grad.gate);
  }
  void skip_parameter_gradient(Cache& cache) const {
    value.skip_parameter_gradient(cache.value_cache);
    gate.skip_parameter_gradient(cache.gate_cache);
  }

  void backward(MatrixIn<T> x, MatrixIn<T>, MatrixIn<T> dy, MatrixOut<T> dx, Cache& cache,
                GatedDense& grad) const {
    const Index batch = dy.rows();
    const auto values = cache.values.topRows(batch);
    const auto gates = cache.gates.topRows(batch);
    for_each_row(batch, [&](Index row) {
      const Index first = row * cache.values.cols();
      const T* upstream = dy.data() + row * dy.outerStride();
      for_each_vector<T>(cache.values.cols(), [&](Index j, auto which) {
        const Simd<T> g = load(upstream + j, which);
        store(cache.dvalues.data() + first + j, Simd<T>(g * load(cache.gates.data() + first + j, which)),
              which);
        store(cache.dgates.data() + first + j, Simd<T>(g * load(cache.values.data() + first + j, which)),
              which);
      });
    });
    value.backward(x, values, cache.dvalues.topRows(batch), dx, cache.value_cache, grad.value);
    const MatrixOut<T> other = dx.size() == 0 ? no_matrix<T>() : top(cache.dx_by_gate, batch);
    gate.backward(x, gates, cache.dgates.topRows(batch), other, cache.gate_cache, grad.gate);
    for_each_row(dx.rows(), [&](Index row) {
      T* target = dx.data() + row * dx.outerStride();
      const T* more = other.data() + row * other.outerStride();
      for_each_vector<T>(dx.cols(), [&](Index j, auto which) {
        store(target + j, Simd<T>(load(target + j, which) + load(more + j, which)), which);
      });
    });
  }

  /// Names of the tensors as in the code of Tomczak & Welling.
  static void reflect(auto& self, auto&& visit) {
    visit("h", self.value);
    visit("g", self.gate);
  }

 private:
  /// On several threads where there is work enough.
  template <class Body>
  void for_each_row(Index rows, Body&& body) const {
    parallel_for(rows, row_grain(2 * value.weight.rows()), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        body(row);
      }
    });
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
