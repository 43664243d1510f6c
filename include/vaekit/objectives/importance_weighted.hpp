// SPDX-License-Identifier: MIT
//
// Objectives that see the importance weights of several latent samples of an input,
// log w_k = log p(x|z_k) + log p(z_k) − log q(z_k|x).
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "vaekit/core/fields.hpp"
#include "vaekit/kernels/reduce.hpp"
#include "vaekit/objectives/objective.hpp"

namespace vaekit::inline VAEKIT_ABI {

enum class IwaeGradient { standard, doubly_reparameterized };

[[nodiscard]] constexpr auto enum_names(IwaeGradient) {
  return std::array<std::string_view, 2>{"standard", "doubly_reparameterized"};
}

namespace detail {

/// log w_k of sample k of input `row`.
template <class T>
[[nodiscard]] double log_weight(const Terms<T>& terms, Index row, Index k) {
  return static_cast<double>(terms.log_likelihood(row, k)) + static_cast<double>(terms.log_p(row, k)) -
         static_cast<double>(terms.log_q(row, k));
}

/// log Σ exp(scale · log w_k) over samples first ... last − 1 of an input.
template <class T>
[[nodiscard]] double log_sum_weights(const Terms<T>& terms, Index row, Index first, Index last,
                                     double scale) {
  LogSumExp sum;
  for (Index k = first; k < last; ++k) {
    sum.add(scale * log_weight(terms, row, k));
  }
  return sum.value();
}

/// Gradient of −factor · log w_k with respect to its three parts, added.
template <class T>
void add_weight_gradient(Terms<T>& gradients, Index row, Index k, double factor) {
  const T value = static_cast<T>(factor);
  gradients.log_likelihood(row, k) -= value;
  gradients.log_p(row, k) -= value;
  gradients.log_q(row, k) += value;
}

/// The bound log 1/K Σ_k w_k of Burda et al. for one input's samples first ... last − 1; gradient of
/// −factor · bound is added, w̃_k = w_k / Σ w the share of sample k.
template <class T>
double add_bound(const Terms<T>& terms, Index row, Index first, Index last, double factor,
                 Terms<T>& gradients) {
  const double total = log_sum_weights(terms, row, first, last, 1.0);
  for (Index k = first; k < last; ++k) {
    add_weight_gradient(gradients, row, k, factor * std::exp(log_weight(terms, row, k) - total));
  }
  return total - std::log(static_cast<double>(last - first));
}

/// What the objectives of this file share: a configuration with a number of samples, and a loss that is minus
/// the mean of a bound of each input.
template <class ConfigType>
struct SampleBound {
  using Config = ConfigType;

  Config config;

  SampleBound() = default;
  /// Throws ConfigError when a number is out of range.
  explicit SampleBound(const Config& c) : config(checked(Config::kind, c)) {}

  [[nodiscard]] Index samples() const { return config.samples; }
  [[nodiscard]] TermNeeds needs() const { return {.densities = true}; }

 protected:
  /// `bound_of(row, share)` returns the bound of an input and adds the gradient of −share · bound.
  template <class T, class Bound>
  [[nodiscard]] static ObjectiveValue mean_bound(const Terms<T>& terms, Bound&& bound_of) {
    const Index n = terms.log_likelihood.rows();
    const double share = 1 / static_cast<double>(n);
    double bound = 0;
    for (Index row = 0; row < n; ++row) {
      bound += bound_of(row, share);
    }
    ObjectiveValue value = elbo_value(terms);
    value.elbo = bound * share;
    value.loss = -value.elbo;
    return value;
  }
};

}  // namespace detail

struct IwaeConfig {
  static constexpr std::string_view kind = "iwae";
  Index samples = 5;
  IwaeGradient gradient = IwaeGradient::standard;

  static constexpr auto fields() {
    return std::tuple{
        field("samples", &IwaeConfig::samples, "latent samples for each input, K", between(1, 10000)),
        field("gradient", &IwaeConfig::gradient,
              "that of the bound, or the doubly reparameterised one for the encoder")};
  }
};

/// The importance-weighted bound
///
///   loss = −mean_b log 1/K Σ_k w_bk,   ∂loss/∂ log w_bk = −w̃_bk / n,   w̃_bk = w_bk / Σ_k w_bk
///
/// so the best samples count most. With the doubly reparameterised gradient the encoder learns through z
/// alone, sample k weighted by w̃_bk² (the decoder and a learned prior as before); the variance of the
/// gradient then does not grow with K.
///
/// Units    nats
/// Threads  pure
/// Source   Burda, Grosse, Salakhutdinov 2016 (arXiv:1509.00519) eq. 8 and 14; Tucker et al. 2019
///          (arXiv:1810.04152) eq. 8
struct Iwae : detail::SampleBound<IwaeConfig> {
  using SampleBound::SampleBound;

  [[nodiscard]] TermNeeds needs() const {
    return {.densities = true, .path_gradient = config.gradient == IwaeGradient::doubly_reparameterized};
  }

  template <class T>
  ObjectiveValue evaluate(const Terms<T>& terms, double, Terms<T>& gradients) const {
    const ObjectiveValue value = mean_bound(terms, [&](Index row, double share) {
      return detail::add_bound(terms, row, 0, terms.log_likelihood.cols(), share, gradients);
    });
    if (needs().path_gradient) {
      // What reaches z carries w̃/n already.
      gradients.path_weight = -static_cast<T>(terms.log_likelihood.rows()) * gradients.log_likelihood;
    }
    return value;
  }
};

struct MiwaeConfig {
  static constexpr std::string_view kind = "miwae";
  Index samples = 8;
  Index groups = 4;

  static constexpr auto fields() {
    return std::tuple{
        field("samples", &MiwaeConfig::samples, "latent samples for each input, M K", between(1, 10000)),
        field("groups", &MiwaeConfig::groups, "M, the bounds of K samples each that are averaged",
              between(1, 10000))};
  }
};

/// The mean of M importance-weighted bounds of K samples each: loss = −mean_b 1/M Σ_m log 1/K Σ_k w_bmk.
///
/// Units    nats
/// Threads  pure
/// Source   Rainforth et al. 2018 (arXiv:1802.04537) eq. 17
struct Miwae : detail::SampleBound<MiwaeConfig> {
  Miwae() = default;
  /// Throws ConfigError when a number is out of range, or the groups do not divide the samples.
  explicit Miwae(const Config& c) : SampleBound(c) {
    if (config.samples % config.groups != 0) {
      throw ConfigError(
          concat("miwae: samples is ", config.samples, ", must be a multiple of groups, ", config.groups));
    }
  }

  template <class T>
  ObjectiveValue evaluate(const Terms<T>& terms, double, Terms<T>& gradients) const {
    const Index length = config.samples / config.groups;
    const double part = 1 / static_cast<double>(config.groups);
    return mean_bound(terms, [&](Index row, double share) {
      double bound = 0;
      for (Index m = 0; m < config.groups; ++m) {
        bound += part * detail::add_bound(terms, row, m * length, (m + 1) * length, part * share, gradients);
      }
      return bound;
    });
  }
};

struct CiwaeConfig {
  static constexpr std::string_view kind = "ciwae";
  Index samples = 5;
  double beta = 0.5;

  static constexpr auto fields() {
    return std::tuple{
        field("samples", &CiwaeConfig::samples, "latent samples for each input, K", between(1, 10000)),
        field("beta", &CiwaeConfig::beta, "weight of the ELBO; 1 − beta is that of the bound", zero_to_one)};
  }
};

/// A combination of both bounds: loss = −mean_b (β mean_k log w_bk + (1 − β) log 1/K Σ_k w_bk).
///
/// Units    nats
/// Threads  pure
/// Source   Rainforth et al. 2018 (arXiv:1802.04537) eq. 19
struct Ciwae : detail::SampleBound<CiwaeConfig> {
  using SampleBound::SampleBound;

  template <class T>
  ObjectiveValue evaluate(const Terms<T>& terms, double, Terms<T>& gradients) const {
    const Index samples = terms.log_likelihood.cols();
    const double rest = 1 - config.beta;
    const double of_sample = config.beta / static_cast<double>(samples);
    return mean_bound(terms, [&](Index row, double share) {
      double bound = rest * detail::add_bound(terms, row, 0, samples, rest * share, gradients);
      for (Index k = 0; k < samples; ++k) {
        detail::add_weight_gradient(gradients, row, k, of_sample * share);
        bound += of_sample * detail::log_weight(terms, row, k);
      }
      return bound;
    });
  }
};

struct RenyiConfig {
  static constexpr std::string_view kind = "renyi";
  Index samples = 5;
  double alpha = 0.5;

  static constexpr auto fields() {
    return std::tuple{
        field("samples", &RenyiConfig::samples, "latent samples for each input, K", between(1, 10000)),
        field("alpha", &RenyiConfig::alpha, "order of the divergence: 0 is IWAE, towards 1 the ELBO",
              Range{.minimum = -100, .maximum = 1})};
  }
};

/// The variational Rényi bound of order α, estimated from K samples:
///
///   loss = −mean_b 1/(1 − α) log 1/K Σ_k w_bk^(1−α)
///
/// with gradient weights w^(1−α) / Σ w^(1−α). α = 1 is the ELBO.
///
/// Units    nats
/// Threads  pure
/// Source   Li & Turner 2016 (arXiv:1602.02311) eq. 11 and 13
struct Renyi : detail::SampleBound<RenyiConfig> {
  using SampleBound::SampleBound;

  template <class T>
  ObjectiveValue evaluate(const Terms<T>& terms, double, Terms<T>& gradients) const {
    const Index samples = terms.log_likelihood.cols();
    const auto count = static_cast<double>(samples);
    const double scale = 1 - config.alpha;
    return mean_bound(terms, [&](Index row, double share) {
      const double total = detail::log_sum_weights(terms, row, 0, samples, scale);
      double mean = 0;
      for (Index k = 0; k < samples; ++k) {
        const double log_weight = detail::log_weight(terms, row, k);
        detail::add_weight_gradient(gradients, row, k, share * std::exp(scale * log_weight - total));
        mean += log_weight / count;
      }
      return scale > 0 ? (total - std::log(count)) / scale : mean;
    });
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
