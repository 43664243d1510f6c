// SPDX-License-Identifier: MIT
#pragma once

#include "vaekit/latent/flow.hpp"
#include "vaekit/nn/dense.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct AutoregressiveFlowConfig {
  static constexpr std::string_view kind = "autoregressive";
  static constexpr std::string_view noun = "flow";
  Index hidden = 64;
  Index context = 0;

  static constexpr auto fields() {
    return std::tuple{
        field("hidden", &AutoregressiveFlowConfig::hidden, "units of the hidden layer", between(1, 100'000)),
        field("context", &AutoregressiveFlowConfig::context,
              "numbers from the encoder that the hidden layer sees; 0 in a prior", between(0, 100'000))};
  }
};

/// Each variable gated by those before it, in the order of the columns or, at odd positions, the reverse:
///
///   m | s = W₂ tanh(W₁ z + b₁ + V c) + b₂,   mᵢ and sᵢ functions of the variables before i and the context c
///   f(z) = σ ∘ z + (1 − σ) ∘ m,   σ = sigmoid(s),   log |det| = Σ log σ
///
/// Variables have degrees 1 ... dim in their order, hidden units k the degrees `least` + k mod (dim − least),
/// where `least` is 0 with a context and 1 without. A unit sees variables of degrees up to its own; mᵢ and sᵢ
/// see units of degrees below that of i. Other weights are 0 and stay so. f is one product after another,
/// the inverse goes through the variables one by one. Starts near σ = sigmoid(2), m = 0.
///
/// Shapes   each input gives c [context]; weights [hidden × dim], [2 dim × hidden], [hidden × context]
/// Units    nats
/// Threads  const calls are safe with a cache each; no bit depends on their number
/// Source   Kingma et al. 2016 (arXiv:1606.04934), algorithm 1 and equations 13 to 15; masks: Germain et al.
///          2015 (arXiv:1502.03509), section 4
template <class T = float>
struct AutoregressiveFlow {
  using Scalar = T;
  using Config = AutoregressiveFlowConfig;
  struct Cache {
    Matrix<T> hidden_mask;    // [hidden × dim], 0 or 1
    Matrix<T> output_mask;    // [2 dim × hidden]
    Matrix<T> hidden_weight;  // masked
    Matrix<T> output_weight;
    Matrix<T> hidden_gradient;  // [hidden × dim], in `inverse` the transposed weight
    Matrix<T> output_gradient;  // [2 dim × hidden]
    Matrix<T> context;          // [rows × hidden] V c, then its gradient
    Matrix<T> hidden;           // [rows × hidden]
    Matrix<T> dhidden;
    Matrix<T> output;  // [rows × 2 dim] m | σ
    Matrix<T> doutput;
  };

  Index dim = 0;
  bool is_reversed = false;
  Dense<T> hidden;
  Dense<T> output;
  Dense<T> context;

  AutoregressiveFlow() = default;
  /// Throws ConfigError when a number is out of range.
  AutoregressiveFlow(const Config& config, Index columns, Index position)
      : dim(columns),
        is_reversed(position % 2 != 0),
        hidden({.units = checked("autoregressive flow", config).hidden}, Shape::flat(dim)),
        output({.units = 2 * dim, .initializer = Initializer::small_normal}, Shape::flat(config.hidden)),
        context({.units = config.hidden, .bias = false}, Shape::flat(config.context)) {}

  [[nodiscard]] Index parameter_count() const { return context.weight.cols(); }
  [[nodiscard]] Cache make_cache(Index rows) const {
    const Index units = hidden.weight.rows();
    Cache cache{.hidden_mask = Matrix<T>(units, dim),
                .output_mask = Matrix<T>(2 * dim, units),
                .hidden_weight = Matrix<T>(units, dim),
                .output_weight = Matrix<T>(2 * dim, units),
                .hidden_gradient = Matrix<T>(units, dim),
                .output_gradient = Matrix<T>(2 * dim, units),
                .context = parameter_count() > 0 ? Matrix<T>(rows, units) : Matrix<T>(),
                .hidden = Matrix<T>(rows, units),
                .dhidden = Matrix<T>(rows, units),
                .output = Matrix<T>(rows, 2 * dim),
                .doutput = Matrix<T>(rows, 2 * dim)};
    fill_masks(cache.hidden_mask, cache.output_mask);
    return cache;
  }
  void initialize(const RandomStream& stream) {
    hidden.initialize(stream.child(0));
    output.initialize(stream.child(1));
    if (parameter_count() > 0) {
      context.initialize(stream.child(2));
    }
    output.bias.tail(dim).array() += T{2};
    Matrix<T> hidden_mask(hidden.weight.rows(), dim);
    Matrix<T> output_mask(2 * dim, hidden.weight.rows());
    fill_masks(hidden_mask, output_mask);
    hidden.weight.array() *= hidden_mask.array();
    output.weight.array() *= output_mask.array();
  }

  void forward(MatrixIn<T> params, MatrixIn<T> in, MatrixOut<T> out, std::span<T> log_det,
               Cache& cache) const {
    const Index rows = in.rows();
    mask_weights(cache);
    const HiddenEpilogue epilogue = hidden_epilogue(params, rows, cache);
    gemm<T>(as_is<T>(in), transposed<T>(cache.hidden_weight), dim, top(cache.hidden, rows), Store::overwrite,
            epilogue);
    const detail::BiasActivationEpilogue<T, activation::Identity> add_bias{output.bias.data(), nullptr, 0};
    gemm<T>(as_is<T>(cache.hidden), transposed<T>(cache.output_weight), hidden.weight.rows(),
            top(cache.output, rows), Store::overwrite, add_bias);
    parallel_for(rows, row_grain(16 * dim), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        const T* z = detail::row_of<T>(in, row);
        T* const shift = cache.output.data() + row * 2 * dim;
        T* target = detail::row_of<T>(out, row);
        log_det[static_cast<std::size_t>(row)] -= sum_vectors<T>(dim, [&](Index j, auto which) {
          const Simd<T> m = load(shift + j, which);
          const Simd<T> s = load(shift + dim + j, which);
          const Simd<T> gate = math::sigmoid<T>(s);
          const math::SigmoidSoftplus<T> closed = math::sigmoid_softplus<T>(-s);  // 1 − σ, −log σ: exact
          const Simd<T> value = load(z + j, which);
          store(target + j, Simd<T>(xsimd::fma(gate, value, Simd<T>(closed.sigmoid * m))), which);
          store(shift + dim + j, gate, which);
          return closed.softplus;
        });
      }
    });
  }

  void backward(MatrixIn<T> params, MatrixIn<T> in, MatrixIn<T>, MatrixIn<T> dout,
                std::span<const T> dlog_det, Cache& cache, MatrixOut<T> din, MatrixOut<T> dparams,
                AutoregressiveFlow& grad) const {
    const Index rows = in.rows();
    const Index units = hidden.weight.rows();
    gate_backward(in, dout, dlog_det, cache, din);
    gemm_with_column_sums<T>(cache.doutput.topRows(rows), cache.hidden.topRows(rows), cache.output_gradient,
                             Store::overwrite, grad.output.bias.span());
    grad.output.weight.array() += cache.output_gradient.array() * cache.output_mask.array();
    gemm<T>(as_is<T>(cache.doutput), as_is<T>(cache.output_weight), 2 * dim, top(cache.dhidden, rows),
            Store::overwrite, detail::DerivativeEpilogue<T>{Activation::tanh, cache.hidden.data(), units});
    gemm_with_column_sums<T>(cache.dhidden.topRows(rows), in, cache.hidden_gradient, Store::overwrite,
                             grad.hidden.bias.span());
    grad.hidden.weight.array() += cache.hidden_gradient.array() * cache.hidden_mask.array();
    gemm<T>(as_is<T>(cache.dhidden), as_is<T>(cache.hidden_weight), units, din, Store::accumulate);
    if (parameter_count() > 0) {
      context_backward(params, rows, cache, dparams, grad);
    }
  }

  /// Variable by variable: the hidden units of row r receive each as soon as it is known.
  void inverse(MatrixIn<T> out, MatrixOut<T> in, Cache& cache) const {
    mask_weights(cache);
    const Index units = hidden.weight.rows();
    T* const columns = cache.hidden_gradient.data();  // [dim × hidden]
    Eigen::Map<EigenMatrix<T>>(columns, dim, units) = cache.hidden_weight.transpose();
    parallel_for(out.rows(), row_grain(8 * dim * units), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        T* const a = cache.hidden.data() + row * units;
        std::copy_n(hidden.bias.data(), units, a);
        for (Index place = 0; place < dim; ++place) {
          const Index i = is_reversed ? dim - 1 - place : place;
          const auto [m, s] = outputs_of(i, a, cache);
          // z = (y − (1 − σ) m) / σ with 1/σ = 1 + e⁻ˢ
          in(row, i) = out(row, i) + std::exp(-s) * (out(row, i) - m);
          detail::add_multiple<T>(in(row, i), columns + i * units, a, units);
        }
      }
    });
  }

  static void reflect(auto& self, auto&& visit) {
    visit("hidden", self.hidden);
    visit("output", self.output);
    if (self.context.weight.size() > 0) {
      visit("context", self.context);
    }
  }

 private:
  /// tanh(W₁ z + b + V c) of each row and hidden unit, while the product is in registers.
  struct HiddenEpilogue {
    const T* bias;
    const T* context;  // [n × hidden], null: none
    Index units;
    Index samples;

    template <class Which>
    Simd<T> operator()(Simd<T> value, Index row, Index col, Which which) const {
      value += load(bias + col, which);
      if (context != nullptr) {
        value += load(context + row / samples * units + col, which);
      }
      return math::tanh<T>(value);
    }
  };

  [[nodiscard]] Index degree_of_variable(Index j) const { return is_reversed ? dim - j : j + 1; }
  [[nodiscard]] Index degree_of_unit(Index k) const {
    const Index least = parameter_count() > 0 || dim == 1 ? 0 : 1;
    return least + k % (dim - least);
  }
  void fill_masks(Matrix<T>& hidden_mask, Matrix<T>& output_mask) const {
    for (Index k = 0; k < hidden.weight.rows(); ++k) {
      for (Index j = 0; j < dim; ++j) {
        const bool is_seen = degree_of_variable(j) <= degree_of_unit(k);
        hidden_mask(k, j) = is_seen ? T{1} : T{0};
        output_mask(j, k) = is_seen ? T{0} : T{1};
        output_mask(dim + j, k) = output_mask(j, k);
      }
    }
  }
  void mask_weights(Cache& cache) const {
    cache.hidden_weight.array() = hidden.weight.array() * cache.hidden_mask.array();
    cache.output_weight.array() = output.weight.array() * cache.output_mask.array();
  }

  [[nodiscard]] HiddenEpilogue hidden_epilogue(MatrixIn<T> params, Index rows, Cache& cache) const {
    const Index units = hidden.weight.rows();
    if (parameter_count() == 0) {
      return {hidden.bias.data(), nullptr, units, 1};
    }
    gemm<T>(as_is<T>(params), transposed<T>(context.weight), parameter_count(),
            top(cache.context, params.rows()), Store::overwrite);
    return {hidden.bias.data(), cache.context.data(), units, rows / params.rows()};
  }

  /// din = dout ∘ σ, and the gradients of m | s.
  void gate_backward(MatrixIn<T> in, MatrixIn<T> dout, std::span<const T> dlog_det, Cache& cache,
                     MatrixOut<T>& din) const {
    parallel_for(in.rows(), row_grain(8 * dim), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        const T* z = detail::row_of<T>(in, row);
        const T* upstream = detail::row_of<T>(dout, row);
        const T* shift = cache.output.data() + row * 2 * dim;
        T* dshift = cache.doutput.data() + row * 2 * dim;
        T* to_in = detail::row_of<T>(din, row);
        const Simd<T> density(dlog_det[static_cast<std::size_t>(row)]);
        for_each_vector<T>(dim, [&](Index j, auto which) {
          const Simd<T> g = load(upstream + j, which);
          const Simd<T> gate = load(shift + dim + j, which);
          const Simd<T> closed = Simd<T>(T{1}) - gate;
          const Simd<T> difference = load(z + j, which) - load(shift + j, which);
          store(dshift + j, Simd<T>(g * closed), which);
          store(dshift + dim + j, Simd<T>(closed * xsimd::fma(g * gate, difference, density)), which);
          store(to_in + j, Simd<T>(g * gate), which);
        });
      }
    });
  }

  void context_backward(MatrixIn<T> params, Index rows, Cache& cache, MatrixOut<T>& dparams,
                        AutoregressiveFlow& grad) const {
    const Index samples = rows / params.rows();
    const Index units = hidden.weight.rows();
    parallel_for(params.rows(), row_grain(samples * units), [&](Index first, Index last) {
      for (Index i = first; i < last; ++i) {
        T* const sum = cache.context.data() + i * units;
        std::copy_n(cache.dhidden.data() + i * samples * units, units, sum);
        for (Index s = i * samples + 1; s < (i + 1) * samples; ++s) {
          detail::add_multiple<T>(T{1}, cache.dhidden.data() + s * units, sum, units);
        }
      }
    });
    gemm_with_column_sums<T>(cache.context.topRows(params.rows()), params, grad.context.weight,
                             Store::accumulate, std::span<T>());
    gemm<T>(as_is<T>(cache.context), as_is<T>(context.weight), units, dparams, Store::accumulate);
  }

  struct ShiftAndGate {
    T m;
    T s;
  };
  /// mᵢ and sᵢ from the sums that the hidden units have received so far.
  [[nodiscard]] ShiftAndGate outputs_of(Index i, const T* a, const Cache& cache) const {
    const Index units = hidden.weight.rows();
    const T* to_shift = cache.output_weight.data() + i * units;
    const T* to_gate = to_shift + dim * units;
    Simd<T> m(T{0});
    Simd<T> s(T{0});
    for_each_vector<T>(units, [&](Index k, auto which) {
      const Simd<T> h = math::tanh<T>(load(a + k, which));
      m += load(to_shift + k, which) * h;  // lanes that do not take part have weight 0
      s += load(to_gate + k, which) * h;
    });
    return {sum_lanes<T>(m) + output.bias[i], sum_lanes<T>(s) + output.bias[dim + i]};
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
