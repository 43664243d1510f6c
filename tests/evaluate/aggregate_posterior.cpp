// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/aggregate_posterior.hpp"

#include <doctest/doctest.h>

#include <Eigen/LU>

#include "evaluate/linear_gaussian.hpp"
#include "evaluate/quadrature.hpp"
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

namespace discrepancies {

/// Whose posterior is that of the head's biases, whatever the input.
example::BinaryVae constant_vae(const LatentConfig& latent, const PriorConfig& prior) {
  example::BinaryVae model = example::binary_vae(latent, prior);
  model.posterior_head.weight.setZero();
  model.posterior_head.bias.setZero();
  return model;
}

/// The squared MMD of N(mean, covariance) and N(0, I) with the kernel exp(−s / 4), from
/// E exp(−‖d‖² / 4) = det(I + C / 2)^(−1/2) exp(−½ mᵀ (2 I + C)⁻¹ m) of a difference d ~ N(m, C).
double gaussian_mmd(const Eigen::Vector2d& mean, const Eigen::Matrix2d& covariance) {
  const Eigen::Matrix2d one = Eigen::Matrix2d::Identity();
  const auto expected = [&](const Eigen::Vector2d& m, const Eigen::Matrix2d& c) {
    const double a = 2 + c(0, 0);
    const double b = 2 + c(1, 1);
    const double determinant = a * b - c(0, 1) * c(0, 1);
    const double square = (b * m(0) * m(0) - 2 * c(0, 1) * m(0) * m(1) + a * m(1) * m(1)) / determinant;
    return std::exp(-0.5 * square) / std::sqrt(determinant / 4);
  };
  const Eigen::Vector2d none = Eigen::Vector2d::Zero();
  return expected(none, 2 * covariance) + expected(none, 2 * one) - 2 * expected(mean, one + covariance);
}

/// Estimates from 24 seeds, without bias.
void check_mean(const example::BinaryVae& model, double expected) {
  const example::Samples samples = example::normal_samples(400, 3);
  RunningMoments estimates;
  for (std::uint64_t seed = 1; seed <= 24; ++seed) {
    estimates.add(aggregate_discrepancy(model, samples.view(), false, seed)->mmd);
  }
  CHECK(estimates.standard_error() < 0.005);
  CHECK(std::abs(estimates.mean() - expected) < 4 * estimates.standard_error());
}

}  // namespace discrepancies

TEST_CASE_TEMPLATE("aggregate posterior: log-densities are those of PyTorch", T, float, double) {
  const Golden golden("aggregate");
  const auto z = golden.matrix<T>("z");
  std::vector<double> joint(static_cast<std::size_t>(z.rows()));
  std::vector<double> marginals(joint.size());
  std::vector<double> full(joint.size());
  for (const int threads : {1, 3}) {
    const ThreadScope scope(threads);
    const auto mu = golden.matrix<T>("mu");
    const auto logvar = golden.matrix<T>("logvar");
    const auto below = golden.matrix<T>("below");
    aggregate_log_density(mu, logvar, z, std::span(joint));
    aggregate_marginal_log_density(mu, logvar, z, std::span(marginals));
    Matrix<T> params(mu.rows(), mu.cols() + logvar.cols() + below.cols());
    params << mu, logvar, below;
    aggregate_log_density(FullGaussianLatent<T>({.dim = z.cols()}), params, z, std::span(full));
    const auto check = [&](const char* name, const std::vector<double>& values) {
      const std::vector<T> got(values.begin(), values.end());
      golden.check<T>(name, std::span<const T>(got));
    };
    check("joint", joint);
    check("marginals", marginals);
    check("joint_full", full);
  }
}

TEST_CASE("aggregate posterior: of equal posteriors it is one of them, and tells nothing of x") {
  const auto statistics =
      aggregate_statistics(proportional(2, 0, 1), example::normal_samples(50, 2).view(), 1);
  REQUIRE(statistics.has_value());
  CHECK(statistics->inputs == 50);
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

TEST_CASE("aggregate posterior: of posteriors with one covariance for all it is a Gaussian") {
  using Model =
      Vae<Sequential<Dense<double>>, FullGaussianLatent<double>, Sequential<Dense<double>>, Gaussian<double>>;
  Model model(Sequential(example::identity(2)), FullGaussianLatent<double>({.dim = 2}),
              Sequential(example::identity(2)), Gaussian<double>({}, 2));
  // mu = x, of which the posterior has the covariance L Lᵀ.
  Eigen::Matrix2d factor;
  factor << 0.6, 0, 0.5, 0.4;
  model.posterior_head.weight.setZero();
  model.posterior_head.weight(0, 0) = 1;
  model.posterior_head.weight(1, 1) = 1;
  model.posterior_head.bias << 0, 0, 2 * std::log(factor(0, 0)), 2 * std::log(factor(1, 1)), factor(1, 0);
  const example::Samples samples = example::normal_samples(1000, 2);
  const auto statistics = aggregate_statistics(model, samples.view(), 1);
  REQUIRE(statistics.has_value());
  const Eigen::Matrix2d within = factor * factor.transpose();
  const Eigen::Matrix2d covariance = within + Eigen::Matrix2d::Identity();
  const double determinant = covariance.determinant();
  const double product = covariance(0, 0) * covariance(1, 1);
  const double trace = covariance.trace() - 2;
  constexpr double bias = 0.02;  // as above
  check_near(statistics->mutual_information, 0.5 * std::log(determinant / within.determinant()), bias);
  check_near(statistics->total_correlation, 0.5 * std::log(product / determinant), bias);
  check_near(statistics->dimension_kl, 0.5 * (trace - std::log(product)), bias);
  check_near(statistics->marginal_kl, 0.5 * (trace - std::log(determinant)), bias);
  CHECK(statistics->mutual_information.mean() + statistics->marginal_kl.mean() ==
        doctest::Approx(evaluate_elbo(model, samples.view(), 1).kl.mean()).epsilon(0.1));
}

TEST_CASE("aggregate posterior: the more numbers a covariance has, the fewer inputs") {
  const auto model = discrepancies::constant_vae(FullGaussianConfig{.dim = 300}, StandardNormalConfig{});
  const auto statistics = aggregate_statistics(model, example::normal_samples(400, 3).view(), 1);
  REQUIRE(statistics.has_value());
  CHECK(statistics->inputs == 333);
  CHECK(std::abs(statistics->mutual_information.mean()) < 1e-9);
}

TEST_CASE("aggregate posterior: there is none of other posteriors, and none of a conditional model") {
  const example::Samples samples = example::normal_samples(4);
  const auto sphere = discrepancies::constant_vae(VonMisesFisherConfig{.dim = 2}, UniformSphereConfig{});
  CHECK_FALSE(aggregate_statistics(sphere, samples.view(), 1).has_value());
  const example::LinearVae conditional(Sequential(example::identity(3)), GaussianLatent<double>({.dim = 2}),
                                       Sequential(example::identity(3)), Gaussian<double>({}, 2),
                                       Initializer::fan_in_uniform, {}, 1);
  CHECK_FALSE(aggregate_statistics(conditional, samples.view(), 1).has_value());
  CHECK_FALSE(aggregate_discrepancy(conditional, samples.view(), false, 1).has_value());
}

TEST_CASE(
    "aggregate discrepancy: the estimate of a sample of q(z|x) for each input and as many of the prior") {
  const example::LinearVae model = proportional(2, 0.5, 0.3);
  const example::Samples samples = example::normal_samples(30, 2);
  const std::vector<std::uint32_t> rows = random_rows(samples.view(), 20);
  const auto discrepancy = aggregate_discrepancy(model, samples.view(), false, 7, 20);
  REQUIRE(discrepancy.has_value());
  CHECK(discrepancy->samples == 20);
  Matrix<double> epsilon(20, 2), z(20, 2), prior_z(20, 2);
  model.latent.draw_noise(RandomStream(7, Purpose::evaluation), 0, epsilon);
  const auto& x = std::get<std::vector<double>>(samples.dataset.values());
  for (Index i = 0; i < 20; ++i) {
    for (Index d = 0; d < 2; ++d) {
      const std::size_t place = 2 * rows[static_cast<std::size_t>(i)] + static_cast<std::size_t>(d);
      z(i, d) = 0.5 * x[place] + 0.3 * epsilon(i, d);
    }
  }
  CHECK((aggregate_latents(model, samples.view(), false, 7, 20) - z).cwiseAbs().maxCoeff() < 1e-14);
  auto w = model.make_workspace(20);
  model.sample_latents(7, 0, 1, w, prior_z);
  double expected = 0;
  for (Index i = 0; i < 20; ++i) {
    for (Index j = 0; j < 20; ++j) {
      const double weight = i == j ? 0 : 1.0 / (20 * 19);
      expected += weight * (std::exp(-(z.row(i) - z.row(j)).squaredNorm() / 4) +
                            std::exp(-(prior_z.row(i) - prior_z.row(j)).squaredNorm() / 4) -
                            2 * std::exp(-(z.row(i) - prior_z.row(j)).squaredNorm() / 4));
    }
  }
  CHECK(discrepancy->mmd == doctest::Approx(expected).epsilon(1e-12));
  CHECK(aggregate_discrepancy(model, samples.view(), false, 7)->samples == 30);
  CHECK_FALSE(aggregate_discrepancy(model, samples.view(), false, 7, 1).has_value());
}

TEST_CASE(
    "aggregate discrepancy: the standard error is the spread of estimates, of equal and of other samples") {
  for (const double shift : {0.0, 0.5}) {
    CAPTURE(shift);
    RunningMoments estimates;
    RunningMoments variances;
    for (std::uint64_t seed = 1; seed <= 400; ++seed) {
      Matrix<double> a(70, 3), b(70, 3);
      fill_normal(a.span(), RandomStream(seed, Purpose::evaluation), 0);
      fill_normal(b.span(), RandomStream(seed, Purpose::prior), 0);
      a.array() += shift;
      const AggregateDiscrepancy got = kernel_discrepancy(a, b);
      estimates.add(got.mmd);
      variances.add(got.standard_error * got.standard_error);
    }
    // The variance of 400 numbers is known to 7 %. Of equal samples the error errs to the safe side.
    const double ratio = variances.mean() / estimates.variance();
    CHECK(ratio > 0.8);
    CHECK(ratio < (shift == 0 ? 1.9 : 1.2));
  }
}

TEST_CASE("aggregate discrepancy: where training knows no noise, of posterior means") {
  const example::LinearVae model = proportional(2, 0.5, 0.3);
  const example::Samples samples = example::normal_samples(30, 2);
  Matrix<double> prior_z(30, 2);
  auto w = model.make_workspace(30);
  model.sample_latents(7, 0, 1, w, prior_z);
  const Matrix<double> means = aggregate_latents(model, samples.view(), true, 7);
  CHECK(aggregate_discrepancy(model, samples.view(), true, 7)->mmd == kernel_discrepancy(means, prior_z).mmd);
}

TEST_CASE("aggregate discrepancy: of Gaussians, flows and mixtures it has the closed form") {
  using discrepancies::check_mean;
  const Eigen::Vector2d mean(0.7, -0.4);
  Eigen::Matrix2d factor;
  factor << 0.7, 0, 0.4, 0.9;
  const auto set_head = [&](example::BinaryVae& model, const Eigen::Matrix2d& its) {
    RowVector<double>& bias = model.posterior_head.bias;
    bias(0) = mean(0);
    bias(1) = mean(1);
    bias(2) = 2 * std::log(its(0, 0));
    bias(3) = 2 * std::log(its(1, 1));
  };
  SUBCASE("diagonal") {
    auto model = discrepancies::constant_vae(GaussianLatentConfig{.dim = 2}, StandardNormalConfig{});
    set_head(model, factor);
    const Eigen::Matrix2d diagonal = factor.diagonal().array().square().matrix().asDiagonal();
    check_mean(model, discrepancies::gaussian_mmd(mean, diagonal));
  }
  SUBCASE("any covariance") {
    auto model = discrepancies::constant_vae(FullGaussianConfig{.dim = 2}, StandardNormalConfig{});
    set_head(model, factor);
    model.posterior_head.bias(4) = factor(1, 0);
    check_mean(model, discrepancies::gaussian_mmd(mean, factor * factor.transpose()));
  }
  SUBCASE("a reflection") {
    auto model = discrepancies::constant_vae(
        FlowLatentConfig{.dim = 2, .length = 1, .flow = HouseholderFlowConfig{}}, StandardNormalConfig{});
    set_head(model, factor);
    model.posterior_head.bias(4) = 1;
    model.posterior_head.bias(5) = 2;
    Eigen::Matrix2d reflection;
    reflection << 0.6, -0.8, -0.8, -0.6;
    const Eigen::Matrix2d diagonal = factor.diagonal().array().square().matrix().asDiagonal();
    check_mean(model, discrepancies::gaussian_mmd(reflection * mean,
                                                  reflection * diagonal * reflection.transpose()));
  }
  SUBCASE("the mixture of the posteriors is the prior") {
    auto model =
        discrepancies::constant_vae(GaussianLatentConfig{.dim = 2}, VampPriorConfig{.components = 3});
    set_head(model, factor);
    check_mean(model, 0);
  }
}

TEST_CASE("aggregate discrepancy: of categorical variables it has the closed form") {
  auto model = discrepancies::constant_vae(ConcreteConfig{.variables = 1, .classes = 3},
                                           CategoricalPriorConfig{.classes = 3});
  const Eigen::Vector3d p(0.6, 0.3, 0.1);
  model.posterior_head.bias = p.array().log().matrix().transpose();
  // Two different one-hot vectors are √2 apart.
  const double distance = (p.array() - 1.0 / 3).square().sum();
  discrepancies::check_mean(model, distance * (1 - std::exp(-2.0 / 6)));
}

TEST_CASE("aggregate discrepancy: on the circle it is the double integral") {
  auto model = discrepancies::constant_vae(VonMisesFisherConfig{.dim = 2}, UniformSphereConfig{});
  model.posterior_head.bias << 1, 2, 1.5;
  const double kappa = std::log1p(std::exp(1.5));
  constexpr Index points = 64;
  double total = 0;
  double integral = 0;
  for (Index i = 0; i < points; ++i) {
    total += std::exp(kappa * std::cos(2 * std::numbers::pi * static_cast<double>(i) / points));
  }
  const auto difference = [&](Index i) {  // q − p
    const double angle = 2 * std::numbers::pi * static_cast<double>(i) / points;
    return std::exp(kappa * std::cos(angle)) / total - 1.0 / points;
  };
  for (Index i = 0; i < points; ++i) {
    for (Index j = 0; j < points; ++j) {
      const double cosine = std::cos(2 * std::numbers::pi * static_cast<double>(i - j) / points);
      integral += difference(i) * difference(j) * std::exp(-(2 - 2 * cosine) / 4);
    }
  }
  discrepancies::check_mean(model, integral);
}

TEST_CASE("aggregate discrepancy: there is none of codes") {
  const auto model = discrepancies::constant_vae(
      VectorQuantizedConfig{.positions = 1, .width = 2, .codes = 4}, CodePriorConfig{});
  CHECK_FALSE(aggregate_discrepancy(model, example::normal_samples(4, 3).view(), false, 1).has_value());
}
