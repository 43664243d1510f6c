// SPDX-License-Identifier: MIT
#pragma once

#include "vaekit/core/fields.hpp"
#include "vaekit/objectives/critic.hpp"
#include "vaekit/objectives/objective.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct FactorVaeConfig {
  static constexpr std::string_view kind = "factor_vae";
  double gamma = 35;
  Index layers = 5;
  Index units = 1000;
  double learning_rate = 1e-4;
  double beta1 = 0.5;
  double beta2 = 0.9;

  static constexpr auto fields() {
    return std::tuple{
        field("gamma", &FactorVaeConfig::gamma, "weight of the total correlation", non_negative),
        field("layers", &FactorVaeConfig::layers, "hidden layers of the discriminator", between(1, 100)),
        field("units", &FactorVaeConfig::units, "units of each", between(1, 100'000)),
        field("learning_rate", &FactorVaeConfig::learning_rate, "of the discriminator's Adam", non_negative),
        field("beta1", &FactorVaeConfig::beta1, "decay of its mean of gradients", below_one),
        field("beta2", &FactorVaeConfig::beta2, "decay of its mean of squared gradients", below_one)};
  }
};

/// The ELBO and a penalty on the total correlation of the aggregate posterior, estimated by a discriminator:
///
///   loss = −mean_b log p(x_b|z_b) + mean_b Σ_d KL_bd + γ mean_b D(z_b)
///
/// D is the log-ratio of q(z) to the product of its marginals as a critic knows it. After each step the
/// critic learns to tell the batch's z from z with each dimension shuffled among the rows, by the logistic
/// loss
///
///   ½ mean_b softplus(−D(z_b)) + ½ mean_b softplus(D(shuffled z_b))
///
/// One output stands for the difference of the paper's two logits; the shuffled rows come from the same
/// batch.
///
/// Units    nats
/// Threads  pure, with a critic of the caller's in the terms
/// Source   Kim & Mnih 2018 (arXiv:1802.05983) eq. 2, 3 and algorithm 2
struct FactorVae {
  using Config = FactorVaeConfig;

  Config config;

  FactorVae() = default;
  /// Throws ConfigError when a number is out of range.
  explicit FactorVae(const Config& c) : config(checked("factor_vae", c)) {}

  [[nodiscard]] Index samples() const { return 1; }
  [[nodiscard]] TermNeeds needs() const { return {.samples = true}; }

  /// The discriminator at the start of training.
  template <class T>
  [[nodiscard]] Critic<T> make_critic(Index dim, std::uint64_t seed) const {
    return Critic<T>(dim, config.layers, config.units, RandomStream(seed, Purpose::initialize).child(100));
  }

  template <class T>
  ObjectiveValue evaluate(const Terms<T>& terms, double, Terms<T>& gradients) const {
    ObjectiveValue value = elbo_value(terms);
    const double share = 1 / static_cast<double>(terms.z.rows());
    gradients.log_likelihood.setConstant(static_cast<T>(-share));
    gradients.kl.setConstant(static_cast<T>(share));
    const Matrix<T>& ratio = terms.critic->forward(terms.z);
    double sum = 0;
    for (Index row = 0; row < terms.z.rows(); ++row) {
      sum += static_cast<double>(ratio(row, 0));
    }
    value.loss += config.gamma * share * sum;
    terms.critic->input_gradient(static_cast<T>(config.gamma * share), MatrixOut<T>(gradients.z));
    return value;
  }

  /// One step of the discriminator on the z of the last batch; its loss before. What `evaluate` found of this
  /// z is used again.
  template <class T>
  double train_critic(const Terms<T>& terms, std::uint64_t seed, std::uint64_t step,
                      Terms<T>& scratch) const {
    Critic<T>& critic = *terms.critic;
    const Index n = terms.z.rows();
    if (!critic.holds(terms.z)) {
      critic.forward(terms.z);
    }
    const RandomStream stream(seed, Purpose::update, step);
    const Matrix<T>& ratio = critic.append(critic.shuffled(terms.z, stream.child(100)));
    Matrix<T>& dout = scratch.scratch;
    dout.resize(2 * n, 1);
    const double share = 0.5 / static_cast<double>(n);
    double loss = 0;
    for (Index row = 0; row < 2 * n; ++row) {
      const double sign = row < n ? -1 : 1;  // rows of z, then shuffled ones
      const double argument = sign * static_cast<double>(ratio(row, 0));
      loss += share * (std::max(argument, 0.0) + std::log1p(std::exp(-std::abs(argument))));
      dout(row, 0) = static_cast<T>(sign * share / (1 + std::exp(-argument)));
    }
    critic.step(dout.span(), config.learning_rate, config.beta1, config.beta2, step);
    return loss;
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
