// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/log_likelihood.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <vector>

#include "evaluate/linear_gaussian.hpp"
#include "support/throws_with.hpp"
#include "vaekit/latent/categorical_prior.hpp"
#include "vaekit/latent/concrete.hpp"
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

TEST_CASE("log-likelihood: a posterior without a density is refused") {
  using Model = Vae<Sequential<Dense<double>>, ConcreteLatent<double>, Sequential<Dense<double>>,
                    Gaussian<double>, CategoricalPrior<double>>;
  const ConcreteLatent<double> latent({.variables = 1, .classes = 3});
  const Model model(Sequential(example::identity(3)), latent, Sequential(example::identity(3)),
                    Gaussian<double>({}, 3), Initializer::fan_in_uniform,
                    CategoricalPrior<double>({.classes = 3}, 3));
  check_throws_with<ConfigError>(
      "importance sampling: weighs samples by the density of the posterior, concrete has none",
      [&] { check_importance_sampling(model); });
}

TEST_CASE("log-likelihood: an input of another width is refused") {
  const auto model = example::linear_vae(true);
  ImportanceSampler sampler(model, 2);
  check_throws_with<ShapeError>("Vae: x has 2 columns, must have 3 (features of the encoder)", [&] {
    static_cast<void>(sampler.log_likelihood(Matrix<double>(1, 2), 1, 0));
  });
}
