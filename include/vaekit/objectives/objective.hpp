// SPDX-License-Identifier: MIT
//
// The contract of an objective: terms of the model in, a value and the gradient of the loss with respect to
// each term out. It knows no network, and no network knows it.
//
//   samples()                         latent samples for each input, K
//   needs()                           which terms it looks at besides log_likelihood and kl; may be left out
//   evaluate(terms, time, gradients)  value; gradients = ∂loss/∂terms, time = training time in epochs
//
// An objective that can weigh inputs (`terms.row_weight`), so that labels can be summed out, also has
//
//   weighs_inputs()
//   input_loss(terms, time, row)      the loss of one input, which its weight multiplies
//
// An objective with a network of its own (a discriminator) also has
//
//   make_critic<T>(dim, seed)                        at the start of training
//   train_critic(terms, seed, step, gradients)       after an optimizer step, with the terms of that step
//
// and finds it in `terms.critic`.
//
// The mean over the batch is taken here and nowhere else. `gradients` comes with the sizes of `terms` and
// zeros; an objective writes those that its loss depends on.
#pragma once

#include <concepts>
#include <cstdint>

#include "vaekit/core/matrix.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Terms beside log_likelihood and kl that an objective looks at.
struct TermNeeds {
  bool densities = false;      ///< log_q and log_p
  bool samples = false;        ///< z
  bool moments = false;        ///< mu and logvar of a Gaussian posterior
  bool prior_samples = false;  ///< prior_z
  bool deterministic = false;  ///< no noise: z is the posterior's point estimate
  bool path_gradient = false;  ///< the encoder learns through z alone, each sample weighted by path_weight
};

template <class T>
struct Critic;

/// What a model computes for a batch of n inputs with K latent samples each. The gradient of a loss with
/// respect to the terms is an object of the same type. Terms that nobody needs are empty.
template <class T>
struct Terms {
  Matrix<T> log_likelihood;  // [n × K] log p(x|z), nats
  Matrix<T> kl;       // [n × columns] KL(q(z|x) ‖ p(z)) by latent dimension, nats; without a closed form
                      // its estimate from the samples, in one column
  Matrix<T> log_q;    // [n × K] log q(z|x) of each sample, nats
  Matrix<T> log_p;    // [n × K] log p(z) of each sample, nats
  Matrix<T> z;        // [n·K × dim]
  Matrix<T> mu;       // [n × dim]
  Matrix<T> logvar;   // [n × dim]
  Matrix<T> prior_z;  // [n·K × dim] draws from the prior: noise, so without a gradient
  Matrix<T> path_weight;        // [n × K] in gradients only: multiplies ∂loss/∂z of each sample
  Matrix<T> row_weight;         // [n × 1] of inputs in the loss, in place of 1/n; empty: all the same
  Matrix<T> scratch;            // in gradients only: the objective resizes it to what it wants
  Critic<T>* critic = nullptr;  // the objective's network, of the caller's

  Terms() = default;
  Terms(Index batch, Index samples, Index kl_columns)
      : log_likelihood(batch, samples), kl(batch, kl_columns) {}

  /// Keeps the buffers and changes the number of inputs; at most the number given at construction.
  void set_batch(Index batch) {
    log_likelihood.resize(batch, log_likelihood.cols());
    kl.resize(batch, kl.cols());
  }

  /// Makes room for what is needed, once for each size; the others become empty.
  void provide(const TermNeeds& needs, Index dim) {
    const Index batch = log_likelihood.rows();
    const Index samples = log_likelihood.cols();
    const auto provide_one = [](bool needed, Matrix<T>& term, Index rows, Index cols) {
      term.resize(needed ? rows : 0, cols);
    };
    provide_one(needs.densities, log_q, batch, samples);
    provide_one(needs.densities, log_p, batch, samples);
    provide_one(needs.samples, z, batch * samples, dim);
    provide_one(needs.moments, mu, batch, dim);
    provide_one(needs.moments, logvar, batch, dim);
    provide_one(needs.prior_samples, prior_z, batch * samples, dim);
    provide_one(needs.path_gradient, path_weight, batch, samples);
  }

  void set_zero() {
    for (Matrix<T>* term : {&log_likelihood, &kl, &log_q, &log_p, &z, &mu, &logvar, &prior_z, &path_weight}) {
      term->setZero();
    }
  }
};

/// Means over a batch, in nats. `elbo` is the evidence lower bound (higher is better) whatever the objective
/// weighs; `loss` is what the optimizer minimises.
struct ObjectiveValue {
  double loss = 0;
  double elbo = 0;
  double reconstruction = 0;
  double kl = 0;
};

template <class O, class T>
concept Objective = requires(const O& objective, const Terms<T>& terms, Terms<T>& gradients) {
  { objective.samples() } -> std::convertible_to<Index>;
  { objective.evaluate(terms, double{}, gradients) } -> std::same_as<ObjectiveValue>;
};

/// Whether an objective has a network of its own, also for one that was chosen at run time.
template <class O>
[[nodiscard]] bool has_critic(const O& objective) {
  if constexpr (requires { objective.has_critic(); }) {
    return objective.has_critic();
  } else {
    return requires { objective.template make_critic<float>(Index{}, std::uint64_t{}); };
  }
}

/// Whether labels can be summed out of an objective.
template <class O>
[[nodiscard]] bool weighs_inputs(const O& objective) {
  if constexpr (requires { objective.weighs_inputs(); }) {
    return objective.weighs_inputs();
  } else {
    return false;
  }
}

/// What an objective needs; one that does not say needs nothing special.
template <class O>
[[nodiscard]] TermNeeds needs_of(const O& objective) {
  if constexpr (requires { objective.needs(); }) {
    return objective.needs();
  } else {
    return {};
  }
}

/// The evidence lower bound and its two parts, in double and in index order.
template <class T>
[[nodiscard]] ObjectiveValue elbo_value(const Terms<T>& terms) {
  if (terms.row_weight.size() > 0) {
    ObjectiveValue value;
    for (Index row = 0; row < terms.kl.rows(); ++row) {
      const auto weight = static_cast<double>(terms.row_weight(row, 0));
      value.reconstruction += weight * terms.log_likelihood.row(row).template cast<double>().mean();
      value.kl += weight * terms.kl.row(row).template cast<double>().sum();
    }
    value.elbo = value.reconstruction - value.kl;
    value.loss = -value.elbo;
    return value;
  }
  double reconstruction = 0;
  for (const T value : terms.log_likelihood.span()) {
    reconstruction += static_cast<double>(value);
  }
  double kl = 0;
  for (const T value : terms.kl.span()) {
    kl += static_cast<double>(value);
  }
  reconstruction /= static_cast<double>(terms.log_likelihood.size());
  kl /= static_cast<double>(terms.kl.rows());
  return {
      .loss = kl - reconstruction, .elbo = reconstruction - kl, .reconstruction = reconstruction, .kl = kl};
}

}  // namespace vaekit::inline VAEKIT_ABI
