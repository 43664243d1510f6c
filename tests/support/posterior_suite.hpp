// SPDX-License-Identifier: MIT
//
// What every posterior family must do, whatever its formula. A family joins with a `Case`:
//
//   struct MyCase {
//     template <class T> using Prior = StandardNormal<T>;             the prior that goes with it
//     template <class T> static MyLatent<T> make();
//     template <class T> static Prior<T> make_prior();
//   };
//   TEST_CASE("mine: keeps the contract of a posterior") { check_posterior<MyCase>(); }
#pragma once

#include "support/distribution_suite.hpp"
#include "support/gradient_check.hpp"
#include "vaekit/latent/latent.hpp"

namespace posterior_suite {

using namespace vaekit;
using likelihood_suite::random_matrix;
using likelihood_suite::same_bytes;

/// One pass as a model makes it: samples, their density where there is one, and the divergence where it has a
/// closed form.
template <class L, class P>
struct Pass {
  using T = typename L::Scalar;
  using Divergence = KlPair<L, P>;

  typename L::Cache cache;
  typename P::Cache prior_cache;
  Matrix<T> z;
  Matrix<T> log_q;
  Matrix<T> kl;

  Pass(const L& latent, const P& prior, const Matrix<T>& params, const Matrix<T>& epsilon,
       std::optional<double> time = 0.0)
      : cache(latent.make_cache(params.rows(), epsilon.rows())),
        prior_cache(prior.make_cache(epsilon.rows())),
        z(epsilon.rows(), latent.dim),
        log_q(params.rows(), epsilon.rows() / params.rows()),
        kl(params.rows(), latent.kl_columns()) {
    set_time(latent, time, cache);
    static_cast<void>(latent.posterior(params, cache));
    latent.reparameterize(params, epsilon, cache, z);
    if (has_density(latent)) {
      latent.log_prob(params, epsilon, z, cache, log_q.span());
    }
    if (Divergence::closed_form(latent, prior)) {
      Divergence::forward(latent, prior, params, cache, prior_cache, kl);
    }
  }
};

template <class L>
Matrix<typename L::Scalar> noise(const L& latent, Index rows, std::uint64_t seed = 3) {
  Matrix<typename L::Scalar> epsilon(rows, latent.noise_size());
  latent.draw_noise(RandomStream(seed, Purpose::posterior), 0, epsilon);
  return epsilon;
}

/// Gradients of Σ z ∘ dz + Σ log q ∘ dlog_q + Σ KL ∘ dkl, with respect to the head's outputs and the family's
/// own parameters.
template <class Case>
void check_gradients(Index batch, Index samples) {
  auto latent = Case::template make<double>();
  const auto prior = Case::template make_prior<double>();
  using Run = Pass<decltype(latent), std::remove_const_t<decltype(prior)>>;
  Matrix<double> params = random_matrix<double>(batch, latent.head_size(), 1, 0.7);
  const Matrix<double> epsilon = noise(latent, batch * samples);
  const Matrix<double> dz = random_matrix<double>(batch * samples, latent.dim, 4);
  const Matrix<double> dlog_q = random_matrix<double>(batch, samples, 5);
  const Matrix<double> dkl = random_matrix<double>(batch, latent.kl_columns(), 6);
  const auto value = [&] {
    const Run run(latent, prior, params, epsilon);
    return run.z.cwiseProduct(dz).sum() + run.log_q.cwiseProduct(dlog_q).sum() +
           run.kl.cwiseProduct(dkl).sum();
  };
  Run run(latent, prior, params, epsilon);
  auto grad = zeros_like(latent);
  auto prior_grad = zeros_like(prior);
  Matrix<double> dparams(batch, latent.head_size());
  dparams.setConstant(1e9);  // overwritten, not added to
  moment_gradient(latent, run.cache).mu.setZero();
  moment_gradient(latent, run.cache).logvar.setZero();
  if (Run::Divergence::closed_form(latent, prior)) {
    Run::Divergence::backward(latent, prior, params, dkl, run.cache, run.prior_cache, prior_grad);
  }
  const std::span<const double> density =
      has_density(latent) ? std::span<const double>(dlog_q.span()) : std::span<const double>();
  latent.backward(params, epsilon, run.z, dz, density, run.cache, dparams, grad);
  check_finite_differences(params.span(), dparams.span(), value);
  const auto own = parameters(latent);
  const auto own_gradient = parameters(grad);
  for (std::size_t i = 0; i < own.size(); ++i) {
    CAPTURE(own[i].name);
    check_finite_differences(own[i].values, own_gradient[i].values, value);
  }
}

/// The closed form is the mean of log q − log p.
template <class Case>
void check_divergence() {
  const auto latent = Case::template make<double>();
  auto prior = Case::template make_prior<double>();
  using Run = Pass<std::remove_const_t<decltype(latent)>, decltype(prior)>;
  if (!Run::Divergence::closed_form(latent, prior) || !has_density(latent)) {
    return;
  }
  constexpr Index samples = 20'000;
  const Matrix<double> params = random_matrix<double>(2, latent.head_size(), 1, 0.7);
  Run run(latent, prior, params, noise(latent, 2 * samples));
  Matrix<double> log_p(2, samples);
  prior.log_prob(run.z, run.prior_cache, log_p.span());
  for (Index row = 0; row < 2; ++row) {
    const Eigen::ArrayXd difference = (run.log_q.row(row) - log_p.row(row)).transpose().array();
    const double spread = std::sqrt((difference - difference.mean()).square().mean() / samples);
    CHECK(std::abs(difference.mean() - run.kl.row(row).sum()) < 5 * spread + 1e-9);
  }
}

template <class Case>
void check_threads() {
  const auto latent = Case::template make<float>();
  const auto prior = Case::template make_prior<float>();
  const Matrix<float> params = random_matrix<float>(300, latent.head_size(), 1, 0.7f);
  const Matrix<float> epsilon = noise(latent, 900);
  const Matrix<float> dz = random_matrix<float>(900, latent.dim, 4);
  using Run = Pass<std::remove_const_t<decltype(latent)>, std::remove_const_t<decltype(prior)>>;
  const auto run_on = [&](int threads) {
    const ThreadScope scope(threads);
    Run run(latent, prior, params, epsilon);
    Matrix<float> dparams(300, latent.head_size());
    auto grad = zeros_like(latent);
    latent.backward(params, epsilon, run.z, dz, {}, run.cache, dparams, grad);
    return std::tuple(run.z, run.log_q, run.kl, dparams);
  };
  const auto expected = run_on(1);
  for (const int threads : {2, 3}) {
    const auto other = run_on(threads);
    CHECK(same_bytes<float>(std::get<0>(other).span(), std::get<0>(expected).span()));
    CHECK(same_bytes<float>(std::get<1>(other).span(), std::get<1>(expected).span()));
    CHECK(same_bytes<float>(std::get<2>(other).span(), std::get<2>(expected).span()));
    CHECK(same_bytes<float>(std::get<3>(other).span(), std::get<3>(expected).span()));
  }
}

/// Head outputs far outside any sensible range give finite samples, divergences and gradients.
template <class Case, class T>
void check_extremes() {
  const auto latent = Case::template make<T>();
  const auto prior = Case::template make_prior<T>();
  using Run = Pass<std::remove_const_t<decltype(latent)>, std::remove_const_t<decltype(prior)>>;
  for (const double scale : {0.0, 1e-6, 1e2, 1e4}) {
    Matrix<T> params = random_matrix<T>(3, latent.head_size(), 1);
    params.array() *= static_cast<T>(scale);
    const Matrix<T> epsilon = noise(latent, 6);
    Run run(latent, prior, params, epsilon);
    Matrix<T> dparams(3, latent.head_size());
    auto grad = zeros_like(latent);
    Matrix<T> dz(6, latent.dim);
    dz.setOnes();
    moment_gradient(latent, run.cache).mu.setZero();
    moment_gradient(latent, run.cache).logvar.setZero();
    latent.backward(params, epsilon, run.z, dz, {}, run.cache, dparams, grad);
    CAPTURE(scale);
    CHECK(run.z.array().isFinite().all());
    CHECK(run.log_q.array().isFinite().all());
    CHECK(run.kl.array().isFinite().all());
    CHECK(dparams.array().isFinite().all());
  }
}

template <class Case>
void check_noise() {
  const auto latent = Case::template make<float>();
  Matrix<float> whole(7, latent.noise_size());
  Matrix<float> rest(4, latent.noise_size());
  const RandomStream stream(4, Purpose::posterior);
  latent.draw_noise(stream, 0, whole);
  latent.draw_noise(stream, 3, rest);
  CHECK(rest == whole.bottomRows(4));
}

/// A NaN in one input's numbers reaches the samples of that input and of no other.
template <class Case>
void check_nan() {
  const auto latent = Case::template make<float>();
  const auto prior = Case::template make_prior<float>();
  using Run = Pass<std::remove_const_t<decltype(latent)>, std::remove_const_t<decltype(prior)>>;
  Matrix<float> params = random_matrix<float>(3, latent.head_size(), 1, 0.7f);
  params.row(1).setConstant(std::numeric_limits<float>::quiet_NaN());
  const Run run(latent, prior, params, noise(latent, 6));
  CHECK(run.z.topRows(2).array().isFinite().all());
  CHECK(run.z.bottomRows(2).array().isFinite().all());
  CHECK(run.z.middleRows(2, 2).array().isNaN().any());
}

/// Samples of training and of evaluation lie where the family says.
template <class Case>
void check_holds() {
  const auto latent = Case::template make<float>();
  const auto prior = Case::template make_prior<float>();
  using Run = Pass<std::remove_const_t<decltype(latent)>, std::remove_const_t<decltype(prior)>>;
  const Matrix<float> params = random_matrix<float>(3, latent.head_size(), 1, 3.0f);
  for (const std::optional<double> time : {std::optional(0.0), std::optional<double>()}) {
    const Run run(latent, prior, params, noise(latent, 30), time);
    CHECK_FALSE(first_outside(latent, run.z));
  }
}

/// No call allocates after a first one.
template <class Case>
void check_no_allocation() {
  const auto latent = Case::template make<float>();
  const auto prior = Case::template make_prior<float>();
  using Run = Pass<std::remove_const_t<decltype(latent)>, std::remove_const_t<decltype(prior)>>;
  const Matrix<float> params = random_matrix<float>(4, latent.head_size(), 1);
  const Matrix<float> epsilon = noise(latent, 8);
  Run run(latent, prior, params, epsilon);
  moment_gradient(latent, run.cache).mu.setZero();
  moment_gradient(latent, run.cache).logvar.setZero();
  Matrix<float> dz(8, latent.dim);
  Matrix<float> dparams(4, latent.head_size());
  auto grad = zeros_like(latent);
  const AllocationCount guard;
  static_cast<void>(latent.posterior(params, run.cache));
  latent.reparameterize(params, epsilon, run.cache, run.z);
  latent.backward(params, epsilon, run.z, dz, {}, run.cache, dparams, grad);
  const std::size_t allocations = guard.count();
  CHECK(allocations == 0);
}

template <class Case>
void check_posterior() {
  static_assert(LatentPosterior<decltype(Case::template make<float>())>);
  SUBCASE("gradients are those of finite differences") {
    for (const Index batch : {1, 3, 8}) {
      for (const Index samples : {1, 3}) {
        check_gradients<Case>(batch, samples);
      }
    }
  }
  SUBCASE("the divergence is the mean of log q - log p") { check_divergence<Case>(); }
  SUBCASE("the number of threads changes no bit") { check_threads<Case>(); }
  SUBCASE("extreme parameters are finite") {
    check_extremes<Case, float>();
    check_extremes<Case, double>();
  }
  SUBCASE("noise is that of the row, wherever a batch starts") { check_noise<Case>(); }
  SUBCASE("NaN in, NaN out") { check_nan<Case>(); }
  SUBCASE("samples lie where the family says") { check_holds<Case>(); }
  SUBCASE("nothing is allocated after a first call") { check_no_allocation<Case>(); }
}

}  // namespace posterior_suite
