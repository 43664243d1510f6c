// SPDX-License-Identifier: MIT
//
// Likelihoods and divergences against tests/golden/likelihoods.safetensors, which PyTorch made.
#include <doctest/doctest.h>

#include "support/distribution_suite.hpp"
#include "support/golden.hpp"
#include "vaekit/distributions/builtin.hpp"
#include "vaekit/distributions/kl.hpp"

using namespace vaekit;
using likelihood_suite::Pass;

TEST_CASE_TEMPLATE("likelihoods: values and gradients are PyTorch's", T, float, double) {
  const Golden golden("likelihoods");
  const Matrix<T> dout = golden.matrix<T>("dout");
  const Matrix<T> logits = golden.matrix<T>("logits");
  const Bernoulli<T> bernoulli({}, logits.cols());
  const Pass b(bernoulli, logits, golden.matrix<T>("grey"), dout);
  golden.check<T>("bernoulli", b.out.span());
  golden.check<T>("bernoulli_gradient", b.gradient.span());
  Matrix<T> mean(logits.rows(), logits.cols());
  bernoulli.mean(logits, mean);
  golden.check<T>("bernoulli_mean", mean.span());

  Gaussian<T> gaussian({.variance = VarianceSource::learned}, logits.cols());
  gaussian.logvar()[0] = golden.matrix<T>("logvar")(0, 0);
  const Pass g(gaussian, golden.matrix<T>("mu"), golden.matrix<T>("x"), dout);
  golden.check<T>("gaussian", g.out.span());
  golden.check<T>("gaussian_gradient", g.gradient.span());
  golden.check<T>("gaussian_logvar_gradient", g.own.logvar().span());
}

TEST_CASE_TEMPLATE("kl and densities: values and gradients are PyTorch's", T, float, double) {
  const Golden golden("likelihoods");
  const Matrix<T> mu = golden.matrix<T>("q_mu");
  const Matrix<T> logvar = golden.matrix<T>("q_logvar");
  const Matrix<T> z = golden.matrix<T>("z");
  const DiagonalGaussian<T> q{mu, logvar};
  Matrix<T> kl(mu.rows(), mu.cols());
  Matrix<T> dmu(mu.rows(), mu.cols());
  Matrix<T> dlogvar(mu.rows(), mu.cols());
  kl_divergence(q, StandardNormal<T>{}, MatrixOut<T>(kl));
  kl_divergence_backward(q, StandardNormal<T>{}, golden.matrix<T>("dkl"), MatrixOut<T>(dmu),
                         MatrixOut<T>(dlogvar));
  golden.check<T>("kl", kl.span());
  golden.check<T>("kl_mu_gradient", dmu.span());
  golden.check<T>("kl_logvar_gradient", dlogvar.span());
  Matrix<T> out(1, z.rows());
  log_prob(q, z, out.span());
  golden.check<T>("log_q", out.span());
  typename StandardNormal<T>::Cache none;
  StandardNormal<T>{}.log_prob(z, none, out.span());
  golden.check<T>("log_p", out.span());
}
