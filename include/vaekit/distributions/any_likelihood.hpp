// SPDX-License-Identifier: MIT
#pragma once

#include <variant>

#include "vaekit/core/variant.hpp"
#include "vaekit/distributions/distribution.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// A likelihood of the list, chosen at run time; itself a Likelihood. A value: copies are deep.
///
/// Threads  const calls are safe with a cache each
template <class Likelihoods>
struct AnyOf : AnyPart<Likelihoods> {
  using typename AnyPart<Likelihoods>::List;
  using Variant = typename List::Variant;
  using T = typename AnyPart<Likelihoods>::Scalar;
  using AnyPart<Likelihoods>::chosen;
  using AnyPart<Likelihoods>::visit;
  struct Cache : AnyPart<Likelihoods>::Cache {
    /// The gradient that the last `backward` left, [rows × head_size].
    [[nodiscard]] Matrix<T>& gradient_matrix() {
      return std::visit([](auto& cache) -> Matrix<T>& { return cache.gradient; }, this->chosen);
    }
  };

  AnyOf() = default;
  /// Throws ConfigError when a number is out of range.
  AnyOf(const typename List::ConfigVariant& config, Index features)
      : AnyPart<Likelihoods>(make_alternative<Variant>(config, features)) {}

  [[nodiscard]] Index head_size() const {
    return visit([](const auto& l) { return l.head_size(); });
  }
  [[nodiscard]] Index feature_count() const {
    return visit([](const auto& l) { return l.feature_count(); });
  }
  [[nodiscard]] Support support(Index feature) const {
    return visit([&](const auto& l) { return l.support(feature); });
  }
  [[nodiscard]] Cache make_cache(Index rows) const { return {AnyPart<Likelihoods>::make_cache(rows)}; }

  void log_prob(MatrixIn<T> params, MatrixIn<T> x, std::span<T> out) const {
    visit([&](const auto& l) { l.log_prob(params, x, out); });
  }
  void forward(MatrixIn<T> params, MatrixIn<T> x, std::span<T> out, Cache& cache) const {
    visit(cache, [&](const auto& l, auto& own) { l.forward(params, x, out, own); });
  }
  void backward(std::span<const T> dout, Cache& cache, AnyOf& grad) const {
    visit(cache, [&]<class L>(const L& l, auto& own) { l.backward(dout, own, std::get<L>(grad.chosen)); });
  }
  /// Changes the buffers of a likelihood that has any, after an optimizer step.
  void update(const RandomStream& stream, Index rows, const Cache& cache) {
    std::visit(
        [&]<class L>(L& l) {
          if constexpr (requires { l.update(stream, rows, std::get<typename L::Cache>(cache.chosen)); }) {
            l.update(stream, rows, std::get<typename L::Cache>(cache.chosen));
          }
        },
        chosen);
  }
  void mean(MatrixIn<T> params, MatrixOut<T> out) const {
    visit([&](const auto& l) { l.mean(params, out); });
  }
  void sample(MatrixIn<T> params, const RandomStream& stream, MatrixOut<T> out) const {
    visit([&](const auto& l) { l.sample(params, stream, out); });
  }
};

/// The gradient with respect to the head's outputs that a likelihood's `backward` left in its cache.
template <class Cache>
[[nodiscard]] auto& head_gradient(Cache& cache) {
  if constexpr (requires { cache.gradient_matrix(); }) {
    return cache.gradient_matrix();
  } else {
    return cache.gradient;
  }
}

}  // namespace vaekit::inline VAEKIT_ABI
