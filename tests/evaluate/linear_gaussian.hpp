// SPDX-License-Identifier: MIT
//
// VAEs without hidden layers: everything about them is known in closed form.
#pragma once

#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "vaekit/distributions/gaussian.hpp"
#include "vaekit/evaluate/data_view.hpp"
#include "vaekit/kernels/random.hpp"
#include "vaekit/model/vae.hpp"
#include "vaekit/nn/sequential.hpp"

namespace example {

using namespace vaekit;

/// p(z) = N(0, I), p(x|z) = N(W z + b, σ² I), q(z|x) = N(A x + c, diag exp(l)).
using LinearVae =
    Vae<Sequential<Dense<double>>, GaussianLatent<double>, Sequential<Dense<double>>, Gaussian<double>>;

constexpr Index linear_features = 3;
constexpr Index linear_dim = 2;
constexpr double linear_deviation = 0.7;

/// The hidden layers are identities: what they put out is what they take.
inline Dense<double> identity(Index size) {
  Dense<double> layer({.units = size}, Shape::flat(size));
  layer.weight = Matrix<double>(Matrix<double>::Base::PlainObject::Identity(size, size));
  return layer;
}

/// Its posterior is the exact one where `exact`, else a wider and shifted one.
inline LinearVae linear_vae(bool exact) {
  LinearVae model(Sequential(identity(linear_features)), GaussianLatent<double>({.dim = linear_dim}),
                  Sequential(identity(linear_dim)),
                  Gaussian<double>({.deviation = linear_deviation}, linear_features));
  // Orthogonal columns, so that the exact posterior is diagonal.
  model.likelihood_head.weight << 1, 0.5, 1, -0.5, 0.5, 0;
  model.likelihood_head.bias << 0.2, -0.1, 0.4;
  const double variance = linear_deviation * linear_deviation;
  for (Index d = 0; d < linear_dim; ++d) {
    const double posterior_variance = 1 / (1 + model.likelihood_head.weight.col(d).squaredNorm() / variance);
    model.posterior_head.weight.row(d) =
        model.likelihood_head.weight.col(d).transpose() * (posterior_variance / variance);
    model.posterior_head.bias(d) = -model.posterior_head.weight.row(d).dot(model.likelihood_head.bias);
    model.posterior_head.bias(linear_dim + d) = std::log(posterior_variance);
    if (!exact) {
      model.posterior_head.bias(d) += 0.2;
      model.posterior_head.bias(linear_dim + d) += 0.4;
    }
  }
  return model;
}

/// log N(x; b, W Wᵀ + σ² I): the two columns of W are orthogonal, so are the principal axes.
inline double exact_log_likelihood(const LinearVae& model, const Matrix<double>& x) {
  const Matrix<double> centered(x - model.likelihood_head.bias);
  const double variance = linear_deviation * linear_deviation;
  double quadratic = centered.squaredNorm() / variance;
  double log_determinant = linear_features * std::log(variance);
  for (Index d = 0; d < linear_dim; ++d) {
    const double length = model.likelihood_head.weight.col(d).squaredNorm();
    const double along = centered.row(0).dot(model.likelihood_head.weight.col(d).transpose());
    quadratic -= along * along / (variance * (variance + length));
    log_determinant += std::log1p(length / variance);
  }
  return -0.5 * (quadratic + log_determinant + linear_features * std::log(2 * std::numbers::pi));
}

/// Samples with a view of all of them.
struct Samples {
  Dataset dataset;
  Transform transform;
  std::vector<std::uint32_t> rows;

  Samples(Index width, std::vector<double> values)
      : dataset("samples", Shape::flat(width), std::move(values)),
        transform(std::vector<double>(static_cast<std::size_t>(width), 0),
                  std::vector<double>(static_cast<std::size_t>(width), 1), 0, Binarize::none),
        rows(all_rows(dataset.size())) {}

  [[nodiscard]] DataView view() const { return {&dataset, &transform, rows, 1}; }
};

/// `count` rows from N(0, 1).
inline Samples normal_samples(Index count, Index width = linear_features) {
  std::vector<double> values(static_cast<std::size_t>(count * width));
  fill_normal(std::span(values), RandomStream(5, Purpose::synthetic));
  return {width, std::move(values)};
}

}  // namespace example
