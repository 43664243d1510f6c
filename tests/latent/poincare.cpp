// SPDX-License-Identifier: MIT
#include "vaekit/latent/poincare.hpp"

#include <doctest/doctest.h>

#include "support/golden.hpp"
#include "support/posterior_suite.hpp"
#include "support/throws_with.hpp"
#include "vaekit/latent/wrapped_normal_prior.hpp"

using namespace vaekit;
using posterior_suite::noise;
using posterior_suite::random_matrix;

namespace {

template <class T>
using BallRun = posterior_suite::Pass<PoincareLatent<T>, WrappedNormal<T>>;

template <Index Dim>
struct BallCase {
  template <class T>
  using Prior = WrappedNormal<T>;
  template <class T>
  static PoincareLatent<T> make() {
    return PoincareLatent<T>({.dim = Dim, .curvature = 0.6});
  }
  template <class T>
  static Prior<T> make_prior() {
    return Prior<T>({.curvature = 0.6}, Dim);
  }
};

template <class T>
double scaled_norm(const Matrix<T>& z, double c) {
  return std::sqrt(c) * z.template cast<double>().rowwise().norm().maxCoeff();
}

/// Log-densities of the rows of z.
template <class T>
Matrix<T> prior_log_prob(const WrappedNormal<T>& prior, const Matrix<T>& z) {
  typename WrappedNormal<T>::Cache cache;
  Matrix<T> out(1, z.rows());
  prior.log_prob(z, cache, out.span());
  return out;
}

/// The distance between two points of the ball of curvature −1.
double distance(const Eigen::RowVectorXd& x, const Eigen::RowVectorXd& y) {
  const double ratio = (x - y).squaredNorm() / ((1 - x.squaredNorm()) * (1 - y.squaredNorm()));
  return std::acosh(1 + 2 * ratio);
}

/// dparams of Σ z ∘ dz + Σ log q ∘ dlog_q.
template <class T>
Matrix<T> gradient_of(const PoincareLatent<T>& latent, const Matrix<T>& params, const Matrix<T>& epsilon,
                      const BallRun<T>& run, const Matrix<T>& dz, std::span<const T> dlog_q) {
  Matrix<T> dparams(params.rows(), params.cols());
  auto grad = zeros_like(latent);
  latent.backward(params, epsilon, run.z, dz, dlog_q, run.cache, dparams, grad);
  return dparams;
}

/// Gradients of all outputs against finite differences, where something is cut off.
void check_limited_gradients(const PoincareLatent<double>& latent, Matrix<double> params,
                             const Matrix<double>& epsilon) {
  const WrappedNormal<double> prior({}, latent.dim);
  const Matrix<double> dz = random_matrix<double>(epsilon.rows(), latent.dim, 4);
  const Matrix<double> dlog_q = random_matrix<double>(params.rows(), epsilon.rows() / params.rows(), 5);
  const auto value = [&] {
    const BallRun<double> run(latent, prior, params, epsilon);
    return run.z.cwiseProduct(dz).sum() + run.log_q.cwiseProduct(dlog_q).sum();
  };
  const BallRun<double> run(latent, prior, params, epsilon);
  const Matrix<double> dparams = gradient_of(latent, params, epsilon, run, dz, dlog_q.span());
  check_finite_differences(params.span(), dparams.span(), value);
}

}  // namespace

TEST_CASE("poincare: keeps the contract of a posterior") { posterior_suite::check_posterior<BallCase<3>>(); }
TEST_CASE("poincare: keeps the contract of a posterior on the disc") {
  posterior_suite::check_posterior<BallCase<2>>();
}
TEST_CASE("poincare: keeps the contract of a posterior in one dimension") {
  posterior_suite::check_posterior<BallCase<1>>();
}

TEST_CASE("poincare: the reported mean lies in the ball, and gradients of it come back to the head") {
  const PoincareLatent<double> latent({.dim = 3, .curvature = 2});
  Matrix<double> params = random_matrix<double>(3, 6, 1, 0.5);
  params.row(1).setZero();
  const Matrix<double> dmu = random_matrix<double>(3, 3, 2);
  auto cache = latent.make_cache(3, 3);
  const Matrix<double> epsilon = noise(latent, 3);
  Matrix<double> z(3, 3);
  const DiagonalGaussian<double> q = latent.posterior(params, cache);
  CHECK(q.logvar.cols() == 0);
  const Eigen::RowVectorXd m = params.row(0).head(3);
  const double s = std::sqrt(2.0) * m.norm();
  CHECK((q.mu.row(0) - std::tanh(s) / s * m).norm() < 1e-14);
  latent.reparameterize(params, epsilon, cache, z);
  cache.dq.mu = dmu;
  Matrix<double> dparams(3, 6);
  auto grad = zeros_like(latent);
  latent.backward(params, epsilon, z, Matrix<double>(3, 3), {}, cache, dparams, grad);
  const auto value = [&] {
    return Matrix<double>(latent.posterior(params, cache).mu).cwiseProduct(dmu).sum();
  };
  check_finite_differences(params.span(), dparams.span(), value);
}

TEST_CASE("poincare: v / sigma of samples is standard normal, and |v| is the distance from the mean") {
  constexpr Index count = 20'000;
  const PoincareLatent<double> latent({.dim = 3});
  const Matrix<double> params = random_matrix<double>(1, 6, 2, 0.7);
  const BallRun<double> run(latent, {{}, 3}, params, noise(latent, count));
  double total = 0;
  for (Index s = 0; s < count; ++s) {
    total += std::pow(distance(run.cache.mu.row(0), run.z.row(s)), 2);
  }
  const Eigen::ArrayXd variance = params.row(0).tail(3).transpose().array().exp();
  const double spread = std::sqrt(2 * variance.square().sum() / count);
  CHECK(std::abs(total / count - variance.sum()) < 5 * spread);
  CHECK(scaled_norm(run.z, 1) < 1);
}

TEST_CASE("poincare: total probability of the disc is 1 with respect to its volume") {
  // E over q of p / q is 1 for any other density p of the same points.
  constexpr Index count = 50'000;
  for (const double c : {0.3, 1.0, 2.5}) {
    const PoincareLatent<double> latent({.dim = 2, .curvature = c});
    const WrappedNormal<double> prior({.curvature = c, .deviation = 0.5}, 2);
    Matrix<double> params(1, 4);
    params << 0.3, -0.2, -0.1, 0.2;
    const BallRun<double> run(latent, prior, params, noise(latent, count));
    const Matrix<double> log_p = prior_log_prob(prior, run.z);
    const Eigen::ArrayXXd ratio = (log_p - run.log_q).array().exp();
    const double spread = std::sqrt((ratio - 1).square().mean() / count);
    CHECK(spread < 0.02);
    CHECK(std::abs(ratio.mean() - 1) < 5 * spread);
  }
}

TEST_CASE_TEMPLATE("poincare: points stay inside by the margin, in any curvature", T, float, double) {
  for (const double c : {1e-4, 1.0, 1e4}) {
    const PoincareLatent<T> latent({.dim = 3, .curvature = c});
    const WrappedNormal<T> prior({.curvature = c}, 3);
    const Matrix<T> epsilon = noise(latent, 40);
    for (const double scale : {0.0, 1e-20, 1.0, 30.0, 1e8}) {
      Matrix<T> params = random_matrix<T>(20, 6, 1, scale);
      const BallRun<T> run(latent, prior, params, epsilon);
      CAPTURE(c);
      CAPTURE(scale);
      CHECK(scaled_norm(run.z, c) <= 1 - 0.9 * poincare::margin<T>);
      CHECK(scaled_norm(run.cache.mu, c) <= 1 - 0.9 * poincare::margin<T>);
      Matrix<T> log_p = prior_log_prob(prior, run.z);
      CHECK(log_p.array().isFinite().all());
      CHECK(run.log_q.array().isFinite().all());
      Matrix<T> ones(40, 3);
      ones.setOnes();
      const Matrix<T> dparams = gradient_of(latent, params, epsilon, run, ones, {});
      CHECK(dparams.array().isFinite().all());
    }
  }
}

TEST_CASE("poincare: no noise gives the mean") {
  const PoincareLatent<double> latent({.dim = 3});
  const Matrix<double> params = random_matrix<double>(1, 6, 1);
  const BallRun<double> run(latent, {{}, 3}, params, Matrix<double>(1, 3));
  CHECK((run.z - run.cache.mu).norm() < 1e-15);
}

TEST_CASE("poincare: what was cut off has the gradient of what is left") {
  const PoincareLatent<double> latent({.dim = 3});
  const Matrix<double> epsilon = random_matrix<double>(1, 3, 9);
  Matrix<double> params = random_matrix<double>(1, 6, 1, 0.3);
  SUBCASE("a mean") {
    params.leftCols(3) *= 60 / params.leftCols(3).norm();
    params.rightCols(3).setConstant(-12);
    const BallRun<double> run(latent, {{}, 3}, params, epsilon);
    CHECK(scaled_norm(run.cache.mu, 1) == doctest::Approx(1 - 1e-8).epsilon(1e-12));
    Matrix<double> dz = random_matrix<double>(1, 3, 4);
    const Matrix<double> dparams = gradient_of(latent, params, epsilon, run, dz, {});
    CHECK(std::abs(dparams.leftCols(3).row(0).dot(params.leftCols(3).row(0))) < 1e-5);
  }
  SUBCASE("a step") {
    params.rightCols(3).array() += 10;
    const BallRun<double> run(latent, {{}, 3}, params, epsilon);
    CHECK(run.cache.draws[0].radial.is_limited);
    check_limited_gradients(latent, params, epsilon);
  }
  SUBCASE("a sample") {
    params.leftCols(3) *= 5 / params.leftCols(3).norm();
    Matrix<double> outwards(1, 3);
    outwards = params.leftCols(3) * 3;
    outwards(0, 1) += 0.1;
    const BallRun<double> run(latent, {{}, 3}, params, outwards);
    CHECK(run.cache.draws[0].length > 1 - 1e-8);
    CHECK(!run.cache.draws[0].radial.is_limited);
    check_limited_gradients(latent, params, outwards);
  }
}

TEST_CASE("poincare: the path gradient is that of the density with respect to z alone") {
  const double c = 0.6;
  const PoincareLatent<double> latent({.dim = 3, .curvature = c});
  static_assert(HasPathGradient<PoincareLatent<double>>);
  const Matrix<double> params = random_matrix<double>(2, 6, 2, 0.5);
  const Matrix<double> epsilon = noise(latent, 4);
  BallRun<double> run(latent, {{.curvature = c}, 3}, params, epsilon);
  const Matrix<double> dlog_q = random_matrix<double>(2, 2, 6);
  Matrix<double> dz(4, 3);
  latent.add_path_gradient(params, epsilon, run.z, dlog_q.span(), run.cache, dz);
  const auto log_q = [&](Index s) {
    const Eigen::RowVectorXd x = -std::sqrt(c) * run.cache.mu.row(s / 2);
    const Eigen::RowVectorXd y = std::sqrt(c) * run.z.row(s);
    const double xy = x.dot(y);
    const Eigen::RowVectorXd back = ((1 + 2 * xy + y.squaredNorm()) * x + (1 - x.squaredNorm()) * y) /
                                    (1 + 2 * xy + x.squaredNorm() * y.squaredNorm());
    const double scaled = 2 * std::atanh(back.norm());
    const Eigen::ArrayXd v = scaled / (std::sqrt(c) * back.norm()) * back.transpose().array();
    const Eigen::ArrayXd logvar = params.row(s / 2).tail(3).transpose().array();
    return -0.5 * (v.square() / logvar.exp() + logvar + log_two_pi).sum() +
           2 * std::log(scaled / std::sinh(scaled));
  };
  for (Index s = 0; s < 4; ++s) {
    CHECK(std::abs(log_q(s) - run.log_q(s / 2, s % 2)) < 1e-12);
  }
  const auto density = [&] {
    double sum = 0;
    for (Index s = 0; s < 4; ++s) {
      sum += dlog_q(s / 2, s % 2) * log_q(s);
    }
    return sum;
  };
  check_finite_differences(run.z.span(), dz.span(), density);
}

TEST_CASE("poincare: the space is the prior's of the same curvature alone") {
  const PoincareLatent<float> latent({.dim = 2, .curvature = 0.5});
  const PoincareLatent<float> copy = latent;
  CHECK(space_of(copy) == "the Poincare ball of curvature -0.5");
  CHECK(space_of(copy) == space_of(WrappedNormal<float>({.curvature = 0.5}, 2)));
  CHECK(space_of(copy) != space_of(WrappedNormal<float>({}, 2)));
}

TEST_CASE("poincare: the configuration is checked") {
  check_throws_with<ConfigError>("poincare latent: dim is 0, must be in [1, 1000000]",
                                 [] { PoincareLatent<float>({.dim = 0}); });
  check_throws_with<ConfigError>("poincare latent: curvature is -1, must be in [0.0001, 10000]",
                                 [] { PoincareLatent<float>({.curvature = -1}); });
}

TEST_CASE_TEMPLATE("poincare: values and gradients are those of the formulas in PyTorch", T, float, double) {
  const Golden golden("manifolds");
  const auto check = [&](const std::string& name, const PoincareConfig& config) {
    const PoincareLatent<T> latent(config);
    const auto params = golden.matrix<T>(name + "params");
    const auto epsilon = golden.matrix<T>(name + "epsilon");
    const BallRun<T> run(latent, WrappedNormal<T>({.curvature = config.curvature}, config.dim), params,
                         epsilon);
    golden.check(name + "mu", run.cache.mu);
    golden.check(name + "z", run.z);
    golden.check(name + "log_q", run.log_q);
    const Matrix<T> dlog_q = golden.matrix<T>(name + "dlog_q");
    golden.check(name + "gradient",
                 gradient_of(latent, params, epsilon, run, golden.matrix<T>(name + "dz"), dlog_q.span()));
  };
  check("poincare_2.", {});
  check("poincare_5.", {.dim = 5, .curvature = 0.5});
}
