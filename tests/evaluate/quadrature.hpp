// SPDX-License-Identifier: MIT
//
// log p(x) of small models by numerical integration over their whole latent space.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "vaekit/distributions/bernoulli.hpp"
#include "vaekit/kernels/random.hpp"
#include "vaekit/kernels/reduce.hpp"
#include "vaekit/latent/builtin.hpp"
#include "vaekit/model/vae.hpp"
#include "vaekit/nn/sequential.hpp"

namespace example {

using namespace vaekit;

/// Points of a latent space, and the volume that each stands for.
struct Quadrature {
  Matrix<double> z;            // [n × dim]
  std::vector<double> volume;  // [n]

  Quadrature(Index points, Index dim) : z(points, dim), volume(static_cast<std::size_t>(points)) {}

  void set(Index i, const std::vector<double>& point, double its_volume) {
    std::ranges::copy(point, z.row(i).data());
    volume[static_cast<std::size_t>(i)] = its_volume;
  }
};

/// The trapezoid rule on [−11, 11]: for smooth functions that vanish there its error is that of rounding.
struct LineRule {
  static constexpr Index points = 89;
  static constexpr double step = 0.25;
  [[nodiscard]] static double at(Index i) { return -11 + step * static_cast<double>(i); }
};

inline Quadrature plane_quadrature() {
  Quadrature rule(LineRule::points * LineRule::points, 2);
  for (Index i = 0; i < rule.z.rows(); ++i) {
    rule.set(i, {LineRule::at(i / LineRule::points), LineRule::at(i % LineRule::points)},
             LineRule::step * LineRule::step);
  }
  return rule;
}

/// Equal steps around the circle.
inline Quadrature circle_quadrature() {
  constexpr Index points = 256;
  constexpr double step = 2 * std::numbers::pi / points;
  Quadrature rule(points, 2);
  for (Index i = 0; i < points; ++i) {
    rule.set(i, {std::cos(step * static_cast<double>(i)), std::sin(step * static_cast<double>(i))}, step);
  }
  return rule;
}

/// Rings of equal height, which have equal areas (Archimedes).
inline Quadrature sphere_quadrature() {
  constexpr Index rings = 150;
  constexpr Index around = 32;
  constexpr double step = 2 * std::numbers::pi / around;
  Quadrature rule(rings * around, 3);
  for (Index i = 0; i < rule.z.rows(); ++i) {
    const double height = (2 * static_cast<double>(i / around) + 1) / rings - 1;
    const double radius = std::sqrt(1 - height * height);
    const double angle = step * static_cast<double>(i % around);
    rule.set(i, {height, radius * std::cos(angle), radius * std::sin(angle)}, 2.0 / rings * step);
  }
  return rule;
}

/// The disk of curvature −c in polar coordinates, r the distance from its centre: dr sinh(√c r) / √c dθ.
inline Quadrature disk_quadrature(double curvature) {
  constexpr Index circles = 300;
  constexpr Index around = 32;
  constexpr double step = 2 * std::numbers::pi / around;
  constexpr double width = 9.0 / circles;
  const double root = std::sqrt(curvature);
  Quadrature rule(circles * around, 2);
  for (Index i = 0; i < rule.z.rows(); ++i) {
    const double distance = width * (static_cast<double>(i / around) + 0.5);
    const double radius = std::tanh(root * distance / 2) / root;
    const double angle = step * static_cast<double>(i % around);
    rule.set(i, {radius * std::cos(angle), radius * std::sin(angle)},
             width * step * std::sinh(root * distance) / root);
  }
  return rule;
}

/// All pairs of one-hot vectors of `classes` classes.
inline Quadrature code_pairs(Index classes) {
  Quadrature rule(classes * classes, 2 * classes);
  for (Index i = 0; i < rule.z.rows(); ++i) {
    rule.z(i, i / classes) = 1;
    rule.z(i, classes + i % classes) = 1;
    rule.volume[static_cast<std::size_t>(i)] = 1;
  }
  return rule;
}

/// A real number beside a one-hot vector.
inline Quadrature line_and_code(Index classes) {
  Quadrature rule(LineRule::points * classes, 1 + classes);
  for (Index i = 0; i < rule.z.rows(); ++i) {
    rule.z(i, 0) = LineRule::at(i / classes);
    rule.z(i, 1 + i % classes) = 1;
    rule.volume[static_cast<std::size_t>(i)] = LineRule::step;
  }
  return rule;
}

/// Of 3 binary features; posterior and prior are chosen at run time.
using BinaryVae = Vae<Sequential<Dense<double>>, AnyLatent<double>, Sequential<Dense<double>>,
                      Bernoulli<double>, AnyPrior<double>>;

/// Parameters of the prior and of the posterior's own are moved away from where they start, those of the
/// decoder are so large that p(x|z) depends on z. `widen` is added to the third and fourth outputs of the
/// posterior's head: the log-variances of two Gaussian variables, so that q covers p(z|x).
inline BinaryVae binary_vae(const LatentConfig& latent_config, const PriorConfig& prior_config,
                            double widen = 0) {
  const AnyLatent<double> latent(latent_config);
  const auto layer = [](Index units, Index inputs) {
    return Dense<double>({.units = units, .activation = Activation::tanh}, Shape::flat(inputs));
  };
  BinaryVae model(Sequential(layer(4, 3)), latent, Sequential(layer(5, latent.dim)), Bernoulli<double>({}, 3),
                  Initializer::fan_in_uniform, AnyPrior<double>(prior_config, latent.dim, 3));
  model.initialize(2);
  std::uint64_t child = 0;
  const auto move = [&child](auto& part) {
    for (const auto& parameter : parameters(part)) {
      std::vector<double> by(parameter.values.size());
      fill_normal(std::span(by), RandomStream(3, Purpose::synthetic).child(child++));
      for (std::size_t i = 0; i < by.size(); ++i) {
        parameter.values[i] += 0.4 * by[i];
      }
    }
  };
  move(model.prior);
  move(model.latent);
  for (const auto& parameter : parameters(model.decoder)) {
    for (double& value : parameter.values) {
      value *= 2;
    }
  }
  model.likelihood_head.weight.array() *= 3;
  if (widen != 0) {
    model.posterior_head.bias.middleCols(2, 2).array() += widen;
  }
  return model;
}

/// log ∫ p(x|z) p(z) dz, or of p(z) alone where there is no x.
template <class Model>
[[nodiscard]] double integral(const Model& model, const Quadrature& rule, const Matrix<double>* x) {
  typename Model::Workspace w = model.make_inference_workspace(1, rule.z.rows());
  model.prepare_prior(Matrix<double>(1, 0), w);
  std::vector<double> likelihood(rule.volume.size());
  std::vector<double> prior(rule.volume.size());
  if (x != nullptr) {
    model.log_prob(*x, rule.z, w, likelihood);
  }
  model.prior.log_prob(rule.z, w.prior, prior);
  LogSumExp sum;
  for (std::size_t i = 0; i < prior.size(); ++i) {
    sum.add(likelihood[i] + prior[i] + std::log(rule.volume[i]));
  }
  return sum.value();
}

}  // namespace example
