// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "vaekit/app/encode.hpp"
#include "vaekit/evaluate/aggregate_posterior.hpp"
#include "vaekit/evaluate/fitted_flow.hpp"
#include "vaekit/evaluate/fitted_mixture.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// What `vaekit sample` and `vaekit metrics` draw z from.
enum class Sampler { prior, mixture, flow };

[[nodiscard]] constexpr auto enum_names(Sampler) {
  return std::array<std::string_view, 3>{"prior", "mixture", "flow"};
}

/// Throws UsageError when z of this model cannot be drawn in this way.
template <class Model>
void check_sampler(Sampler sampler, const Model& model, const ExperimentConfig& config) {
  const bool has_prior = !std::holds_alternative<RaeConfig>(config.objective);
  if (sampler == Sampler::prior) {
    if (!has_prior) {
      throw UsageError("--sampler: is prior, must be mixture or flow: rae_l2 trains no prior to sample from");
    }
    return;
  }
  if (model.condition > 0) {
    throw UsageError(
        concat("--sampler: is ", to_string(sampler), ", must be prior: the model is conditional"));
  }
  if (space_of(model.latent) != "all of space" && !can_project(model.latent)) {
    throw UsageError(concat("--sampler: is ", to_string(sampler), ", must be prior: the latents live on ",
                            space_of(model.latent)));
  }
  if (sampler == Sampler::flow && model.latent_dim() < 2) {
    throw UsageError(concat("--sampler: is flow, must be ", has_prior ? "prior or mixture" : "mixture",
                            ": the model has 1 latent dimension"));
  }
}

/// z [n × dim] from a mixture or a flow that is fitted to the latents of the run's training set.
///
/// Throws UsageError, ConfigError, DataError, IoError
template <class Model>
void sample_fitted(const Model& model, const Run& run, Sampler sampler, Index components, double temperature,
                   std::uint64_t seed, MatrixOut<typename Model::Scalar> z) {
  using T = typename Model::Scalar;
  const LoadedData data = load_split(run, DataSplit::train);
  const Matrix<T> latents = aggregate_latents(
      model, data.view(), needs_of(AnyObjective(run.config.objective)).deterministic, run.config.seed);
  const RandomStream stream(seed, Purpose::prior);
  if (sampler == Sampler::mixture) {
    const FittedMixture mixture(Matrix<double>(latents.template cast<double>()), {.components = components},
                                run.config.seed);
    mixture.sample<T>(stream, 0, temperature, z);
  } else {
    const FittedFlow<T> flow(latents, {}, run.config.seed);
    flow.sample(stream, 0, temperature, z);
  }
  project_latents(model.latent, z);
}

/// Means of p(x|z) for z from the prior or from a fitted sampler; `components` are those of the mixture, and
/// `z` [n × latent columns] holds the conditions. [n × features]
///
/// Throws UsageError, ConfigError, DataError, IoError
template <class Model>
[[nodiscard]] Matrix<typename Model::Scalar> sample_means(const Model& model, const Run& run, Sampler sampler,
                                                          Index components, double temperature,
                                                          std::uint64_t seed,
                                                          Matrix<typename Model::Scalar> z) {
  check_sampler(sampler, model, run.config);
  if (sampler == Sampler::prior) {
    return sample_all(model, seed, std::move(z), temperature);
  }
  sample_fitted(model, run, sampler, components, temperature, seed, MatrixOut<typename Model::Scalar>(z));
  return decode_all(model, z);
}

}  // namespace vaekit::inline VAEKIT_ABI
