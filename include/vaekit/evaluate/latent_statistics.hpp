// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "vaekit/evaluate/elbo.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// What each latent dimension does over a data set.
struct LatentStatistics {
  std::vector<double> kl;             ///< [dim] mean KL(q(z_d|x) ‖ p), nats; empty without a closed form
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
  Matrix<T> buffer(batch, model.input_columns());
  std::vector<RunningMoments> means(static_cast<std::size_t>(dim));
  const bool closed_form = Model::Divergence::closed_form(model.latent, model.prior);
  std::vector<RunningMoments> kls(static_cast<std::size_t>(closed_form ? model.latent.kl_columns() : 0));
  const auto add_columns = [](std::vector<RunningMoments>& moments, MatrixIn<T> values) {
    for (Index row = 0; row < values.rows(); ++row) {
      for (std::size_t d = 0; d < moments.size(); ++d) {
        moments[d].add(static_cast<double>(values(row, static_cast<Index>(d))));
      }
    }
  };
  for_each_batch<T>(view, buffer, [&](Index, MatrixIn<T> x) {
    if (closed_form) {
      model.zero_noise(x.rows(), w);
      add_columns(kls, model.divergence(x, w));
    }
    add_columns(means, model.encode(x, w).mu);
  });
  LatentStatistics statistics;
  for (const RunningMoments& kl : kls) {
    statistics.kl.push_back(kl.mean());
  }
  for (const RunningMoments& mean : means) {
    statistics.mean_variance.push_back(mean.variance());
    statistics.active_units += mean.variance() > active_unit_threshold ? 1 : 0;
  }
  return statistics;
}

/// The first `count` latent dimensions, of the largest KL first; where not each has a KL of its own, of the
/// largest variance of means. Equal ones keep their order, what is not finite comes last.
[[nodiscard]] inline std::vector<Index> largest_first(const LatentStatistics& statistics, Index count) {
  const std::vector<double>& all =
      std::ssize(statistics.kl) >= count ? statistics.kl : statistics.mean_variance;
  const auto size = [&](Index d) {
    const double value = all[static_cast<std::size_t>(d)];
    return std::isfinite(value) ? value : -HUGE_VAL;
  };
  std::vector<Index> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), Index{0});
  std::ranges::stable_sort(order, [&](Index a, Index b) { return size(a) > size(b); });
  return order;
}

}  // namespace vaekit::inline VAEKIT_ABI
