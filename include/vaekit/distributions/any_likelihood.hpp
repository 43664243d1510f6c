// SPDX-License-Identifier: MIT
#pragma once

#include <tuple>
#include <utility>
#include <variant>

#include "vaekit/core/variant.hpp"
#include "vaekit/distributions/distribution.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {
template <class Tuple>
struct LikelihoodList;
template <class... L>
struct LikelihoodList<std::tuple<L...>> {
  using Variant = std::variant<L...>;
  using ConfigVariant = std::variant<typename L::Config...>;
  using CacheVariant = std::variant<typename L::Cache...>;
};
}  // namespace detail

/// A likelihood of the list, chosen at run time; itself a Likelihood. A value: copies are deep.
///
/// Threads  const calls are safe with a cache each
template <class Likelihoods>
struct AnyOf {
  using List = detail::LikelihoodList<Likelihoods>;
  using Variant = typename List::Variant;
  using Scalar = typename std::tuple_element_t<0, Likelihoods>::Scalar;
  using T = Scalar;
  struct Cache {
    typename List::CacheVariant chosen;
    /// The gradient that the last `backward` left, [rows × head_size].
    [[nodiscard]] Matrix<T>& gradient_matrix() {
      return std::visit([](auto& cache) -> Matrix<T>& { return cache.gradient; }, chosen);
    }
  };

  Variant chosen;

  AnyOf() = default;
  /// Throws ConfigError when a number is out of range.
  AnyOf(const typename List::ConfigVariant& config, Index features)
      : chosen(make_alternative<Variant>(config, features)) {}

  [[nodiscard]] Index head_size() const {
    return visit([](const auto& l) { return l.head_size(); });
  }
  [[nodiscard]] Index feature_count() const {
    return visit([](const auto& l) { return l.feature_count(); });
  }
  [[nodiscard]] Support support(Index feature) const {
    return visit([&](const auto& l) { return l.support(feature); });
  }
  [[nodiscard]] Cache make_cache(Index rows) const {
    return visit([&]<class L>(const L& l) {
      return Cache{typename List::CacheVariant(std::in_place_type<typename L::Cache>, l.make_cache(rows))};
    });
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
  void backward(std::span<const T> dout, Cache& cache, AnyOf& grad) const {
    visit([&]<class L>(const L& l) {
      l.backward(dout, std::get<typename L::Cache>(cache.chosen), std::get<L>(grad.chosen));
    });
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
