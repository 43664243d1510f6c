// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

#include "vaekit/evaluate/elbo.hpp"
#include "vaekit/evaluate/input_workers.hpp"
#include "vaekit/kernels/reduce.hpp"
#include "vaekit/latent/latent.hpp"
#include "vaekit/model/part_name.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Refuses models whose samples cannot be weighed.
///
/// Throws ConfigError "importance sampling: weighs samples by the density of the posterior, ... has none"
template <class Model>
void check_importance_sampling(const Model& model) {
  if (!has_evaluation_density(model.latent)) {
    throw ConfigError(concat("importance sampling: weighs samples by the density of the posterior, ",
                             part_name(model.latent), " has none"));
  }
}

/// Importance-sampled log-likelihood of single inputs:
///
///   log p(x) ≈ log 1/K Σ_k p(x|z_k) p(z_k) / q(z_k|x),   z_k ~ q(z|x)
///
/// a lower bound in expectation that tightens with K. The encoder runs once for each input; the K samples are
/// decoded in chunks and their log-sum-exp is streamed, so memory is bounded by a chunk whatever K is. What
/// the prior needs beside z, the posteriors of pseudo-inputs, is found once by the constructor.
///
/// Units    nats
/// Threads  one estimator is used by one thread; results do not depend on the number of OpenMP threads
/// Source   Rezende, Mohamed, Wierstra 2014 (arXiv:1401.4082), appendix E; Burda et al. 2016
/// (arXiv:1509.00519)
template <class Model>
class ImportanceSampler {
 public:
  using T = typename Model::Scalar;

  /// `chunk`: samples decoded at a time; with 100 the decoder's outputs stay in the second-level cache.
  ImportanceSampler(const Model& model, Index samples, Index chunk = 100)
      : model_(model),
        samples_(samples),
        chunk_(std::min(chunk, samples)),
        workspace_(model.make_inference_workspace(1, chunk_)),
        likelihood_(static_cast<std::size_t>(chunk_)),
        prior_(static_cast<std::size_t>(chunk_)),
        posterior_(static_cast<std::size_t>(chunk_)) {
    if (model.condition == 0) {
      model.prepare_prior(Matrix<T>(1, 0), workspace_);
    }
  }

  /// log p(x) of one row. ε is element `input` of the endless sequence named by `seed`.
  ///
  /// Shapes  x [1 × features + condition]
  /// Throws  ShapeError when x does not fit
  [[nodiscard]] double log_likelihood(MatrixIn<T> x, std::uint64_t seed, std::uint64_t input) {
    static_cast<void>(model_.encode(x, workspace_));
    if (model_.condition > 0) {
      model_.prepare_prior(x.rightCols(model_.condition), workspace_);
    }
    const RandomStream stream(seed, Purpose::evaluation);
    LogSumExp weights;
    for (Index first = 0; first < samples_; first += chunk_) {
      const Index n = std::min(chunk_, samples_ - first);
      model_.latent.draw_noise(
          stream, input * static_cast<std::uint64_t>(samples_) + static_cast<std::uint64_t>(first),
          top(workspace_.epsilon, n));
      add_weights(x, n, weights);
    }
    return weights.value() - std::log(static_cast<double>(samples_));
  }

 private:
  void add_weights(MatrixIn<T> x, Index n, LogSumExp& weights) {
    const MatrixOut<T> z = top(workspace_.z, n);
    const auto params = workspace_.posterior.topRows(1);
    const auto epsilon = workspace_.epsilon.topRows(n);
    const auto first_n = [n](std::vector<T>& values) {
      return std::span(values).first(static_cast<std::size_t>(n));
    };
    model_.latent.reparameterize(params, epsilon, workspace_.latent, z);
    model_.log_prob(x, z, workspace_, first_n(likelihood_));
    model_.prior.log_prob(z, workspace_.prior, first_n(prior_));
    model_.latent.log_prob(params, epsilon, z, workspace_.latent, first_n(posterior_));
    for (std::size_t k = 0; k < static_cast<std::size_t>(n); ++k) {
      weights.add(static_cast<double>(likelihood_[k]) + static_cast<double>(prior_[k]) -
                  static_cast<double>(posterior_[k]));
    }
  }

  const Model& model_;
  Index samples_;
  Index chunk_;
  typename Model::Workspace workspace_;
  std::vector<T> likelihood_;
  std::vector<T> prior_;
  std::vector<T> posterior_;
};

/// Mean and standard error of log p(x) over `view` with K = `samples` importance samples each.
///
/// `visit(i, log_likelihood)` is called for each input in order: per-sample output, progress.
///
/// Threads  an input on each; no bit depends on their number
/// Throws   ConfigError as `check_importance_sampling`
template <class Model, class Visit>
RunningMoments evaluate_log_likelihood(const Model& model, const DataView& view, Index samples,
                                       std::uint64_t seed, Visit&& visit) {
  using T = typename Model::Scalar;
  using Sampler = ImportanceSampler<Model>;
  check_importance_sampling(model);
  RunningMoments result;
  for_each_input<T, double>(
      view, model.input_columns(), 1, [&] { return Sampler(model, samples); },
      [seed](Sampler& sampler, Index input, MatrixIn<T> x, std::span<double> out) {
        out[0] = sampler.log_likelihood(x, seed, static_cast<std::uint64_t>(input));
      },
      [&](Index input, double value) {
        result.add(value);
        visit(input, value);
      });
  return result;
}

}  // namespace vaekit::inline VAEKIT_ABI
