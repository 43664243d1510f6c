// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "vaekit/evaluate/constant_output.hpp"
#include "vaekit/evaluate/finding.hpp"
#include "vaekit/evaluate/latent_statistics.hpp"
#include "vaekit/objectives/objective.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Nats below which a latent says nothing of its input.
inline constexpr double collapsed_nats = 0.1;

namespace detail {

inline constexpr const char* collapse_advice =
    "z says nothing of x: let beta grow from 0, lower it, or set free_bits; a weaker decoder; if there is no "
    "training yet, train longer";

/// Mean |log p(x|z) − log p(x|z')|, z' the latent of another input: how much the output depends on z, in
/// nats.
template <class Model>
[[nodiscard]] double latent_effect(const Model& model, MatrixIn<typename Model::Scalar> x,
                                   MatrixIn<typename Model::Scalar> params) {
  using T = typename Model::Scalar;
  const Index n = x.rows();
  Matrix<T> others(n, params.cols());
  for (Index row = 0; row < n; ++row) {
    others.row(row) = params.row((row + 1) % n);
  }
  std::vector<T> own(static_cast<std::size_t>(n));
  std::vector<T> other(own.size());
  model.likelihood.log_prob(params, x, own);
  model.likelihood.log_prob(others, x, other);
  double sum = 0;
  for (std::size_t i = 0; i < own.size(); ++i) {
    sum += std::abs(static_cast<double>(own[i]) - static_cast<double>(other[i]));
  }
  return sum / static_cast<double>(n);
}

}  // namespace detail

/// "collapse": of trained weights, whether z says anything of x. A fault when KL(q(z|x) ‖ p(z)) is below 0.1
/// nats, or the reconstruction is not 0.1 nats above what the best output that ignores z reaches (see
/// `best_constant_output`; for models without a condition, which the output may depend on). An objective that
/// draws no z has no KL: its reconstruction is that of the posterior's mean.
///
/// Two other faults come in its place, each under its own name. "elbo": KL or reconstruction are not finite.
/// "reconstruction": z does say something, that is the KL is 0.1 nats or a latent dimension is active, and
/// the output depends on it by 0.1 nats, but the model is worse than the constant output.
///
/// Looks at 500 samples of the view.
/// Threads  the result does not depend on their number
/// Source   posterior collapse: Bowman et al. 2016 (arXiv:1511.06349), section 3.1
template <class Model, class ObjectiveType>
[[nodiscard]] std::vector<Finding> check_collapse(const Model& model, const ObjectiveType& objective,
                                                  const DataView& view, std::uint64_t seed) {
  using T = typename Model::Scalar;
  constexpr std::string_view check = "collapse";
  const bool deterministic = needs_of(objective).deterministic;
  const std::vector<std::uint32_t> rows = random_rows(view, 500);
  DataView some = view;
  some.rows = rows;
  const Index n = some.size();
  Matrix<T> x(n, view.columns());
  read_view<T>(some, rows, 0, x);
  typename Model::Workspace w = model.make_inference_workspace(n);
  if (deterministic) {
    model.zero_noise(n, w);
  } else {
    model.draw_evaluation_noise(seed, 0, n, w);
  }
  const ObjectiveValue value = elbo_value(model.terms(x, w));
  std::string figure = deterministic ? std::string("no KL") : concat("KL ", rounded(value.kl), " nats");
  if (!std::isfinite(value.reconstruction) || !(deterministic || std::isfinite(value.kl))) {
    return {Finding::fault(
        "elbo", concat(figure, ", reconstruction ", rounded(value.reconstruction), " nats: not finite"),
        "weights or data are far out of scale: look at the values of the data; train again "
        "with a lower learning rate or training/gradient_clip")};
  }
  const LatentStatistics latent = latent_statistics(model, some);
  if (!latent.mean_variance.empty()) {
    figure +=
        concat(", ", latent.active_units, " of ", latent.mean_variance.size(), " latent dimensions active");
  }
  const bool uninformed = !deterministic && !(value.kl >= collapsed_nats);
  if (model.condition == 0) {
    const Matrix<T> params = w.params.topRows(n);
    const Matrix<T> start = params.colwise().mean();
    const double constant = best_constant_output(model.likelihood, x, start);
    figure += concat(", reconstruction ", rounded(value.reconstruction), ", best without z ",
                     rounded(constant), " nats");
    const bool informed = !uninformed || latent.active_units > 0;
    if (informed && value.reconstruction < constant &&
        detail::latent_effect(model, x, params) >= collapsed_nats) {
      return {Finding::fault("reconstruction", figure,
                             "the model is worse than one output for all inputs: train longer, or with a "
                             "higher learning rate if the loss still falls; check the scale of the data and "
                             "the likelihood's variance")};
    }
    if (!(value.reconstruction - constant >= collapsed_nats)) {
      return {Finding::fault(check, figure, detail::collapse_advice)};
    }
  }
  return {uninformed ? Finding::fault(check, figure, detail::collapse_advice) : Finding::ok(check, figure)};
}

}  // namespace vaekit::inline VAEKIT_ABI
