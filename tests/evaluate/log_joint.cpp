// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/log_joint.hpp"

#include <doctest/doctest.h>

#include "evaluate/linear_gaussian.hpp"
#include "support/gradient_check.hpp"
#include "support/same_bits.hpp"
#include "support/throws_with.hpp"
#include "vaekit/distributions/bernoulli.hpp"
#include "vaekit/latent/conditional_gaussian.hpp"
#include "vaekit/latent/gaussian_mixture.hpp"
#include "vaekit/latent/vamp_prior.hpp"
#include "vaekit/nn/gated_dense.hpp"

using namespace vaekit;

namespace {

template <class Prior>
using CurvedVae = Vae<Sequential<Dense<double>>, GaussianLatent<double>,
                      Sequential<GatedDense<double>, Dense<double>>, Bernoulli<double>, Prior>;

/// Five features, three latent variables, layers that are not linear.
template <class Prior>
CurvedVae<Prior> curved_vae(Prior prior, Index condition = 0) {
  CurvedVae<Prior> model(
      Sequential(Dense<double>({.units = 4, .activation = Activation::tanh}, Shape::flat(5 + condition))),
      GaussianLatent<double>({.dim = 3}),
      Sequential(GatedDense<double>({.units = 6}, Shape::flat(3 + condition)),
                 Dense<double>({.units = 4, .activation = Activation::tanh}, Shape::flat(6))),
      Bernoulli<double>({}, 5), Initializer::fan_in_uniform, std::move(prior), condition);
  model.initialize(3);
  return model;
}

Matrix<double> joint_numbers(Index rows, Index cols, std::uint64_t seed) {
  Matrix<double> m(rows, cols);
  fill_normal(m.span(), RandomStream(seed, Purpose::synthetic));
  return m;
}

/// Gradients against differences, and densities against those of the model, two inputs of three rows each.
template <class Model>
void check_log_joint(const Model& model) {
  LogJoint joint(model, 8);
  Matrix<double> x = joint_numbers(2, model.input_columns(), 1);
  x.array() = x.array().abs().min(1.0);
  Matrix<double> z = joint_numbers(6, model.latent_dim(), 2);
  joint.set_inputs(x);
  joint.evaluate(z);
  const Matrix<double> dlikelihood(joint.likelihood_gradient());
  const Matrix<double> dprior(joint.prior_gradient());
  auto w = model.make_workspace(3);
  for (Index input = 0; input < 2; ++input) {
    std::vector<double> expected(3);
    model.log_prob(x.middleRows(input, 1), z.middleRows(3 * input, 3), w, expected);
    for (std::size_t k = 0; k < 3; ++k) {
      CHECK(joint.log_likelihood()[static_cast<std::size_t>(3 * input) + k] ==
            doctest::Approx(expected[k]).epsilon(1e-13));
    }
  }
  const auto sum = [&](auto values) {
    joint.evaluate(z);
    double total = 0;
    for (const double value : values()) {
      total += value;
    }
    return total;
  };
  check_finite_differences(z.span(), dlikelihood.span(),
                           [&] { return sum([&] { return joint.log_likelihood(); }); });
  check_finite_differences(z.span(), dprior.span(), [&] { return sum([&] { return joint.log_prior(); }); });
}

}  // namespace

TEST_CASE("log joint: densities and gradients by z, for every kind of prior") {
  check_log_joint(example::linear_vae(false));
  check_log_joint(curved_vae(StandardNormal<double>()));
  check_log_joint(curved_vae(GaussianMixture<double>({.components = 4}, 3)));
  check_log_joint(curved_vae(VampPrior<double>({.components = 4}, 3, 5)));
}

TEST_CASE("log joint: a condition goes to the decoder and to the prior") {
  auto model = curved_vae(ConditionalGaussian<double>({}, 3, 5, 2), 2);
  for (auto& parameter : parameters(model.prior)) {
    fill_normal(parameter.values, RandomStream(7, Purpose::initialize));
  }
  check_log_joint(model);
}

TEST_CASE("log joint: a row does not depend on the rows around it, nor on the number of threads") {
  const auto model = curved_vae(GaussianMixture<double>({.components = 4}, 3));
  const Matrix<double> x = joint_numbers(4, 5, 1).cwiseAbs().cwiseMin(1.0).eval();
  const Matrix<double> z = joint_numbers(12, 3, 2);
  LogJoint joint(model, 12);
  joint.set_inputs(x);
  joint.evaluate(z);
  const Matrix<double> expected(joint.likelihood_gradient());
  for (const int threads : {1, 2, 3}) {
    const ThreadScope scope(threads);
    LogJoint again(model, 6);
    again.set_inputs(x.bottomRows(2));
    again.evaluate(z.bottomRows(6));
    CHECK(same_bits(Matrix<double>(again.likelihood_gradient()), Matrix<double>(expected.bottomRows(6))));
    CHECK(again.log_prior()[2] == joint.log_prior()[8]);
  }
}

TEST_CASE("log joint: rows that do not fit are refused") {
  const auto model = example::linear_vae(true);
  LogJoint joint(model, 4);
  check_throws_with<ShapeError>("LogJoint: x has 2 columns, must have 3 (features of the encoder)",
                                [&] { joint.set_inputs(Matrix<double>(1, 2)); });
  check_throws_with<ShapeError>("LogJoint: z has 2 rows, must have a multiple of 0 (inputs), at most 4",
                                [&] { joint.evaluate(Matrix<double>(2, 2)); });
  joint.set_inputs(Matrix<double>(2, 3));
  check_throws_with<ShapeError>("LogJoint: z has 3 columns, must have 2 (latent dimensions)",
                                [&] { joint.evaluate(Matrix<double>(2, 3)); });
  for (const Index rows : {0, 3, 6}) {
    check_throws_with<ShapeError>(
        concat("LogJoint: z has ", rows, " rows, must have a multiple of 2 (inputs), at most 4"),
        [&] { joint.evaluate(Matrix<double>(rows, 2)); });
  }
}
