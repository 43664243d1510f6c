// SPDX-License-Identifier: MIT
#include "vaekit/latent/ladder_prior.hpp"

#include <doctest/doctest.h>

#include "support/alloc_guard.hpp"
#include "support/golden.hpp"
#include "support/prior_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;
using likelihood_suite::random_matrix;

namespace {

/// Random weights in all layers, small enough that the densities of the suite lie inside its grid.
template <class T>
LadderPrior<T> random_prior(const std::vector<Index>& dims, Activation activation = Activation::tanh) {
  Index dim = 0;
  for (const Index d : dims) {
    dim += d;
  }
  LadderPrior<T> prior({.dims = dims, .hidden = 5, .activation = activation}, dim);
  prior.initialize(RandomStream(3, Purpose::initialize));
  std::uint64_t seed = 20;
  for (auto& network : prior.networks) {
    network.output.weight = random_matrix<T>(network.output.weight.rows(), 5, ++seed, 0.4);
    network.output.bias = random_matrix<T>(1, network.output.weight.rows(), ++seed, 0.3).row(0);
  }
  return prior;
}

struct LadderCase {
  template <class T>
  static LadderPrior<T> make(Index dim) {
    return dim == 2 ? random_prior<T>({1, 1}) : random_prior<T>({dim - dim / 2, dim / 2}, Activation::silu);
  }
};
struct ThreeLevelPrior {
  template <class T>
  static LadderPrior<T> make(Index dim) {
    return dim == 2 ? random_prior<T>({1, 1}) : random_prior<T>({dim - 2, 1, 1});
  }
};

/// mu and logvar of level l given the level above, by plain arithmetic.
struct Moments {
  Eigen::VectorXd mu;
  Eigen::VectorXd logvar;
};
Moments moments_of(const TopDownNetwork<double>& network, const Eigen::VectorXd& above) {
  const Eigen::VectorXd hidden =
      (network.hidden.weight * above + network.hidden.bias.transpose()).array().tanh();
  const Eigen::VectorXd out = network.output.weight * hidden + network.output.bias.transpose();
  const Index dim = out.size() / 2;
  return {out.head(dim), out.tail(dim).cwiseMax(-30).cwiseMin(20)};
}
double normal_log_prob(const Eigen::VectorXd& z, const Moments& p) {
  return -0.5 *
         ((z - p.mu).array().square() * (-p.logvar.array()).exp() + p.logvar.array() + log_two_pi).sum();
}

}  // namespace

TEST_CASE("ladder prior: keeps the contract of a prior with two levels") {
  prior_suite::check_prior<LadderCase>();
}
TEST_CASE("ladder prior: keeps the contract of a prior with three levels") {
  prior_suite::check_prior<ThreeLevelPrior>();
}

TEST_CASE("ladder prior: the density is the product of the levels'") {
  const LadderPrior<double> prior = random_prior<double>({3, 2, 2});
  const Matrix<double> z = random_matrix<double>(4, 7, 1);
  const Matrix<double> got = prior_suite::log_prob_of(prior, z);
  for (Index row = 0; row < 4; ++row) {
    const Eigen::VectorXd z1 = z.row(row).head(3);
    const Eigen::VectorXd z2 = z.row(row).segment(3, 2);
    const Eigen::VectorXd z3 = z.row(row).tail(2);
    const double expected = normal_log_prob(z1, moments_of(prior.networks[0], z2)) +
                            normal_log_prob(z2, moments_of(prior.networks[1], z3)) - 0.5 * z3.squaredNorm() -
                            log_two_pi;
    CHECK(std::abs(got(0, row) - expected) < 1e-12 * std::abs(expected));
  }
}

TEST_CASE("ladder prior: starts as the standard normal") {
  LadderPrior<double> prior({.dims = {3, 2}}, 5);
  prior.initialize(RandomStream(1, Purpose::initialize));
  CHECK(prior.networks[0].hidden.weight.cwiseAbs().minCoeff() > 0);
  const Matrix<double> z = random_matrix<double>(4, 5, 1);
  StandardNormal<double> normal;
  CHECK(prior_suite::log_prob_of(prior, z).isApprox(prior_suite::log_prob_of(normal, z), 1e-14));
}

TEST_CASE("ladder prior: temperature multiplies the noise of every level") {
  const LadderPrior<double> prior = random_prior<double>({3, 2, 1});
  auto cache = prior.make_cache(200);
  const RandomStream stream(4, Purpose::prior);
  Matrix<double> noise(200, 6);
  fill_normal(noise.span(), stream, 5 * 6);
  for (const double temperature : {0.0, 0.7, 1.0}) {
    Matrix<double> z(200, 6);
    prior.sample(stream, 5, temperature, cache, z);
    double worst = 0;
    for (Index row = 0; row < 200; ++row) {
      const Eigen::VectorXd z3 = temperature * noise.row(row).tail(1);
      const Moments second = moments_of(prior.networks[1], z3);
      const Eigen::VectorXd z2 = second.mu.array() + temperature * (second.logvar / 2).array().exp() *
                                                         noise.row(row).segment(3, 2).transpose().array();
      const Moments first = moments_of(prior.networks[0], z2);
      const Eigen::VectorXd z1 = first.mu.array() + temperature * (first.logvar / 2).array().exp() *
                                                        noise.row(row).head(3).transpose().array();
      Eigen::VectorXd expected(6);
      expected << z1, z2, z3;
      worst = std::max(worst, (z.row(row).transpose() - expected).cwiseAbs().maxCoeff());
    }
    CHECK(worst < 1e-13);
  }
}

TEST_CASE("ladder prior: a sample in between does not change the gradient, and nothing allocates") {
  const LadderPrior<double> prior = random_prior<double>({2, 2});
  const Matrix<double> z = random_matrix<double>(8, 4, 1);
  const Matrix<double> dlog_p = random_matrix<double>(1, 8, 2);
  auto cache = prior.make_cache(8);
  Matrix<double> out(1, 8);
  Matrix<double> dz(8, 4);
  Matrix<double> expected(8, 4);
  Matrix<double> samples(8, 4);
  auto grad = zeros_like(prior);
  auto expected_grad = zeros_like(prior);
  prior.log_prob(z, cache, out.span());
  prior.sample(RandomStream(4, Purpose::prior), 0, 1, cache, samples);
  prior.backward(z, dlog_p.span(), cache, expected, expected_grad);
  std::size_t allocations = 0;
  {
    const AllocationCount guard;
    prior.log_prob(z, cache, out.span());
    prior.sample(RandomStream(4, Purpose::prior), 0, 1, cache, samples);
    prior.backward(z, dlog_p.span(), cache, dz, grad);
    allocations = guard.count();
  }
  CHECK(allocations == 0);
  CHECK(dz == expected);
  auto fresh = prior.make_cache(8);
  Matrix<double> other(8, 4);
  prior.log_prob(z, fresh, out.span());
  prior.backward(z, dlog_p.span(), fresh, other, grad);
  CHECK(dz == other);
}

TEST_CASE("ladder prior: log-variances stop at the ends of their range, as does their gradient") {
  LadderPrior<double> prior = random_prior<double>({2, 1});
  prior.networks[0].output.bias.tail(2) << 90, -90;
  const Matrix<double> z = random_matrix<double>(3, 3, 1, 1e-6);
  auto cache = prior.make_cache(3);
  Matrix<double> out(1, 3);
  prior.log_prob(z, cache, out.span());
  const Eigen::VectorXd first = z.row(0).head(2);
  const double expected = normal_log_prob(first, moments_of(prior.networks[0], z.row(0).tail(1))) -
                          0.5 * z(0, 2) * z(0, 2) - 0.5 * log_two_pi;
  CHECK(std::abs(out(0, 0) - expected) < 1e-12 * std::abs(expected));
  Matrix<double> dlog_p(1, 3);
  dlog_p.setOnes();
  Matrix<double> dz(3, 3);
  auto grad = zeros_like(prior);
  prior.backward(z, dlog_p.span(), cache, dz, grad);
  CHECK(grad.networks[0].output.bias.tail(2).isZero(0));
  CHECK(grad.networks[0].output.bias.head(2).cwiseAbs().minCoeff() > 0);
}

TEST_CASE_TEMPLATE("ladder prior: agrees with PyTorch", T, float, double) {
  const Golden golden("ladder");
  LadderPrior<T> prior({.dims = {3, 2, 2}, .hidden = 4, .activation = Activation::silu}, 7);
  for (const auto& parameter : parameters(prior)) {
    golden.copy_to<T>("prior." + parameter.name, parameter.values);
  }
  const Matrix<T> z = golden.matrix<T>("points");
  auto cache = prior.make_cache(z.rows());
  Matrix<T> log_p(1, z.rows());
  prior.log_prob(z, cache, log_p.span());
  golden.check("log_p", log_p);
  Matrix<T> dz(z.rows(), 7);
  auto grad = zeros_like(prior);
  prior.backward(z, golden.matrix<T>("dlog_p").span(), cache, dz, grad);
  golden.check("log_p.points", dz);
  for (const auto& gradient : parameters(grad)) {
    golden.check<T>("log_p.prior." + gradient.name, gradient.values);
  }
}

TEST_CASE("ladder prior: numbers out of range are refused") {
  check_throws_with<ConfigError>("ladder prior: dims add up to 12, must add up to 10 (latent dimensions)",
                                 [] { LadderPrior<float>({}, 10); });
  check_throws_with<ConfigError>("ladder prior: dims has 1 level, must have at least 2",
                                 [] { LadderPrior<float>({.dims = {10}}, 10); });
  check_throws_with<ConfigError>("ladder prior: dims has 0 levels, must have at least 2",
                                 [] { LadderPrior<float>({.dims = {}}, 10); });
  check_throws_with<ConfigError>("ladder prior: dims/1 is 0, must be in [1, 1000000]", [] {
    LadderPrior<float>({.dims = {10, 0}}, 10);
  });
  check_throws_with<ConfigError>("ladder prior: hidden is 0, must be in [1, 100000]", [] {
    LadderPrior<float>({.dims = {8, 2}, .hidden = 0}, 10);
  });
}
