// SPDX-License-Identifier: MIT
#include "vaekit/latent/conditional_gaussian.hpp"

#include <doctest/doctest.h>

#include "support/golden.hpp"
#include "support/prior_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;
using likelihood_suite::random_matrix;

namespace {

/// The prior under one condition, so that it is a density of z alone.
template <class T>
struct UnderCondition : ConditionalGaussian<T> {
  using ConditionalGaussian<T>::ConditionalGaussian;
  UnderCondition() = default;
  explicit UnderCondition(ConditionalGaussian<T> prior) : ConditionalGaussian<T>(std::move(prior)) {}
  [[nodiscard]] auto make_cache(Index rows) const {
    auto cache = ConditionalGaussian<T>::make_cache(rows);
    Matrix<T> c(1, 3);
    c << T{1}, T{0.5}, T{-1};
    this->set_condition(c, cache);
    return cache;
  }
};

struct ConditionalCase {
  template <class T>
  static UnderCondition<T> make(Index dim) {
    ConditionalGaussian<T> prior({}, dim, 0, 3);
    prior.head.weight = random_matrix<T>(2 * dim, 3, 7, T{0.5});
    prior.head.bias = random_matrix<T>(1, 2 * dim, 8, static_cast<T>(0.3)).row(0);
    return UnderCondition<T>(std::move(prior));
  }
};

}  // namespace

TEST_CASE("conditional gaussian: keeps the contract of a prior under a condition") {
  prior_suite::check_prior<ConditionalCase>();
}

TEST_CASE("conditional gaussian: starts as the standard normal, whatever the condition") {
  ConditionalGaussian<double> prior({}, 2, 0, 3);
  prior.initialize(RandomStream(1, Purpose::initialize));
  const Matrix<double> z = random_matrix<double>(4, 2, 1);
  const Matrix<double> c = random_matrix<double>(4, 3, 2);
  auto cache = prior.make_cache(4);
  prior.set_condition(c, cache);
  Matrix<double> log_p(1, 4);
  prior.log_prob(z, cache, log_p.span());
  for (Index row = 0; row < 4; ++row) {
    CHECK(std::abs(log_p(0, row) + 0.5 * z.row(row).squaredNorm() + log_two_pi) < 1e-12);
  }
}

TEST_CASE("conditional gaussian: the divergence from each posterior and its gradients") {
  using Pair = KlPair<GaussianLatent<double>, ConditionalGaussian<double>>;
  const GaussianLatent<double> latent({.dim = 2});
  ConditionalGaussian<double> prior = ConditionalCase::make<double>(2);
  for (const Index batch : {1, 3, 8}) {
    Matrix<double> params = random_matrix<double>(batch, 4, 1);
    const Matrix<double> c = random_matrix<double>(batch, 3, 2);
    const Matrix<double> dkl = random_matrix<double>(batch, 2, 3);
    auto cache = latent.make_cache(batch, batch);
    auto prior_cache = prior.make_cache(batch);
    Matrix<double> kl(batch, 2);
    const auto value = [&] {
      static_cast<void>(latent.posterior(params, cache));
      prior.set_condition(c, prior_cache);
      Pair::forward(latent, prior, params, cache, prior_cache, kl);
      return kl.cwiseProduct(dkl).sum();
    };
    value();
    const double mu = prior.head.weight.row(0).dot(c.row(0)) + prior.head.bias[0];
    const double logvar = prior.head.weight.row(2).dot(c.row(0)) + prior.head.bias[2];
    const double expected = 0.5 * (std::pow(params(0, 0) - mu, 2) / std::exp(logvar) +
                                   std::exp(params(0, 2) - logvar) - 1 - params(0, 2) + logvar);
    CHECK(std::abs(kl(0, 0) - expected) < 1e-12 * std::max(1.0, expected));
    auto grad = zeros_like(prior);
    auto unused = latent;
    cache.dq.mu.setZero();
    cache.dq.logvar.setZero();
    Pair::backward(latent, prior, params, dkl, cache, prior_cache, grad);
    Matrix<double> zeros(batch, 2);
    Matrix<double> dparams(batch, 4);
    latent.backward(params, zeros, zeros, zeros, {}, cache, dparams, unused);
    check_finite_differences(params.span(), dparams.span(), value);
    const auto own = parameters(prior);
    const auto own_gradient = parameters(grad);
    for (std::size_t i = 0; i < own.size(); ++i) {
      check_finite_differences(own[i].values, own_gradient[i].values, value);
    }
  }
}

TEST_CASE_TEMPLATE("conditional gaussian: densities, divergences and their gradients are PyTorch's", T, float,
                   double) {
  const Golden golden("conditional_gaussian");
  ConditionalGaussian<T> prior({}, 3, 0, 2);
  golden.copy_to<T>("weight", prior.head.weight.span());
  golden.copy_to<T>("bias", prior.head.bias.span());
  auto cache = prior.make_cache(8);
  prior.set_condition(golden.matrix<T>("c"), cache);
  const Matrix<T> z = golden.matrix<T>("z");
  Matrix<T> log_p(1, 8);
  prior.log_prob(z, cache, log_p.span());
  golden.check("log_p", log_p);
  Matrix<T> dz(8, 3);
  auto grad = zeros_like(prior);
  prior.backward(z, golden.matrix<T>("dlog_p").span(), cache, dz, grad);
  golden.check("log_p.dz", dz);
  golden.check("log_p.dweight", grad.head.weight);
  golden.check<T>("log_p.dbias", grad.head.bias.span());

  using Pair = KlPair<GaussianLatent<T>, ConditionalGaussian<T>>;
  GaussianLatent<T> latent({.dim = 3});
  const Matrix<T> params = golden.matrix<T>("params");
  auto latent_cache = latent.make_cache(4, 4);
  static_cast<void>(latent.posterior(params, latent_cache));
  Matrix<T> kl(4, 3);
  Pair::forward(latent, prior, params, latent_cache, cache, kl);
  golden.check("kl", kl);
  set_zero(grad);
  latent_cache.dq.mu.setZero();
  latent_cache.dq.logvar.setZero();
  Pair::backward(latent, prior, params, golden.matrix<T>("dkl"), latent_cache, cache, grad);
  golden.check("kl.dweight", grad.head.weight);
  golden.check<T>("kl.dbias", grad.head.bias.span());
  const Matrix<T> zeros(4, 3);
  Matrix<T> dparams(4, 6);
  latent.backward(params, zeros, zeros, zeros, {}, latent_cache, dparams, latent);
  golden.check("kl.dparams", dparams);
}

TEST_CASE("conditional gaussian: needs a condition") {
  check_throws_with<ConfigError>(
      "prior: conditional_gaussian needs a condition, got none; set data/condition",
      [] { ConditionalGaussian<float>({}, 2, 5, 0); });
}
