// SPDX-License-Identifier: MIT
#include "vaekit/latent/code_prior.hpp"

#include <doctest/doctest.h>

#include "support/posterior_suite.hpp"

using namespace vaekit;
using posterior_suite::random_matrix;

namespace {

using CodePair = KlPair<VectorQuantizedLatent<double>, CodePrior<double>>;

}  // namespace

static_assert(LatentPrior<CodePrior<float>>);

TEST_CASE("code prior: the divergence of codes from uniform ones is a constant") {
  VectorQuantizedLatent<double> latent({.positions = 3, .width = 2, .codes = 6});
  latent.initialize(RandomStream(7, Purpose::initialize));
  const CodePrior<double> prior(CodePriorConfig{}, 6);
  posterior_suite::Pass<VectorQuantizedLatent<double>, CodePrior<double>> run(
      latent, prior, random_matrix<double>(4, 6, 3), Matrix<double>(4, 0));
  CHECK(CodePair::closed_form(latent, prior));
  CHECK(run.kl.cols() == 3);
  CHECK((run.kl.array() - std::log(6.0)).abs().maxCoeff() < 1e-15);
  auto grad = prior;
  CodePair::backward(latent, prior, run.z, run.kl, run.cache, run.prior_cache, grad);
  CHECK((run.cache.dq.mu.array() == 0).all());
  CHECK(latent.space() == prior.space());
}

TEST_CASE("code prior: has no parameters, and a log-probability relative to the uniform one") {
  const CodePrior<double> prior(CodePriorConfig{}, 6);
  auto cache = prior.make_cache(4);
  const Matrix<double> z = random_matrix<double>(4, 6, 3);
  Matrix<double> log_p(1, 4);
  log_p.setOnes();
  prior.log_prob(z, cache, log_p.span());
  CHECK((log_p.array() == 0).all());
  Matrix<double> dz(4, 6);
  auto grad = prior;
  prior.backward(z, log_p.span(), cache, dz, grad);
  CHECK(dz == Matrix<double>(4, 6));
  CHECK(parameter_count(prior) == 0);
}

TEST_CASE("code prior: samples are what the quantizer projects, each row's own") {
  VectorQuantizedLatent<double> latent({.positions = 3, .width = 2, .codes = 6});
  latent.initialize(RandomStream(7, Purpose::initialize));
  const CodePrior<double> prior(CodePriorConfig{}, 6);
  auto cache = prior.make_cache(9);
  Matrix<double> z(9, 6), rest(2, 6);
  prior.sample(RandomStream(5, Purpose::prior), 0, 1, cache, z);
  prior.sample(RandomStream(5, Purpose::prior), 7, 1, cache, rest);
  CHECK(rest == z.bottomRows(2));
  latent.project(z);
  auto latent_cache = latent.make_cache(9, 9);
  const DiagonalGaussian<double> q = latent.posterior(z, latent_cache);
  CHECK(q.mu == z);
}
