// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/hmc.hpp"

#include <doctest/doctest.h>

#include <array>
#include <limits>

#include "support/same_bits.hpp"
#include "vaekit/evaluate/elbo.hpp"
#include "vaekit/kernels/random.hpp"

using namespace vaekit;

namespace {

/// N(mean, diag variance) in three dimensions.
struct ThreeGaussians {
  std::array<double, 3> mean = {1, -2, 0.5};
  std::array<double, 3> variance = {0.25, 1, 4};

  void evaluate(MatrixIn<double> z, std::span<double> log_density, MatrixOut<double> gradient) const {
    for (Index row = 0; row < z.rows(); ++row) {
      double sum = 0;
      for (std::size_t d = 0; d < 3; ++d) {
        const double deviation = z(row, static_cast<Index>(d)) - mean[d];
        sum += deviation * deviation / variance[d];
        gradient(row, static_cast<Index>(d)) = -deviation / variance[d];
      }
      log_density[static_cast<std::size_t>(row)] = -sum / 2;
    }
  }
};

/// `count` transitions of z, all rows with one step size; mean acceptance.
template <class Target>
double move_rows(Target& target, Matrix<double>& z, double step, Index leapfrog, Index count) {
  const auto rows = static_cast<std::size_t>(z.rows());
  HamiltonianSampler<double> sampler(z.rows(), z.cols());
  Matrix<double> gradient(z.rows(), z.cols());
  Matrix<double> momentum(z.rows(), z.cols());
  std::vector<double> density(rows);
  std::vector<double> uniforms(rows);
  std::vector<double> acceptance(rows);
  const std::vector<double> steps(rows, step);
  RunningMoments mean;
  for (Index t = 0; t < count; ++t) {
    const RandomStream stream(11, Purpose::evaluation, static_cast<std::uint64_t>(t));
    fill_normal(momentum.span(), stream);
    fill_uniform(std::span(uniforms), stream.child(1));
    target.evaluate(z, density, gradient);
    sampler.transition(target, z, density, gradient, momentum, steps, leapfrog, uniforms, acceptance);
    for (const double value : acceptance) {
      mean.add(value);
    }
  }
  return mean.mean();
}

/// Exact samples of the target.
Matrix<double> exact_rows(const ThreeGaussians& target, Index rows) {
  Matrix<double> z(rows, 3);
  fill_normal(z.span(), RandomStream(5, Purpose::synthetic));
  for (Index row = 0; row < rows; ++row) {
    for (std::size_t d = 0; d < 3; ++d) {
      z(row, static_cast<Index>(d)) =
          target.mean[d] + std::sqrt(target.variance[d]) * z(row, static_cast<Index>(d));
    }
  }
  return z;
}

}  // namespace

TEST_CASE("hmc: leaves a Gaussian invariant, whatever the acceptance") {
  ThreeGaussians target;
  for (const double step : {0.2, 0.9}) {
    CAPTURE(step);
    Matrix<double> z = exact_rows(target, 4000);
    const Matrix<double> before = z;
    const double acceptance = move_rows(target, z, step, 3, 5);
    CHECK(acceptance < (step < 0.5 ? 0.999 : 0.8));
    CHECK(acceptance > 0.4);
    CHECK((z - before).rowwise().norm().mean() > 1);
    for (std::size_t d = 0; d < 3; ++d) {
      RunningMoments first;
      RunningMoments second;
      for (Index row = 0; row < z.rows(); ++row) {
        const double deviation = z(row, static_cast<Index>(d)) - target.mean[d];
        first.add(deviation);
        second.add(deviation * deviation);
      }
      CHECK(std::abs(first.mean()) < 5 * first.standard_error());
      CHECK(std::abs(second.mean() - target.variance[d]) < 5 * second.standard_error());
    }
  }
}

TEST_CASE("hmc: finds a Gaussian from far away") {
  ThreeGaussians target;
  Matrix<double> z(2000, 3);
  z.setConstant(6);
  static_cast<void>(move_rows(target, z, 0.2, 5, 60));
  for (std::size_t d = 0; d < 3; ++d) {
    RunningMoments moments;
    for (Index row = 0; row < z.rows(); ++row) {
      moments.add(z(row, static_cast<Index>(d)));
    }
    CHECK(std::abs(moments.mean() - target.mean[d]) < 5 * moments.standard_error());
    CHECK(moments.variance() == doctest::Approx(target.variance[d]).epsilon(0.15));
  }
}

TEST_CASE("hmc: the error of the energy falls as the square of the step") {
  ThreeGaussians target;
  const Matrix<double> start = exact_rows(target, 500);
  // Mean of 1 − acceptance ≈ ½ E|ΔH| over a path of fixed length.
  std::array<double, 3> refused{};
  for (std::size_t i = 0; i < 3; ++i) {
    Matrix<double> z = start;
    const auto halvings = static_cast<Index>(1) << i;
    refused[i] = 1 - move_rows(target, z, 0.2 / static_cast<double>(halvings), 5 * halvings, 1);
  }
  CHECK(refused[0] / refused[1] == doctest::Approx(4).epsilon(0.1));
  CHECK(refused[1] / refused[2] == doctest::Approx(4).epsilon(0.05));
}

TEST_CASE("hmc: a chain does not depend on the others") {
  ThreeGaussians target;
  Matrix<double> all = exact_rows(target, 6);
  Matrix<double> some(all.topRows(2));
  static_cast<void>(move_rows(target, all, 0.5, 4, 6));
  static_cast<void>(move_rows(target, some, 0.5, 4, 1));
  Matrix<double> once = exact_rows(target, 6);
  static_cast<void>(move_rows(target, once, 0.5, 4, 1));
  CHECK(same_bits(some, Matrix<double>(once.topRows(2))));
}

TEST_CASE("hmc: a move to where the density is not finite is refused") {
  struct Cliff {
    void evaluate(MatrixIn<double> z, std::span<double> log_density, MatrixOut<double> gradient) const {
      gradient.setZero();
      for (std::size_t row = 0; row < log_density.size(); ++row) {
        log_density[row] = z(static_cast<Index>(row), 0) > 0 ? std::numeric_limits<double>::quiet_NaN() : 0;
      }
    }
  } cliff;
  Matrix<double> z(200, 1);
  z.setConstant(-0.01);
  const double acceptance = move_rows(cliff, z, 1, 1, 1);
  CHECK(acceptance > 0.3);
  CHECK(acceptance < 0.7);
  CHECK(z.maxCoeff() <= 0);
  CHECK(z.minCoeff() < -1);
}

TEST_CASE("hmc: step sizes settle where the acceptance is wanted") {
  StepSize step(5, 0.65);
  for (int i = 0; i < 400; ++i) {
    step.adapt(std::exp(-step.value()));
  }
  CHECK(std::exp(-step.value()) == doctest::Approx(0.65).epsilon(0.01));
  StepSize other(0.001, 0.65);
  for (int i = 0; i < 800; ++i) {
    other.adapt(std::exp(-other.value()));
  }
  CHECK(other.value() == doctest::Approx(step.value()).epsilon(0.02));
}
