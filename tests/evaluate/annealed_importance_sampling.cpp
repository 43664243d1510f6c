// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/annealed_importance_sampling.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "evaluate/linear_gaussian.hpp"
#include "support/throws_with.hpp"
#include "vaekit/distributions/poisson.hpp"
#include "vaekit/evaluate/log_likelihood.hpp"
#include "vaekit/latent/conditional_gaussian.hpp"

using namespace vaekit;

namespace {

constexpr AnnealingOptions short_chains{.chains = 8, .steps = 40, .leapfrog_steps = 5, .pilot_chains = 2};

std::vector<AnnealedLogLikelihood> annealed(const DataView& view, const AnnealingOptions& options,
                                            std::uint64_t seed = 1) {
  std::vector<AnnealedLogLikelihood> values;
  static_cast<void>(evaluate_annealed(example::linear_vae(false), view, options, seed,
                                      [&](Index, const AnnealedLogLikelihood& v) { values.push_back(v); }));
  return values;
}

/// Mean and error of Σ (estimate − exact) over inputs.
template <class Estimate>
RunningMoments deviations(const example::LinearVae& model, const Matrix<double>& x, Estimate&& estimate) {
  RunningMoments moments;
  for (Index row = 0; row < x.rows(); ++row) {
    moments.add(estimate(row) - example::exact_log_likelihood(model, Matrix<double>(x.row(row))));
  }
  return moments;
}

}  // namespace

TEST_CASE("annealed importance sampling: temperatures go from 0 to 1") {
  for (const AnnealingSchedule schedule : {AnnealingSchedule::linear, AnnealingSchedule::sigmoid}) {
    const std::vector<double> beta = temperatures(schedule, 8);
    REQUIRE(beta.size() == 9);
    CHECK(beta.front() == 0);
    CHECK(beta[4] == doctest::Approx(0.5));
    CHECK(beta.back() == 1);
    for (std::size_t t = 1; t < beta.size(); ++t) {
      CHECK(beta[t] > beta[t - 1]);
    }
  }
  CHECK(temperatures(AnnealingSchedule::linear, 8)[1] == 0.125);
  CHECK(temperatures(AnnealingSchedule::sigmoid, 8)[1] ==
        doctest::Approx((1 / (1 + std::exp(3.0)) - 1 / (1 + std::exp(4.0))) /
                        (1 / (1 + std::exp(-4.0)) - 1 / (1 + std::exp(4.0)))));
}

TEST_CASE("annealed importance sampling: weights have the mean p(x), from either start") {
  const auto model = example::linear_vae(false);
  Matrix<double> x(1, 3);
  x << 1.5, -1, 0.5;
  const double exact = example::exact_log_likelihood(model, x);
  for (const AnnealingStart start : {AnnealingStart::prior, AnnealingStart::posterior}) {
    AnnealingOptions options = short_chains;
    options.chains = 1;
    options.steps = 12;
    options.start = start;
    AnnealedImportanceSampler sampler(model, options);
    RunningMoments ratios;
    for (std::uint64_t input = 0; input < 600; ++input) {
      AnnealedLogLikelihood value;
      sampler.log_likelihood(x, 1, input, std::span(&value, 1));
      ratios.add(std::exp(value.lower - exact));
    }
    CHECK(std::abs(ratios.mean() - 1) < 3 * ratios.standard_error());
    CHECK(ratios.standard_error() < 0.05);
  }
}

TEST_CASE("annealed importance sampling: agrees with the closed form and with importance sampling") {
  const auto model = example::linear_vae(false);
  const example::Samples samples = example::normal_samples(12);
  Matrix<double> x(12, 3);
  for_each_batch<double>(samples.view(), x, [](Index, MatrixIn<double>) {});
  AnnealingOptions options = short_chains;
  options.chains = 16;
  options.steps = 200;
  const std::vector<AnnealedLogLikelihood> values = annealed(samples.view(), options);
  const RunningMoments from_annealing =
      deviations(model, x, [&](Index row) { return values[static_cast<std::size_t>(row)].lower; });
  ImportanceSampler sampler(model, 5000);
  const RunningMoments from_importance = deviations(model, x, [&](Index row) {
    return sampler.log_likelihood(x.row(row), 1, static_cast<std::uint64_t>(row));
  });
  CHECK(std::abs(from_annealing.mean()) < 3 * from_annealing.standard_error());
  CHECK(std::abs(from_importance.mean()) < 3 * from_importance.standard_error());
  CHECK(from_annealing.standard_error() < 0.02);
  for (const AnnealedLogLikelihood& value : values) {
    CHECK(value.acceptance > 0.5);
    CHECK(value.acceptance < 0.85);
  }
}

TEST_CASE("annealed importance sampling: on simulated inputs the truth lies between the bounds") {
  const auto model = example::linear_vae(false);
  constexpr Index count = 120;
  Matrix<double> x(count, 3);
  Matrix<double> z(count, 2);
  simulate_inputs(model, Matrix<double>(count, 0), 1, 0, x, z);
  RunningMoments below;
  RunningMoments above;
  AnnealingOptions options = short_chains;
  options.chains = 2;
  options.steps = 8;
  const AnnealedBounds bounds = simulated_bounds(
      model, Matrix<double>(count, 0), options, 1, [&](Index row, const AnnealedLogLikelihood& value) {
        const double exact = example::exact_log_likelihood(model, Matrix<double>(x.row(row)));
        below.add(exact - value.lower);
        above.add(value.upper - exact);
      });
  // So few temperatures that the bounds are far from tight.
  CHECK(below.mean() > 3 * below.standard_error());
  CHECK(above.mean() > 3 * above.standard_error());
  CHECK(bounds.gap.mean() == doctest::Approx(below.mean() + above.mean()).epsilon(1e-10));
  CHECK(bounds.upper.mean() - bounds.lower.mean() == doctest::Approx(bounds.gap.mean()).epsilon(1e-10));
  options.chains = 8;
  options.steps = 200;
  const AnnealedBounds tight =
      simulated_bounds(model, Matrix<double>(count, 0), options, 1, [](Index, const auto&) {});
  CHECK(std::abs(tight.gap.mean()) < 0.05);
  CHECK(tight.gap.mean() < bounds.gap.mean() / 4);
}

TEST_CASE("annealed importance sampling: backward weights have the mean 1/p(x)") {
  const auto model = example::linear_vae(false);
  constexpr Index count = 600;
  Matrix<double> x(count, 3);
  Matrix<double> z(count, 2);
  simulate_inputs(model, Matrix<double>(count, 0), 3, 0, x, z);
  AnnealingOptions options = short_chains;
  options.chains = 1;
  options.steps = 12;
  AnnealedImportanceSampler sampler(model, options, count);
  std::vector<AnnealedLogLikelihood> values(count);
  sampler.bounds(x, z, 1, 0, values);
  RunningMoments ratios;
  for (Index row = 0; row < count; ++row) {
    ratios.add(std::exp(example::exact_log_likelihood(model, Matrix<double>(x.row(row))) -
                        values[static_cast<std::size_t>(row)].upper));
  }
  CHECK(std::abs(ratios.mean() - 1) < 3 * ratios.standard_error());
}

TEST_CASE("annealed importance sampling: the same bits for every number of threads and any company") {
  const example::Samples samples = example::normal_samples(10);
  AnnealingOptions options = short_chains;
  options.steps = 6;
  std::vector<AnnealedLogLikelihood> expected;
  for (const int threads : {1, 2, 3}) {
    const ThreadScope scope(threads);
    const std::vector<AnnealedLogLikelihood> values = annealed(samples.view(), options);
    if (expected.empty()) {
      expected = values;
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      CHECK(values[i].lower == expected[i].lower);
      CHECK(values[i].acceptance == expected[i].acceptance);
    }
  }
  CHECK(annealed(samples.view(), options, 2)[0].lower != expected[0].lower);
  Matrix<double> x(10, 3);
  for_each_batch<double>(samples.view(), x, [](Index, MatrixIn<double>) {});
  const auto model = example::linear_vae(false);
  AnnealedImportanceSampler alone(model, options);
  AnnealedLogLikelihood value;
  alone.log_likelihood(x.row(7), 1, 7, std::span(&value, 1));
  CHECK(value.lower == expected[7].lower);
}

TEST_CASE("annealed importance sampling: of a conditional model it is log p(x|c)") {
  using Conditional = Vae<Sequential<Dense<double>>, GaussianLatent<double>, Sequential<Dense<double>>,
                          Gaussian<double>, ConditionalGaussian<double>>;
  Conditional model(Sequential(example::identity(4)), GaussianLatent<double>({.dim = 1}),
                    Sequential(example::identity(3)), Gaussian<double>({.deviation = 0.5}, 2),
                    Initializer::fan_in_uniform, ConditionalGaussian<double>({}, 1, 2, 2), 2);
  // z|c ~ N(2 c_0 - c_1, 1); x = (z + c_1, c_0) + noise
  model.prior.head.weight(0, 0) = 2;
  model.prior.head.weight(0, 1) = -1;
  model.likelihood_head.weight << 1, 0, 1, 0, 1, 0;
  Matrix<double> x(3, 4);
  x << 1, 0.5, 1, 0, -1, 0.2, 0, 1, 0.3, 1.2, 0.5, 0.5;
  AnnealingOptions options = short_chains;
  options.chains = 60;
  options.steps = 400;
  AnnealedImportanceSampler sampler(model, options, 3);
  std::vector<AnnealedLogLikelihood> values(3);
  sampler.log_likelihood(x, 1, 0, values);
  for (Index row = 0; row < 3; ++row) {
    const double first = x(row, 0) - (2 * x(row, 2) - x(row, 3)) - x(row, 3);
    const double second = x(row, 1) - x(row, 2);
    const double exact = -0.5 * (first * first / 1.25 + std::log(2 * std::numbers::pi * 1.25) +
                                 second * second / 0.25 + std::log(2 * std::numbers::pi * 0.25));
    CHECK(values[static_cast<std::size_t>(row)].lower == doctest::Approx(exact).epsilon(0.01));
  }
  Matrix<double> made(3, 4);
  Matrix<double> z(3, 1);
  simulate_inputs(model, x.rightCols(2), 1, 0, made, z);
  CHECK(made.rightCols(2) == x.rightCols(2));
  CHECK((made.col(1) - x.col(2)).norm() < 3);
}

TEST_CASE("annealed importance sampling: options out of range are refused") {
  check_throws_with<ConfigError>("annealed importance sampling: chains is 0, must be >= 1", [] {
    const auto model = example::linear_vae(true);
    AnnealedImportanceSampler sampler(model, {.chains = 0});
  });
}

TEST_CASE("annealed importance sampling: inputs, latents and results that do not fit are refused") {
  const auto model = example::linear_vae(true);
  AnnealedImportanceSampler sampler(model, {.chains = 2, .steps = 2}, 2);
  std::vector<AnnealedLogLikelihood> results(2);
  const auto refused = [&](const std::string& message, Index inputs, Index count) {
    check_throws_with<ShapeError>("annealed importance sampling: has " + message, [&] {
      sampler.log_likelihood(Matrix<double>(inputs, 3), 1, 0,
                             std::span(results).first(static_cast<std::size_t>(count)));
    });
  };
  refused("3 inputs and 2 results, must have one result for each of 1 to 2 inputs", 3, 2);
  refused("2 inputs and 1 results, must have one result for each of 1 to 2 inputs", 2, 1);
  refused("0 inputs and 0 results, must have one result for each of 1 to 2 inputs", 0, 0);
  check_throws_with<ShapeError>("annealed importance sampling: z has 1 rows, must have 2 (inputs)", [&] {
    sampler.bounds(Matrix<double>(2, 3), Matrix<double>(1, 2), 1, 0, results);
  });
  check_throws_with<ShapeError>(
      "annealed importance sampling: z has 3 columns, must have 2 (latent dimensions)",
      [&] { sampler.bounds(Matrix<double>(2, 3), Matrix<double>(2, 3), 1, 0, results); });
}

TEST_CASE("annealed importance sampling: simulated inputs do not depend on how many follow") {
  const auto model = example::linear_vae(true);
  const auto lower = [&](Index count) {
    std::vector<double> values;
    const auto bounds = simulated_bounds(model, Matrix<double>(count, 0), {.chains = 1, .steps = 2}, 1,
                                         [&](Index row, const AnnealedLogLikelihood& value) {
                                           CHECK(row == std::ssize(values));
                                           values.push_back(value.lower);
                                         });
    CHECK(bounds.lower.count() == count);
    return values;
  };
  const std::vector<double> few = lower(20);
  const std::vector<double> many = lower(510);
  CHECK(std::equal(few.begin(), few.end(), many.begin()));
  CHECK(std::set<double>(many.begin(), many.end()).size() == 510);
}

TEST_CASE("annealed importance sampling: no simulated inputs where log p(x|z) is given their total") {
  check_simulation(example::linear_vae(true));
  const Vae model(Sequential(Dense<double>({.units = 2}, Shape::flat(3))), GaussianLatent<double>({.dim = 2}),
                  Sequential(Dense<double>({.units = 2}, Shape::flat(2))),
                  Poisson<double>({.library_size = LibrarySize::observed}, 3));
  check_throws_with<ConfigError>(
      "annealed importance sampling: log p(x|z) is given the total of x (library_size), which simulated "
      "inputs do not have; leave them out",
      [&] {
        static_cast<void>(simulated_bounds(model, Matrix<double>(4, 0), {.chains = 1, .steps = 2}, 1,
                                           [](Index, const AnnealedLogLikelihood&) {}));
      });
}
