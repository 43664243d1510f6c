// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/aggregate_posterior.hpp"

#include <doctest/doctest.h>

#include "evaluate/linear_gaussian.hpp"
#include "support/golden.hpp"
#include "vaekit/latent/conditional_gaussian.hpp"
#include "vaekit/latent/full_gaussian.hpp"
#include "vaekit/latent/vamp_prior.hpp"

using namespace vaekit;

namespace {

/// q(z|x) = N(scale x, deviation² I), as many latent variables as features.
example::LinearVae proportional(Index size, double scale, double posterior_deviation) {
  example::LinearVae model(Sequential(example::identity(size)), GaussianLatent<double>({.dim = size}),
                           Sequential(example::identity(size)), Gaussian<double>({}, size));
  for (Index d = 0; d < size; ++d) {
    model.posterior_head.weight(d, d) = scale;
    model.posterior_head.bias(size + d) = 2 * std::log(posterior_deviation);
  }
  return model;
}

void check_near(const RunningMoments& got, double expected, double bias) {
  CHECK(std::abs(got.mean() - expected) < 4 * got.standard_error() + bias);
}

}  // namespace

TEST_CASE_TEMPLATE("aggregate posterior: log-densities are those of PyTorch", T, float, double) {
  const Golden golden("aggregate");
  const auto z = golden.matrix<T>("z");
  std::vector<double> joint(static_cast<std::size_t>(z.rows()));
  std::vector<double> marginals(joint.size());
  for (const int threads : {1, 3}) {
    const ThreadScope scope(threads);
    aggregate_log_density(golden.matrix<T>("mu"), golden.matrix<T>("logvar"), z, std::span(joint),
                          std::span(marginals));
    const auto check = [&](const char* name, const std::vector<double>& values) {
      const std::vector<T> got(values.begin(), values.end());
      golden.check<T>(name, std::span<const T>(got));
    };
    check("joint", joint);
    check("marginals", marginals);
  }
}

TEST_CASE("aggregate posterior: of equal posteriors it is one of them, and tells nothing of x") {
  const auto statistics =
      aggregate_statistics(proportional(2, 0, 1), example::normal_samples(50, 2).view(), 1);
  REQUIRE(statistics.has_value());
  CHECK(statistics->inputs == 50);
  CHECK(statistics->mmd_samples == 50);
  for (const RunningMoments* moments : {&statistics->mutual_information, &statistics->marginal_kl,
                                        &statistics->total_correlation, &statistics->dimension_kl}) {
    CHECK(std::abs(moments->mean()) < 1e-12);
    CHECK(moments->standard_error() < 1e-12);
  }
}

TEST_CASE("aggregate posterior: two kinds of input far apart are one bit") {
  const example::Samples samples(1, {-1, 1, -1, 1, -1, 1, -1, 1});
  const auto statistics = aggregate_statistics(proportional(1, 30, 1), samples.view(), 1);
  REQUIRE(statistics.has_value());
  CHECK(statistics->mutual_information.mean() == doctest::Approx(std::log(2.0)).epsilon(1e-12));
  CHECK(statistics->total_correlation.mean() == doctest::Approx(0).epsilon(1e-12));
  CHECK(statistics->marginal_kl.mean() > 400);
  CHECK(statistics->mmd > 0.1);
}

TEST_CASE("aggregate posterior: correlated inputs have the divergences of a correlated Gaussian") {
  constexpr Index count = 1000;
  constexpr double correlation = 0.8;
  constexpr double variance = 0.36;  // of the posteriors
  std::vector<double> values(2 * static_cast<std::size_t>(count));
  fill_normal(std::span(values), RandomStream(8, Purpose::synthetic));
  for (std::size_t i = 0; i < values.size(); i += 2) {
    values[i + 1] = correlation * values[i] + std::sqrt(1 - correlation * correlation) * values[i + 1];
  }
  const example::Samples samples(2, std::move(values));
  const auto statistics = aggregate_statistics(proportional(2, 1, 0.6), samples.view(), 1);
  REQUIRE(statistics.has_value());
  const double spread = 1 + variance;
  const double log_determinant = std::log(spread * spread - correlation * correlation);
  // What 1000 inputs differ by from all there could be.
  constexpr double bias = 0.02;
  check_near(statistics->total_correlation, -0.5 * (log_determinant - 2 * std::log(spread)), bias);
  check_near(statistics->mutual_information, 0.5 * (log_determinant - 2 * std::log(variance)), bias);
  check_near(statistics->dimension_kl, spread - 1 - std::log(spread), bias);
  check_near(statistics->marginal_kl, spread - 1 - 0.5 * log_determinant, bias);
  CHECK(statistics->total_correlation.mean() > 0.15);
  CHECK(statistics->marginal_kl.mean() ==
        doctest::Approx(statistics->total_correlation.mean() + statistics->dimension_kl.mean()));
  const auto few = aggregate_statistics(proportional(2, 1, 0.6), samples.view(), 1, 30);
  CHECK(few->inputs == 30);
  CHECK(few->mutual_information.mean() <= std::log(30.0));
}

TEST_CASE("aggregate posterior: the discrepancy is 0 within its error where q(z) is the prior") {
  const example::Samples samples = example::normal_samples(400, 3);
  CHECK(std::abs(aggregate_statistics(proportional(3, 0.6, 0.8), samples.view(), 1)->mmd) < 0.006);
  CHECK(aggregate_statistics(proportional(3, 2, 0.8), samples.view(), 1)->mmd > 0.03);
}

TEST_CASE("aggregate posterior: mutual information and marginal KL are the mean KL, for any prior") {
  using Model = Vae<Sequential<Dense<double>>, GaussianLatent<double>, Sequential<Dense<double>>,
                    Gaussian<double>, VampPrior<double>>;
  Model model(Sequential(example::identity(3)), GaussianLatent<double>({.dim = 2}),
              Sequential(example::identity(2)), Gaussian<double>({}, 3), Initializer::fan_in_uniform,
              VampPrior<double>({.components = 5}, 2, 3));
  model.initialize(4);
  const example::Samples samples = example::normal_samples(90);
  const auto statistics = aggregate_statistics(model, samples.view(), 1);
  REQUIRE(statistics.has_value());
  CHECK(statistics->mutual_information.mean() + statistics->marginal_kl.mean() ==
        doctest::Approx(evaluate_elbo(model, samples.view(), 1).kl.mean()).epsilon(1e-10));
}

TEST_CASE("aggregate posterior: there is none of other posteriors, and none of a conditional model") {
  const example::Samples samples = example::normal_samples(4);
  using Full =
      Vae<Sequential<Dense<double>>, FullGaussianLatent<double>, Sequential<Dense<double>>, Gaussian<double>>;
  const Full full(Sequential(example::identity(3)), FullGaussianLatent<double>({.dim = 2}),
                  Sequential(example::identity(2)), Gaussian<double>({}, 3));
  CHECK_FALSE(aggregate_statistics(full, samples.view(), 1).has_value());
  const example::LinearVae conditional(Sequential(example::identity(3)), GaussianLatent<double>({.dim = 2}),
                                       Sequential(example::identity(3)), Gaussian<double>({}, 2),
                                       Initializer::fan_in_uniform, {}, 1);
  CHECK_FALSE(aggregate_statistics(conditional, samples.view(), 1).has_value());
}
