// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "vaekit/distributions/kl.hpp"
#include "vaekit/evaluate/elbo.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// What each latent dimension does over a data set.
struct LatentStatistics {
  std::vector<double> kl;             ///< [dim] mean KL(q(z_d|x) ‖ p), nats
  std::vector<double> mean_variance;  ///< [dim] variance over x of E_q[z_d]
  Index active_units = 0;             ///< dimensions with mean_variance > threshold
};

/// Threshold of Burda et al. for a unit that responds to its input.
inline constexpr double active_unit_threshold = 0.01;

/// Mean KL and activity A_d = Var_x(E_{q(z|x)}[z_d]) of every latent dimension.
///
/// Threads  const model; the result does not depend on the number of threads
/// Source   Burda, Grosse, Salakhutdinov 2016 (arXiv:1509.00519), section 5.2
template <class Model>
[[nodiscard]] LatentStatistics latent_statistics(const Model& model, const DataView& view,
                                                 Index batch = 500) {
  using T = typename Model::Scalar;
  batch = std::min(batch, view.size());
  const Index dim = model.latent_dim();
  typename Model::Workspace w = model.make_inference_workspace(batch);
  Matrix<T> buffer(batch, model.features());
  Matrix<T> kl(batch, dim);
  std::vector<RunningMoments> means(static_cast<std::size_t>(dim));
  std::vector<RunningMoments> kls(static_cast<std::size_t>(dim));
  for_each_batch<T>(view, buffer, [&](Index, MatrixIn<T> x) {
    const DiagonalGaussian<T> q = model.encode(x, w);
    kl_divergence(q, model.prior, top(kl, x.rows()));
    for (Index row = 0; row < x.rows(); ++row) {
      for (Index d = 0; d < dim; ++d) {
        means[static_cast<std::size_t>(d)].add(static_cast<double>(q.mu(row, d)));
        kls[static_cast<std::size_t>(d)].add(static_cast<double>(kl(row, d)));
      }
    }
  });
  LatentStatistics statistics;
  for (std::size_t d = 0; d < means.size(); ++d) {
    statistics.kl.push_back(kls[d].mean());
    statistics.mean_variance.push_back(means[d].variance());
    statistics.active_units += means[d].variance() > active_unit_threshold ? 1 : 0;
  }
  return statistics;
}

}  // namespace vaekit::inline VAEKIT_ABI
