// SPDX-License-Identifier: MIT
#include "vaekit/latent/any_latent.hpp"

#include <doctest/doctest.h>

#include "support/distribution_suite.hpp"
#include "support/throws_with.hpp"
#include "vaekit/latent/builtin.hpp"

using namespace vaekit;
using likelihood_suite::random_matrix;

namespace {

/// Everything a posterior computes for 4 inputs with 2 samples each, one matrix after another.
template <class L>
std::vector<Matrix<double>> results_of(const L& latent) {
  const Matrix<double> params = random_matrix<double>(4, latent.head_size(), 1);
  const Matrix<double> dz = random_matrix<double>(8, latent.dim, 2);
  const Matrix<double> dlog_q = random_matrix<double>(1, 8, 3);
  Matrix<double> epsilon(8, latent.noise_size());
  Matrix<double> z(8, latent.dim);
  Matrix<double> log_q(1, 8);
  Matrix<double> dparams(4, latent.head_size());
  Matrix<double> path(8, latent.dim);
  L grad = zeros_like(latent);
  typename L::Cache cache = latent.make_cache(4, 8);
  latent.draw_noise(RandomStream(1, Purpose::posterior), 0, epsilon);
  const Matrix<double> mean(latent.posterior(params, cache).mu);
  latent.reparameterize(params, epsilon, cache, z);
  latent.log_prob(params, epsilon, z, cache, log_q.span());
  moment_gradient(latent, cache).mu.setConstant(0.5);
  latent.backward(params, epsilon, z, dz, dlog_q.span(), cache, dparams, grad);
  latent.add_path_gradient(params, epsilon, z, dlog_q.span(), cache, path);
  return {epsilon, mean, z, log_q, dparams, path};
}

}  // namespace

TEST_CASE("latent: one chosen at run time gives the same bits as the type itself") {
  const GaussianLatentConfig config{.dim = 3};
  const AnyLatent<double> any(config);
  CHECK(any.dim == 3);
  CHECK(any.kl_columns() == 3);
  const auto expected = results_of(GaussianLatent<double>(config));
  const auto got = results_of(any);
  for (std::size_t i = 0; i < got.size(); ++i) {
    CHECK(got[i] == expected[i]);
  }
}

TEST_CASE("prior: one chosen at run time gives the same bits as the type itself") {
  const AnyPrior<double> any(StandardNormalConfig{}, 3, 5);
  const StandardNormal<double> typed;
  Matrix<double> expected(4, 3);
  Matrix<double> got(4, 3);
  StandardNormal<double>::Cache none;
  AnyPrior<double>::Cache cache = any.make_cache(4);
  typed.sample(RandomStream(2, Purpose::prior), 5, 1, none, expected);
  any.sample(RandomStream(2, Purpose::prior), 5, 1, cache, got);
  CHECK(got == expected);
  Matrix<double> log_p(2, 4);
  typed.log_prob(expected, none, log_p.span().first(4));
  any.log_prob(expected, cache, log_p.span().last(4));
  CHECK(log_p.row(0) == log_p.row(1));
}

TEST_CASE("divergence: the pair chosen at run time is the pair of the types") {
  using Typed = KlPair<GaussianLatent<double>, StandardNormal<double>>;
  using Any = KlPair<AnyLatent<double>, AnyPrior<double>>;
  const GaussianLatentConfig config{.dim = 3};
  const GaussianLatent<double> typed(config);
  const AnyLatent<double> any(config);
  AnyPrior<double> prior(StandardNormalConfig{}, 3, 5);
  StandardNormal<double> normal;
  CHECK(Any::closed_form(any, prior));
  const Matrix<double> params = random_matrix<double>(4, 6, 1);
  const Matrix<double> dkl = random_matrix<double>(4, 3, 2);
  auto typed_cache = typed.make_cache(4, 4);
  auto any_cache = any.make_cache(4, 4);
  static_cast<void>(typed.posterior(params, typed_cache));
  static_cast<void>(any.posterior(params, any_cache));
  Matrix<double> expected(4, 3);
  Matrix<double> got(4, 3);
  StandardNormal<double>::Cache none;
  AnyPrior<double>::Cache prior_cache = prior.make_cache(4);
  Typed::forward(typed, normal, params, typed_cache, none, expected);
  Any::forward(any, prior, params, any_cache, prior_cache, got);
  CHECK(got == expected);
  Typed::backward(typed, normal, params, dkl, typed_cache, none, normal);
  Any::backward(any, prior, params, dkl, any_cache, prior_cache, prior);
  CHECK(moment_gradient(any, any_cache).mu == typed_cache.dq.mu);
  CHECK(moment_gradient(any, any_cache).logvar == typed_cache.dq.logvar);
}

TEST_CASE("latent: numbers out of range are refused, whichever is chosen") {
  check_throws_with<ConfigError>("gaussian latent: dim is 0, must be in [1, 1000000]",
                                 [] { AnyLatent<float>(GaussianLatentConfig{.dim = 0}); });
}
