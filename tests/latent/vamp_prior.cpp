// SPDX-License-Identifier: MIT
#include "vaekit/latent/vamp_prior.hpp"

#include <doctest/doctest.h>

#include "support/prior_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;
using likelihood_suite::random_matrix;

TEST_CASE("vamp prior: is the even mixture of the posteriors it is given") {
  const VampPrior<double> prior({.components = 4}, 3, 7);
  GaussianMixture<double> mixture({.components = 4}, 3);
  mixture.mu = random_matrix<double>(4, 3, 1);
  mixture.logvar = random_matrix<double>(4, 3, 2);
  const Matrix<double> z = random_matrix<double>(6, 3, 3);
  auto cache = prior.make_cache(6);
  prior.set_components({mixture.mu, mixture.logvar}, cache);
  Matrix<double> out(1, 6);
  prior.log_prob(z, cache, out.span());
  CHECK(out.isApprox(prior_suite::log_prob_of(mixture, z), 1e-14));
  const Matrix<double> dlog_p = random_matrix<double>(1, 6, 4);
  Matrix<double> dz(6, 3);
  Matrix<double> expected_dz(6, 3);
  auto grad = zeros_like(prior);
  auto expected = zeros_like(mixture);
  auto mixture_cache = mixture.make_cache(6);
  mixture.log_prob(z, mixture_cache, out.span());
  mixture.backward(z, dlog_p.span(), mixture_cache, expected_dz, expected);
  prior.backward(z, dlog_p.span(), cache, dz, grad);
  MomentGradient<double> found(4, 3);
  prior.component_gradient(cache, found);
  CHECK(dz.isApprox(expected_dz, 1e-14));
  CHECK(found.mu.isApprox(expected.mu, 1e-14));
  CHECK(found.logvar.isApprox(expected.logvar, 1e-14));
}

TEST_CASE("vamp prior: pseudo-inputs lie between 0 and 1, their gradient is that of finite differences") {
  VampPrior<double> prior({.components = 2}, 3, 5);
  prior.initialize(RandomStream(1, Purpose::initialize));
  const Matrix<double> du = random_matrix<double>(2, 5, 2);
  Matrix<double> u(2, 5);
  prior.pseudo_inputs(u);
  CHECK(u.minCoeff() > 0);
  CHECK(u.maxCoeff() < 1);
  auto grad = zeros_like(prior);
  prior.pseudo_backward(u, du, grad);
  check_finite_differences(prior.pseudo_logits.span(), grad.pseudo_logits.span(), [&] {
    Matrix<double> now(2, 5);
    prior.pseudo_inputs(now);
    return now.cwiseProduct(du).sum();
  });
}

TEST_CASE("vamp prior: samples come from its components") {
  const VampPrior<double> prior({.components = 2}, 1, 3);
  auto cache = prior.make_cache(1);
  Matrix<double> mu(2, 1);
  Matrix<double> logvar(2, 1);
  mu << -100, 100;
  prior.set_components({mu, logvar}, cache);
  Matrix<double> z(1000, 1);
  prior.sample(RandomStream(1, Purpose::prior), 0, 1, cache, z);
  CHECK((z.array().abs() > 90).all());
  CHECK(std::abs((z.array() > 0).count() - 500) < 80);
}

TEST_CASE("vamp prior: pseudo-inputs from the data are a buffer, any numbers") {
  VampPrior<double> prior({.components = 2, .pseudo_inputs = PseudoInputs::data}, 3, 5);
  CHECK(prior.pseudo_input_count() == 2);
  CHECK(parameter_count(prior) == 0);
  const Matrix<double> x = random_matrix<double>(2, 5, 2, 10);
  prior.set_pseudo_inputs(x);
  prior.initialize(RandomStream(1, Purpose::initialize));
  CHECK_FALSE(prior.needs_pseudo_inputs());
  Matrix<double> u(2, 5);
  prior.pseudo_inputs(u);
  CHECK(u == x);
  const auto tensors = state_tensors(prior);
  REQUIRE(tensors.size() == 1);
  CHECK(tensors[0].name == "pseudo_inputs");
  CHECK(std::ranges::equal(tensors[0].values, x.span()));
}

TEST_CASE("vamp prior: pseudo-inputs from the data that were never set are no zeros") {
  const VampPrior<float> prior({.components = 2, .pseudo_inputs = PseudoInputs::data}, 3, 5);
  CHECK(prior.needs_pseudo_inputs());
  CHECK_FALSE(VampPrior<float>({.components = 2}, 3, 5).needs_pseudo_inputs());
  CHECK_FALSE(VampPrior<float>().needs_pseudo_inputs());
  Matrix<float> u(2, 5);
  check_throws_with<DataError>(
      "vamp prior: pseudo-inputs are not set, must be samples of the training data; use choose_pseudo_inputs",
      [&] { prior.pseudo_inputs(u); });
  VampPrior<float> other = prior;
  check_throws_with<ShapeError>("vamp prior: x has 3 rows, must have 2 (components)",
                                [&] { other.set_pseudo_inputs(Matrix<float>(3, 5)); });
  check_throws_with<ShapeError>("vamp prior: x has 4 columns, must have 5 (features)",
                                [&] { other.set_pseudo_inputs(Matrix<float>(2, 4)); });
}

TEST_CASE("vamp prior: numbers out of range are refused") {
  check_throws_with<ConfigError>("vamp prior: components is 0, must be in [1, 100000]",
                                 [] { VampPrior<float>({.components = 0}, 2, 3); });
}
