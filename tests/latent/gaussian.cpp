// SPDX-License-Identifier: MIT
#include "vaekit/latent/gaussian.hpp"

#include <doctest/doctest.h>

#include "support/distribution_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;
using namespace likelihood_suite;

static_assert(LatentPosterior<GaussianLatent<float>> && LatentPosterior<GaussianLatent<double>>);

namespace {

template <class T>
struct Sample {
  typename GaussianLatent<T>::Cache cache;
  Matrix<T> z;
};

template <class T>
Sample<T> draw(const GaussianLatent<T>& latent, const Matrix<T>& params, const Matrix<T>& epsilon) {
  Sample<T> s{latent.make_cache(params.rows(), epsilon.rows()), Matrix<T>(epsilon.rows(), latent.dim)};
  static_cast<void>(latent.posterior(params, s.cache));
  latent.reparameterize(params, epsilon, s.cache, s.z);
  return s;
}

/// One latent variable with raw log-variance `raw`, ε = 1, and gradients 1 for z, mu and logvar.
template <class T>
struct OneVariable {
  T logvar, z, to_mu, to_raw;

  explicit OneVariable(T raw) {
    const GaussianLatent<T> latent({.dim = 1});
    Matrix<T> params(1, 2);
    params << T{0.25}, raw;
    Matrix<T> ones(1, 1);
    ones.setOnes();
    Matrix<T> dparams(1, 2);
    Sample<T> s = draw(latent, params, ones);
    s.cache.dq.mu.setOnes();
    s.cache.dq.logvar.setOnes();
    GaussianLatent<T> grad = latent;
    latent.backward(params, ones, s.z, ones, {}, s.cache, dparams, grad);
    logvar = s.cache.logvar(0, 0);
    z = s.z(0, 0);
    to_mu = dparams(0, 0);
    to_raw = dparams(0, 1);
  }
};

}  // namespace

TEST_CASE_TEMPLATE("gaussian latent: z = mu + exp(logvar/2) epsilon, samples in consecutive rows", T, float,
                   double) {
  for (const Index dim : {1, 3, 8, 19}) {
    for (const Index samples : {1, 3}) {
      const GaussianLatent<T> latent({.dim = dim});
      const Matrix<T> params = random_matrix<T>(4, 2 * dim, 1);
      const Matrix<T> epsilon = random_matrix<T>(4 * samples, dim, 2);
      const Sample<T> s = draw(latent, params, epsilon);
      for (Index row = 0; row < 4 * samples; ++row) {
        for (Index j = 0; j < dim; ++j) {
          const auto mu = static_cast<double>(params(row / samples, j));
          const auto logvar = static_cast<double>(params(row / samples, dim + j));
          const double expected = mu + std::exp(logvar / 2) * static_cast<double>(epsilon(row, j));
          CHECK(near(static_cast<double>(s.z(row, j)), expected, rounding<T>));
        }
      }
    }
  }
}

TEST_CASE("gaussian latent: the posterior is a view of the head's outputs and the clamped log-variance") {
  const GaussianLatent<double> latent({.dim = 3});
  const Matrix<double> params = random_matrix<double>(4, 6, 1, 20);
  auto cache = latent.make_cache(9, 9);
  const DiagonalGaussian<double> q = latent.posterior(params, cache);
  CHECK(q.mu.data() == params.data());
  CHECK(q.mu == params.leftCols(3));
  CHECK(q.logvar.data() == cache.logvar.data());
  CHECK(q.logvar == params.rightCols(3).cwiseMax(-30).cwiseMin(20));
  CHECK(params.rightCols(3).minCoeff() < -30);
  CHECK(params.rightCols(3).maxCoeff() > 20);
  CHECK(latent.head_size() == 6);
}

TEST_CASE("gaussian latent: the gradient is that of finite differences") {
  for (const Index batch : {1, 3, 8}) {
    for (const Index samples : {1, 3}) {
      const Index dim = 5;
      const GaussianLatent<double> latent({.dim = dim});
      Matrix<double> params = random_matrix<double>(batch, 2 * dim, 1);
      const Matrix<double> epsilon = random_matrix<double>(batch * samples, dim, 2);
      const Matrix<double> dz = random_matrix<double>(batch * samples, dim, 3);
      const Matrix<double> dmu = random_matrix<double>(batch, dim, 4);
      const Matrix<double> dlogvar = random_matrix<double>(batch, dim, 5);
      const Matrix<double> dlog_q = random_matrix<double>(batch, samples, 6);
      Matrix<double> dparams(batch, 2 * dim);
      dparams.setConstant(1e9);  // overwritten, not added to
      Sample<double> s = draw(latent, params, epsilon);
      s.cache.dq.mu = dmu;
      s.cache.dq.logvar = dlogvar;
      GaussianLatent<double> grad = latent;
      latent.backward(params, epsilon, s.z, dz, dlog_q.span(), s.cache, dparams, grad);
      check_finite_differences(params.span(), dparams.span(), [&] {
        const Sample<double> now = draw(latent, params, epsilon);
        Matrix<double> log_q(batch, samples);
        latent.log_prob(params, epsilon, now.z, now.cache, log_q.span());
        return now.z.cwiseProduct(dz).sum() + params.leftCols(dim).cwiseProduct(dmu).sum() +
               params.rightCols(dim).cwiseProduct(dlogvar).sum() + log_q.cwiseProduct(dlog_q).sum();
      });
    }
  }
}

TEST_CASE("gaussian latent: the path gradient is that of the density with respect to z alone") {
  const GaussianLatent<double> latent({.dim = 5});
  const Matrix<double> params = random_matrix<double>(3, 10, 1);
  const Matrix<double> epsilon = random_matrix<double>(6, 5, 2);
  const Matrix<double> dlog_q = random_matrix<double>(3, 2, 6);
  Sample<double> s = draw(latent, params, epsilon);
  Matrix<double> dz(6, 5);
  latent.add_path_gradient(params, epsilon, s.z, dlog_q.span(), s.cache, dz);
  check_finite_differences(s.z.span(), dz.span(), [&] {
    Matrix<double> log_q(3, 2);
    latent.log_prob(params, epsilon, s.z, s.cache, log_q.span());
    return log_q.cwiseProduct(dlog_q).sum();
  });
}

TEST_CASE("gaussian latent: noise is that of the row, wherever a batch starts") {
  const GaussianLatent<float> latent({.dim = 3});
  const RandomStream stream(4, Purpose::posterior);
  Matrix<float> whole(7, 3);
  Matrix<float> rest(4, 3);
  latent.draw_noise(stream, 0, whole);
  latent.draw_noise(stream, 3, rest);
  CHECK(rest == whole.bottomRows(4));
}

TEST_CASE_TEMPLATE("gaussian latent: gradients are finite at the limits and exactly 0 beyond", T, float,
                   double) {
  for (const double limit : {-30.0, 20.0}) {
    const OneVariable<T> at(static_cast<T>(limit));
    const double deviation = std::exp(limit / 2);
    CHECK(at.logvar == static_cast<T>(limit));
    CHECK(near(static_cast<double>(at.z), 0.25 + deviation, rounding<T>));
    CHECK(near(static_cast<double>(at.to_raw), 1 + deviation / 2, rounding<T>));
    CHECK(at.to_mu == 2);
    const double step = limit < 0 ? -1e-3 : 1e-3;
    for (const double raw : {limit + step, 1e4 * limit, 1e37 * limit / std::abs(limit),
                             std::numeric_limits<double>::infinity() * limit}) {
      const OneVariable<T> beyond(static_cast<T>(raw));
      CHECK(beyond.logvar == at.logvar);
      CHECK(beyond.z == at.z);
      CHECK(beyond.to_raw == 0);
      CHECK(beyond.to_mu == 2);
    }
  }
}

TEST_CASE_TEMPLATE("gaussian latent: NaN in, NaN out", T, float, double) {
  const OneVariable<T> broken(std::numeric_limits<T>::quiet_NaN());
  CHECK(std::isnan(broken.logvar));
  CHECK(std::isnan(broken.z));
  CHECK(std::isnan(broken.to_raw));
  const GaussianLatent<T> latent({.dim = 3});
  Matrix<T> params(2, 6);
  Matrix<T> epsilon(2, 3);
  params(0, 1) = std::numeric_limits<T>::quiet_NaN();
  epsilon(1, 2) = std::numeric_limits<T>::quiet_NaN();
  const Sample<T> s = draw(latent, params, epsilon);
  for (Index row = 0; row < 2; ++row) {
    for (Index j = 0; j < 3; ++j) {
      CHECK(std::isnan(s.z(row, j)) == ((row == 0 && j == 1) || (row == 1 && j == 2)));
    }
  }
}

TEST_CASE("gaussian latent: needs at least one variable") {
  check_throws_with<ConfigError>("gaussian latent: dim is 0, must be in [1, 1000000]",
                                 [] { GaussianLatent<float>({.dim = 0}); });
}
