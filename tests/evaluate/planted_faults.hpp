// SPDX-License-Identifier: MIT
//
// A small sound model with its data, and parts with a fault each.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "model/example_models.hpp"
#include "vaekit/data/synthetic.hpp"
#include "vaekit/evaluate/data_view.hpp"
#include "vaekit/evaluate/finding.hpp"
#include "vaekit/objectives/elbo.hpp"

namespace example {

using namespace vaekit;

/// 8x8 pictures of bars.
struct Bars {
  Dataset dataset;
  std::vector<std::uint32_t> rows;
  Transform transform;

  explicit Bars(Index count = 120)
      : dataset(make_synthetic({.source = SyntheticSource::bars, .count = count, .size = 8})),
        rows(all_rows(count)),
        transform(Transform::fit({}, dataset, rows)) {}

  [[nodiscard]] DataView view() const { return {&dataset, &transform, rows, 1}; }
  template <class T>
  [[nodiscard]] Matrix<T> samples(Index count) const {
    Matrix<T> x(count, dataset.features());
    read_view<T>(view(), std::span(rows).first(static_cast<std::size_t>(count)), 0, x);
    return x;
  }
};

template <class T, class LikelihoodType = Bernoulli<T>>
using BarsVae = Vae<Sequential<Dense<T>>, GaussianLatent<T>, Sequential<Dense<T>>, LikelihoodType>;

template <class T, class LikelihoodType = Bernoulli<T>>
BarsVae<T, LikelihoodType> bars_model(LikelihoodType likelihood = {{}, 64},
                                      Activation activation = Activation::relu) {
  const DenseConfig layer{.units = 16, .activation = activation};
  BarsVae<T, LikelihoodType> model(Sequential(Dense<T>(layer, Shape::flat(64))),
                                   GaussianLatent<T>({.dim = 3}), Sequential(Dense<T>(layer, Shape::flat(3))),
                                   std::move(likelihood));
  model.initialize(1);
  return model;
}

/// loss = −(log p(x|z) + KL) where `kl` is −1; weights of either term at will, the values as they should be.
struct WeightedElbo {
  double log_likelihood = 1;
  double kl = 1;
  double kl_gradient = 1;  ///< of the right one

  [[nodiscard]] Index samples() const { return 1; }
  template <class T>
  ObjectiveValue evaluate(const Terms<T>& terms, double, Terms<T>& gradients) const {
    ObjectiveValue value = elbo_value(terms);
    const auto share = 1 / static_cast<double>(terms.kl.rows());
    value.loss = kl * value.kl - log_likelihood * value.reconstruction;
    gradients.log_likelihood.setConstant(static_cast<T>(-log_likelihood * share));
    gradients.kl.setConstant(static_cast<T>(kl_gradient * kl * share));
    return value;
  }
};

/// `factor` times the log-probability of a Bernoulli, and `gradient_factor` times its gradient.
template <class T>
struct ScaledBernoulli : Bernoulli<T> {
  using Base = Bernoulli<T>;
  using Cache = typename Base::Cache;
  T factor = 1;
  T gradient_factor = 1;

  ScaledBernoulli() = default;
  ScaledBernoulli(Index columns, double scale, double gradient_scale)
      : Base({}, columns), factor(static_cast<T>(scale)), gradient_factor(static_cast<T>(gradient_scale)) {}

  void log_prob(MatrixIn<T> params, MatrixIn<T> x, std::span<T> out) const {
    Base::log_prob(params, x, out);
    for (T& value : out) {
      value *= factor;
    }
  }
  void forward(MatrixIn<T> params, MatrixIn<T> x, std::span<T> out, Cache& cache) const {
    Base::forward(params, x, out, cache);
    for (T& value : out) {
      value *= factor;
    }
    cache.gradient *= gradient_factor;
  }
  void backward(std::span<const T> dout, Cache& cache, ScaledBernoulli& grad) const {
    Base::backward(dout, cache, grad);
  }
};

inline bool is_ok(const std::vector<Finding>& findings) {
  return findings.size() == 1 && findings[0].verdict == Verdict::ok && findings[0].advice.empty();
}
inline bool is_fault(const std::vector<Finding>& findings) {
  return findings.size() == 1 && findings[0].verdict == Verdict::fault && !findings[0].advice.empty();
}

}  // namespace example
