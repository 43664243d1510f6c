// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vaekit/evaluate/finding.hpp"
#include "vaekit/evaluate/objective_probe.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// What a nat more of either term, in every input, does to the loss.
struct ObjectiveWeights {
  double log_likelihood = 0;  ///< −∂loss/∂ log p(x|z)
  double kl = 0;              ///< ∂loss/∂ KL(q(z|x) ‖ p(z))
};

namespace detail {

/// With `excess` nats on top of the KL of each input; none: a KL of 0.
template <class T, class ObjectiveType>
[[nodiscard]] ObjectiveWeights objective_weights(const ObjectiveType& objective, Terms<T> terms, double time,
                                                 std::optional<double> excess, Terms<T>& gradients) {
  const auto columns = static_cast<double>(terms.kl.cols());
  if (excess) {
    terms.kl.array() += static_cast<T>(*excess / columns);
    terms.log_q.array() += static_cast<T>(*excess);
  } else {
    terms.kl.setZero();
    terms.log_q = terms.log_p;
  }
  gradients.set_zero();
  objective.evaluate(terms, time, gradients);
  const auto sum = [](const Matrix<T>& m) { return m.size() > 0 ? m.template cast<double>().sum() : 0.0; };
  return {-sum(gradients.log_likelihood), sum(gradients.kl) / columns + sum(gradients.log_q)};
}

}  // namespace detail

/// "objective": the loss must fall with log p(x|z) and rise with the KL term, however large it is; and a KL
/// term that weighs D/4 or more, for D ≥ 20 features, is that of a log-likelihood averaged over the features.
///
/// The derivatives are the objective's own, at 10⁴ nats of KL above the model's, where a capacity or free
/// bits are exceeded. An objective that pulls the KL up at one of the times (a capacity) may weigh it as it
/// likes.
///
/// Arguments  x [n × features + condition]; times in epochs, for schedules
/// Threads    the result does not depend on their number
template <class Model, class ObjectiveType>
[[nodiscard]] std::vector<Finding> check_objective(const Model& model, const ObjectiveType& objective,
                                                   MatrixIn<typename Model::Scalar> x,
                                                   std::span<const double> times, std::uint64_t seed) {
  using T = typename Model::Scalar;
  constexpr std::string_view check = "objective";
  constexpr double excess = 1e4;
  ObjectiveProbe<Model, ObjectiveType> probe(model, objective, x.rows(), seed);
  ObjectiveWeights largest;
  bool has_target = false;
  for (const double time : times) {
    probe(model, x, time);
    Terms<T> terms = probe.workspace().terms;
    Terms<T> gradients = probe.workspace().dterms;
    const ObjectiveWeights weights = detail::objective_weights(objective, terms, time, excess, gradients);
    has_target =
        has_target || detail::objective_weights(objective, terms, time, std::nullopt, gradients).kl < 0;
    if (!(weights.kl >= 0)) {
      return {Finding::fault(
          check,
          concat("the loss changes by ", rounded(weights.kl), " for each nat of KL at epoch ", rounded(time)),
          "the KL term has the wrong sign: loss = KL - log p(x|z)")};
    }
    if (!(weights.log_likelihood > 0)) {
      return {Finding::fault(check,
                             concat("the loss changes by ", rounded(-weights.log_likelihood),
                                    " for each nat of log p(x|z) at epoch ", rounded(time)),
                             "the reconstruction term has the wrong sign or none: loss = KL - log p(x|z)")};
    }
    const double ratio = weights.kl / weights.log_likelihood;
    if (ratio >= largest.kl) {
      largest = {1, ratio};
    }
  }
  const auto features = static_cast<double>(model.features());
  if (!has_target && features >= 20 && largest.kl >= features / 4) {
    return {
        Finding::fault(check,
                       concat("a nat of KL weighs as much as ", rounded(largest.kl),
                              " nats of log p(x|z), of ", model.features(), " features"),
                       "sum log p(x|z) over the features, a mean divides it by their number; or lower beta")};
  }
  return {Finding::ok(
      check, concat("the loss falls with log p(x|z); a nat of KL weighs up to ", rounded(largest.kl)))};
}

}  // namespace vaekit::inline VAEKIT_ABI
