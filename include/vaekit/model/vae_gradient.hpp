// SPDX-License-Identifier: MIT
//
// The forward and the backward pass of `Vae`, which vae.hpp includes at its end.
#pragma once

#include "vaekit/model/vae.hpp"

namespace vaekit::inline VAEKIT_ABI {

template <Layer Encoder, LatentPosterior Latent, Layer Decoder, Likelihood LikelihoodType, LatentPrior Prior>
template <class ObjectiveType>
ObjectiveValue Vae<Encoder, Latent, Decoder, LikelihoodType, Prior>::gradient(MatrixIn<T> x,
                                                                              const ObjectiveType& objective,
                                                                              double time, Workspace& w,
                                                                              Vae& grad) const {
  if (shape_fingerprint(grad) != shape_fingerprint(*this)) {
    throw ShapeError(
        "Vae::gradient: grad has other parameters, must have those of the model; use "
        "zeros_like(model)");
  }
  if (w.packed) {
    for_each_layer(w, [](const auto& layer, auto& cache) { unpack_layer(layer, cache); });
    w.packed = false;
  }
  if constexpr (requires { objective.input_loss(w.terms, time, Index{}); }) {
    if (w.semi_supervised) {
      return semi_supervised_gradient(x, objective, time, w, grad);
    }
  }
  return supervised_gradient(x, objective, time, w, grad);
}

template <Layer Encoder, LatentPosterior Latent, Layer Decoder, Likelihood LikelihoodType, LatentPrior Prior>
template <class ObjectiveType>
ObjectiveValue Vae<Encoder, Latent, Decoder, LikelihoodType, Prior>::supervised_gradient(
    MatrixIn<T> x, const ObjectiveType& objective, double time, Workspace& w, Vae& grad) const {
  const TermNeeds needs = needs_of(objective);
  forward(x, needs, time, w, [&](MatrixIn<T> params, std::span<T> out) {
    likelihood.forward(params, x.leftCols(features()), out, w.likelihood);
  });
  w.dterms.set_zero();
  ObjectiveValue value = objective.evaluate(w.terms, time, w.dterms);
  backward(x, needs, w, grad);
  value.loss +=
      auxiliary_loss(latent, w.posterior.topRows(x.rows()), w.z.topRows(x.rows() * w.samples), w.latent);
  if constexpr (requires { objective.decoder_decay(); }) {
    value.loss += add_decay(objective.decoder_decay(), decoder, grad.decoder) +
                  add_decay(objective.decoder_decay(), likelihood_head, grad.likelihood_head);
  }
  return value;
}

template <Layer Encoder, LatentPosterior Latent, Layer Decoder, Likelihood LikelihoodType, LatentPrior Prior>
template <class LogProb>
void Vae<Encoder, Latent, Decoder, LikelihoodType, Prior>::forward(MatrixIn<T> x, TermNeeds needs,
                                                                   std::optional<double> time, Workspace& w,
                                                                   LogProb&& log_prob_of) const {
  const Index rows = x.rows() * w.samples;
  forward_latent(x, needs, time, w);
  run_decoder(w.z.topRows(rows), x.rightCols(condition), w);
  log_prob_of(w.params.topRows(rows), w.terms.log_likelihood.span());
}

/// From the inputs to z and all terms but the likelihood.
template <Layer Encoder, LatentPosterior Latent, Layer Decoder, Likelihood LikelihoodType, LatentPrior Prior>
void Vae<Encoder, Latent, Decoder, LikelihoodType, Prior>::forward_latent(MatrixIn<T> x, TermNeeds needs,
                                                                          std::optional<double> time,
                                                                          Workspace& w) const {
  check_input(x, w);
  const Index n = x.rows();
  const Index rows = n * w.samples;
  needs.densities = needs.densities || !Divergence::closed_form(latent, prior);
  for (Terms<T>* terms : {&w.terms, &w.dterms}) {
    terms->set_batch(n);
    terms->provide(needs, latent.dim);
  }
  static_cast<void>(run_encoder(x, w, time));
  if (needs.deterministic) {
    w.epsilon.topRows(rows).setZero();
  }
  latent.reparameterize(w.posterior.topRows(n), w.epsilon.topRows(rows), w.latent, top(w.z, rows));
  find_divergence(x.rightCols(condition), needs, w);
}

/// The terms that speak of q(z|x) and p(z).
template <Layer Encoder, LatentPosterior Latent, Layer Decoder, Likelihood LikelihoodType, LatentPrior Prior>
void Vae<Encoder, Latent, Decoder, LikelihoodType, Prior>::find_divergence(MatrixIn<T> c,
                                                                           const TermNeeds& needs,
                                                                           Workspace& w) const {
  const Index n = c.rows();
  const Index rows = n * w.samples;
  Terms<T>& terms = w.terms;
  if (needs.densities || needs.prior_samples || condition > 0) {
    prepare_prior(c, w);
  }
  if (needs.densities) {
    latent.log_prob(w.posterior.topRows(n), w.epsilon.topRows(rows), w.z.topRows(rows), w.latent,
                    terms.log_q.span());
    prior.log_prob(w.z.topRows(rows), w.prior, terms.log_p.span());
  }
  if (Divergence::closed_form(latent, prior)) {
    Divergence::forward(latent, prior, w.posterior.topRows(n), w.latent, w.prior, MatrixOut<T>(terms.kl));
  } else {
    for (Index row = 0; row < n; ++row) {
      terms.kl(row, 0) = (terms.log_q.row(row) - terms.log_p.row(row)).mean();
    }
  }
  if (needs.samples) {
    terms.z = w.z.topRows(rows);
  }
  if (needs.moments) {
    const DiagonalGaussian<T> q = latent.posterior(w.posterior.topRows(n), w.latent);
    terms.mu = q.mu;
    terms.logvar = q.logvar;
  }
  if (needs.prior_samples) {
    prior.sample(w.prior_stream, 0, 1, w.prior, MatrixOut<T>(terms.prior_z));
  }
}

template <Layer Encoder, LatentPosterior Latent, Layer Decoder, Likelihood LikelihoodType, LatentPrior Prior>
void Vae<Encoder, Latent, Decoder, LikelihoodType, Prior>::backward(MatrixIn<T> x, const TermNeeds& needs,
                                                                    Workspace& w, Vae& grad) const {
  const Index n = x.rows();
  const Index rows = n * w.samples;
  clear_gradient(encoder, w.encoder, grad.encoder);
  clear_gradient(posterior_head, w.posterior_head, grad.posterior_head);
  set_zero(grad.latent);
  set_zero(grad.prior);
  clear_gradient(decoder, w.decoder, grad.decoder);
  clear_gradient(likelihood_head, w.likelihood_head, grad.likelihood_head);
  set_zero(grad.likelihood);
  likelihood.backward(w.dterms.log_likelihood.span(), w.likelihood, grad.likelihood);
  likelihood_head.backward(w.decoded.topRows(rows), w.params.topRows(rows),
                           head_gradient(w.likelihood).topRows(rows), top(w.ddecoded, rows),
                           w.likelihood_head, grad.likelihood_head);
  const bool conditional = condition > 0;
  decoder.backward((conditional ? w.decoder_input : w.z).topRows(rows), w.decoded.topRows(rows),
                   w.ddecoded.topRows(rows), top(conditional ? w.ddecoder_input : w.dz, rows), w.decoder,
                   grad.decoder);
  if (conditional) {
    top(w.dz, rows) = w.ddecoder_input.topRows(rows).leftCols(latent.dim);
  }
  backward_latent(n, needs, w, grad);
  posterior_head.backward(w.encoded.topRows(n), w.posterior.topRows(n), w.dposterior.topRows(n),
                          top(w.dencoded, n), w.posterior_head, grad.posterior_head);
  encoder.backward(x, w.encoded.topRows(n), w.dencoded.topRows(n), no_matrix<T>(), w.encoder, grad.encoder);
  backward_pseudo(w, grad);
}

template <Layer Encoder, LatentPosterior Latent, Layer Decoder, Likelihood LikelihoodType, LatentPrior Prior>
void Vae<Encoder, Latent, Decoder, LikelihoodType, Prior>::prepare_prior(MatrixIn<T> c, Workspace& w) const {
  set_prior_condition(prior, c, w.prior);
  if constexpr (requires { prior.pseudo_input_count(); }) {
    if (w.pseudo) {
      PseudoPass<Vae>& pass = *w.pseudo;
      prior.pseudo_inputs(pass.inputs);
      encoder.forward(pass.inputs, pass.encoded, pass.encoder);
      posterior_head.forward(pass.encoded, pass.posterior, pass.posterior_head);
      prior.set_components(latent.posterior(pass.posterior, pass.latent), w.prior);
    }
  }
}

/// From the posteriors of the pseudo-inputs back through the encoder, after its own backward pass.
template <Layer Encoder, LatentPosterior Latent, Layer Decoder, Likelihood LikelihoodType, LatentPrior Prior>
void Vae<Encoder, Latent, Decoder, LikelihoodType, Prior>::backward_pseudo(Workspace& w, Vae& grad) const {
  if constexpr (requires { prior.pseudo_input_count(); }) {
    if (w.pseudo && w.terms.log_p.size() > 0) {
      PseudoPass<Vae>& pass = *w.pseudo;
      prior.component_gradient(w.prior, moment_gradient(latent, pass.latent));
      latent.backward(pass.posterior, pass.epsilon, pass.z, pass.dz, {}, pass.latent, pass.dposterior,
                      grad.latent);
      posterior_head.backward(pass.encoded, pass.posterior, pass.dposterior, pass.dencoded,
                              pass.posterior_head, grad.posterior_head);
      encoder.backward(pass.inputs, pass.encoded, pass.dencoded, pass.dinputs, pass.encoder, grad.encoder);
      if (pass.dinputs.size() > 0) {
        prior.pseudo_backward(pass.inputs, pass.dinputs, grad.prior);
      }
    }
  }
}

/// From the gradients of z and of the terms to the parameters of q(z|x).
template <Layer Encoder, LatentPosterior Latent, Layer Decoder, Likelihood LikelihoodType, LatentPrior Prior>
void Vae<Encoder, Latent, Decoder, LikelihoodType, Prior>::backward_latent(Index n, const TermNeeds& needs,
                                                                           Workspace& w, Vae& grad) const {
  const Index rows = n * w.samples;
  const auto params = w.posterior.topRows(n);
  const auto epsilon = w.epsilon.topRows(rows);
  const auto z = w.z.topRows(rows);
  const MatrixOut<T> dz = top(w.dz, rows);
  Terms<T>& dterms = w.dterms;
  MomentGradient<T>& dq = moment_gradient(latent, w.latent);
  dq.mu.setZero();
  dq.logvar.setZero();
  if (needs.moments) {
    dq.mu.topRows(n) += dterms.mu;
    dq.logvar.topRows(n) += dterms.logvar;
  }
  if (needs.samples) {
    top(w.dz, rows) += dterms.z;
  }
  if (Divergence::closed_form(latent, prior)) {
    Divergence::backward(latent, prior, params, dterms.kl, w.latent, w.prior, grad.prior);
  } else {
    for (Index row = 0; row < n; ++row) {
      const T share = dterms.kl(row, 0) / static_cast<T>(w.samples);
      dterms.log_q.row(row).array() += share;
      dterms.log_p.row(row).array() -= share;
    }
  }
  std::span<const T> dlog_q;
  if (dterms.log_q.size() > 0) {
    prior.backward(z, dterms.log_p.span(), w.prior, dz, grad.prior);
    dlog_q = dterms.log_q.span();
  }
  if (needs.path_gradient) {
    if constexpr (requires { latent.add_path_gradient(params, epsilon, z, dlog_q, w.latent, dz); }) {
      latent.add_path_gradient(params, epsilon, z, dlog_q, w.latent, dz);
    }
    scale_rows<T>(dterms.path_weight.span(), dz);
    dlog_q = {};
  }
  latent.backward(params, epsilon, z, dz, dlog_q, w.latent, top(w.dposterior, n), grad.latent);
}

}  // namespace vaekit::inline VAEKIT_ABI
