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
  std::vector<double> mean_variance;  ///< [dim] variance over x of E_q[z_d]; empty for a single x
  Index active_units = 0;             ///< dimensions with mean_variance > threshold

  /// Without the KL if it says nothing: the objective trains the means of q(z|x) alone.
  [[nodiscard]] LatentStatistics known(bool posterior_trained) const {
    return {posterior_trained ? kl : std::vector<double>(), mean_variance, active_units};
  }
};

/// Threshold of Burda et al. for a unit that responds to its input.
inline constexpr double active_unit_threshold = 0.01;

namespace detail {

/// Latent samples of an input where the mean of its posterior is not known.
inline constexpr Index mean_samples = 16;

/// Var_x(E_q[z_d]) from products of different samples of an input, whose mean is E_q[z_d]² without bias.
class SampledMeans {
 public:
  explicit SampledMeans(Index dim) : means_(static_cast<std::size_t>(dim)), squares_(means_.size()) {}

  /// z [n · mean_samples × dim], the samples of an input in consecutive rows
  template <class Z>
  void add(const Z& z) {
    constexpr auto samples = static_cast<double>(mean_samples);
    for (Index first = 0; first < z.rows(); first += mean_samples) {
      for (std::size_t d = 0; d < means_.size(); ++d) {
        const Eigen::ArrayXd values =
            z.col(static_cast<Index>(d)).segment(first, mean_samples).template cast<double>();
        const double sum = values.sum();
        means_[d].add(sum / samples);
        squares_[d].add((sum * sum - values.square().sum()) / (samples * (samples - 1)));
      }
    }
  }

  [[nodiscard]] double variance(std::size_t d) const {
    const auto count = static_cast<double>(means_[d].count());
    const double mean = means_[d].mean();
    return count < 2 ? 0 : std::max(0.0, (squares_[d].mean() - mean * mean) * count / (count - 1));
  }

 private:
  std::vector<RunningMoments> means_;
  std::vector<RunningMoments> squares_;
};

/// Var_x(E_q[z_d]) of a posterior that does not report its mean.
template <class Model>
[[nodiscard]] std::vector<double> sampled_mean_variance(const Model& model, const DataView& view,
                                                        Index batch) {
  using T = typename Model::Scalar;
  batch = std::max<Index>(1, batch / mean_samples);
  typename Model::Workspace w = model.make_inference_workspace(batch, mean_samples);
  Matrix<T> buffer(batch, model.input_columns());
  SampledMeans means(model.latent_dim());
  for_each_batch<T>(view, buffer, [&](Index first, MatrixIn<T> x) {
    model.draw_evaluation_noise(view.seed, static_cast<std::uint64_t>(first), x.rows(), w);
    model.divergence(x, w);
    means.add(w.z.topRows(x.rows() * mean_samples));
  });
  std::vector<double> variance;
  for (Index d = 0; d < model.latent_dim(); ++d) {
    variance.push_back(means.variance(static_cast<std::size_t>(d)));
  }
  return variance;
}

}  // namespace detail

/// Mean KL and activity A_d = Var_x(E_{q(z|x)}[z_d]) of every latent dimension. A KL that depends on z
/// (`ladder`) is of the z of `evaluate_elbo` with the seed of the view. Where the posterior does not report
/// its mean (`reports_mean`), A_d is an estimate without bias from 16 samples of each input.
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
  const bool mean_is_known = reports_mean(model.latent);
  std::vector<RunningMoments> means(static_cast<std::size_t>(mean_is_known ? dim : 0));
  const bool kl_is_known = Model::Divergence::closed_form(model.latent, model.prior);
  std::vector<RunningMoments> kls(static_cast<std::size_t>(kl_is_known ? model.latent.kl_columns() : 0));
  const auto add_columns = [](std::vector<RunningMoments>& moments, MatrixIn<T> values) {
    for (Index row = 0; row < values.rows(); ++row) {
      for (std::size_t d = 0; d < moments.size(); ++d) {
        moments[d].add(static_cast<double>(values(row, static_cast<Index>(d))));
      }
    }
  };
  for_each_batch<T>(view, buffer, [&](Index first, MatrixIn<T> x) {
    if (kl_is_known) {
      model.draw_evaluation_noise(view.seed, static_cast<std::uint64_t>(first), x.rows(), w);
      add_columns(kls, model.divergence(x, w));
    }
    if (mean_is_known) {
      add_columns(means, model.encode(x, w).mu);
    }
  });
  LatentStatistics statistics;
  for (const RunningMoments& kl : kls) {
    statistics.kl.push_back(kl.mean());
  }
  if (view.size() < 2) {
    return statistics;
  }
  for (const RunningMoments& mean : means) {
    statistics.mean_variance.push_back(mean.variance());
  }
  if (!mean_is_known) {
    statistics.mean_variance = detail::sampled_mean_variance(model, view, batch);
  }
  statistics.active_units =
      std::ranges::count_if(statistics.mean_variance, [](double a) { return a > active_unit_threshold; });
  return statistics;
}

/// The first `count` latent dimensions, of the largest KL first; where not each has a KL of its own, of the
/// largest variance of means. Equal ones keep their order, what is not finite or not known comes last.
[[nodiscard]] inline std::vector<Index> largest_first(const LatentStatistics& statistics, Index count) {
  const std::vector<double>& all =
      std::ssize(statistics.kl) >= count ? statistics.kl : statistics.mean_variance;
  const auto size = [&](Index d) {
    const auto place = static_cast<std::size_t>(d);
    return place < all.size() && std::isfinite(all[place]) ? all[place] : -HUGE_VAL;
  };
  std::vector<Index> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), Index{0});
  std::ranges::stable_sort(order, [&](Index a, Index b) { return size(a) > size(b); });
  return order;
}

}  // namespace vaekit::inline VAEKIT_ABI
