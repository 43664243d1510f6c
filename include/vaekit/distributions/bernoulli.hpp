// SPDX-License-Identifier: MIT
#pragma once

#include "vaekit/distributions/distribution.hpp"
#include "vaekit/kernels/elementwise.hpp"
#include "vaekit/kernels/random.hpp"
#include "vaekit/kernels/reduce.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct BernoulliConfig {
  static constexpr std::string_view kind = "bernoulli";
  static constexpr std::string_view noun = "likelihood";
  static constexpr auto fields() { return std::tuple{}; }
};

/// Bernoulli on logits; grey values in [0, 1] count as probabilities (cross-entropy).
///
///   log p(x|l) = Σⱼ xⱼ lⱼ − softplus(lⱼ),   ∂/∂l = x − sigmoid(l),   mean = sigmoid(l)
///
/// Shapes    params = logits [n·samples × features], x [n × features]
/// Units     nats, summed over features
/// Accuracy  exact to rounding for every finite logit: no probability is formed
/// Threads   const calls are safe with a cache each
template <class T = float>
struct Bernoulli {
  using Scalar = T;
  using Config = BernoulliConfig;
  struct Cache {
    Matrix<T> gradient;  // [rows × features] ∂ log p / ∂ logits
  };

  Index features = 0;

  Bernoulli() = default;
  Bernoulli(const BernoulliConfig&, Index feature_count) : features(feature_count) {}

  [[nodiscard]] Index head_size() const { return features; }
  [[nodiscard]] Index feature_count() const { return features; }
  [[nodiscard]] Support support() const { return {0, 1}; }
  [[nodiscard]] Cache make_cache(Index rows) const { return {Matrix<T>(rows, features)}; }
  void initialize() {}

  void log_prob(MatrixIn<T> params, MatrixIn<T> x, std::span<T> out) const {
    for_each_row(params, x, out, [](const T* logits, const T* values, Index n, Index) {
      Simd<T> sum(T{0});
      for_each_vector<T>(n, [&](Index j, auto which) {
        const Simd<T> l = load(logits + j, which);
        sum += keep<T>(load(values + j, which) * l - math::softplus<T>(l), which);
      });
      return sum_lanes<T>(sum);
    });
  }

  void forward(MatrixIn<T> params, MatrixIn<T> x, std::span<T> out, Cache& cache) const {
    for_each_row(params, x, out, [&](const T* logits, const T* values, Index n, Index row) {
      T* gradient = cache.gradient.data() + row * n;
      Simd<T> sum(T{0});
      for_each_vector<T>(n, [&](Index j, auto which) {
        const Simd<T> l = load(logits + j, which);
        const Simd<T> value = load(values + j, which);
        const math::SigmoidSoftplus<T> both = math::sigmoid_softplus<T>(l);
        store(gradient + j, Simd<T>(value - both.sigmoid), which);
        sum += keep<T>(value * l - both.softplus, which);
      });
      return sum_lanes<T>(sum);
    });
  }

  void backward(std::span<const T> dout, Cache& cache, Bernoulli&) const {
    scale_rows<T>(dout, top(cache.gradient, static_cast<Index>(dout.size())));
  }

  void mean(MatrixIn<T> params, MatrixOut<T> out) const { activate<T>(Activation::sigmoid, params, out); }

  /// x ∈ {0, 1}
  void sample(MatrixIn<T> params, const RandomStream& stream, MatrixOut<T> out) const {
    mean(params, out);
    for (Index row = 0; row < out.rows(); ++row) {
      sample_bernoulli(
          std::span<T>(out.data() + row * out.outerStride(), static_cast<std::size_t>(out.cols())), stream,
          static_cast<std::uint64_t>(row * out.cols()));
    }
  }

  static void reflect(auto&, auto&&) {}

 private:
  template <class Row>
  static void for_each_row(MatrixIn<T> params, MatrixIn<T> x, std::span<T> out, Row&& row_value) {
    const Index samples = params.rows() / x.rows();
    parallel_for(params.rows(), row_grain(8 * params.cols()), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        out[static_cast<std::size_t>(row)] =
            row_value(params.data() + row * params.outerStride(), x.data() + row / samples * x.outerStride(),
                      params.cols(), row);
      }
    });
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
