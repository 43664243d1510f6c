// SPDX-License-Identifier: MIT
//
// Small models for the tests of Vae.
#pragma once

#include <optional>
#include <vector>

#include "vaekit/distributions/builtin.hpp"
#include "vaekit/kernels/random.hpp"
#include "vaekit/latent/builtin.hpp"
#include "vaekit/model/vae.hpp"
#include "vaekit/nn/network.hpp"
#include "vaekit/nn/sequential.hpp"

namespace example {

using namespace vaekit;

[[nodiscard]] inline DenseConfig dense(Index units, Activation activation) {
  return {.units = units, .activation = activation};
}

/// A model whose parts are chosen at run time.
template <class T>
using AnyVae = Vae<Network<T>, AnyLatent<T>, Network<T>, AnyLikelihood<T>, AnyPrior<T>>;

/// A model whose parts are chosen at compile time: one hidden layer on each side.
template <class T>
using StaticVae = Vae<Sequential<Dense<T>>, GaussianLatent<T>, Sequential<Dense<T>>, Bernoulli<T>>;

struct Design {
  std::vector<LayerConfig<>> encoder = {DenseConfig{.units = 4, .activation = Activation::tanh}};
  std::vector<LayerConfig<>> decoder = {DenseConfig{.units = 3, .activation = Activation::tanh}};
  LikelihoodConfig likelihood = BernoulliConfig{};
  PriorConfig prior = StandardNormalConfig{};
  Index features = 5;
  Index dim = 2;
  std::optional<LatentConfig> latent = {};  ///< none: gaussian with `dim`
  Index condition = 0;
};

template <class T>
AnyVae<T> make_any(const Design& design, std::uint64_t seed = 1) {
  const AnyLatent<T> latent(design.latent.value_or(GaussianLatentConfig{.dim = design.dim}));
  AnyVae<T> model(Network<T>(design.encoder, Shape::flat(design.features + design.condition)), latent,
                  Network<T>(design.decoder, Shape::flat(latent.dim + design.condition)),
                  AnyLikelihood<T>(design.likelihood, design.features), Initializer::fan_in_uniform,
                  AnyPrior<T>(design.prior, latent.dim, design.features, design.condition), design.condition);
  model.initialize(seed);
  return model;
}

template <class T>
StaticVae<T> make_static(Index features, Index hidden, Index dim, std::uint64_t seed = 1,
                         Activation activation = Activation::relu) {
  const DenseConfig layer{.units = hidden, .activation = activation};
  StaticVae<T> model(Sequential(Dense<T>(layer, Shape::flat(features))), GaussianLatent<T>({.dim = dim}),
                     Sequential(Dense<T>(layer, Shape::flat(dim))), Bernoulli<T>({}, features));
  model.initialize(seed);
  return model;
}

/// A default configuration made fit for so many features.
[[nodiscard]] inline LikelihoodConfig fitted(LikelihoodConfig config, Index features) {
  using ColumnsOfTable = Columns<FeatureLikelihoods<float>>::Config;
  if (auto* columns = std::get_if<ColumnsOfTable>(&config)) {
    columns->groups.resize(2);
    columns->groups[0] = {.count = 1, .likelihood = GaussianConfig{}};
    columns->groups[1] = {.count = features - 1, .likelihood = PoissonConfig{}};
  }
  return config;
}

/// Uniform on (0, 1).
template <class T>
Matrix<T> data(Index rows, Index features, std::uint64_t seed = 1) {
  Matrix<T> x(rows, features);
  fill_uniform(x.span(), RandomStream(seed, Purpose::synthetic));
  return x;
}

}  // namespace example
