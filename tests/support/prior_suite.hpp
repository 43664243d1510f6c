// SPDX-License-Identifier: MIT
//
// What every prior must do, whatever its formula. A prior joins with a `Case`:
//
//   struct MyCase { template <class T> static MyPrior<T> make(Index dim); };
//   TEST_CASE("mine: keeps the contract of a prior") { check_prior<MyCase>(); }
#pragma once

#include "support/distribution_suite.hpp"
#include "vaekit/latent/latent.hpp"

namespace prior_suite {

using namespace vaekit;
using likelihood_suite::random_matrix;
using likelihood_suite::same_bytes;

/// Log-densities of the rows of z.
template <class P>
Matrix<typename P::Scalar> log_prob_of(const P& prior, const Matrix<typename P::Scalar>& z) {
  typename P::Cache cache = prior.make_cache(z.rows());
  Matrix<typename P::Scalar> out(1, z.rows());
  prior.log_prob(z, cache, out.span());
  return out;
}

/// The density integrates to 1 over the plane, by the trapezoidal rule.
template <class Case>
void check_total_probability() {
  const auto prior = Case::template make<double>(2);
  constexpr int half = 60;
  constexpr double step = 0.2;
  Matrix<double> z((2 * half + 1) * (2 * half + 1), 2);
  Index row = 0;
  for (int i = -half; i <= half; ++i) {
    for (int k = -half; k <= half; ++k) {
      z.row(row++) << i * step, k * step;
    }
  }
  CHECK(std::abs(step * step * log_prob_of(prior, z).array().exp().sum() - 1) < 1e-6);
}

template <class Case>
void check_gradients() {
  for (const Index batch : {1, 3, 8}) {
    auto prior = Case::template make<double>(3);
    Matrix<double> z = random_matrix<double>(batch, 3, 1, 1.3);
    const Matrix<double> dlog_p = random_matrix<double>(1, batch, 2);
    const auto value = [&] { return log_prob_of(prior, z).cwiseProduct(dlog_p).sum(); };
    auto cache = prior.make_cache(batch + 2);
    Matrix<double> out(1, batch);
    prior.log_prob(z, cache, out.span());
    Matrix<double> dz(batch, 3);
    dz.setOnes();  // added to
    auto grad = zeros_like(prior);
    prior.backward(z, dlog_p.span(), cache, dz, grad);
    dz.array() -= 1;
    check_finite_differences(z.span(), dz.span(), value);
    const auto own = parameters(prior);
    const auto own_gradient = parameters(grad);
    for (std::size_t i = 0; i < own.size(); ++i) {
      check_finite_differences(own[i].values, own_gradient[i].values, value);
    }
  }
}

/// E[log p(z)] under samples is the negative entropy by quadrature, and rows do not depend on their batch.
template <class Case>
void check_samples() {
  const auto prior = Case::template make<double>(2);
  constexpr Index count = 20'000;
  Matrix<double> z(count, 2);
  const RandomStream stream(5, Purpose::prior);
  auto sample_cache = prior.make_cache(count);
  prior.sample(stream, 0, 1, sample_cache, z);
  constexpr double step = 0.2;
  double entropy = 0;
  Matrix<double> point(1, 2);
  for (int i = -60; i <= 60; ++i) {
    for (int k = -60; k <= 60; ++k) {
      point << i * step, k * step;
      const double log_p = log_prob_of(prior, point)(0, 0);
      entropy += step * step * std::exp(log_p) * log_p;
    }
  }
  const Eigen::ArrayXXd log_p = log_prob_of(prior, z).array();
  const double spread = std::sqrt((log_p - log_p.mean()).square().mean() / count);
  CHECK(std::abs(log_p.mean() - entropy) < 5 * spread);
  Matrix<double> rest(count - 7, 2);
  prior.sample(stream, 7, 1, sample_cache, rest);
  CHECK(rest == z.bottomRows(count - 7));
}

template <class Case>
void check_threads() {
  const auto prior = Case::template make<float>(20);
  const Matrix<float> z = random_matrix<float>(3000, 20, 3);
  const auto run = [&](int threads) {
    const ThreadScope scope(threads);
    return log_prob_of(prior, z);
  };
  const Matrix<float> expected = run(1);
  CHECK(same_bytes<float>(run(2).span(), expected.span()));
  CHECK(same_bytes<float>(run(3).span(), expected.span()));
}

template <class Case>
void check_prior() {
  static_assert(LatentPrior<decltype(Case::template make<float>(1))>);
  SUBCASE("total probability is 1") { check_total_probability<Case>(); }
  SUBCASE("gradients are those of finite differences") { check_gradients<Case>(); }
  SUBCASE("samples have the entropy of the density") { check_samples<Case>(); }
  SUBCASE("the number of threads changes no bit") { check_threads<Case>(); }
  SUBCASE("NaN in, NaN out") {
    const auto prior = Case::template make<float>(3);
    Matrix<float> z(2, 3);
    z(1, 2) = std::numeric_limits<float>::quiet_NaN();
    const Matrix<float> out = log_prob_of(prior, z);
    CHECK(std::isfinite(out(0, 0)));
    CHECK(std::isnan(out(0, 1)));
  }
}

}  // namespace prior_suite
