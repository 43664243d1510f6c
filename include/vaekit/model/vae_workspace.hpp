// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "vaekit/core/random.hpp"
#include "vaekit/latent/latent.hpp"
#include "vaekit/nn/layer.hpp"
#include "vaekit/objectives/objective.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// What the encoder writes when it runs on the pseudo-inputs of a prior.
template <class Model>
struct PseudoPass {
  using T = typename Model::Scalar;

  typename decltype(Model::encoder)::Cache encoder;
  typename decltype(Model::posterior_head)::Cache posterior_head;
  typename decltype(Model::latent)::Cache latent;
  Matrix<T> inputs;     // [C × features]
  Matrix<T> encoded;    // [C × hidden]
  Matrix<T> posterior;  // [C × head]
  Matrix<T> epsilon;    // [C × noise] zeros
  Matrix<T> z, dz;      // [C × dim] zeros
  Matrix<T> dinputs;    // no rows when the prior has no parameters
  Matrix<T> dencoded, dposterior;
};

/// A batch of which some inputs have no label, see semi_supervised.hpp.
template <class T>
struct SemiSupervisedPass {
  Matrix<T> inputs;   // [n·classes × features + classes]
  Matrix<T> weights;  // [n·classes × 1]
};

/// What the classifier of a semi-supervised model writes, and its pass.
template <class Model>
struct SemiSupervisedWorkspace {
  typename decltype(Model::classifier)::value_type::Cache classifier;
  SemiSupervisedPass<typename Model::Scalar> pass;
};

/// Everything a call of a `Vae` writes besides its results, for n inputs with K latent samples each.
template <class Model>
struct VaeWorkspace {
  using T = typename Model::Scalar;

  typename decltype(Model::encoder)::Cache encoder;
  typename decltype(Model::posterior_head)::Cache posterior_head;
  typename decltype(Model::latent)::Cache latent;
  typename decltype(Model::prior)::Cache prior;
  typename decltype(Model::decoder)::Cache decoder;
  typename decltype(Model::likelihood_head)::Cache likelihood_head;
  typename decltype(Model::likelihood)::Cache likelihood;
  Index samples = 1;
  bool packed = false;  // weights are laid out for inference
  RandomStream prior_stream{0, Purpose::prior};
  Matrix<T> encoded;        // [n × hidden]
  Matrix<T> posterior;      // [n × head] parameters of q(z|x)
  Matrix<T> epsilon;        // [n·K × noise]
  Matrix<T> z;              // [n·K × dim]
  Matrix<T> decoder_input;  // [n·K × dim + condition], of a model with a condition
  Matrix<T> decoded;        // [n·K × hidden]
  Matrix<T> params;         // [n·K × head] parameters of p(x|z)
  Terms<T> terms;
  Terms<T> dterms;
  Matrix<T> dencoded, dposterior, dz, ddecoder_input, ddecoded;   // gradients, shaped as their values
  std::optional<PseudoPass<Model>> pseudo;                        // of a prior that has pseudo-inputs
  std::optional<SemiSupervisedWorkspace<Model>> semi_supervised;  // of a model with a classifier, in training
};

template <class Model>
[[nodiscard]] PseudoPass<Model> make_pseudo_pass(const Model& model, Index count) {
  using T = typename Model::Scalar;
  const Index encoded = model.encoder.output_shape().size();
  const Index head = model.latent.head_size();
  const bool learned = parameter_count(model.prior) > 0;
  PseudoPass<Model> pass{.encoder = model.encoder.make_cache(count),
                         .posterior_head = model.posterior_head.make_cache(count),
                         .latent = model.latent.make_cache(count, count),
                         .inputs = Matrix<T>(count, model.features()),
                         .encoded = Matrix<T>(count, encoded),
                         .posterior = Matrix<T>(count, head),
                         .epsilon = Matrix<T>(count, model.latent.noise_size()),
                         .z = Matrix<T>(count, model.latent.dim),
                         .dz = Matrix<T>(count, model.latent.dim),
                         .dinputs = Matrix<T>(learned ? count : 0, model.features()),
                         .dencoded = Matrix<T>(count, encoded),
                         .dposterior = Matrix<T>(count, head)};
  draw_layer_noise(model.encoder, NoiseSource{}, count, pass.encoder);
  return pass;
}

template <class Model>
[[nodiscard]] VaeWorkspace<Model> make_vae_workspace(const Model& model, Index batch, Index samples) {
  using T = typename Model::Scalar;
  const Index rows = batch * samples;
  const Index encoded = model.encoder.output_shape().size();
  const Index decoded = model.decoder.output_shape().size();
  const Index dim = model.latent.dim;
  const Index kl_columns =
      Model::Divergence::closed_form(model.latent, model.prior) ? model.latent.kl_columns() : 1;
  VaeWorkspace<Model> w{.encoder = model.encoder.make_cache(batch),
                        .posterior_head = model.posterior_head.make_cache(batch),
                        .latent = model.latent.make_cache(batch, rows),
                        .prior = model.prior.make_cache(rows),
                        .decoder = model.decoder.make_cache(rows),
                        .likelihood_head = model.likelihood_head.make_cache(rows),
                        .likelihood = model.likelihood.make_cache(rows),
                        .samples = samples,
                        .encoded = Matrix<T>(batch, encoded),
                        .posterior = Matrix<T>(batch, model.latent.head_size()),
                        .epsilon = Matrix<T>(rows, model.latent.noise_size()),
                        .z = Matrix<T>(rows, dim),
                        .decoder_input = Matrix<T>(model.condition > 0 ? rows : 0, dim + model.condition),
                        .decoded = Matrix<T>(rows, decoded),
                        .params = Matrix<T>(rows, model.likelihood.head_size()),
                        .terms = Terms<T>(batch, samples, kl_columns),
                        .dterms = Terms<T>(batch, samples, kl_columns),
                        .dencoded = Matrix<T>(batch, encoded),
                        .dposterior = Matrix<T>(batch, model.latent.head_size()),
                        .dz = Matrix<T>(rows, dim),
                        .ddecoder_input = Matrix<T>(model.condition > 0 ? rows : 0, dim + model.condition),
                        .ddecoded = Matrix<T>(rows, decoded),
                        .pseudo = {},
                        .semi_supervised = {}};
  if (const Index count = pseudo_input_count(model.prior); count > 0) {
    w.pseudo = make_pseudo_pass(model, count);
  }
  fuse_derivative(model.encoder, w.encoder, model.posterior_head, w.posterior_head);
  fuse_derivative(model.decoder, w.decoder, model.likelihood_head, w.likelihood_head);
  return w;
}

}  // namespace vaekit::inline VAEKIT_ABI
