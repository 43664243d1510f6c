// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <vector>

#include "vaekit/evaluate/data_view.hpp"
#include "vaekit/objectives/objective.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Running mean and variance of a stream of numbers (Welford 1962), in double.
class RunningMoments {
 public:
  void add(double value) {
    ++count_;
    const double delta = value - mean_;
    mean_ += delta / static_cast<double>(count_);
    squares_ += delta * (value - mean_);
  }

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] double mean() const { return mean_; }
  /// Unbiased; 0 for fewer than two values.
  [[nodiscard]] double variance() const {
    return count_ > 1 ? squares_ / static_cast<double>(count_ - 1) : 0;
  }
  /// Standard deviation of the mean.
  [[nodiscard]] double standard_error() const {
    return count_ > 0 ? std::sqrt(variance() / static_cast<double>(count_)) : 0;
  }

 private:
  std::uint64_t count_ = 0;
  double mean_ = 0;
  double squares_ = 0;
};

/// Means over a data set, in nats. Standard errors are over the samples of the data set.
struct ElboEvaluation {
  RunningMoments elbo;
  RunningMoments reconstruction;
  RunningMoments kl;
};

/// ELBO, reconstruction log-likelihood and KL of each sample of `view` with `samples` draws of z each (ε
/// keyed by `seed` and the position in the view, so that results do not depend on `batch`).
///
/// `visit(first, terms)` is called for each batch: per-sample results for those who want them.
/// Threads  const model; the result does not depend on the number of threads
template <class Model, class Visit>
ElboEvaluation evaluate_elbo(const Model& model, const DataView& view, std::uint64_t seed, Index batch,
                             Index samples, Visit&& visit) {
  using T = typename Model::Scalar;
  batch = std::min(batch, view.size());
  typename Model::Workspace w = model.make_inference_workspace(batch, samples);
  Matrix<T> buffer(batch, model.input_columns());
  ElboEvaluation result;
  for_each_batch<T>(view, buffer, [&](Index first, MatrixIn<T> x) {
    model.draw_evaluation_noise(seed, static_cast<std::uint64_t>(first), x.rows(), w);
    const Terms<T>& terms = model.terms(x, w);
    for (Index row = 0; row < x.rows(); ++row) {
      const double reconstruction = terms.log_likelihood.row(row).template cast<double>().mean();
      const double kl = terms.kl.row(row).template cast<double>().sum();
      result.reconstruction.add(reconstruction);
      result.kl.add(kl);
      result.elbo.add(reconstruction - kl);
    }
    visit(first, terms);
  });
  return result;
}

template <class Model>
[[nodiscard]] ElboEvaluation evaluate_elbo(const Model& model, const DataView& view, std::uint64_t seed,
                                           Index batch = 500, Index samples = 1) {
  return evaluate_elbo(model, view, seed, batch, samples, [](Index, const Terms<typename Model::Scalar>&) {});
}

}  // namespace vaekit::inline VAEKIT_ABI
