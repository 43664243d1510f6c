// SPDX-License-Identifier: MIT
#pragma once

#include "vaekit/latent/flow.hpp"
#include "vaekit/nn/dense.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct CouplingFlowConfig {
  static constexpr std::string_view kind = "coupling";
  static constexpr std::string_view noun = "flow";
  Index hidden = 64;
  double max_log_scale = 2;

  static constexpr auto fields() {
    return std::tuple{
        field("hidden", &CouplingFlowConfig::hidden, "units of the hidden layer", between(1, 100'000)),
        field("max_log_scale", &CouplingFlowConfig::max_log_scale,
              "bound of the logarithm of the factors of one step", between(0.01, 20))};
  }
};

/// One half of the variables, A, decides how the other half, B, is scaled and shifted; at even positions A is
/// the first dim / 2 columns, at odd ones B is:
///
///   raw | t = W₂ tanh(W₁ z_A + b₁) + b₂,   s = L tanh(raw / L),   L = max_log_scale
///   f(z)_A = z_A,   f(z)_B = z_B ∘ eˢ + t,   log |det| = Σ s
///
/// Starts near the identity. Its inverse costs the same.
///
/// Shapes   no parameters from the inputs; weights [hidden × |A|], [2 |B| × hidden]
/// Units    nats
/// Threads  const calls are safe with a cache each; no bit depends on their number
/// Source   Dinh et al. 2017 (arXiv:1605.08803), section 3.2
template <class T = float>
struct CouplingFlow {
  using Scalar = T;
  using Config = CouplingFlowConfig;
  struct Cache {
    typename Dense<T>::Cache hidden_layer;
    typename Dense<T>::Cache output_layer;
    Matrix<T> hidden;   // [rows × hidden]
    Matrix<T> dhidden;  // [rows × hidden]
    Matrix<T> output;   // [rows × 2 |B|], s | t
    Matrix<T> doutput;  // [rows × 2 |B|]
    Matrix<T> dkept;    // [rows × |A|]
  };

  Index dim = 0;
  bool is_reversed = false;
  T max_log_scale = 2;
  Dense<T> hidden;
  Dense<T> output;

  CouplingFlow() = default;
  /// Throws ConfigError when a number is out of range or there is nothing to divide.
  CouplingFlow(const Config& config, Index columns, Index position)
      : dim(checked_dim(columns)),
        is_reversed(position % 2 != 0),
        max_log_scale(static_cast<T>(checked("coupling flow", config).max_log_scale)),
        hidden({.units = config.hidden, .activation = Activation::tanh}, Shape::flat(kept_count())),
        output({.units = 2 * changed_count(), .initializer = Initializer::small_normal},
               Shape::flat(config.hidden)) {}

  [[nodiscard]] Index parameter_count() const { return 0; }
  [[nodiscard]] Cache make_cache(Index rows) const {
    const Index units = hidden.weight.rows();
    Cache cache{.hidden_layer = hidden.make_cache(rows),
                .output_layer = output.make_cache(rows),
                .hidden = Matrix<T>(rows, units),
                .dhidden = Matrix<T>(rows, units),
                .output = Matrix<T>(rows, 2 * changed_count()),
                .doutput = Matrix<T>(rows, 2 * changed_count()),
                .dkept = Matrix<T>(rows, kept_count())};
    if (output.take_derivative(hidden.output_activation(), cache.output_layer)) {
      hidden.leave_derivative(cache.hidden_layer);
    }
    return cache;
  }
  void initialize(const RandomStream& stream) {
    hidden.initialize(stream.child(0));
    output.initialize(stream.child(1));
  }

  void forward(MatrixIn<T>, MatrixIn<T> in, MatrixOut<T> out, std::span<T> log_det, Cache& cache) const {
    run_net(in, cache);
    const Index count = changed_count();
    parallel_for(in.rows(), row_grain(8 * dim), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        const T* z = detail::row_of<T>(in, row);
        const T* log_scale = cache.output.data() + row * 2 * count;
        T* target = detail::row_of<T>(out, row);
        std::copy_n(z + kept_column(), kept_count(), target + kept_column());
        log_det[static_cast<std::size_t>(row)] += sum_vectors<T>(count, [&](Index j, auto which) {
          const Simd<T> s = load(log_scale + j, which);
          const Simd<T> value = load(z + changed_column() + j, which);
          store(target + changed_column() + j,
                Simd<T>(xsimd::fma(value, math::exp<T>(s), load(log_scale + count + j, which))), which);
          return s;
        });
      }
    });
  }

  void backward(MatrixIn<T>, MatrixIn<T> in, MatrixIn<T>, MatrixIn<T> dout, std::span<const T> dlog_det,
                Cache& cache, MatrixOut<T> din, MatrixOut<T>, CouplingFlow& grad) const {
    const Index rows = in.rows();
    scale_backward(in, dout, dlog_det, cache, din);
    output.backward(cache.hidden.topRows(rows), cache.output.topRows(rows), cache.doutput.topRows(rows),
                    top(cache.dhidden, rows), cache.output_layer, grad.output);
    hidden.backward(in.middleCols(kept_column(), kept_count()), cache.hidden.topRows(rows),
                    cache.dhidden.topRows(rows), top(cache.dkept, rows), cache.hidden_layer, grad.hidden);
    for (Index row = 0; row < rows; ++row) {
      detail::add_multiple<T>(T{1}, cache.dkept.data() + row * kept_count(),
                              detail::row_of<T>(din, row) + kept_column(), kept_count());
    }
  }

  void inverse(MatrixIn<T> out, MatrixOut<T> in, Cache& cache) const {
    run_net(out, cache);
    const Index count = changed_count();
    for (Index row = 0; row < out.rows(); ++row) {
      const T* value = detail::row_of<T>(out, row);
      const T* log_scale = cache.output.data() + row * 2 * count;
      T* z = detail::row_of<T>(in, row);
      std::copy_n(value + kept_column(), kept_count(), z + kept_column());
      for_each_vector<T>(count, [&](Index j, auto which) {
        const Simd<T> shifted =
            load(value + changed_column() + j, which) - load(log_scale + count + j, which);
        store(z + changed_column() + j, Simd<T>(shifted * math::exp<T>(-load(log_scale + j, which))), which);
      });
    }
  }

  static void reflect(auto& self, auto&& visit) {
    visit("hidden", self.hidden);
    visit("output", self.output);
  }

 private:
  [[nodiscard]] static Index checked_dim(Index columns) {
    if (columns < 2) {
      throw ConfigError(concat("coupling flow: dim is ", columns,
                               ", must be >= 2: one half decides how the other is changed"));
    }
    return columns;
  }
  [[nodiscard]] Index kept_count() const { return is_reversed ? dim - dim / 2 : dim / 2; }
  [[nodiscard]] Index changed_count() const { return dim - kept_count(); }
  [[nodiscard]] Index kept_column() const { return is_reversed ? dim / 2 : 0; }
  [[nodiscard]] Index changed_column() const { return is_reversed ? 0 : dim / 2; }

  /// s | t, of the half of `values` that stays as it is.
  void run_net(MatrixIn<T> values, Cache& cache) const {
    const Index rows = values.rows();
    const Index count = changed_count();
    hidden.forward(values.middleCols(kept_column(), kept_count()), top(cache.hidden, rows),
                   cache.hidden_layer);
    output.forward(cache.hidden.topRows(rows), top(cache.output, rows), cache.output_layer);
    const Simd<T> bound(max_log_scale);
    parallel_for(rows, row_grain(8 * count), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        T* const raw = cache.output.data() + row * 2 * count;
        for_each_vector<T>(count, [&](Index j, auto which) {
          store(raw + j, Simd<T>(bound * math::tanh<T>(load(raw + j, which) / bound)), which);
        });
      }
    });
  }

  /// Gradients of raw | t, and of z through the scale alone.
  void scale_backward(MatrixIn<T> in, MatrixIn<T> dout, std::span<const T> dlog_det, Cache& cache,
                      MatrixOut<T>& din) const {
    const Index count = changed_count();
    const Simd<T> bound(max_log_scale);
    parallel_for(in.rows(), row_grain(8 * dim), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        const T* z = detail::row_of<T>(in, row) + changed_column();
        const T* upstream = detail::row_of<T>(dout, row);
        const T* log_scale = cache.output.data() + row * 2 * count;
        T* draw = cache.doutput.data() + row * 2 * count;
        T* to_in = detail::row_of<T>(din, row);
        const Simd<T> density(dlog_det[static_cast<std::size_t>(row)]);
        if (to_in != upstream) {
          std::copy_n(upstream + kept_column(), kept_count(), to_in + kept_column());
        }
        for_each_vector<T>(count, [&](Index j, auto which) {
          const Simd<T> g = load(upstream + changed_column() + j, which);
          const Simd<T> s = load(log_scale + j, which);
          const Simd<T> share = s / bound;  // tanh(raw / L)
          const Simd<T> scaled = g * math::exp<T>(s);
          const Simd<T> ds = xsimd::fma(scaled, load(z + j, which), density);
          store(draw + j, Simd<T>(ds * (Simd<T>(T{1}) - share * share)), which);
          store(draw + count + j, g, which);
          store(to_in + changed_column() + j, scaled, which);
        });
      }
    });
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
