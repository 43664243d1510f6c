// SPDX-License-Identifier: MIT
//
// Posteriors and priors chosen at run time, each from a list of types.
#pragma once

#include <tuple>
#include <utility>
#include <variant>

#include "vaekit/core/variant.hpp"
#include "vaekit/latent/latent.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {
template <class Tuple>
struct PartList;
template <class... P>
struct PartList<std::tuple<P...>> {
  using Variant = std::variant<P...>;
  using ConfigVariant = std::variant<typename P::Config...>;
  using CacheVariant = std::variant<typename P::Cache...>;
};
}  // namespace detail

/// A posterior family of the list, chosen at run time; itself a LatentPosterior. A value: copies are deep.
template <class Latents>
struct AnyLatentOf {
  using List = detail::PartList<Latents>;
  using Scalar = typename std::tuple_element_t<0, Latents>::Scalar;
  using T = Scalar;
  struct Cache {
    typename List::CacheVariant chosen;
  };

  typename List::Variant chosen;
  Index dim = 0;

  AnyLatentOf() = default;
  /// Throws ConfigError when a number is out of range.
  explicit AnyLatentOf(const typename List::ConfigVariant& config)
      : chosen(make_alternative<typename List::Variant>(config)),
        dim(visit([](const auto& latent) { return latent.dim; })) {}

  [[nodiscard]] Index head_size() const {
    return visit([](const auto& latent) { return latent.head_size(); });
  }
  [[nodiscard]] Index noise_size() const {
    return visit([](const auto& latent) { return latent.noise_size(); });
  }
  [[nodiscard]] Index kl_columns() const {
    return visit([](const auto& latent) { return latent.kl_columns(); });
  }
  [[nodiscard]] bool is_diagonal_gaussian() const {
    return visit([](const auto& latent) { return vaekit::is_diagonal_gaussian(latent); });
  }
  [[nodiscard]] Cache make_cache(Index batch, Index rows) const {
    return visit([&]<class L>(const L& latent) {
      return Cache{
          typename List::CacheVariant(std::in_place_type<typename L::Cache>, latent.make_cache(batch, rows))};
    });
  }
  void initialize(const RandomStream& stream) {
    std::visit([&](auto& latent) { latent.initialize(stream); }, chosen);
  }

  void draw_noise(const RandomStream& stream, std::uint64_t first, MatrixOut<T> epsilon) const {
    visit([&](const auto& latent) { latent.draw_noise(stream, first, epsilon); });
  }
  [[nodiscard]] DiagonalGaussian<T> posterior(MatrixIn<T> params, Cache& cache) const {
    return visit([&]<class L>(const L& latent) { return latent.posterior(params, own<L>(cache)); });
  }
  [[nodiscard]] MomentGradient<T>& moment_gradient(Cache& cache) const {
    return std::visit([](auto& c) -> MomentGradient<T>& { return c.dq; }, cache.chosen);
  }
  void reparameterize(MatrixIn<T> params, MatrixIn<T> epsilon, Cache& cache, MatrixOut<T> z) const {
    visit([&]<class L>(const L& latent) { latent.reparameterize(params, epsilon, own<L>(cache), z); });
  }
  void log_prob(MatrixIn<T> params, MatrixIn<T> epsilon, MatrixIn<T> z, Cache& cache,
                std::span<T> out) const {
    visit([&]<class L>(const L& latent) { latent.log_prob(params, epsilon, z, own<L>(cache), out); });
  }
  void backward(MatrixIn<T> params, MatrixIn<T> epsilon, MatrixIn<T> z, MatrixIn<T> dz,
                std::span<const T> dlog_q, Cache& cache, MatrixOut<T> dparams, AnyLatentOf& grad) const {
    visit([&]<class L>(const L& latent) {
      latent.backward(params, epsilon, z, dz, dlog_q, own<L>(cache), dparams, std::get<L>(grad.chosen));
    });
  }
  [[nodiscard]] bool has_path_gradient() const {
    return visit([]<class L>(const L&) { return HasPathGradient<L>; });
  }
  void add_path_gradient(MatrixIn<T> params, MatrixIn<T> epsilon, MatrixIn<T> z, std::span<const T> dlog_q,
                         Cache& cache, MatrixOut<T> dz) const {
    visit([&]<class L>(const L& latent) {
      if constexpr (HasPathGradient<L>) {
        latent.add_path_gradient(params, epsilon, z, dlog_q, own<L>(cache), dz);
      }
    });
  }

  [[nodiscard]] Index code_count() const {
    return visit([](const auto& latent) { return vaekit::code_count(latent); });
  }
  void add_code_usage(const Cache& cache, std::span<double> usage) const {
    visit([&]<class L>(const L& latent) {
      vaekit::add_code_usage(latent, std::get<typename L::Cache>(cache.chosen), usage);
    });
  }
  void sample_codes(const RandomStream& stream, std::uint64_t first, MatrixOut<T> z) const {
    visit([&](const auto& latent) {
      if constexpr (requires { latent.sample_codes(stream, first, z); }) {
        latent.sample_codes(stream, first, z);
      }
    });
  }
  [[nodiscard]] bool can_project() const {
    return visit([](const auto& latent) { return vaekit::can_project(latent); });
  }
  void project(MatrixOut<T> z) const {
    visit([&](const auto& latent) { project_latents(latent, z); });
  }
  [[nodiscard]] bool has_density() const {
    return visit([](const auto& latent) { return vaekit::has_density(latent); });
  }
  [[nodiscard]] std::string_view space() const {
    return visit([](const auto& latent) { return space_of(latent); });
  }
  void set_time(std::optional<double> time, Cache& cache) const {
    visit([&]<class L>(const L& latent) { vaekit::set_time(latent, time, own<L>(cache)); });
  }
  [[nodiscard]] double auxiliary_loss(MatrixIn<T> params, MatrixIn<T> z, Cache& cache) const {
    return visit(
        [&]<class L>(const L& latent) { return vaekit::auxiliary_loss(latent, params, z, own<L>(cache)); });
  }
  void update(const RandomStream& stream, Index inputs, const Cache& cache) {
    std::visit(
        [&]<class L>(L& latent) {
          update_buffers(latent, stream, inputs, std::get<typename L::Cache>(cache.chosen));
        },
        chosen);
  }

  static void reflect(auto& self, auto&& visitor) {
    std::visit([&]<class L>(L& latent) { std::remove_cvref_t<L>::reflect(latent, visitor); }, self.chosen);
  }

  /// The part of `cache` that belongs to the chosen family.
  template <class L>
  [[nodiscard]] static typename L::Cache& own(Cache& cache) {
    return std::get<typename L::Cache>(cache.chosen);
  }

 private:
  template <class F>
  decltype(auto) visit(F&& f) const {
    return std::visit(std::forward<F>(f), chosen);
  }
};

/// A prior of the list, chosen at run time; itself a LatentPrior. A value: copies are deep.
template <class Priors>
struct AnyPriorOf {
  using List = detail::PartList<Priors>;
  using Scalar = typename std::tuple_element_t<0, Priors>::Scalar;
  using T = Scalar;
  struct Cache {
    typename List::CacheVariant chosen;
  };

  typename List::Variant chosen;

  AnyPriorOf() = default;
  /// Throws ConfigError when a number is out of range.
  AnyPriorOf(const typename List::ConfigVariant& config, Index dim, Index features, Index condition = 0)
      : chosen(std::visit(
            [&]<class C>(const C& chosen_config) {
              using P = typename detail::AlternativeOf<C, typename List::Variant>::type;
              if constexpr (std::constructible_from<P, const C&, Index, Index, Index>) {
                return typename List::Variant(P(chosen_config, dim, features, condition));
              } else {
                return typename List::Variant(P(chosen_config, dim, features));
              }
            },
            config)) {}

  [[nodiscard]] Cache make_cache(Index rows) const {
    return visit([&]<class P>(const P& prior) {
      return Cache{
          typename List::CacheVariant(std::in_place_type<typename P::Cache>, prior.make_cache(rows))};
    });
  }
  void initialize(const RandomStream& stream) {
    std::visit([&](auto& prior) { prior.initialize(stream); }, chosen);
  }
  void log_prob(MatrixIn<T> z, Cache& cache, std::span<T> out) const {
    visit(
        [&]<class P>(const P& prior) { prior.log_prob(z, std::get<typename P::Cache>(cache.chosen), out); });
  }
  void backward(MatrixIn<T> z, std::span<const T> dlog_p, Cache& cache, MatrixOut<T> dz,
                AnyPriorOf& grad) const {
    visit([&]<class P>(const P& prior) {
      prior.backward(z, dlog_p, std::get<typename P::Cache>(cache.chosen), dz, std::get<P>(grad.chosen));
    });
  }
  void sample(const RandomStream& stream, std::uint64_t first, double temperature, Cache& cache,
              MatrixOut<T> z) const {
    visit([&]<class P>(const P& prior) {
      prior.sample(stream, first, temperature, std::get<typename P::Cache>(cache.chosen), z);
    });
  }

  [[nodiscard]] std::string_view space() const {
    return visit([](const auto& prior) { return space_of(prior); });
  }
  [[nodiscard]] Index condition_columns() const {
    return visit([](const auto& prior) { return vaekit::condition_columns(prior); });
  }
  void set_condition(MatrixIn<T> c, Cache& cache) const {
    visit([&]<class P>(const P& prior) {
      set_prior_condition(prior, c, std::get<typename P::Cache>(cache.chosen));
    });
  }

  [[nodiscard]] Index pseudo_input_count() const {
    return visit([](const auto& prior) { return vaekit::pseudo_input_count(prior); });
  }
  [[nodiscard]] bool needs_pseudo_inputs() const {
    return visit([](const auto& prior) { return vaekit::needs_pseudo_inputs(prior); });
  }
  void set_pseudo_inputs(MatrixIn<T> x) {
    std::visit(
        [&](auto& prior) {
          if constexpr (requires { prior.set_pseudo_inputs(x); }) {
            prior.set_pseudo_inputs(x);
          }
        },
        chosen);
  }
  void pseudo_inputs(MatrixOut<T> out) const {
    visit_pseudo([&](const auto& prior) { prior.pseudo_inputs(out); });
  }
  void set_components(const DiagonalGaussian<T>& q, Cache& cache) const {
    visit_pseudo(
        [&]<class P>(const P& prior) { prior.set_components(q, std::get<typename P::Cache>(cache.chosen)); });
  }
  void component_gradient(const Cache& cache, MomentGradient<T>& out) const {
    visit_pseudo([&]<class P>(const P& prior) {
      prior.component_gradient(std::get<typename P::Cache>(cache.chosen), out);
    });
  }
  void pseudo_backward(MatrixIn<T> u, MatrixIn<T> du, AnyPriorOf& grad) const {
    visit_pseudo([&]<class P>(const P& prior) { prior.pseudo_backward(u, du, std::get<P>(grad.chosen)); });
  }

  static void reflect(auto& self, auto&& visitor) {
    std::visit([&]<class P>(P& prior) { std::remove_cvref_t<P>::reflect(prior, visitor); }, self.chosen);
  }

 private:
  /// For a prior that has pseudo-inputs; the others are never asked.
  template <class F>
  void visit_pseudo(F&& f) const {
    visit([&](const auto& prior) {
      if constexpr (requires { prior.pseudo_input_count(); }) {
        f(prior);
      }
    });
  }

  template <class F>
  decltype(auto) visit(F&& f) const {
    return std::visit(std::forward<F>(f), chosen);
  }
};

/// The pair that was chosen.
template <class Latents, class Priors>
struct KlPair<AnyLatentOf<Latents>, AnyPriorOf<Priors>> {
  using Latent = AnyLatentOf<Latents>;
  using Prior = AnyPriorOf<Priors>;
  using T = typename Latent::Scalar;
  using Cache = typename Latent::Cache;

  static bool closed_form(const Latent& latent, const Prior& prior) {
    return visit(latent, prior,
                 []<class L, class P>(const L& l, const P& p) { return KlPair<L, P>::closed_form(l, p); });
  }
  static void forward(const Latent& latent, const Prior& prior, MatrixIn<T> params, Cache& cache,
                      typename Prior::Cache& prior_cache, MatrixOut<T> kl) {
    visit(latent, prior, [&]<class L, class P>(const L& l, const P& p) {
      KlPair<L, P>::forward(l, p, params, Latent::template own<L>(cache),
                            std::get<typename P::Cache>(prior_cache.chosen), kl);
    });
  }
  static void backward(const Latent& latent, const Prior& prior, MatrixIn<T> params, MatrixIn<T> dkl,
                       Cache& cache, typename Prior::Cache& prior_cache, Prior& grad) {
    visit(latent, prior, [&]<class L, class P>(const L& l, const P& p) {
      KlPair<L, P>::backward(l, p, params, dkl, Latent::template own<L>(cache),
                             std::get<typename P::Cache>(prior_cache.chosen), std::get<P>(grad.chosen));
    });
  }

 private:
  template <class F>
  static decltype(auto) visit(const Latent& latent, const Prior& prior, F&& f) {
    return std::visit(std::forward<F>(f), latent.chosen, prior.chosen);
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
