// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

#include "vaekit/distributions/diagonal_gaussian.hpp"
#include "vaekit/evaluate/elbo.hpp"
#include "vaekit/kernels/random.hpp"
#include "vaekit/kernels/reduce.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Importance-sampled log-likelihood of single inputs:
///
///   log p(x) ≈ log 1/K Σ_k p(x|z_k) p(z_k) / q(z_k|x),   z_k ~ q(z|x)
///
/// a lower bound in expectation that tightens with K. The encoder runs once for each input; the K samples are
/// decoded in chunks and their log-sum-exp is streamed, so memory is bounded by a chunk whatever K is.
///
/// Units    nats
/// Threads  one estimator is used by one thread; results do not depend on the number of OpenMP threads
/// Source   Rezende, Mohamed, Wierstra 2014 (arXiv:1401.4082), appendix E; Burda et al. 2016
/// (arXiv:1509.00519)
template <class Model>
class ImportanceSampler {
 public:
  using T = typename Model::Scalar;

  /// `chunk`: samples decoded at a time.
  ImportanceSampler(const Model& model, Index samples, Index chunk = 500)
      : model_(model),
        samples_(samples),
        chunk_(std::min(chunk, samples)),
        encoder_(model.make_inference_workspace(1)),
        decoder_(model.make_inference_workspace(1, chunk_)),
        likelihood_(static_cast<std::size_t>(chunk_)),
        prior_(static_cast<std::size_t>(chunk_)),
        posterior_(static_cast<std::size_t>(chunk_)) {}

  /// log p(x) of one row. ε is element `input` of the endless sequence named by `seed`.
  ///
  /// Shapes  x [1 × features]
  /// Throws  ShapeError when x does not fit
  [[nodiscard]] double log_likelihood(MatrixIn<T> x, std::uint64_t seed, std::uint64_t input) {
    const DiagonalGaussian<T> q = model_.encode(x, encoder_);
    const Index dim = model_.latent_dim();
    const RandomStream stream(seed, Purpose::evaluation);
    LogSumExp weights;
    for (Index first = 0; first < samples_; first += chunk_) {
      const Index n = std::min(chunk_, samples_ - first);
      const auto offset = (input * static_cast<std::uint64_t>(samples_) + static_cast<std::uint64_t>(first)) *
                          static_cast<std::uint64_t>(dim);
      fill_normal(decoder_.epsilon.span().first(static_cast<std::size_t>(n * dim)), stream, offset);
      add_weights(q, x, n, weights);
    }
    return weights.value() - std::log(static_cast<double>(samples_));
  }

 private:
  void add_weights(const DiagonalGaussian<T>& q, MatrixIn<T> x, Index n, LogSumExp& weights) {
    const MatrixOut<T> z = top(decoder_.z, n);
    model_.latent.reparameterize(q, decoder_.epsilon.topRows(n), encoder_.latent, z);
    model_.log_prob(x, z, decoder_, std::span(likelihood_).first(static_cast<std::size_t>(n)));
    log_prob(model_.prior, MatrixIn<T>(z), std::span(prior_).first(static_cast<std::size_t>(n)));
    log_prob(q, MatrixIn<T>(z), std::span(posterior_).first(static_cast<std::size_t>(n)));
    for (std::size_t k = 0; k < static_cast<std::size_t>(n); ++k) {
      weights.add(static_cast<double>(likelihood_[k]) + static_cast<double>(prior_[k]) -
                  static_cast<double>(posterior_[k]));
    }
  }

  const Model& model_;
  Index samples_;
  Index chunk_;
  typename Model::Workspace encoder_;
  typename Model::Workspace decoder_;
  std::vector<T> likelihood_;
  std::vector<T> prior_;
  std::vector<T> posterior_;
};

/// Mean and standard error of log p(x) over `view` with K = `samples` importance samples each.
///
/// `visit(i, log_likelihood)` is called after each input: per-sample output, progress.
template <class Model, class Visit>
RunningMoments evaluate_log_likelihood(const Model& model, const DataView& view, Index samples,
                                       std::uint64_t seed, Visit&& visit) {
  using T = typename Model::Scalar;
  ImportanceSampler<Model> sampler(model, samples);
  Matrix<T> buffer(std::min<Index>(100, view.size()), model.features());
  RunningMoments result;
  for_each_batch<T>(view, buffer, [&](Index first, MatrixIn<T> x) {
    for (Index row = 0; row < x.rows(); ++row) {
      const Index input = first + row;
      const double value =
          sampler.log_likelihood(x.middleRows(row, 1), seed, static_cast<std::uint64_t>(input));
      result.add(value);
      visit(input, value);
    }
  });
  return result;
}

}  // namespace vaekit::inline VAEKIT_ABI
