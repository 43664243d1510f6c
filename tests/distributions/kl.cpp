// SPDX-License-Identifier: MIT
#include "vaekit/distributions/kl.hpp"

#include <doctest/doctest.h>

#include "support/distribution_suite.hpp"

using namespace vaekit;
using namespace likelihood_suite;

static_assert(ClosedFormKl<DiagonalGaussian<float>, StandardNormal<float>, float>);

namespace {

/// ∫ q (log q − log p) by the trapezoidal rule.
double kl_by_quadrature(double mu, double logvar) {
  const double deviation = std::exp(logvar / 2);
  constexpr double step = 0.3;
  double sum = 0;
  for (int i = -30; i <= 30; ++i) {
    const double u = step * i;
    const double z = mu + deviation * u;
    const double density = std::exp(-0.5 * (u * u + log_two_pi));
    sum += step * density * (-0.5 * (u * u + logvar) + 0.5 * z * z);
  }
  return sum;
}

template <class T>
Matrix<T> kl_of(const Matrix<T>& mu, const Matrix<T>& logvar) {
  Matrix<T> kl(mu.rows(), mu.cols());
  kl_divergence(DiagonalGaussian<T>{mu, logvar}, StandardNormal<T>{}, MatrixOut<T>(kl));
  return kl;
}

}  // namespace

TEST_CASE_TEMPLATE("kl: the closed form is the integral", T, float, double) {
  const Matrix<T> mu = random_matrix<T>(5, 7, 1, 2);
  const Matrix<T> logvar = random_matrix<T>(5, 7, 2, 2);
  const Matrix<T> kl = kl_of(mu, logvar);
  for (Index i = 0; i < kl.size(); ++i) {
    const double expected =
        kl_by_quadrature(static_cast<double>(mu.data()[i]), static_cast<double>(logvar.data()[i]));
    CHECK(near(static_cast<double>(kl.data()[i]), expected, rounding<T> + 1e-10));
  }
}

TEST_CASE_TEMPLATE("kl: exactly 0 at the prior, never negative near it", T, float, double) {
  CHECK(kl_of(Matrix<T>(3, 5), Matrix<T>(3, 5)).isZero(0));
  for (int i = -1000; i < 1000; ++i) {
    const double logvar = 1e-4 * i;
    Matrix<T> lv(1, 1);
    lv(0, 0) = static_cast<T>(logvar);
    const auto value = static_cast<double>(kl_of(Matrix<T>(1, 1), lv)(0, 0));
    const auto x = static_cast<double>(lv(0, 0));
    CHECK(value >= 0);
    CHECK(std::abs(value - 0.5 * (std::expm1(x) - x)) < (std::is_same_v<T, float> ? 1e-8 : 1e-17));
  }
}

TEST_CASE("kl: the gradient is that of finite differences") {
  for (const Index batch : {1, 3, 8}) {
    Matrix<double> mu = random_matrix<double>(batch, 5, 1);
    Matrix<double> logvar = random_matrix<double>(batch, 5, 2);
    const Matrix<double> upstream = random_matrix<double>(batch, 5, 3);
    Matrix<double> dmu(batch, 5);
    Matrix<double> dlogvar(batch, 5);
    kl_divergence_backward(DiagonalGaussian<double>{mu, logvar}, StandardNormal<double>{}, upstream,
                           MatrixOut<double>(dmu), MatrixOut<double>(dlogvar));
    const auto value = [&] { return kl_of(mu, logvar).cwiseProduct(upstream).sum(); };
    check_finite_differences(mu.span(), dmu.span(), value);
    check_finite_differences(logvar.span(), dlogvar.span(), value);
  }
}

TEST_CASE_TEMPLATE("kl: finite with its gradient at the limits of the log-variance, NaN from NaN", T, float,
                   double) {
  Matrix<T> mu(1, 3);
  Matrix<T> logvar(1, 3);
  Matrix<T> upstream(1, 3);
  Matrix<T> dmu(1, 3);
  Matrix<T> dlogvar(1, 3);
  mu << T{1e4}, T{0}, T{1};
  logvar << T{-30}, T{20}, std::numeric_limits<T>::quiet_NaN();
  upstream.setOnes();
  const Matrix<T> kl = kl_of(mu, logvar);
  kl_divergence_backward(DiagonalGaussian<T>{mu, logvar}, StandardNormal<T>{}, upstream, MatrixOut<T>(dmu),
                         MatrixOut<T>(dlogvar));
  CHECK(near(static_cast<double>(kl(0, 0)), 0.5 * (1e8 + 29), rounding<T>));
  CHECK(near(static_cast<double>(kl(0, 1)), 0.5 * (std::exp(20.0) - 21), rounding<T>));
  CHECK(std::isnan(kl(0, 2)));
  CHECK(near(static_cast<double>(dlogvar(0, 0)), -0.5, rounding<T>));
  CHECK(near(static_cast<double>(dlogvar(0, 1)), 0.5 * std::expm1(20.0), rounding<T>));
  CHECK(std::isnan(dlogvar(0, 2)));
  mu(0, 0) = std::numeric_limits<T>::quiet_NaN();
  CHECK(std::isnan(kl_of(mu, logvar)(0, 0)));
}

TEST_CASE_TEMPLATE("kl: the number of threads changes no bit", T, float, double) {
  const Matrix<T> mu = random_matrix<T>(1000, 50, 1);
  const Matrix<T> logvar = random_matrix<T>(1000, 50, 2);
  const auto run = [&](int threads) {
    const ThreadScope scope(threads);
    std::vector<Matrix<T>> results(3, Matrix<T>(1000, 50));
    const DiagonalGaussian<T> q{mu, logvar};
    kl_divergence(q, StandardNormal<T>{}, MatrixOut<T>(results[0]));
    kl_divergence_backward(q, StandardNormal<T>{}, mu, MatrixOut<T>(results[1]), MatrixOut<T>(results[2]));
    return results;
  };
  const std::vector<Matrix<T>> expected = run(1);
  for (const int threads : {2, 3}) {
    const std::vector<Matrix<T>> got = run(threads);
    for (std::size_t i = 0; i < got.size(); ++i) {
      CHECK(same_bytes<T>(got[i].span(), expected[i].span()));
    }
  }
}

TEST_CASE_TEMPLATE("kl: of two Gaussians, and its gradients", T, float, double) {
  const Matrix<T> mu = random_matrix<T>(5, 7, 1, 2);
  const Matrix<T> logvar = random_matrix<T>(5, 7, 2, 2);
  const Matrix<T> other_mu = random_matrix<T>(5, 7, 3, 2);
  const Matrix<T> other_logvar = random_matrix<T>(5, 7, 4, 2);
  Matrix<T> kl(5, 7);
  kl_divergence(DiagonalGaussian<T>{mu, logvar}, DiagonalGaussian<T>{other_mu, other_logvar},
                MatrixOut<T>(kl));
  for (Index i = 0; i < kl.size(); ++i) {
    const auto m = static_cast<double>(mu.data()[i] - other_mu.data()[i]);
    const auto v = static_cast<double>(logvar.data()[i]);
    const auto s = static_cast<double>(other_logvar.data()[i]);
    const double expected = 0.5 * (m * m * std::exp(-s) + std::exp(v - s) - 1 - v + s);
    CHECK(near(static_cast<double>(kl.data()[i]), expected, 4 * rounding<T>));
  }
}

TEST_CASE("kl: gradients of the divergence of two Gaussians") {
  Matrix<double> mu = random_matrix<double>(3, 5, 1);
  Matrix<double> logvar = random_matrix<double>(3, 5, 2);
  Matrix<double> other_mu = random_matrix<double>(3, 5, 3);
  Matrix<double> other_logvar = random_matrix<double>(3, 5, 4);
  const Matrix<double> dkl = random_matrix<double>(3, 5, 5);
  Matrix<double> kl(3, 5);
  const auto value = [&] {
    kl_divergence(DiagonalGaussian<double>{mu, logvar}, DiagonalGaussian<double>{other_mu, other_logvar},
                  MatrixOut<double>(kl));
    return kl.cwiseProduct(dkl).sum();
  };
  Matrix<double> dmu(3, 5);
  Matrix<double> dlogvar(3, 5);
  Matrix<double> dother_mu(3, 5);
  Matrix<double> dother_logvar(3, 5);
  kl_divergence_backward<double>({mu, logvar}, {other_mu, other_logvar}, dkl, dmu, dlogvar, dother_mu,
                                 dother_logvar);
  check_finite_differences(mu.span(), dmu.span(), value);
  check_finite_differences(logvar.span(), dlogvar.span(), value);
  check_finite_differences(other_mu.span(), dother_mu.span(), value);
  check_finite_differences(other_logvar.span(), dother_logvar.span(), value);
}
