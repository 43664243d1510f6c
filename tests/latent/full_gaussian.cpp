// SPDX-License-Identifier: MIT
#include "vaekit/latent/full_gaussian.hpp"

#include <doctest/doctest.h>

#include <Eigen/Dense>

#include "support/posterior_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

struct FullCase {
  template <class T>
  using Prior = StandardNormal<T>;
  template <class T>
  static FullGaussianLatent<T> make() {
    return FullGaussianLatent<T>({.dim = 3});
  }
  template <class T>
  static Prior<T> make_prior() {
    return {};
  }
};

}  // namespace

TEST_CASE("full gaussian: keeps the contract of a posterior") {
  posterior_suite::check_posterior<FullCase>();
}

TEST_CASE("full gaussian: covariance and KL are those of N(mu, L L^T)") {
  const FullGaussianLatent<double> latent({.dim = 3});
  const Matrix<double> params = posterior_suite::random_matrix<double>(1, latent.head_size(), 2, 0.7);
  const posterior_suite::Pass<FullGaussianLatent<double>, StandardNormal<double>> run(
      latent, {}, params, posterior_suite::noise(latent, 50'000));
  Eigen::Matrix3d factor = Eigen::Matrix3d::Zero();
  factor.diagonal() << std::exp(params(0, 3) / 2), std::exp(params(0, 4) / 2), std::exp(params(0, 5) / 2);
  factor(1, 0) = params(0, 6);
  factor(2, 0) = params(0, 7);
  factor(2, 1) = params(0, 8);
  const Eigen::Matrix3d covariance = factor * factor.transpose();
  const Eigen::RowVector3d mean = run.z.colwise().mean();
  const Eigen::MatrixXd centred = run.z.rowwise() - mean;
  const Eigen::Matrix3d measured = centred.transpose() * centred / 50'000;
  for (Index i = 0; i < 3; ++i) {
    CHECK(std::abs(mean[i] - params(0, i)) < 5 * std::sqrt(covariance(i, i) / 50'000));
    for (Index j = 0; j < 3; ++j) {
      const double spread =
          std::sqrt((covariance(i, i) * covariance(j, j) + covariance(i, j) * covariance(i, j)) / 50'000);
      CHECK(std::abs(measured(i, j) - covariance(i, j)) < 5 * spread);
    }
  }
  const double expected =
      0.5 * (covariance.trace() + params.leftCols(3).squaredNorm() - 3 - std::log(covariance.determinant()));
  CHECK(std::abs(run.kl.sum() - expected) < 1e-12 * std::abs(expected));
  const Eigen::LLT<Eigen::Matrix3d> solver(covariance);
  for (Index row = 0; row < 5; ++row) {
    const Eigen::Vector3d deviation = (run.z.row(row) - params.leftCols(3)).transpose();
    const double log_q =
        -0.5 * (deviation.dot(solver.solve(deviation)) + std::log(covariance.determinant()) + 3 * log_two_pi);
    CHECK(std::abs(run.log_q(0, row) - log_q) < 1e-10);
  }
}

TEST_CASE_TEMPLATE("full gaussian: the density at any point is that of the samples", T, float, double) {
  const FullGaussianLatent<T> latent({.dim = 5});
  const Matrix<T> params = posterior_suite::random_matrix<T>(2, latent.head_size(), 2, 0.7);
  const posterior_suite::Pass<FullGaussianLatent<T>, StandardNormal<T>> run(
      latent, {}, params, posterior_suite::noise(latent, 2 * 19));
  const Matrix<T> samples(run.z.bottomRows(19));
  Matrix<T> points(samples.transpose());
  std::vector<T> values(19);
  latent.point_log_prob(params.bottomRows(1), points, values);
  for (Index i = 0; i < 19; ++i) {
    CHECK(values[static_cast<std::size_t>(i)] ==
          doctest::Approx(run.log_q(1, i)).epsilon(std::is_same_v<T, float> ? 2e-5 : 1e-12));
  }
  Matrix<T> clamped(params);
  clamped(1, 5) = T{-100};
  points = samples.transpose();
  latent.point_log_prob(clamped.bottomRows(1), points, values);
  CHECK(std::isfinite(values[0]));
}

TEST_CASE("full gaussian: the path gradient is that of the density with respect to z alone") {
  const FullGaussianLatent<double> latent({.dim = 3});
  const Matrix<double> params = posterior_suite::random_matrix<double>(2, latent.head_size(), 2, 0.7);
  const Matrix<double> epsilon = posterior_suite::noise(latent, 4);
  posterior_suite::Pass<FullGaussianLatent<double>, StandardNormal<double>> run(latent, {}, params, epsilon);
  const Matrix<double> dlog_q = posterior_suite::random_matrix<double>(2, 2, 6);
  Matrix<double> dz(4, 3);
  latent.add_path_gradient(params, epsilon, run.z, dlog_q.span(), run.cache, dz);
  const auto density = [&] {
    double sum = 0;
    for (Index row = 0; row < 4; ++row) {
      Eigen::Matrix3d factor = Eigen::Matrix3d::Zero();
      const Index p = row / 2;
      factor.diagonal() << std::exp(params(p, 3) / 2), std::exp(params(p, 4) / 2), std::exp(params(p, 5) / 2);
      factor(1, 0) = params(p, 6);
      factor(2, 0) = params(p, 7);
      factor(2, 1) = params(p, 8);
      const Eigen::Vector3d deviation = (run.z.row(row) - params.row(p).leftCols(3)).transpose();
      const Eigen::Vector3d white = factor.triangularView<Eigen::Lower>().solve(deviation);
      sum += dlog_q(p, row % 2) * -0.5 * white.squaredNorm();
    }
    return sum;
  };
  check_finite_differences(run.z.span(), dz.span(), density);
}

TEST_CASE("full gaussian: the dimension is checked") {
  check_throws_with<ConfigError>("full_gaussian latent: dim is 0, must be in [1, 512]",
                                 [] { FullGaussianLatent<float>({.dim = 0}); });
}
