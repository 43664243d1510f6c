// SPDX-License-Identifier: MIT
#include "vaekit/latent/wrapped_normal_prior.hpp"

#include <doctest/doctest.h>

#include <numbers>

#include "support/golden.hpp"
#include "support/prior_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;
using likelihood_suite::random_matrix;
using prior_suite::log_prob_of;

namespace {

struct WrappedCase {
  template <class T>
  static WrappedNormal<T> make(Index dim) {
    return WrappedNormal<T>({.curvature = 0.7, .deviation = 0.8}, dim);
  }
};

/// Points inside the ball of curvature −c.
Matrix<double> points(Index rows, Index dim, double c) {
  Matrix<double> z = random_matrix<double>(rows, dim, 1);
  for (Index row = 0; row < rows; ++row) {
    const double r = z.row(row).norm();
    z.row(row) *= std::tanh(r / 2) / (r * std::sqrt(c));
  }
  return z;
}

template <class T>
Matrix<T> sample_of(const WrappedNormal<T>& prior, Index rows, Index dim, std::uint64_t first = 0,
                    double temperature = 1) {
  typename WrappedNormal<T>::Cache cache;
  Matrix<T> z(rows, dim);
  prior.sample(RandomStream(5, Purpose::prior), first, temperature, cache, z);
  return z;
}

template <class T>
Matrix<T> gradient_of(const WrappedNormal<T>& prior, const Matrix<T>& z, const Matrix<T>& dlog_p) {
  typename WrappedNormal<T>::Cache cache;
  Matrix<T> dz(z.rows(), z.cols());
  auto grad = zeros_like(prior);
  prior.backward(z, dlog_p.span(), cache, dz, grad);
  return dz;
}

}  // namespace

TEST_CASE("wrapped normal: keeps the contract of a prior") {
  static_assert(LatentPrior<WrappedNormal<float>> && LatentPrior<WrappedNormal<double>>);
  SUBCASE("threads") { prior_suite::check_threads<WrappedCase>(); }
  SUBCASE("gradients") {
    for (const Index dim : {1, 2, 5}) {
      const auto prior = WrappedCase::make<double>(dim);
      Matrix<double> z = points(8, dim, 0.7);
      z.row(0) *= 1e-9;
      z.row(1) *= 0.01;
      const Matrix<double> dlog_p = random_matrix<double>(1, 8, 2);
      const Matrix<double> dz = gradient_of(prior, z, dlog_p);
      const auto value = [&] { return log_prob_of(prior, z).cwiseProduct(dlog_p).sum(); };
      check_finite_differences(z.span(), dz.span(), value);
    }
  }
  SUBCASE("NaN in, NaN out") {
    Matrix<float> z(2, 3);
    z(1, 2) = std::numeric_limits<float>::quiet_NaN();
    const Matrix<float> out = log_prob_of(WrappedCase::make<float>(3), z);
    CHECK(std::isfinite(out(0, 0)));
    CHECK(std::isnan(out(0, 1)));
  }
  SUBCASE("rows do not depend on their batch") {
    const auto prior = WrappedCase::make<float>(3);
    CHECK(sample_of(prior, 4, 3, 5) == Matrix<float>(sample_of(prior, 9, 3).bottomRows(4)));
  }
}

TEST_CASE("wrapped normal: total probability of the disc is 1 with respect to its volume") {
  for (const double c : {0.25, 1.0, 3.0}) {
    for (const double deviation : {0.3, 1.0, 1.5}) {
      const WrappedNormal<double> prior({.curvature = c, .deviation = deviation}, 2);
      // In polar coordinates, by Simpson's rule over s = artanh(√c |z|), dz = |z| d|z| dφ.
      constexpr int steps = 4000;
      double total = 0;
      Matrix<double> z(1, 2);
      for (int i = 1; i < steps; ++i) {
        const double s = 9.0 * i / steps;
        const double a = std::tanh(s);
        z << a / std::sqrt(c), 0;
        const double area =
            2 * std::numbers::pi * a / c * (1 - a * a) * 9.0 / steps * (i % 2 == 1 ? 4 : 2) / 3;
        total += area * std::exp(log_prob_of(prior, z)(0, 0)) * std::pow(2 / (1 - a * a), 2);
      }
      CHECK(std::abs(total - 1) < 1e-6);
    }
  }
}

TEST_CASE("wrapped normal: distances of samples are those of normals, scaled by the temperature") {
  constexpr Index count = 20'000;
  for (const double c : {0.5, 2.0}) {
    for (const double temperature : {1.0, 0.5}) {
      const Index dim = 3;
      const WrappedNormal<double> prior({.curvature = c, .deviation = 0.8}, dim);
      const Matrix<double> z = sample_of(prior, count, dim, 0, temperature);
      const Eigen::ArrayXd norm = z.rowwise().norm().array();
      const Eigen::ArrayXd r = 2 / std::sqrt(c) * (std::sqrt(c) * norm).atanh();
      const double scale = std::pow(0.8 * temperature, 2);
      const double d = static_cast<double>(dim);
      CHECK(std::abs(r.square().mean() - d * scale) < 5 * scale * std::sqrt(2 * d / count));
      const Matrix<double> v = (z.array().colwise() * (r / norm)).matrix();
      for (Index j = 0; j < dim; ++j) {
        CHECK(std::abs(v.col(j).mean()) < 5 * std::sqrt(scale / count));
        CHECK(std::abs(v.col(j).squaredNorm() / count - scale) < 5 * scale * std::sqrt(2.0 / count));
      }
    }
  }
}

TEST_CASE_TEMPLATE("wrapped normal: the origin and the boundary are finite", T, float, double) {
  for (const double c : {1e-4, 1.0, 1e4}) {
    const WrappedNormal<T> prior({.curvature = c, .deviation = 1e4}, 2);
    Matrix<T> z(5, 2);
    z(1, 0) = static_cast<T>(1e-20 / std::sqrt(c));
    z(2, 0) = static_cast<T>((1 - poincare::margin<T>) / std::sqrt(c));
    z(3, 1) = static_cast<T>(1 / std::sqrt(c));
    z(4, 1) = static_cast<T>(10 / std::sqrt(c));
    Matrix<T> ones(1, 5);
    ones.setOnes();
    const Matrix<T> log_p = log_prob_of(prior, z);
    const Matrix<T> dz = gradient_of(prior, z, ones);
    CHECK(log_p.array().isFinite().all());
    CHECK(log_p(0, 0) == log_p(0, 1));
    CHECK(log_p(0, 3) == log_p(0, 4));
    CHECK(dz.array().isFinite().all());
    CHECK(dz.row(0).isZero(0));
    CHECK(dz(2, 0) < 0);
    CHECK(dz.bottomRows(2).isZero(0));
    const Matrix<T> samples = sample_of(prior, 500, 2);
    const double largest = samples.rowwise().norm().template cast<double>().maxCoeff() * std::sqrt(c);
    CHECK(largest <= 1 - poincare::margin<T> * 0.9);
    CHECK(largest > 0.999);
  }
}

TEST_CASE("wrapped normal: the space names the curvature, of copies too") {
  WrappedNormal<float> copy;
  {
    const WrappedNormal<float> prior({.curvature = 0.5}, 2);
    copy = prior;
  }
  CHECK(space_of(copy) == "the Poincare ball of curvature -0.5");
  CHECK(space_of(WrappedNormal<double>({}, 2)) == "the Poincare ball of curvature -1");
}

TEST_CASE("wrapped normal: the configuration is checked") {
  check_throws_with<ConfigError>("wrapped_normal prior: curvature is 0, must be in [0.0001, 10000]",
                                 [] { WrappedNormal<float>({.curvature = 0}, 2); });
  check_throws_with<ConfigError>("wrapped_normal prior: deviation is -1, must be in [1e-06, 10000]",
                                 [] { WrappedNormal<float>({.deviation = -1}, 2); });
}

TEST_CASE_TEMPLATE("wrapped normal: values and gradients are those of the formulas in PyTorch", T, float,
                   double) {
  const Golden golden("manifolds");
  const auto check = [&](const std::string& name, Index dim, const WrappedNormalConfig& config) {
    const WrappedNormal<T> prior(config, dim);
    const auto z = golden.matrix<T>(name + "point");
    golden.check(name + "log_p", log_prob_of(prior, z));
    golden.check(name + "dpoint", gradient_of(prior, z, golden.matrix<T>(name + "dlog_p")));
  };
  check("poincare_2.", 2, {});
  check("poincare_5.", 5, {.curvature = 0.5, .deviation = 1.5});
}
