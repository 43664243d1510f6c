// SPDX-License-Identifier: MIT
//
// Training of a conditional `Vae` on inputs of which some have no label, which vae.hpp includes at its end.
#pragma once

#include "vaekit/model/vae.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

/// The last `classes` columns of a row are all zero: it has no label.
template <class T>
[[nodiscard]] bool has_label(MatrixIn<T> x, Index row, Index classes) {
  return (x.row(row).tail(classes).array() != T{0}).any();
}

/// Writes each labelled row of x once, each other row once for every label; weights [rows] are of the loss:
/// 1/n, or q(y|x)/n. Returns the number of rows.
template <class T>
[[nodiscard]] Index expand_labels(MatrixIn<T> x, const Matrix<T>& log_q, Index classes,
                                  SemiSupervisedPass<T>& pass) {
  const T share = T{1} / static_cast<T>(x.rows());
  Index out = 0;
  for (Index row = 0; row < x.rows(); ++row) {
    if (has_label<T>(x, row, classes)) {
      pass.weights(out, 0) = share;
      pass.inputs.row(out++) = x.row(row);
      continue;
    }
    for (Index y = 0; y < classes; ++y) {
      pass.weights(out, 0) = share * std::exp(log_q(row, y));
      pass.inputs.row(out) = x.row(row);
      pass.inputs(out++, x.cols() - classes + y) = T{1};
    }
  }
  return out;
}

}  // namespace detail

/// With a uniform p(y) over C classes, b(x, y) the objective's loss of an input with its label, and α the
/// classifier's weight:
///
///   loss = mean over labelled x of (b(x, y) + log C)  and over the others of
///          Σ_y q(y|x) (b(x, y) + log C + log q(y|x)),  together 1/n Σ;
///          + α mean over labelled x of −log q(y|x)
///
/// Source  Kingma, Mohamed, Rezende, Welling 2014 (arXiv:1406.5298) eq. 6 to 9
template <Layer Encoder, LatentPosterior Latent, Layer Decoder, Likelihood LikelihoodType, LatentPrior Prior>
template <class ObjectiveType>
ObjectiveValue Vae<Encoder, Latent, Decoder, LikelihoodType, Prior>::semi_supervised_gradient(
    MatrixIn<T> x, const ObjectiveType& objective, double time, Workspace& w, Vae& grad) const {
  SemiSupervisedPass<T>& pass = w.semi_supervised->pass;
  auto& cache = w.semi_supervised->classifier;
  const Index n = x.rows();
  const Index classes = condition;
  classifier->forward(x.leftCols(features()), cache);
  const Index rows = detail::expand_labels<T>(x, cache.log_q, classes, pass);
  w.terms.row_weight.resize(rows, 1);
  w.terms.row_weight = pass.weights.topRows(rows);
  ObjectiveValue value = supervised_gradient(pass.inputs.topRows(rows), objective, time, w, grad);
  w.terms.row_weight.resize(0, 1);

  const Index labelled = count_labels(x);
  const double share = 1 / static_cast<double>(n);
  double divergence = 0;      // KL(q(y|x) ‖ p(y)), summed
  double classification = 0;  // −log q(y|x) of labelled inputs, summed
  Index first = 0;
  for (Index row = 0; row < n; ++row) {
    divergence += std::log(static_cast<double>(classes));
    if (detail::has_label<T>(x, row, classes)) {
      ++first;
      const double factor = classifier->weight / static_cast<double>(labelled);
      for (Index y = 0; y < classes; ++y) {
        const double target = static_cast<double>(x(row, x.cols() - classes + y));
        const double log_q = static_cast<double>(cache.log_q(row, y));
        classification -= target * log_q;
        cache.dlogits(row, y) = static_cast<T>(factor * (std::exp(log_q) - target));
      }
      continue;
    }
    double mean = 0;
    for (Index y = 0; y < classes; ++y) {
      const double log_q = static_cast<double>(cache.log_q(row, y));
      const double cost = objective.input_loss(w.terms, time, first + y) + log_q;
      mean += std::exp(log_q) * cost;
      divergence += std::exp(log_q) * log_q;
      cache.dlogits(row, y) = static_cast<T>(cost);
    }
    for (Index y = 0; y < classes; ++y) {
      const double q = std::exp(static_cast<double>(cache.log_q(row, y)));
      cache.dlogits(row, y) = static_cast<T>(share * q * (static_cast<double>(cache.dlogits(row, y)) - mean));
    }
    first += classes;
  }
  classifier->backward(n, cache, *grad.classifier);
  value.kl += share * divergence;
  value.elbo -= share * divergence;
  value.loss += share * divergence;
  value.loss += labelled > 0 ? classifier->weight * classification / static_cast<double>(labelled) : 0.0;
  return value;
}

}  // namespace vaekit::inline VAEKIT_ABI
