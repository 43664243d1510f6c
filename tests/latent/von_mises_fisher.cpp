// SPDX-License-Identifier: MIT
#include "vaekit/latent/von_mises_fisher.hpp"

#include <doctest/doctest.h>

#include "support/golden.hpp"
#include "support/posterior_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;
using posterior_suite::noise;
using posterior_suite::random_matrix;

namespace {

template <class T>
using SphereRun = posterior_suite::Pass<VonMisesFisherLatent<T>, UniformSphere<T>>;

template <Index Dim>
struct SphereCase {
  template <class T>
  using Prior = UniformSphere<T>;
  template <class T>
  static VonMisesFisherLatent<T> make() {
    return VonMisesFisherLatent<T>({.dim = Dim});
  }
  template <class T>
  static Prior<T> make_prior() {
    return Prior<T>({}, Dim);
  }
};

/// Raw concentration of κ.
double raw_of(double kappa) { return kappa > 30 ? kappa : std::log(std::expm1(kappa)); }

template <class T>
Matrix<T> params_of(Index dim, double kappa) {
  Matrix<T> params = random_matrix<T>(1, dim + 1, 7);
  params(0, dim) = static_cast<T>(raw_of(kappa));
  return params;
}

}  // namespace

TEST_CASE("von mises-fisher: keeps the contract of a posterior") {
  posterior_suite::check_posterior<SphereCase<4>>();
}
TEST_CASE("von mises-fisher: keeps the contract of a posterior on the circle") {
  posterior_suite::check_posterior<SphereCase<2>>();
}
TEST_CASE("von mises-fisher: keeps the contract of a posterior on the ordinary sphere") {
  posterior_suite::check_posterior<SphereCase<3>>();
}

TEST_CASE("von mises-fisher: shapes, the reported mean and the space") {
  const VonMisesFisherLatent<float> latent({.dim = 3});
  CHECK(latent.head_size() == 4);
  CHECK(latent.noise_size() == 4);
  CHECK(latent.kl_columns() == 1);
  CHECK(space_of(latent) == space_of(UniformSphere<float>({}, 3)));
  static_assert(HasPathGradient<VonMisesFisherLatent<float>>);
  auto cache = latent.make_cache(2, 4);
  const Matrix<float> params = random_matrix<float>(2, 4, 1, 3);
  const DiagonalGaussian<float> q = latent.posterior(params, cache);
  CHECK(q.logvar.cols() == 0);
  for (Index row = 0; row < 2; ++row) {
    CHECK((q.mu.row(row) - params.row(row).head(3).normalized()).norm() < 1e-6f);
  }
}

TEST_CASE_TEMPLATE("von mises-fisher: samples have length 1 and the mean A mu and variance of the family", T,
                   float, double) {
  constexpr Index count = 20'000;
  for (const Index dim : {2, 3, 10, 256}) {
    for (const double kappa : {1e-6, 1.0, 25.0, 1e6}) {
      CAPTURE(dim);
      CAPTURE(kappa);
      const VonMisesFisherLatent<T> latent({.dim = dim});
      const Matrix<T> params = params_of<T>(dim, kappa);
      const SphereRun<T> run(latent, UniformSphere<T>({}, dim), params, noise(latent, count));
      const double unit = std::is_same_v<T, float> ? 1e-6 : 1e-14;
      CHECK((run.z.rowwise().norm().array() - T{1}).abs().maxCoeff() < unit);
      const VonMisesFisherAngle angle(latent.sphere, kappa);
      const Eigen::VectorXd cosine =
          (run.z.template cast<double>() * run.cache.mu.row(0).transpose().template cast<double>());
      const double spread = std::sqrt(angle.variance());
      const double rounding = std::is_same_v<T, float> ? 3e-7 : 1e-15;
      CHECK(std::abs(cosine.mean() - angle.mean_cosine()) < 5 * spread / std::sqrt(count) + rounding);
      if (kappa < 1e5) {
        const Eigen::ArrayXd square = (cosine.array() - angle.mean_cosine()).square();
        const double error = std::sqrt((square - square.mean()).square().mean() / count);
        CHECK(std::abs(square.mean() - angle.variance()) < 5 * error);
      }
      // What is orthogonal to mu has no preferred direction.
      const Eigen::MatrixXd across =
          run.z.template cast<double>() - cosine * run.cache.mu.row(0).template cast<double>();
      const double total = across.squaredNorm() / count;
      CHECK(across.colwise().mean().norm() < 5 * std::sqrt(total / count) + rounding);
    }
  }
}

TEST_CASE("von mises-fisher: the divergence is the mean of log q - log p in any dimension") {
  constexpr Index count = 20'000;
  for (const Index dim : {2, 3, 10, 256}) {
    for (const double kappa : {0.5, 20.0, 1e3, 1e6}) {
      const VonMisesFisherLatent<double> latent({.dim = dim});
      const UniformSphere<double> prior({}, dim);
      const SphereRun<double> run(latent, prior, params_of<double>(dim, kappa), noise(latent, count));
      const Eigen::ArrayXd difference = run.log_q.row(0).transpose().array() - prior.log_density;
      const double spread = std::sqrt((difference - difference.mean()).square().mean() / count);
      CHECK(std::abs(difference.mean() - run.kl(0, 0)) < 5 * spread + 1e-10);
    }
  }
}

TEST_CASE_TEMPLATE("von mises-fisher: concentrations outside the range are clamped, with gradient 0", T,
                   float, double) {
  using Divergence = KlPair<VonMisesFisherLatent<T>, UniformSphere<T>>;
  const VonMisesFisherLatent<T> latent({.dim = 3});
  UniformSphere<T> prior({}, 3);
  const Matrix<T> epsilon = noise(latent, 1);
  Matrix<T> ones(1, 4);
  ones.setOnes();
  for (const double raw : {-1e30, -50.0, -14.0, 1.1e6, 1e30}) {
    Matrix<T> params = params_of<T>(3, 1);
    params(0, 3) = static_cast<T>(raw);
    SphereRun<T> run(latent, prior, params, epsilon);
    CHECK(run.cache.inputs[0].angle.kappa() == (raw < 0 ? 1e-6 : 1e6));
    CHECK(run.z.array().isFinite().all());
    CHECK(std::isfinite(run.log_q(0, 0)));
    Divergence::backward(latent, prior, params, ones.leftCols(1), run.cache, run.prior_cache, prior);
    Matrix<T> dparams(1, 4);
    auto grad = zeros_like(latent);
    latent.backward(params, epsilon, run.z, ones.leftCols(3), ones.span().first(1), run.cache, dparams, grad);
    CHECK(dparams(0, 3) == 0);
    CHECK(dparams.array().isFinite().all());
  }
}

TEST_CASE_TEMPLATE("von mises-fisher: no direction and no noise are no NaN", T, float, double) {
  const VonMisesFisherLatent<T> latent({.dim = 3});
  Matrix<T> params = params_of<T>(3, 2);
  const Matrix<T> dz = random_matrix<T>(1, 3, 3);
  auto grad = zeros_like(latent);
  Matrix<T> dparams(1, 4);
  SUBCASE("all-zero noise gives mu") {
    const Matrix<T> epsilon(1, 4);
    const SphereRun<T> run(latent, UniformSphere<T>({}, 3), params, epsilon);
    CHECK(run.z == run.cache.mu);
    CHECK(run.log_q(0, 0) == static_cast<T>(-run.cache.inputs[0].angle.log_normalizer()));
    latent.backward(params, epsilon, run.z, dz, {}, run.cache, dparams, grad);
    CHECK(dparams(0, 3) == 0);
    CHECK(dparams.array().isFinite().all());
  }
  SUBCASE("noise along mu gives a point of the sphere") {
    Matrix<T> epsilon(1, 4);
    epsilon(0, 0) = T{0.25};
    epsilon.rightCols(3) = params.leftCols(3);
    const SphereRun<T> run(latent, UniformSphere<T>({}, 3), params, epsilon);
    CHECK(std::abs(run.z.norm() - 1) < 1e-6);
  }
  SUBCASE("a zero direction counts as the first axis") {
    params.leftCols(3).setZero();
    const Matrix<T> epsilon = noise(latent, 1);
    const SphereRun<T> run(latent, UniformSphere<T>({}, 3), params, epsilon);
    CHECK(run.cache.mu(0, 0) == 1);
    CHECK(std::abs(run.z.norm() - 1) < 1e-6);
    latent.backward(params, epsilon, run.z, dz, {}, run.cache, dparams, grad);
    CHECK(dparams.leftCols(3).isZero(0));
    CHECK(std::isfinite(dparams(0, 3)));
  }
}

TEST_CASE("von mises-fisher: the path gradient is that of the density along the sphere") {
  const VonMisesFisherLatent<double> latent({.dim = 3});
  const Matrix<double> params = random_matrix<double>(2, 4, 2, 0.7);
  const Matrix<double> epsilon = noise(latent, 4);
  SphereRun<double> run(latent, UniformSphere<double>({}, 3), params, epsilon);
  const Matrix<double> dlog_q = random_matrix<double>(2, 2, 6);
  Matrix<double> dz(4, 3);
  latent.add_path_gradient(params, epsilon, run.z, dlog_q.span(), run.cache, dz);
  // Of log q as a function of any point of space, continued as a constant along rays.
  const auto density = [&] {
    double sum = 0;
    for (Index s = 0; s < 4; ++s) {
      const double kappa = run.cache.inputs[static_cast<std::size_t>(s / 2)].angle.kappa();
      sum += dlog_q(s / 2, s % 2) * kappa * run.z.row(s).normalized().dot(run.cache.mu.row(s / 2));
    }
    return sum;
  };
  check_finite_differences(run.z.span(), dz.span(), density);
}

TEST_CASE("von mises-fisher: the dimension is checked") {
  check_throws_with<ConfigError>("von_mises_fisher latent: dim is 1, must be in [2, 256]",
                                 [] { VonMisesFisherLatent<float>({.dim = 1}); });
  check_throws_with<ConfigError>("von_mises_fisher latent: dim is 257, must be in [2, 256]",
                                 [] { VonMisesFisherLatent<float>({.dim = 257}); });
}

TEST_CASE_TEMPLATE("von mises-fisher: values and gradients are those of the formulas in PyTorch", T, float,
                   double) {
  const Golden golden("manifolds");
  for (const Index dim : {2, 3, 10}) {
    CAPTURE(dim);
    const std::string name = "vmf_" + std::to_string(dim) + ".";
    const VonMisesFisherLatent<T> latent({.dim = dim});
    UniformSphere<T> prior({}, dim);
    const auto params = golden.matrix<T>(name + "params");
    const auto epsilon = golden.matrix<T>(name + "epsilon");
    SphereRun<T> run(latent, prior, params, epsilon);
    golden.check(name + "mu", run.cache.mu);
    golden.check(name + "z", run.z);
    golden.check(name + "log_q", run.log_q);
    golden.check(name + "kl", run.kl);
    const auto log_p = static_cast<T>(prior.log_density);
    golden.check<T>(name + "log_p", std::span<const T>(&log_p, 1));
    KlPair<VonMisesFisherLatent<T>, UniformSphere<T>>::backward(
        latent, prior, params, golden.matrix<T>(name + "dkl"), run.cache, run.prior_cache, prior);
    Matrix<T> dparams(params.rows(), params.cols());
    auto grad = zeros_like(latent);
    latent.backward(params, epsilon, run.z, golden.matrix<T>(name + "dz"),
                    golden.matrix<T>(name + "dlog_q").span(), run.cache, dparams, grad);
    golden.check(name + "gradient", dparams);
  }
}
