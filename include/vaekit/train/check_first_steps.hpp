// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "vaekit/evaluate/finding.hpp"
#include "vaekit/evaluate/objective_probe.hpp"
#include "vaekit/optim/clip.hpp"
#include "vaekit/train/training_trial.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Nats of a feature or a latent dimension, and activations, that no sound model has at its start.
inline constexpr double exploding_nats = 1e3;
inline constexpr double exploding_activation = 1e4;

/// Sizes of what the first step computes.
struct StepSizes {
  ObjectiveValue value;
  double gradient_norm = 0;
  double activation = 0;        ///< largest |output| of encoder, decoder and heads
  std::string_view where = {};  ///< of which of them
};

/// Of one batch x [n × features + condition].
///
/// Threads  the result does not depend on their number
template <class Model, class ObjectiveType>
[[nodiscard]] StepSizes step_sizes(const Model& model, const ObjectiveType& objective,
                                   MatrixIn<typename Model::Scalar> x, double time, std::uint64_t seed) {
  using T = typename Model::Scalar;
  ObjectiveProbe<Model, ObjectiveType> probe(model, objective, x.rows(), seed);
  StepSizes sizes{.value = probe(model, x, time)};
  std::vector<double> partials;
  sizes.gradient_norm = global_norm(probe.gradient(), partials);
  const auto& w = probe.workspace();
  const auto look_at = [&](std::string_view where, const Matrix<T>& values) {
    for (const T value : values.span()) {
      const double size = std::abs(static_cast<double>(value));
      if (!std::isnan(sizes.activation) && !(size <= sizes.activation)) {
        sizes.activation = size;
        sizes.where = where;
      }
    }
  };
  look_at("encoder", w.encoded);
  look_at("posterior_head", w.posterior);
  look_at("decoder", w.decoded);
  look_at("likelihood_head", w.params);
  return sizes;
}

/// "first steps": a fault when the first loss, gradient or activation is not finite or absurd (10³ nats a
/// feature or latent dimension, activations of 10⁴), when the trial's loss diverged, or when it ended above
/// twice its start.
///
/// `trial` is of some tens of steps from `model` at the configured learning rate.
template <class Model>
[[nodiscard]] std::vector<Finding> check_first_steps(const Model& model, const StepSizes& sizes,
                                                     const Trial<Model>& trial) {
  constexpr std::string_view check = "first steps";
  const std::string advice = "scale the data; lower the learning rate or set training/gradient_clip";
  const double per_feature = std::abs(sizes.value.reconstruction) / static_cast<double>(model.features());
  const double per_dimension = std::abs(sizes.value.kl) / static_cast<double>(model.latent_dim());
  std::vector<Finding> findings;
  const auto limit = [&](double value, double largest, const std::string& what) {
    if (!(value <= largest)) {
      findings.push_back(
          Finding::fault(check, concat(what, " is ", rounded(value), " at the first step"), advice));
    }
  };
  limit(per_feature, exploding_nats, "log p(x|z) of a feature, in nats,");
  limit(per_dimension, exploding_nats, "KL of a latent dimension, in nats,");
  limit(sizes.activation, exploding_activation, concat("the largest output of ", sizes.where));
  if (!std::isfinite(sizes.gradient_norm)) {
    findings.push_back(
        Finding::fault(check, concat("the gradient's norm is ", rounded(sizes.gradient_norm)), advice));
  }
  if (!trial.error.empty()) {
    findings.push_back(Finding::fault(check, trial.error, advice));
  }
  if (!findings.empty()) {
    return findings;
  }
  const std::size_t count = trial.steps.size();
  const std::size_t tail = std::min<std::size_t>(10, count);
  const double first = detail::mean_loss(trial.steps, 0, 1);
  const double last = detail::mean_loss(trial.steps, count - tail, count);
  const std::string figure =
      concat("loss ", rounded(first), " to ", rounded(last), " in ", count, " steps, gradient norm ",
             rounded(sizes.gradient_norm), ", largest activation ", rounded(sizes.activation));
  if (!(last <= first + std::max(std::abs(first), static_cast<double>(model.features())))) {
    return {Finding::fault(check, figure, advice)};
  }
  return {Finding::ok(check, figure)};
}

}  // namespace vaekit::inline VAEKIT_ABI
