// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "vaekit/evaluate/constant_output.hpp"
#include "vaekit/evaluate/elbo.hpp"
#include "vaekit/evaluate/finding.hpp"
#include "vaekit/evaluate/latent_statistics.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Nats below which a latent says nothing of its input.
inline constexpr double collapsed_nats = 0.1;

/// "collapse": of trained weights, whether z says anything of x. A fault when KL(q(z|x) ‖ p(z)) is below 0.1
/// nats, or the reconstruction is not 0.1 nats above what the best output that ignores z reaches (see
/// `best_constant_output`; for models without a condition, which the output may depend on).
///
/// Looks at 500 samples of the view.
/// Threads  the result does not depend on their number
/// Source   posterior collapse: Bowman et al. 2016 (arXiv:1511.06349), section 3.1
template <class Model>
[[nodiscard]] std::vector<Finding> check_collapse(const Model& model, const DataView& view,
                                                  std::uint64_t seed) {
  using T = typename Model::Scalar;
  constexpr std::string_view check = "collapse";
  const std::vector<std::uint32_t> rows = evenly_spaced(view.rows, 500);
  DataView some = view;
  some.rows = rows;
  const ElboEvaluation elbo = evaluate_elbo(model, some, seed);
  const LatentStatistics latent = latent_statistics(model, some);
  std::string figure = concat("KL ", rounded(elbo.kl.mean()), " nats, ", latent.active_units, " of ",
                              latent.mean_variance.size(), " latent dimensions active");
  bool collapsed = !(elbo.kl.mean() >= collapsed_nats);
  if (model.condition == 0) {
    Matrix<T> x(std::ssize(rows), view.columns());
    read_view<T>(some, rows, 0, x);
    typename Model::Workspace w = model.make_inference_workspace(x.rows());
    model.draw_evaluation_noise(seed, 0, x.rows(), w);
    model.terms(x, w);
    const Matrix<T> start = w.params.topRows(x.rows()).colwise().mean();
    const double constant = best_constant_output(model.likelihood, x, start);
    figure += concat(", reconstruction ", rounded(elbo.reconstruction.mean()), ", best without z ",
                     rounded(constant), " nats");
    collapsed = collapsed || !(elbo.reconstruction.mean() - constant >= collapsed_nats);
  }
  if (!collapsed) {
    return {Finding::ok(check, figure)};
  }
  return {Finding::fault(check, figure,
                         "z says nothing of x: let beta grow from 0, lower it, or set free_bits; a weaker "
                         "decoder; if there is no training yet, train longer")};
}

}  // namespace vaekit::inline VAEKIT_ABI
