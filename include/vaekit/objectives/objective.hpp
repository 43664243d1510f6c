// SPDX-License-Identifier: MIT
//
// The contract of an objective: terms of the model in, a value and the gradient of the loss with respect to
// each term out. It knows no network, and no network knows it.
//
//   samples()                         latent samples for each input, K
//   evaluate(terms, time, gradients)  value; gradients = ∂loss/∂terms, time = training time in epochs
//
// The mean over the batch is taken here and nowhere else.
#pragma once

#include <concepts>

#include "vaekit/core/matrix.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// What a model computes for a batch of n inputs with K latent samples each. The gradient of a loss with
/// respect to the terms is an object of the same type.
template <class T>
struct Terms {
  Matrix<T> log_likelihood;  // [n × K] log p(x|z), nats
  Matrix<T> kl;              // [n × dim] KL(q(z|x) ‖ p(z)) by latent dimension, nats

  Terms() = default;
  Terms(Index batch, Index samples, Index dim) : log_likelihood(batch, samples), kl(batch, dim) {}

  /// Keeps the buffers and changes the number of inputs; at most the number given at construction.
  void set_batch(Index batch) {
    log_likelihood.resize(batch, log_likelihood.cols());
    kl.resize(batch, kl.cols());
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

/// The evidence lower bound and its two parts, in double and in index order.
template <class T>
[[nodiscard]] ObjectiveValue elbo_value(const Terms<T>& terms) {
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
