// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>

#include "vaekit/core/check.hpp"
#include "vaekit/distributions/any_likelihood.hpp"
#include "vaekit/kernels/random.hpp"
#include "vaekit/latent/gaussian.hpp"
#include "vaekit/model/classifier.hpp"
#include "vaekit/model/vae_workspace.hpp"
#include "vaekit/nn/dense.hpp"
#include "vaekit/objectives/objective.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// A variational autoencoder, composed of independent parts:
///
///   x ─ encoder ─ posterior_head ─ latent (mu, logvar; z) ─ decoder ─ likelihood_head ─ likelihood
///
/// With a condition c of so many columns (a CVAE), rows of x are [x | c] and rows of z that are decoded [z |
/// c]: the encoder, the decoder and a prior that asks for it see c; the likelihood does not.
///
/// The heads are dense layers whose sizes follow from the parts, so nobody writes a size that can be
/// inferred. A value: copies are deep, and its gradient is a `Vae` of the same type (`zeros_like(model)`).
///
/// Shapes   x [n × features + condition]; z [n·samples × dim], samples of one input in consecutive rows
/// Units    all log-probabilities in nats, summed over features and latent dimensions
/// Threads  const calls are safe with a workspace each; nothing allocates after `make_workspace`
/// Source   Kingma & Welling 2014 (arXiv:1312.6114); the condition: Sohn, Lee, Yan 2015 (NeurIPS), eq. 4
template <Layer Encoder, LatentPosterior Latent, Layer Decoder, Likelihood LikelihoodType,
          LatentPrior Prior = StandardNormal<typename Encoder::Scalar>>
struct Vae {
  using Scalar = typename Encoder::Scalar;
  using T = Scalar;
  using Divergence = KlPair<Latent, Prior>;

  Encoder encoder;          // features → hidden
  Dense<T> posterior_head;  // hidden → parameters of q(z|x)
  Latent latent;
  Prior prior;
  Decoder decoder;           // z → hidden
  Dense<T> likelihood_head;  // hidden → parameters of p(x|z)
  LikelihoodType likelihood;
  Index condition = 0;                            // columns of c
  std::optional<Classifier<Encoder>> classifier;  // q(c|x), where c is a label that not every input has

  using Workspace = VaeWorkspace<Vae>;

  Vae() = default;
  /// Puts the parts together and adds the heads; parameters are zero until `initialize`.
  ///
  /// Throws ShapeError when the decoder does not take `latent.dim` inputs and the condition, or the encoder
  /// the features of the likelihood and the condition.
  Vae(Encoder encoder_part, Latent latent_part, Decoder decoder_part, LikelihoodType likelihood_part,
      Initializer head_initializer = Initializer::fan_in_uniform, Prior prior_part = {},
      Index condition_columns = 0)
      : encoder(std::move(encoder_part)),
        posterior_head({.units = latent_part.head_size(), .initializer = head_initializer},
                       encoder.output_shape()),
        latent(std::move(latent_part)),
        prior(std::move(prior_part)),
        decoder(std::move(decoder_part)),
        likelihood_head({.units = likelihood_part.head_size(), .initializer = head_initializer},
                        decoder.output_shape()),
        likelihood(std::move(likelihood_part)),
        condition(condition_columns) {
    const std::string_view and_condition = condition > 0 ? " and condition)" : ")";
    if (decoder.input_shape().size() != latent_columns()) {
      throw ShapeError(concat("Vae: decoder takes ", decoder.input_shape().size(), " features, must take ",
                              latent_columns(), " (latent dimensions", and_condition));
    }
    if (likelihood.feature_count() + condition != input_columns()) {
      throw ShapeError(concat("Vae: likelihood has ", likelihood.feature_count(), " features, must have ",
                              input_columns() - condition, " (features of the encoder",
                              condition > 0 ? " without the condition)" : ")"));
    }
  }

  [[nodiscard]] Index features() const { return likelihood.feature_count(); }
  /// Columns of x: features and condition.
  [[nodiscard]] Index input_columns() const { return encoder.input_shape().size(); }
  /// Columns of what `decode` takes: latent dimensions and condition.
  [[nodiscard]] Index latent_columns() const { return latent.dim + condition; }
  [[nodiscard]] Index latent_dim() const { return latent.dim; }

  /// Makes the model semi-supervised: `gradient` takes inputs whose condition, a one-hot label, is all zeros
  /// as inputs without a label, and sums it out. `weight`: of the classification loss of the others.
  ///
  /// Throws ShapeError when the layers do not take the features
  void set_classifier(Encoder layers, double weight) {
    check_classifier(layers);
    classifier.emplace(std::move(layers), condition, weight);
  }

  /// Draws all initial parameters from `seed`.
  void initialize(std::uint64_t seed) {
    const RandomStream stream(seed, Purpose::initialize);
    encoder.initialize(stream.child(0));
    posterior_head.initialize(stream.child(1));
    decoder.initialize(stream.child(2));
    likelihood_head.initialize(stream.child(3));
    likelihood.initialize();
    latent.initialize(stream.child(4));
    prior.initialize(stream.child(5));
    if (classifier) {
      classifier->initialize(stream.child(6));
    }
  }

  /// A workspace for up to `batch` inputs with `samples` latent samples each.
  [[nodiscard]] Workspace make_workspace(Index batch, Index samples = 1) const {
    if (!classifier) {
      return make_vae_workspace(*this, batch, samples);
    }
    // Room for every label of every input.
    const Index rows = batch * condition;
    Workspace w = make_vae_workspace(*this, rows, samples);
    w.semi_supervised.emplace(SemiSupervisedWorkspace<Vae>{
        classifier->make_cache(batch), {Matrix<T>(rows, input_columns()), Matrix<T>(rows, 1)}});
    w.terms.row_weight = Matrix<T>(rows, 1);
    w.terms.row_weight.resize(0, 1);
    return w;
  }

  /// A workspace that also holds the weights in the layout of the products, for models that do not change any
  /// more: the same bits, sooner. After a change of the parameters call `pack` again; `gradient` unpacks it.
  [[nodiscard]] Workspace make_inference_workspace(Index batch, Index samples = 1) const {
    Workspace w = make_vae_workspace(*this, batch, samples);
    pack(w);
    return w;
  }

  /// Lays the present weights out for every following call with `w` except `gradient`.
  void pack(Workspace& w) const {
    for_each_layer(w, [](const auto& layer, auto& cache) { pack_layer(layer, cache); });
    w.packed = true;
  }

  /// Draws ε and the layers' noise for training step `step`.
  void draw_noise(std::uint64_t seed, std::uint64_t step, Index batch, Workspace& w) const {
    check_batch("Vae::draw_noise", "batch", batch, w);
    if (w.semi_supervised) {
      draw_layer_noise(classifier->network, RandomStream(seed, Purpose::layer, step).child(2), batch,
                       w.semi_supervised->classifier.network);
      batch *= condition;
    }
    const Index rows = batch * w.samples;
    latent.draw_noise(RandomStream(seed, Purpose::posterior, step), 0, top(w.epsilon, rows));
    w.prior_stream = RandomStream(seed, Purpose::prior, step);
    const RandomStream layers(seed, Purpose::layer, step);
    draw_layer_noise(encoder, layers.child(0), batch, w.encoder);
    draw_layer_noise(decoder, layers.child(1), rows, w.decoder);
  }

  /// Draws ε for evaluation, silences the layers' noise. The ε of an input depends on `first` + its row
  /// alone, so results do not depend on how the data is cut into batches.
  void draw_evaluation_noise(std::uint64_t seed, std::uint64_t first, Index batch, Workspace& w) const {
    check_batch("Vae::draw_evaluation_noise", "batch", batch, w);
    const Index rows = batch * w.samples;
    latent.draw_noise(RandomStream(seed, Purpose::evaluation), first * static_cast<std::uint64_t>(w.samples),
                      top(w.epsilon, rows));
    silence(batch, w);
  }

  /// Sets ε = 0 and silences the layers' noise: z is the posterior mean.
  void zero_noise(Index batch, Workspace& w) const {
    check_batch("Vae::zero_noise", "batch", batch, w);
    w.epsilon.setZero();
    silence(batch, w);
  }

  /// The posterior of each input, by the encoder as it behaves outside training; views into `w`.
  [[nodiscard]] DiagonalGaussian<T> encode(MatrixIn<T> x, Workspace& w) const {
    check_input(x, w);
    draw_layer_noise(encoder, NoiseSource{}, x.rows(), w.encoder);
    return run_encoder(x, w);
  }

  /// Mean of p(x|z).
  ///
  /// Shapes  z [n × dim + condition] → out [n × features], n ≤ rows of the workspace
  /// Throws  ShapeError when z has another number of columns
  void decode(MatrixIn<T> z, Workspace& w, MatrixOut<T> out) const;

  /// Parameters of p(x|z), as the likelihood takes them; a view into `w`. [n × likelihood.head_size()]
  MatrixOut<T> decode_parameters(MatrixIn<T> z, Workspace& w) const;

  /// z of each input without noise, the posterior's mean or mode; a view into `w`.
  MatrixOut<T> encode_point(MatrixIn<T> x, Workspace& w) const {
    static_cast<void>(encode(x, w));
    const Index n = x.rows();
    top(w.epsilon, n).setZero();
    latent.reparameterize(w.posterior.topRows(n), w.epsilon.topRows(n), w.latent, top(w.z, n));
    return top(w.z, n);
  }

  /// Mean of p(x|z) at `encode_point` of each input.
  void reconstruct(MatrixIn<T> x, Workspace& w, MatrixOut<T> out) const;

  /// z ~ p(z), its noise multiplied by `temperature`, then the mean of p(x|z); rows `first` ... of the
  /// endless sequence named by `seed`. For models without a condition.
  void sample(std::uint64_t seed, std::uint64_t first, double temperature, Workspace& w,
              MatrixOut<T> out) const {
    check_capacity("Vae::sample", "out", out.rows(), w);
    MatrixOut<T> z = top(w.z, out.rows());
    sample_latents(seed, first, temperature, w, z);
    decode(z, w, out);
  }

  /// z ~ p(z), or p(z|c) for the c in the last columns of `z`; rows `first` ... of the endless sequence named
  /// by `seed`. [n × dim + condition]
  void sample_latents(std::uint64_t seed, std::uint64_t first, double temperature, Workspace& w,
                      MatrixOut<T> z) const;

  /// Finds what the densities and samples of the prior need in `w`: the posteriors of its pseudo-inputs, if
  /// it has any, and p(z|c) for the rows of `c` [n × condition], if it asks for them.
  void prepare_prior(MatrixIn<T> c, Workspace& w) const;

  /// Forward pass with the noise that is in `w`: log-likelihoods and KL of each input.
  const Terms<T>& terms(MatrixIn<T> x, Workspace& w) const {
    forward(x, {}, std::nullopt, w, [&](MatrixIn<T> params, std::span<T> out) {
      likelihood.log_prob(params, x.leftCols(features()), out);
    });
    return w.terms;
  }

  /// KL(q(z|x) ‖ p(z)) of each input by latent dimension, with the noise that is in `w`; a view into `w`.
  const Matrix<T>& divergence(MatrixIn<T> x, Workspace& w) const {
    forward_latent(x, {}, std::nullopt, w);
    return w.terms.kl;
  }

  /// log p(x|z) of each row of z for the one input x, by the decoder as it behaves outside training.
  ///
  /// Shapes  x [1 × features], z [n × dim] → out [n]
  void log_prob(MatrixIn<T> x, MatrixIn<T> z, Workspace& w, std::span<T> out) const;

  /// Value of the objective and its gradient, `grad` = ∂loss/∂parameters, with the noise that is in `w`. A
  /// model with a classifier adds what it loses, see semi_supervised.hpp.
  ///
  /// Shapes  x [n × features], n ≤ batch of the workspace
  /// Throws  ShapeError when x or `grad` does not fit
  template <class ObjectiveType>
  ObjectiveValue gradient(MatrixIn<T> x, const ObjectiveType& objective, double time, Workspace& w,
                          Vae& grad) const;

  /// Most probable label of each row of x, of a model with a classifier.
  ///
  /// Shapes  x [n × features or more] → out [n]
  void classify(MatrixIn<T> x, typename Classifier<Encoder>::Cache& cache, std::span<Index> out) const {
    draw_layer_noise(classifier->network, NoiseSource{}, x.rows(), cache.network);
    classifier->forward(x.leftCols(features()), cache);
    for (Index row = 0; row < x.rows(); ++row) {
      cache.log_q.row(row).maxCoeff(&out[static_cast<std::size_t>(row)]);
    }
  }

  /// Evidence lower bound of each input with the noise that is in `w`, log p(x|z) averaged over its samples
  /// minus KL(q(z|x) ‖ p(z)), in nats.
  ///
  /// Shapes  x [n × features + condition] → out [n]
  void elbo(MatrixIn<T> x, Workspace& w, std::span<T> out) const;

  /// −ELBO of each input: an anomaly score. Arguments as of `elbo`.
  void scores(MatrixIn<T> x, Workspace& w, std::span<T> out) const;

  static void reflect(auto& self, auto&& visit) {
    visit("encoder", self.encoder);
    visit("posterior_head", self.posterior_head);
    visit("latent", self.latent);
    visit("prior", self.prior);
    visit("decoder", self.decoder);
    visit("likelihood_head", self.likelihood_head);
    visit("likelihood", self.likelihood);
    if (self.classifier) {
      visit("classifier", *self.classifier);
    }
  }

  /// Lets the parts change their buffers after an optimizer step, from what `gradient` left in `w`.
  void update(std::uint64_t seed, std::uint64_t step, const Workspace& w) {
    const RandomStream stream(seed, Purpose::update, step);
    const Index inputs = w.terms.kl.rows();
    update_buffers(latent, stream.child(0), inputs, w.latent);
    update_buffers(likelihood, stream.child(1), inputs * w.samples, w.likelihood);
  }

 private:
  template <class ObjectiveType>
  ObjectiveValue supervised_gradient(MatrixIn<T> x, const ObjectiveType& objective, double time, Workspace& w,
                                     Vae& grad) const;

  template <class ObjectiveType>
  ObjectiveValue semi_supervised_gradient(MatrixIn<T> x, const ObjectiveType& objective, double time,
                                          Workspace& w, Vae& grad) const;

  void check_classifier(const Encoder& layers) const {
    check_columns("Vae::set_classifier", "layers", Matrix<T>(0, layers.input_shape().size()), features(),
                  "features");
  }

  [[nodiscard]] Index count_labels(MatrixIn<T> x) const {
    Index count = 0;
    for (Index row = 0; row < x.rows(); ++row) {
      count += (x.row(row).tail(condition).array() != T{0}).any() ? 1 : 0;
    }
    return count;
  }

  /// ½ λ ‖θ‖² of a part, whose gradient is added.
  template <class Part>
  [[nodiscard]] static double add_decay(double factor, const Part& part, Part& grad) {
    if (factor == 0) {
      return 0;
    }
    add_scaled(static_cast<T>(factor), part, grad);
    return 0.5 * factor * squared_norm(part);
  }

  template <class Visit>
  void for_each_layer(Workspace& w, Visit&& visit) const {
    visit(encoder, w.encoder);
    visit(posterior_head, w.posterior_head);
    visit(decoder, w.decoder);
    visit(likelihood_head, w.likelihood_head);
  }

  void check_input(MatrixIn<T> x, const Workspace& w) const {
    check_columns("Vae", "x", x, input_columns(), "features of the encoder");
    check_batch("Vae", "x", x.rows(), w);
  }

  static void check_batch(std::string_view where, std::string_view name, Index batch, const Workspace& w) {
    check_at_most(where, name, batch, w.encoded.rows(), "batch of the workspace");
  }

  static void check_capacity(std::string_view where, std::string_view name, Index rows, const Workspace& w) {
    check_at_most(where, name, rows, w.z.rows(), "rows of the workspace");
  }

  static void check_at_most(std::string_view where, std::string_view name, Index rows, Index most,
                            std::string_view meaning) {
    if (rows < 1) {
      throw ShapeError(concat(where, ": ", name, " has ", rows, " rows, must have at least 1"));
    }
    if (rows > most) {
      throw ShapeError(
          concat(where, ": ", name, " has ", rows, " rows, must have at most ", most, " (", meaning, ')'));
    }
  }

  static void check_values(std::string_view where, std::span<const T> out, Index expected,
                           std::string_view meaning) {
    if (static_cast<Index>(out.size()) != expected) {
      throw ShapeError(
          concat(where, ": out has ", out.size(), " values, must have ", expected, " (", meaning, ')'));
    }
  }

  void silence(Index batch, Workspace& w) const {
    draw_layer_noise(encoder, NoiseSource{}, batch, w.encoder);
    draw_layer_noise(decoder, NoiseSource{}, batch * w.samples, w.decoder);
  }

  DiagonalGaussian<T> run_encoder(MatrixIn<T> x, Workspace& w,
                                  std::optional<double> time = std::nullopt) const {
    const Index n = x.rows();
    set_time(latent, time, w.latent);
    encoder.forward(x, top(w.encoded, n), w.encoder);
    posterior_head.forward(w.encoded.topRows(n), top(w.posterior, n), w.posterior_head);
    return latent.posterior(w.posterior.topRows(n), w.latent);
  }

  /// z [n × dim] under the conditions c [m × condition], each for n / m consecutive rows.
  void run_decoder(MatrixIn<T> z, MatrixIn<T> c, Workspace& w) const;

  /// z [n × dim + condition].
  void decode_rows(MatrixIn<T> z, Workspace& w) const;

  template <class LogProb>
  void forward(MatrixIn<T> x, TermNeeds needs, std::optional<double> time, Workspace& w,
               LogProb&& log_prob_of) const;
  void forward_latent(MatrixIn<T> x, TermNeeds needs, std::optional<double> time, Workspace& w) const;
  void find_divergence(MatrixIn<T> c, const TermNeeds& needs, Workspace& w) const;
  void backward(MatrixIn<T> x, const TermNeeds& needs, Workspace& w, Vae& grad) const;
  void backward_pseudo(Workspace& w, Vae& grad) const;
  void backward_latent(Index n, const TermNeeds& needs, Workspace& w, Vae& grad) const;
};

}  // namespace vaekit::inline VAEKIT_ABI

#include "vaekit/model/semi_supervised.hpp"
#include "vaekit/model/vae_decode.hpp"
#include "vaekit/model/vae_gradient.hpp"
