// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "vaekit/evaluate/constant_output.hpp"
#include "vaekit/evaluate/finding.hpp"
#include "vaekit/evaluate/latent_statistics.hpp"
#include "vaekit/objectives/objective.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Nats below which a latent says nothing of its input.
inline constexpr double collapsed_nats = 0.1;

/// "collapse": of trained weights, whether z says anything of x. A fault when KL(q(z|x) ‖ p(z)) is below 0.1
/// nats, or the reconstruction is not 0.1 nats above what the best output that ignores z reaches (see
/// `best_constant_output`; for models without a condition, which the output may depend on). An objective that
/// draws no z has no KL: its reconstruction is that of the posterior's mean.
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
  const Matrix<T> start = w.params.topRows(n).colwise().mean();
  const LatentStatistics latent = latent_statistics(model, some);
  std::string figure =
      concat(deterministic ? std::string("no KL") : concat("KL ", rounded(value.kl), " nats"), ", ",
             latent.active_units, " of ", latent.mean_variance.size(), " latent dimensions active");
  bool collapsed = !deterministic && !(value.kl >= collapsed_nats);
  if (model.condition == 0) {
    const double constant = best_constant_output(model.likelihood, x, start);
    figure += concat(", reconstruction ", rounded(value.reconstruction), ", best without z ",
                     rounded(constant), " nats");
    collapsed = collapsed || !(value.reconstruction - constant >= collapsed_nats);
  }
  if (!collapsed) {
    return {Finding::ok(check, figure)};
  }
  return {Finding::fault(check, figure,
                         "z says nothing of x: let beta grow from 0, lower it, or set free_bits; a weaker "
                         "decoder; if there is no training yet, train longer")};
}

}  // namespace vaekit::inline VAEKIT_ABI
