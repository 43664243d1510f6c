// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/annealed_target.hpp"

#include <doctest/doctest.h>

#include "evaluate/linear_gaussian.hpp"
#include "support/gradient_check.hpp"
#include "support/throws_with.hpp"
#include "vaekit/latent/full_gaussian.hpp"
#include "vaekit/latent/sphere_prior.hpp"
#include "vaekit/latent/von_mises_fisher.hpp"

using namespace vaekit;

TEST_CASE("annealed target: values between the base and the joint density, and their gradient") {
  const auto model = example::linear_vae(false);
  Matrix<double> x(2, 3);
  x << 1, -1, 0.5, 0.2, 0, 2;
  Matrix<double> z(4, 2);
  z << 0.3, 1, -0.5, 0.2, 2, -1, 0.1, 0.7;
  LogJoint joint(model, 4);
  joint.set_inputs(x);
  joint.evaluate(z);
  auto w = model.make_workspace(2);
  const DiagonalGaussian<double> q = model.encode(x, w);
  for (const AnnealingStart start : {AnnealingStart::prior, AnnealingStart::posterior}) {
    AnnealedTarget target(model, start, 4);
    target.set_inputs(x);
    for (const double beta : {0.0, 0.3, 1.0}) {
      CAPTURE(beta);
      target.set_temperature(beta);
      std::vector<double> density(4);
      Matrix<double> gradient(4, 2);
      target.evaluate(z, density, gradient);
      for (Index row = 0; row < 4; ++row) {
        const auto r = static_cast<std::size_t>(row);
        double base = joint.log_prior()[r];
        if (start == AnnealingStart::posterior) {
          base = 0;
          for (Index d = 0; d < 2; ++d) {
            const double deviation = z(row, d) - q.mu(row / 2, d);
            base -= 0.5 * (deviation * deviation * std::exp(-q.logvar(row / 2, d)) + q.logvar(row / 2, d) +
                           std::log(2 * std::numbers::pi));
          }
        }
        const double full = joint.log_prior()[r] + joint.log_likelihood()[r];
        CHECK(target.slope(row) == doctest::Approx(full - base).epsilon(1e-12));
        CHECK(density[r] == doctest::Approx((1 - beta) * base + beta * full).epsilon(1e-12));
      }
      const Matrix<double> expected = gradient;
      check_finite_differences(z.span(), expected.span(), [&] {
        target.evaluate(z, density, gradient);
        return density[0] + density[1] + density[2] + density[3];
      });
    }
  }
}

TEST_CASE("annealed target: samples of the base have its moments") {
  const auto model = example::linear_vae(false);
  Matrix<double> x(1, 3);
  x << 1, -1, 0.5;
  auto w = model.make_workspace(1);
  const DiagonalGaussian<double> q = model.encode(x, w);
  for (const AnnealingStart start : {AnnealingStart::prior, AnnealingStart::posterior}) {
    AnnealedTarget target(model, start, 4000);
    target.set_inputs(x);
    Matrix<double> z(4000, 2);
    target.sample_base(RandomStream(1, Purpose::evaluation), 0, z);
    for (Index d = 0; d < 2; ++d) {
      const double mean = start == AnnealingStart::prior ? 0 : q.mu(0, d);
      const double variance = start == AnnealingStart::prior ? 1 : std::exp(q.logvar(0, d));
      CHECK(std::abs(z.col(d).mean() - mean) < 5 * std::sqrt(variance / 4000));
      CHECK((z.col(d).array() - mean).square().mean() == doctest::Approx(variance).epsilon(0.1));
    }
  }
}

TEST_CASE("annealed target: models whose latent variables are not free to move are refused") {
  using OnSphere = Vae<Sequential<Dense<double>>, VonMisesFisherLatent<double>, Sequential<Dense<double>>,
                       Gaussian<double>, UniformSphere<double>>;
  const OnSphere sphere(Sequential(example::identity(3)), VonMisesFisherLatent<double>({.dim = 3}),
                        Sequential(example::identity(3)), Gaussian<double>({}, 3),
                        Initializer::fan_in_uniform, UniformSphere<double>({}, 3));
  check_throws_with<ConfigError>(
      "annealed importance sampling: moves z through all of space, the von_mises_fisher posterior lives on "
      "the unit sphere",
      [&] { check_annealing(sphere); });
  using Full =
      Vae<Sequential<Dense<double>>, FullGaussianLatent<double>, Sequential<Dense<double>>, Gaussian<double>>;
  const Full full(Sequential(example::identity(3)), FullGaussianLatent<double>({.dim = 2}),
                  Sequential(example::identity(2)), Gaussian<double>({}, 3));
  check_annealing(full);
  check_throws_with<ConfigError>(
      "annealed importance sampling: starts from a diagonal Gaussian posterior, got full_gaussian; start "
      "from the prior",
      [&] { check_annealing(full, AnnealingStart::posterior); });
}
