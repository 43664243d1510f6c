// SPDX-License-Identifier: MIT
//
// Posteriors and priors chosen at run time, each from a list of types.
#pragma once

#include <variant>

#include "vaekit/core/variant.hpp"
#include "vaekit/latent/latent.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// A posterior family of the list, chosen at run time; itself a LatentPosterior. A value: copies are deep.
template <class Latents>
struct AnyLatentOf : AnyPart<Latents> {
  using typename AnyPart<Latents>::List;
  using typename AnyPart<Latents>::Cache;
  using T = typename AnyPart<Latents>::Scalar;
  using AnyPart<Latents>::chosen;
  using AnyPart<Latents>::visit;

  Index dim = 0;

  AnyLatentOf() = default;
  /// Throws ConfigError when a number is out of range.
  explicit AnyLatentOf(const typename List::ConfigVariant& config)
      : AnyPart<Latents>(make_alternative<typename List::Variant>(config)),
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

  void draw_noise(const RandomStream& stream, std::uint64_t first, MatrixOut<T> epsilon) const {
    visit([&](const auto& latent) { latent.draw_noise(stream, first, epsilon); });
  }
  [[nodiscard]] DiagonalGaussian<T> posterior(MatrixIn<T> params, Cache& cache) const {
    return visit(cache, [&](const auto& latent, auto& own) { return latent.posterior(params, own); });
  }
  [[nodiscard]] MomentGradient<T>& moment_gradient(Cache& cache) const {
    return std::visit([](auto& c) -> MomentGradient<T>& { return c.dq; }, cache.chosen);
  }
  void reparameterize(MatrixIn<T> params, MatrixIn<T> epsilon, Cache& cache, MatrixOut<T> z) const {
    visit(cache, [&](const auto& latent, auto& own) { latent.reparameterize(params, epsilon, own, z); });
  }
  void log_prob(MatrixIn<T> params, MatrixIn<T> epsilon, MatrixIn<T> z, Cache& cache,
                std::span<T> out) const {
    visit(cache, [&](const auto& latent, auto& own) { latent.log_prob(params, epsilon, z, own, out); });
  }
  void backward(MatrixIn<T> params, MatrixIn<T> epsilon, MatrixIn<T> z, MatrixIn<T> dz,
                std::span<const T> dlog_q, Cache& cache, MatrixOut<T> dparams, AnyLatentOf& grad) const {
    visit(cache, [&]<class L>(const L& latent, auto& own) {
      latent.backward(params, epsilon, z, dz, dlog_q, own, dparams, std::get<L>(grad.chosen));
    });
  }
  [[nodiscard]] bool has_path_gradient() const {
    return visit([]<class L>(const L&) { return HasPathGradient<L>; });
  }
  void add_path_gradient(MatrixIn<T> params, MatrixIn<T> epsilon, MatrixIn<T> z, std::span<const T> dlog_q,
                         Cache& cache, MatrixOut<T> dz) const {
    visit(cache, [&]<class L>(const L& latent, auto& own) {
      if constexpr (HasPathGradient<L>) {
        latent.add_path_gradient(params, epsilon, z, dlog_q, own, dz);
      }
    });
  }

  [[nodiscard]] bool has_point_density() const {
    return visit([]<class L>(const L&) { return HasPointDensity<L>; });
  }
  void point_log_prob(MatrixIn<T> params, MatrixOut<T> points, std::span<T> out) const {
    visit([&]<class L>(const L& latent) {
      if constexpr (HasPointDensity<L>) {
        latent.point_log_prob(params, points, out);
      }
    });
  }

  [[nodiscard]] Index code_count() const {
    return visit([](const auto& latent) { return vaekit::code_count(latent); });
  }
  void add_code_usage(const Cache& cache, std::span<double> usage) const {
    visit(cache, [&](const auto& latent, auto& own) { vaekit::add_code_usage(latent, own, usage); });
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
  [[nodiscard]] bool has_evaluation_density() const {
    return visit([](const auto& latent) { return vaekit::has_evaluation_density(latent); });
  }
  [[nodiscard]] std::string_view space() const {
    return visit([](const auto& latent) { return space_of(latent); });
  }
  [[nodiscard]] bool holds(const T* z) const {
    return visit([&](const auto& latent) {
      if constexpr (requires { latent.holds(z); }) {
        return latent.holds(z);
      } else {
        return true;
      }
    });
  }
  [[nodiscard]] bool reports_mean() const {
    return visit([](const auto& latent) { return vaekit::reports_mean(latent); });
  }
  [[nodiscard]] Index free_columns() const {
    return visit([](const auto& latent) { return vaekit::free_columns(latent); });
  }
  void set_time(std::optional<double> time, Cache& cache) const {
    visit(cache, [&](const auto& latent, auto& own) { vaekit::set_time(latent, time, own); });
  }
  [[nodiscard]] double auxiliary_loss(MatrixIn<T> params, MatrixIn<T> z, Cache& cache) const {
    return visit(
        cache, [&](const auto& latent, auto& own) { return vaekit::auxiliary_loss(latent, params, z, own); });
  }
  void update(const RandomStream& stream, Index inputs, const Cache& cache) {
    std::visit(
        [&]<class L>(L& latent) {
          update_buffers(latent, stream, inputs, std::get<typename L::Cache>(cache.chosen));
        },
        chosen);
  }
};

/// A prior of the list, chosen at run time; itself a LatentPrior. A value: copies are deep.
template <class Priors>
struct AnyPriorOf : AnyPart<Priors> {
  using typename AnyPart<Priors>::List;
  using typename AnyPart<Priors>::Cache;
  using T = typename AnyPart<Priors>::Scalar;
  using AnyPart<Priors>::chosen;
  using AnyPart<Priors>::visit;

  AnyPriorOf() = default;
  /// Throws ConfigError when a number is out of range.
  AnyPriorOf(const typename List::ConfigVariant& config, Index dim, Index features, Index condition = 0)
      : AnyPart<Priors>(std::visit(
            [&]<class C>(const C& chosen_config) {
              using P = typename detail::AlternativeOf<C, typename List::Variant>::type;
              if constexpr (std::constructible_from<P, const C&, Index, Index, Index>) {
                return typename List::Variant(P(chosen_config, dim, features, condition));
              } else {
                return typename List::Variant(P(chosen_config, dim, features));
              }
            },
            config)) {}

  void log_prob(MatrixIn<T> z, Cache& cache, std::span<T> out) const {
    visit(cache, [&](const auto& prior, auto& own) { prior.log_prob(z, own, out); });
  }
  void backward(MatrixIn<T> z, std::span<const T> dlog_p, Cache& cache, MatrixOut<T> dz,
                AnyPriorOf& grad) const {
    visit(cache, [&]<class P>(const P& prior, auto& own) {
      prior.backward(z, dlog_p, own, dz, std::get<P>(grad.chosen));
    });
  }
  void sample(const RandomStream& stream, std::uint64_t first, double temperature, Cache& cache,
              MatrixOut<T> z) const {
    visit(cache, [&](const auto& prior, auto& own) { prior.sample(stream, first, temperature, own, z); });
  }

  [[nodiscard]] std::string_view space() const {
    return visit([](const auto& prior) { return space_of(prior); });
  }
  [[nodiscard]] Index condition_columns() const {
    return visit([](const auto& prior) { return vaekit::condition_columns(prior); });
  }
  void set_condition(MatrixIn<T> c, Cache& cache) const {
    visit(cache, [&](const auto& prior, auto& own) { set_prior_condition(prior, c, own); });
  }

  // Of pseudo-inputs only a prior that has some is asked.
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
    visit([&](const auto& prior) {
      if constexpr (requires { prior.pseudo_inputs(out); }) {
        prior.pseudo_inputs(out);
      }
    });
  }
  void set_components(const DiagonalGaussian<T>& q, Cache& cache) const {
    visit(cache, [&](const auto& prior, auto& own) {
      if constexpr (requires { prior.set_components(q, own); }) {
        prior.set_components(q, own);
      }
    });
  }
  void component_gradient(const Cache& cache, MomentGradient<T>& out) const {
    visit(cache, [&](const auto& prior, auto& own) {
      if constexpr (requires { prior.component_gradient(own, out); }) {
        prior.component_gradient(own, out);
      }
    });
  }
  void pseudo_backward(MatrixIn<T> u, MatrixIn<T> du, AnyPriorOf& grad) const {
    visit([&]<class P>(const P& prior) {
      if constexpr (requires(P & own) { prior.pseudo_backward(u, du, own); }) {
        prior.pseudo_backward(u, du, std::get<P>(grad.chosen));
      }
    });
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
      KlPair<L, P>::forward(l, p, params, std::get<typename L::Cache>(cache.chosen),
                            std::get<typename P::Cache>(prior_cache.chosen), kl);
    });
  }
  static void backward(const Latent& latent, const Prior& prior, MatrixIn<T> params, MatrixIn<T> dkl,
                       Cache& cache, typename Prior::Cache& prior_cache, Prior& grad) {
    visit(latent, prior, [&]<class L, class P>(const L& l, const P& p) {
      KlPair<L, P>::backward(l, p, params, dkl, std::get<typename L::Cache>(cache.chosen),
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
