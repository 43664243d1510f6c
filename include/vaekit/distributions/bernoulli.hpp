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

namespace detail {

/// Σⱼ cⱼ − log Π (1 + eⱼ) for 0 ≤ e ≤ 1: one logarithm for many factors, whose product cannot overflow before
/// the next one is taken.
template <class T>
class BernoulliSum {
 public:
  /// `terms(j, which)` gives e and c of a vector of elements.
  template <class Terms>
  void add(Index count, Terms&& terms) {
    constexpr Index factors = 64;  // a product of at most 2⁶⁴
    for (Index first = 0; first < count; first += factors * lanes<T>) {
      Simd<T> product(T{1});
      for_each_vector<T>(std::min(count - first, factors * lanes<T>), [&](Index i, auto which) {
        const auto [exponential, linear] = terms(first + i, which);
        product = xsimd::fma(product, keep<T>(exponential, which), product);
        sum_ += linear;
      });
      sum_ -= math::log<T>(product);
    }
  }
  [[nodiscard]] T value() const { return sum_lanes<T>(sum_); }

 private:
  Simd<T> sum_ = Simd<T>(T{0});
};

}  // namespace detail

/// Bernoulli on logits; grey values in [0, 1] count as probabilities (cross-entropy).
///
///   log p(x|l) = Σⱼ xⱼ lⱼ − softplus(lⱼ),   ∂/∂l = x − sigmoid(l),   mean = sigmoid(l)
///
/// Shapes    params = logits [n·samples × features], x [n × features]
/// Units     nats, summed over features
/// Accuracy  no probability is formed: every finite logit is safe; a feature adds at most 6e-8 (double:
/// 1e-16) nats
///           to the rounding of the sum
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
  [[nodiscard]] Support support(Index) const { return {0, 1}; }
  [[nodiscard]] Cache make_cache(Index rows) const { return {Matrix<T>(rows, features)}; }
  void initialize() {}

  void log_prob(MatrixIn<T> params, MatrixIn<T> x, std::span<T> out) const {
    for_each_row(params, x, out, [](const T* logits, const T* values, Index n, Index) {
      detail::BernoulliSum<T> sum;
      sum.add(n, [&](Index j, auto which) {
        const Simd<T> l = load(logits + j, which);
        return std::pair{math::detail::HalfSigmoid<T>(l).exponential, linear_part(values + j, l, which)};
      });
      return sum.value();
    });
  }

  void forward(MatrixIn<T> params, MatrixIn<T> x, std::span<T> out, Cache& cache) const {
    for_each_row(params, x, out, [&](const T* logits, const T* values, Index n, Index row) {
      T* gradient = cache.gradient.data() + row * n;
      detail::BernoulliSum<T> sum;
      sum.add(n, [&](Index j, auto which) {
        const Simd<T> l = load(logits + j, which);
        const math::detail::HalfSigmoid<T> half(l);
        store(gradient + j, Simd<T>(load(values + j, which) - half.sigmoid(l)), which);
        return std::pair{half.exponential, linear_part(values + j, l, which)};
      });
      return sum.value();
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
  /// x l − max(l, 0): what is left of x l − softplus(l) beside the logarithm.
  template <class Which>
  static Simd<T> linear_part(const T* values, const Simd<T>& l, Which which) {
    return xsimd::fms(load(values, which), l, xsimd::max(l, Simd<T>(T{0})));
  }

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
