// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "vaekit/core/check.hpp"
#include "vaekit/core/reflect.hpp"
#include "vaekit/distributions/any_likelihood.hpp"
#include "vaekit/latent/latent.hpp"
#include "vaekit/nn/chain.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// log p(x|z) and log p(z) of rows of z, and their gradients with respect to z: what samplers of the exact
/// posterior p(z|x) ∝ p(x|z) p(z) need. The decoder behaves as outside training, and no gradient of its
/// weights is found.
///
/// Units    nats
/// Threads  one object is used by one thread, the model by any number; no bit depends on the number of OpenMP
/// threads nor on the rows around a row
template <class Model>
class LogJoint {
 public:
  using T = typename Model::Scalar;

  /// For up to `rows` rows of z.
  LogJoint(const Model& model, Index rows)
      : model_(model),
        workspace_(model.make_inference_workspace(rows)),
        decoder_gradient_(zeros_like(model.decoder)),
        head_gradient_(zeros_like(model.likelihood_head)),
        likelihood_gradient_(zeros_like(model.likelihood)),
        prior_gradient_(zeros_like(model.prior)),
        ones_(static_cast<std::size_t>(rows), T{1}),
        log_likelihood_(static_cast<std::size_t>(rows)),
        log_prior_(static_cast<std::size_t>(rows)),
        dprior_(rows, model.latent_dim()) {
    skip_parameter_gradient(model.decoder, workspace_.decoder);
    skip_parameter_gradient(model.likelihood_head, workspace_.likelihood_head);
    if (model.condition == 0) {
      model.prepare_prior(Matrix<T>(1, 0), workspace_);
    }
  }

  [[nodiscard]] Index capacity() const { return dprior_.rows(); }

  /// The inputs of the calls that follow, copied.
  ///
  /// Shapes  x [n × features + condition]
  /// Throws  ShapeError when x does not fit
  void set_inputs(MatrixIn<T> x) {
    check_columns("LogJoint", "x", x, model_.input_columns(), "features of the encoder");
    inputs_.resize(x.rows(), x.cols());
    inputs_ = x;
    if (model_.condition > 0) {
      model_.prepare_prior(inputs_.rightCols(model_.condition), workspace_);
    }
  }

  /// z ~ p(z) for the inputs; row r depends on `first` + r alone.
  void sample_prior(const RandomStream& stream, std::uint64_t first, MatrixOut<T> z) {
    model_.prior.sample(stream, first, 1, workspace_.prior, z);
  }

  /// Finds both densities and their gradients at z for the inputs that were set; results stay until the next
  /// call.
  ///
  /// Shapes  z [n·samples × dim], samples of one input in consecutive rows
  /// Throws  ShapeError when z does not fit
  void evaluate(MatrixIn<T> z) {
    check_columns("LogJoint", "z", z, model_.latent_dim(), "latent dimensions");
    const Index rows = z.rows();
    if (rows > capacity() || rows == 0 || inputs_.rows() == 0 || rows % inputs_.rows() != 0) {
      throw ShapeError(concat("LogJoint: z has ", rows, " rows, must have a multiple of ", inputs_.rows(),
                              " (inputs), at most ", capacity()));
    }
    count_ = rows;
    decode(z);
    const auto all = static_cast<std::size_t>(rows);
    auto& w = workspace_;
    const MatrixOut<T> params = top(w.params, rows);
    model_.likelihood.forward(params, inputs_.leftCols(model_.features()),
                              std::span(log_likelihood_).first(all), w.likelihood);
    model_.likelihood.backward(std::span<const T>(ones_).first(all), w.likelihood, likelihood_gradient_);
    model_.likelihood_head.backward(w.decoded.topRows(rows), params,
                                    head_gradient(w.likelihood).topRows(rows), top(w.ddecoded, rows),
                                    w.likelihood_head, head_gradient_);
    const bool conditional = model_.condition > 0;
    model_.decoder.backward(decoder_input(z), w.decoded.topRows(rows), w.ddecoded.topRows(rows),
                            top(conditional ? w.ddecoder_input : w.dz, rows), w.decoder, decoder_gradient_);
    if (conditional) {
      top(w.dz, rows) = w.ddecoder_input.topRows(rows).leftCols(model_.latent_dim());
    }
    model_.prior.log_prob(z, w.prior, std::span(log_prior_).first(all));
    dprior_.setZero();
    model_.prior.backward(z, std::span<const T>(ones_).first(all), w.prior, top(dprior_, rows),
                          prior_gradient_);
  }

  /// log p(x|z) of each row, [rows]
  [[nodiscard]] std::span<const T> log_likelihood() const {
    return std::span<const T>(log_likelihood_).first(static_cast<std::size_t>(count_));
  }
  /// log p(z) of each row, [rows]
  [[nodiscard]] std::span<const T> log_prior() const {
    return std::span<const T>(log_prior_).first(static_cast<std::size_t>(count_));
  }
  /// ∂ log p(x|z)/∂z, [rows × dim]
  [[nodiscard]] MatrixOut<T> likelihood_gradient() { return top(workspace_.dz, count_); }
  /// ∂ log p(z)/∂z, [rows × dim]
  [[nodiscard]] MatrixOut<T> prior_gradient() { return top(dprior_, count_); }

  /// The posterior q(z|x) of the inputs, views that the next call ends.
  [[nodiscard]] DiagonalGaussian<T> encode() { return model_.encode(inputs_, workspace_); }

 private:
  void decode(MatrixIn<T> z) {
    const Index rows = z.rows();
    auto& w = workspace_;
    if (model_.condition > 0) {
      const Index samples = rows / inputs_.rows();
      for (Index row = 0; row < rows; ++row) {
        w.decoder_input.row(row).head(z.cols()) = z.row(row);
        w.decoder_input.row(row).tail(model_.condition) = inputs_.row(row / samples).tail(model_.condition);
      }
    }
    draw_layer_noise(model_.decoder, NoiseSource{}, rows, w.decoder);
    model_.decoder.forward(decoder_input(z), top(w.decoded, rows), w.decoder);
    model_.likelihood_head.forward(w.decoded.topRows(rows), top(w.params, rows), w.likelihood_head);
  }

  /// What the decoder takes: z, or z beside the condition.
  [[nodiscard]] detail::ConstView<T> decoder_input(MatrixIn<T> z) const {
    return model_.condition > 0 ? detail::const_view<T>(workspace_.decoder_input.topRows(z.rows()))
                                : detail::const_view<T>(z);
  }

  const Model& model_;
  typename Model::Workspace workspace_;
  decltype(Model::decoder) decoder_gradient_;
  decltype(Model::likelihood_head) head_gradient_;
  decltype(Model::likelihood) likelihood_gradient_;
  decltype(Model::prior) prior_gradient_;
  std::vector<T> ones_;
  std::vector<T> log_likelihood_;
  std::vector<T> log_prior_;
  Matrix<T> inputs_;  // [n × features + condition]
  Matrix<T> dprior_;
  Index count_ = 0;
};

}  // namespace vaekit::inline VAEKIT_ABI
