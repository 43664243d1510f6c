// SPDX-License-Identifier: MIT
#pragma once

#include "vaekit/core/variant.hpp"
#include "vaekit/distributions/bernoulli.hpp"
#include "vaekit/distributions/gaussian.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Config of any likelihood that a configuration can name: the one list, with `AnyLikelihood` below.
using LikelihoodConfig = std::variant<BernoulliConfig, GaussianConfig>;

/// A likelihood chosen at run time; itself a Likelihood. A value: copies are deep.
template <class T = float>
struct AnyLikelihood {
  using Scalar = T;
  using Variant = std::variant<Bernoulli<T>, Gaussian<T>>;
  struct Cache {
    std::variant<typename Bernoulli<T>::Cache, typename Gaussian<T>::Cache> chosen;
    /// The gradient that the last `backward` left, [rows × head_size].
    [[nodiscard]] Matrix<T>& gradient_matrix() {
      return std::visit([](auto& cache) -> Matrix<T>& { return cache.gradient; }, chosen);
    }
  };

  Variant chosen;

  AnyLikelihood() = default;
  /// Throws ConfigError when a number is out of range.
  AnyLikelihood(const LikelihoodConfig& config, Index features)
      : chosen(make_alternative<Variant>(config, features)) {}

  [[nodiscard]] Index head_size() const {
    return visit([](const auto& l) { return l.head_size(); });
  }
  [[nodiscard]] Index feature_count() const {
    return visit([](const auto& l) { return l.feature_count(); });
  }
  [[nodiscard]] Support support() const {
    return visit([](const auto& l) { return l.support(); });
  }
  [[nodiscard]] Cache make_cache(Index rows) const {
    return visit([&](const auto& l) { return Cache{l.make_cache(rows)}; });
  }
  void initialize() {
    std::visit([](auto& l) { l.initialize(); }, chosen);
  }

  void log_prob(MatrixIn<T> params, MatrixIn<T> x, std::span<T> out) const {
    visit([&](const auto& l) { l.log_prob(params, x, out); });
  }
  void forward(MatrixIn<T> params, MatrixIn<T> x, std::span<T> out, Cache& cache) const {
    visit([&]<class L>(const L& l) { l.forward(params, x, out, std::get<typename L::Cache>(cache.chosen)); });
  }
  void backward(std::span<const T> dout, Cache& cache, AnyLikelihood& grad) const {
    visit([&]<class L>(const L& l) {
      l.backward(dout, std::get<typename L::Cache>(cache.chosen), std::get<L>(grad.chosen));
    });
  }
  void mean(MatrixIn<T> params, MatrixOut<T> out) const {
    visit([&](const auto& l) { l.mean(params, out); });
  }
  void sample(MatrixIn<T> params, const RandomStream& stream, MatrixOut<T> out) const {
    visit([&](const auto& l) { l.sample(params, stream, out); });
  }

  static void reflect(auto& self, auto&& visitor) {
    std::visit([&]<class L>(L& l) { std::remove_cvref_t<L>::reflect(l, visitor); }, self.chosen);
  }

 private:
  template <class F>
  decltype(auto) visit(F&& f) const {
    return std::visit(std::forward<F>(f), chosen);
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
