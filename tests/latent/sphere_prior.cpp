// SPDX-License-Identifier: MIT
#include "vaekit/latent/sphere_prior.hpp"

#include <doctest/doctest.h>

#include <numbers>

#include "support/prior_suite.hpp"

using namespace vaekit;

namespace {

struct UniformSphereCase {
  template <class T>
  static UniformSphere<T> make(Index dim) {
    return UniformSphere<T>({}, dim);
  }
};

Matrix<double> samples_of(Index dim, Index count, double temperature = 1) {
  const UniformSphere<double> prior({}, dim);
  UniformSphere<double>::Cache cache;
  Matrix<double> z(count, dim);
  prior.sample(RandomStream(5, Purpose::prior), 0, temperature, cache, z);
  return z;
}

}  // namespace

TEST_CASE("sphere prior: keeps the contract of a prior") {
  static_assert(LatentPrior<UniformSphere<float>> && LatentPrior<UniformSphere<double>>);
  CHECK(space_of(UniformSphere<float>({}, 3)) == "the unit sphere");
  SUBCASE("gradients") { prior_suite::check_gradients<UniformSphereCase>(); }
  SUBCASE("threads") { prior_suite::check_threads<UniformSphereCase>(); }
  SUBCASE("NaN in, NaN out") {
    Matrix<float> z(2, 3);
    z(1, 2) = std::numeric_limits<float>::quiet_NaN();
    const Matrix<float> out = prior_suite::log_prob_of(UniformSphereCase::make<float>(3), z);
    CHECK(std::isfinite(out(0, 0)));
    CHECK(std::isnan(out(0, 1)));
  }
}

TEST_CASE("sphere prior: total probability is 1") {
  constexpr double pi = std::numbers::pi;
  constexpr int steps = 400;
  Matrix<double> circle(steps, 2);
  for (int i = 0; i < steps; ++i) {
    circle.row(i) << std::cos(2 * pi * i / steps), std::sin(2 * pi * i / steps);
  }
  const double length =
      prior_suite::log_prob_of(UniformSphereCase::make<double>(2), circle).array().exp().sum() * 2 * pi /
      steps;
  CHECK(std::abs(length - 1) < 1e-13);
  // Simpson's rule over the polar angle; the other angle only adds a factor of 2π.
  double area = 0;
  Matrix<double> point(1, 3);
  for (int i = 0; i <= steps; ++i) {
    const double t = pi * i / steps;
    point << std::cos(t), std::sin(t), 0;
    const double weight = (i == 0 || i == steps ? 1 : (i % 2 == 1 ? 4 : 2)) * pi / steps / 3;
    area += 2 * pi * weight * std::sin(t) *
            std::exp(prior_suite::log_prob_of(UniformSphereCase::make<double>(3), point)(0, 0));
  }
  CHECK(std::abs(area - 1) < 1e-9);
  for (const Index dim : {1, 4, 10, 256}) {
    const double half = static_cast<double>(dim) / 2;
    const double expected = -(std::log(2.0) + half * std::log(pi) - std::lgamma(half));
    CHECK(UniformSphereCase::make<double>(dim).log_density == doctest::Approx(expected).epsilon(1e-13));
  }
}

TEST_CASE("sphere prior: samples have length 1, mean 0 and covariance I / dim") {
  constexpr Index count = 20'000;
  for (const Index dim : {2, 3, 10}) {
    const Matrix<double> z = samples_of(dim, count);
    CHECK((z.rowwise().norm().array() - 1).abs().maxCoeff() < 1e-14);
    const auto d = static_cast<double>(dim);
    const double spread = std::sqrt(1 / d / count);
    // Var z² = E z⁴ − 1/d², E z⁴ = 3 / (d (d + 2)).
    const double square_spread = std::sqrt((3 / (d * (d + 2)) - 1 / (d * d)) / count);
    for (Index j = 0; j < dim; ++j) {
      CHECK(std::abs(z.col(j).mean()) < 5 * spread);
      CHECK(std::abs(z.col(j).squaredNorm() / count - 1 / d) < 5 * square_spread);
      CHECK(std::abs(z.col(j).dot(z.col((j + 1) % dim)) / count) < 5 * std::sqrt(1 / (d * (d + 2)) / count));
    }
  }
}

TEST_CASE("sphere prior: rows do not depend on their batch, nor on the temperature") {
  const Matrix<double> z = samples_of(3, 9);
  const UniformSphere<double> prior({}, 3);
  UniformSphere<double>::Cache cache;
  Matrix<double> rest(4, 3);
  prior.sample(RandomStream(5, Purpose::prior), 5, 1, cache, rest);
  CHECK(rest == z.bottomRows(4));
  CHECK(samples_of(3, 9, 0.3) == z);
}
