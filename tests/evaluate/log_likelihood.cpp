// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/log_likelihood.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <vector>

#include "evaluate/linear_gaussian.hpp"
#include "evaluate/quadrature.hpp"
#include "support/throws_with.hpp"
#include "vaekit/latent/vamp_prior.hpp"

using namespace vaekit;

namespace {

Matrix<double> first_rows(const example::Samples& samples, Index count) {
  Matrix<double> x(count, samples.dataset.features());
  DataView view = samples.view();
  view.rows = view.rows.first(static_cast<std::size_t>(count));
  for_each_batch<double>(view, x, [](Index, MatrixIn<double>) {});
  return x;
}

Matrix<double> one_row(const Matrix<double>& x, Index row) { return Matrix<double>(x.row(row)); }

/// A dense layer that counts how many rows went through it.
struct CountingLayer : Dense<double> {
  using Dense<double>::Dense;
  static inline std::atomic<Index> rows_seen = 0;
  explicit CountingLayer(Dense<double> layer) : Dense<double>(std::move(layer)) {}
  // NOLINTNEXTLINE(performance-unnecessary-value-param): a view
  void forward(MatrixIn<double> x, MatrixOut<double> y, Cache& cache) const {
    rows_seen += x.rows();
    Dense<double>::forward(x, y, cache);
  }
};

/// 4000 samples come within 4 standard errors of p(x), which is an integral over all of the latent space.
/// That p(z) and p(x) are distributions is checked as well.
void check_by_quadrature(const example::BinaryVae& model, const example::Quadrature& rule,
                         double tolerance = 1e-8) {
  constexpr Index batches = 40;
  constexpr Index samples = 100;
  ImportanceSampler whole(model, batches * samples);
  ImportanceSampler part(model, samples);
  CHECK(std::abs(example::integral(model, rule, nullptr)) < tolerance);
  double total = 0;
  for (int pattern = 0; pattern < 8; ++pattern) {
    Matrix<double> x(1, 3);
    x << pattern % 2, pattern / 2 % 2, pattern / 4;
    const double exact = example::integral(model, rule, &x);
    total += std::exp(exact);
    if (pattern % 3 != 0) {
      continue;
    }
    RunningMoments weights;  // relative to p(x): their mean is 1
    for (Index b = 0; b < batches; ++b) {
      const auto input = static_cast<std::uint64_t>(pattern * batches + b);
      weights.add(std::exp(part.log_likelihood(x, 1, input) - exact));
    }
    const double estimate = whole.log_likelihood(x, 1, static_cast<std::uint64_t>(pattern));
    CAPTURE(pattern);
    CHECK(weights.standard_error() < 0.04);
    CHECK(std::abs(weights.mean() - 1) < 4 * weights.standard_error());
    // The same ε, 100 at a time.
    CHECK(estimate == doctest::Approx(exact + std::log(weights.mean())).epsilon(1e-10));
  }
  CHECK(std::abs(total - 1) < tolerance);
}

}  // namespace

TEST_CASE("log-likelihood: with the exact posterior every weight is p(x)") {
  const auto model = example::linear_vae(true);
  const Matrix<double> x = first_rows(example::normal_samples(6), 6);
  for (const Index samples : {1, 2, 50}) {
    ImportanceSampler sampler(model, samples);
    for (Index row = 0; row < x.rows(); ++row) {
      CHECK(sampler.log_likelihood(x.row(row), 1, static_cast<std::uint64_t>(row)) ==
            doctest::Approx(example::exact_log_likelihood(model, one_row(x, row))).epsilon(1e-10));
    }
  }
}

TEST_CASE("log-likelihood: 2000 samples from another posterior come within three standard errors of p(x)") {
  const auto model = example::linear_vae(false);
  const Matrix<double> x = first_rows(example::normal_samples(20), 20);
  constexpr Index samples = 2000;
  ImportanceSampler sampler(model, samples);
  ImportanceSampler single(model, 1);
  for (Index row = 0; row < x.rows(); ++row) {
    const double exact = example::exact_log_likelihood(model, one_row(x, row));
    // Weights relative to p(x): their mean is 1, and log of a mean near 1 has the error of the mean.
    RunningMoments weights;
    for (Index k = 0; k < samples; ++k) {
      weights.add(std::exp(
          single.log_likelihood(x.row(row), 1, static_cast<std::uint64_t>(row * samples + k)) - exact));
    }
    const double estimate = sampler.log_likelihood(x.row(row), 1, static_cast<std::uint64_t>(row));
    CHECK(std::abs(estimate - exact) < 3 * weights.standard_error());
    // The same ε one at a time.
    CHECK(estimate == doctest::Approx(exact + std::log(weights.mean())).epsilon(1e-10));
  }
}

TEST_CASE("log-likelihood: the size of a chunk changes nothing") {
  const auto model = example::linear_vae(false);
  const Matrix<double> x = first_rows(example::normal_samples(1), 1);
  const double expected = ImportanceSampler(model, 101, 500).log_likelihood(x, 1, 3);
  for (const Index chunk : {1, 7, 50, 100, 101}) {
    CHECK(ImportanceSampler(model, 101, chunk).log_likelihood(x, 1, 3) ==
          doctest::Approx(expected).epsilon(1e-12));
  }
  CHECK(ImportanceSampler(model, 101).log_likelihood(x, 2, 3) != expected);
  CHECK(ImportanceSampler(model, 101).log_likelihood(x, 1, 4) != expected);
}

TEST_CASE("log-likelihood: one sample is the integrand of the ELBO at its noise") {
  const auto model = example::linear_vae(false);
  const Matrix<double> x = first_rows(example::normal_samples(3), 3);
  ImportanceSampler sampler(model, 1);
  auto w = model.make_workspace(3);
  model.draw_evaluation_noise(1, 0, 3, w);
  const Matrix<double> reconstruction(model.terms(x, w).log_likelihood);
  const Matrix<double> z(w.z);
  const DiagonalGaussian<double> q = model.encode(x, w);
  for (Index row = 0; row < 3; ++row) {
    double expected = reconstruction(row, 0);
    for (Index d = 0; d < example::linear_dim; ++d) {
      const double deviation = z(row, d) - q.mu(row, d);
      expected += -0.5 * z(row, d) * z(row, d) +
                  0.5 * (deviation * deviation * std::exp(-q.logvar(row, d)) + q.logvar(row, d));
    }
    CHECK(sampler.log_likelihood(x.row(row), 1, static_cast<std::uint64_t>(row)) ==
          doctest::Approx(expected).epsilon(1e-12));
  }
}

TEST_CASE("log-likelihood: the encoder runs once for each input") {
  using Model =
      Vae<Sequential<CountingLayer>, GaussianLatent<double>, Sequential<Dense<double>>, Gaussian<double>>;
  const Model model(Sequential(CountingLayer(example::identity(3))), GaussianLatent<double>({.dim = 2}),
                    Sequential(example::identity(2)), Gaussian<double>({}, 3));
  const example::Samples samples = example::normal_samples(4);
  CountingLayer::rows_seen = 0;
  std::vector<double> values;
  const RunningMoments result =
      evaluate_log_likelihood(model, samples.view(), 1200, 1, [&](Index i, double value) {
        CHECK(i == std::ssize(values));
        values.push_back(value);
      });
  CHECK(CountingLayer::rows_seen == 4);
  REQUIRE(values.size() == 4);
  CHECK(result.mean() == doctest::Approx((values[0] + values[1] + values[2] + values[3]) / 4).epsilon(1e-12));
}

TEST_CASE("log-likelihood: posteriors of pseudo-inputs are found once, not for each input") {
  using Model = Vae<Sequential<CountingLayer>, GaussianLatent<double>, Sequential<Dense<double>>,
                    Gaussian<double>, VampPrior<double>>;
  const Model model(Sequential(CountingLayer(example::identity(3))), GaussianLatent<double>({.dim = 2}),
                    Sequential(example::identity(2)), Gaussian<double>({}, 3), Initializer::fan_in_uniform,
                    VampPrior<double>({.components = 7}, 2, 3));
  const example::Samples samples = example::normal_samples(4);
  const ThreadScope one(1);
  CountingLayer::rows_seen = 0;
  static_cast<void>(evaluate_log_likelihood(model, samples.view(), 1200, 1, [](Index, double) {}));
  CHECK(CountingLayer::rows_seen == 7 + 4);
}

TEST_CASE("log-likelihood: the same bits for every number of threads") {
  const auto model = example::linear_vae(false);
  const example::Samples samples = example::normal_samples(11);
  std::vector<double> expected;
  for (const int threads : {1, 2, 3, 16}) {
    const ThreadScope scope(threads);
    std::vector<double> values;
    static_cast<void>(evaluate_log_likelihood(model, samples.view(), 30, 1,
                                              [&](Index, double value) { values.push_back(value); }));
    expected = expected.empty() ? values : expected;
    CHECK(values == expected);
  }
}

TEST_CASE("log-likelihood: Gaussians with any covariance and flows agree with the integral over z") {
  const example::Quadrature plane = example::plane_quadrature();
  const auto check = [&plane](const LatentConfig& latent, double widen = 0.8) {
    check_by_quadrature(example::binary_vae(latent, StandardNormalConfig{}, widen), plane);
  };
  SUBCASE("full_gaussian") { check(FullGaussianConfig{.dim = 2}); }
  SUBCASE("planar") { check(FlowLatentConfig{.dim = 2, .length = 2, .flow = PlanarFlowConfig{}}); }
  SUBCASE("radial") { check(FlowLatentConfig{.dim = 2, .length = 2, .flow = RadialFlowConfig{}}); }
  SUBCASE("sylvester") {
    check(FlowLatentConfig{.dim = 2, .length = 2, .flow = SylvesterFlowConfig{.reflections = 2}});
  }
  SUBCASE("autoregressive") {
    check(FlowLatentConfig{.dim = 2, .length = 2, .flow = AutoregressiveFlowConfig{.hidden = 4}}, 2);
  }
  SUBCASE("coupling") {
    check(FlowLatentConfig{.dim = 2, .length = 2, .flow = CouplingFlowConfig{.hidden = 4}}, 1.2);
  }
}

TEST_CASE("log-likelihood: learned priors agree with the integral over z") {
  const example::Quadrature plane = example::plane_quadrature();
  const auto check = [&plane](const PriorConfig& prior, double tolerance = 1e-8) {
    check_by_quadrature(example::binary_vae(GaussianLatentConfig{.dim = 2}, prior, 1.2), plane, tolerance);
  };
  SUBCASE("gaussian_mixture") { check(GaussianMixtureConfig{.components = 3}); }
  SUBCASE("vamp") { check(VampPriorConfig{.components = 3}); }
  SUBCASE("flow") { check(FlowPriorConfig{.length = 2, .flow = CouplingFlowConfig{.hidden = 4}}, 1e-4); }
}

TEST_CASE("log-likelihood: curved spaces agree with the integral over z") {
  SUBCASE("circle") {
    check_by_quadrature(example::binary_vae(VonMisesFisherConfig{.dim = 2}, UniformSphereConfig{}),
                        example::circle_quadrature());
  }
  SUBCASE("sphere") {
    check_by_quadrature(example::binary_vae(VonMisesFisherConfig{.dim = 3}, UniformSphereConfig{}),
                        example::sphere_quadrature(), 1e-4);
  }
  SUBCASE("disk") {
    check_by_quadrature(example::binary_vae(PoincareConfig{.dim = 2, .curvature = 0.5},
                                            WrappedNormalConfig{.curvature = 0.5, .deviation = 0.8}, 0.5),
                        example::disk_quadrature(0.5), 1e-4);
  }
}

TEST_CASE("log-likelihood: categorical variables agree with the sum over codes") {
  SUBCASE("concrete") {
    check_by_quadrature(example::binary_vae(ConcreteConfig{.variables = 2, .classes = 3},
                                            CategoricalPriorConfig{.classes = 3, .learned = true}),
                        example::code_pairs(3));
  }
  SUBCASE("joint") {
    const JointConfig latent{.gaussian = {.dim = 1}, .concrete = {.variables = 1, .classes = 3}};
    check_by_quadrature(
        example::binary_vae(latent, JointPriorConfig{.dim = 1, .classes = 3, .learned = true}),
        example::line_and_code(3));
  }
}

TEST_CASE("log-likelihood: a posterior without a density is refused") {
  const auto check = [](const LatentConfig& latent, const PriorConfig& prior) {
    check_importance_sampling(example::binary_vae(latent, prior));
  };
  check_throws_with<ConfigError>(
      "importance sampling: weighs samples by the density of the posterior, vector_quantized has none",
      [&] { check(VectorQuantizedConfig{.positions = 1, .width = 2, .codes = 4}, CodePriorConfig{}); });
  CHECK_NOTHROW(check(ConcreteConfig{.variables = 1, .classes = 3}, CategoricalPriorConfig{.classes = 3}));
}

TEST_CASE("log-likelihood: an input of another width is refused") {
  const auto model = example::linear_vae(true);
  ImportanceSampler sampler(model, 2);
  check_throws_with<ShapeError>("Vae: x has 2 columns, must have 3 (features of the encoder)", [&] {
    static_cast<void>(sampler.log_likelihood(Matrix<double>(1, 2), 1, 0));
  });
}
