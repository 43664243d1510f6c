// SPDX-License-Identifier: MIT
//
// From z to the data: the calls of `Vae` that decode, and what they say of inputs, which vae.hpp includes at
// its end.
#pragma once

#include <algorithm>
#include <functional>

#include "vaekit/model/vae.hpp"

namespace vaekit::inline VAEKIT_ABI {

template <Layer Encoder, LatentPosterior Latent, Layer Decoder, Likelihood LikelihoodType, LatentPrior Prior>
void Vae<Encoder, Latent, Decoder, LikelihoodType, Prior>::decode(MatrixIn<T> z, Workspace& w,
                                                                  MatrixOut<T> out) const {
  const MatrixOut<T> params = decode_parameters(z, w);
  check_rows("Vae::decode", "out", out, z.rows(), "rows of z");
  check_columns("Vae::decode", "out", out, features(), "features");
  likelihood.mean(params, out);
}

template <Layer Encoder, LatentPosterior Latent, Layer Decoder, Likelihood LikelihoodType, LatentPrior Prior>
auto Vae<Encoder, Latent, Decoder, LikelihoodType, Prior>::decode_parameters(MatrixIn<T> z,
                                                                             Workspace& w) const
    -> MatrixOut<T> {
  check_columns("Vae::decode", "z", z, latent_columns(),
                condition > 0 ? "latent dimensions and condition" : "latent dimensions");
  check_capacity("Vae::decode", "z", z.rows(), w);
  draw_layer_noise(decoder, NoiseSource{}, z.rows(), w.decoder);
  decode_rows(z, w);
  return top(w.params, z.rows());
}

template <Layer Encoder, LatentPosterior Latent, Layer Decoder, Likelihood LikelihoodType, LatentPrior Prior>
void Vae<Encoder, Latent, Decoder, LikelihoodType, Prior>::reconstruct(MatrixIn<T> x, Workspace& w,
                                                                       MatrixOut<T> out) const {
  const MatrixOut<T> z = encode_point(x, w);
  check_rows("Vae::reconstruct", "out", out, x.rows(), "rows of x");
  check_columns("Vae::reconstruct", "out", out, features(), "features");
  draw_layer_noise(decoder, NoiseSource{}, x.rows(), w.decoder);
  run_decoder(z, x.rightCols(condition), w);
  likelihood.mean(w.params.topRows(x.rows()), out);
}

template <Layer Encoder, LatentPosterior Latent, Layer Decoder, Likelihood LikelihoodType, LatentPrior Prior>
void Vae<Encoder, Latent, Decoder, LikelihoodType, Prior>::sample_latents(std::uint64_t seed,
                                                                          std::uint64_t first,
                                                                          double temperature, Workspace& w,
                                                                          MatrixOut<T> z) const {
  check_columns("Vae::sample_latents", "z", z, latent_columns(),
                condition > 0 ? "latent dimensions and condition" : "latent dimensions");
  const RandomStream stream(seed, Purpose::prior);
  if constexpr (requires(MatrixOut<T> codes) { latent.sample_codes(stream, first, codes); }) {
    if (code_count(latent) > 0) {
      latent.sample_codes(stream, first, z.leftCols(latent.dim));
      return;
    }
  }
  prepare_prior(z.rightCols(condition), w);
  prior.sample(stream, first, temperature, w.prior, z.leftCols(latent.dim));
}

template <Layer Encoder, LatentPosterior Latent, Layer Decoder, Likelihood LikelihoodType, LatentPrior Prior>
void Vae<Encoder, Latent, Decoder, LikelihoodType, Prior>::log_prob(MatrixIn<T> x, MatrixIn<T> z,
                                                                    Workspace& w, std::span<T> out) const {
  check_columns("Vae::log_prob", "x", x, input_columns(), "features of the encoder");
  check_rows("Vae::log_prob", "x", x, 1, "one input");
  check_columns("Vae::log_prob", "z", z, latent.dim, "latent dimensions");
  check_capacity("Vae::log_prob", "z", z.rows(), w);
  check_values("Vae::log_prob", out, z.rows(), "rows of z");
  draw_layer_noise(decoder, NoiseSource{}, z.rows(), w.decoder);
  run_decoder(z, x.rightCols(condition), w);
  likelihood.log_prob(w.params.topRows(z.rows()), x.leftCols(features()), out);
}

template <Layer Encoder, LatentPosterior Latent, Layer Decoder, Likelihood LikelihoodType, LatentPrior Prior>
void Vae<Encoder, Latent, Decoder, LikelihoodType, Prior>::run_decoder(MatrixIn<T> z, MatrixIn<T> c,
                                                                       Workspace& w) const {
  if (condition == 0) {
    decode_rows(z, w);
    return;
  }
  const Index repeats = z.rows() / c.rows();
  for (Index row = 0; row < z.rows(); ++row) {
    w.decoder_input.row(row).head(latent.dim) = z.row(row);
    w.decoder_input.row(row).tail(condition) = c.row(row / repeats);
  }
  decode_rows(w.decoder_input.topRows(z.rows()), w);
}

template <Layer Encoder, LatentPosterior Latent, Layer Decoder, Likelihood LikelihoodType, LatentPrior Prior>
void Vae<Encoder, Latent, Decoder, LikelihoodType, Prior>::decode_rows(MatrixIn<T> z, Workspace& w) const {
  decoder.forward(z, top(w.decoded, z.rows()), w.decoder);
  likelihood_head.forward(w.decoded.topRows(z.rows()), top(w.params, z.rows()), w.likelihood_head);
}

template <Layer Encoder, LatentPosterior Latent, Layer Decoder, Likelihood LikelihoodType, LatentPrior Prior>
void Vae<Encoder, Latent, Decoder, LikelihoodType, Prior>::elbo(MatrixIn<T> x, Workspace& w,
                                                                std::span<T> out) const {
  check_values("Vae::elbo", out, x.rows(), "rows of x");
  const Terms<T>& t = terms(x, w);
  for (Index row = 0; row < x.rows(); ++row) {
    out[static_cast<std::size_t>(row)] = t.log_likelihood.row(row).mean() - t.kl.row(row).sum();
  }
}

template <Layer Encoder, LatentPosterior Latent, Layer Decoder, Likelihood LikelihoodType, LatentPrior Prior>
void Vae<Encoder, Latent, Decoder, LikelihoodType, Prior>::scores(MatrixIn<T> x, Workspace& w,
                                                                  std::span<T> out) const {
  check_values("Vae::scores", out, x.rows(), "rows of x");
  elbo(x, w, out);
  std::ranges::transform(out, out.begin(), std::negate<>{});
}

}  // namespace vaekit::inline VAEKIT_ABI
