// SPDX-License-Identifier: MIT
#include "vaekit/objectives/maximum_mean_discrepancy.hpp"

#include <doctest/doctest.h>

#include "support/objective_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;
using objective_suite::check_objective;
using objective_suite::random_matrix;

TEST_CASE("info-vae: gradients, PyTorch's values, NaN") {
  check_objective("info_vae", "one", InfoVae({.alpha = 0.3, .lambda = 9, .bandwidth = 1.5}));
}

TEST_CASE("wae-mmd: gradients, PyTorch's values, NaN") {
  check_objective("wae_mmd", "one", WaeMmd({.lambda = 9, .bandwidth = 1.5}));
}

TEST_CASE("discrepancy: near 0 for samples of one distribution, clear for two, for either kernel") {
  const Matrix<double> z = random_matrix<double>(400, 3, 1);
  const Matrix<double> same = random_matrix<double>(400, 3, 2);
  const Matrix<double> other = random_matrix<double>(400, 3, 3, 2);
  Matrix<double> dz(400, 3);
  Matrix<double> scratch;
  for (const MmdKernel kind : {MmdKernel::rbf, MmdKernel::imq}) {
    const KernelOfDistance kernel{kind, 6};
    CHECK(std::abs(maximum_mean_discrepancy(kernel, z, same, 1, dz, scratch)) < 0.02);
    CHECK(maximum_mean_discrepancy(kernel, z, other, 1, dz, scratch) > 0.05);
  }
}

TEST_CASE("discrepancy: the number of threads changes no bit") {
  const Matrix<float> z = random_matrix<float>(100, 7, 1);
  const Matrix<float> prior_z = random_matrix<float>(100, 7, 2);
  const auto run = [&](int threads) {
    const ThreadScope scope(threads);
    Matrix<float> dz(101, 7);
    Matrix<float> part(100, 7);
    Matrix<float> scratch;
    dz(100, 0) = static_cast<float>(
        maximum_mean_discrepancy(KernelOfDistance{MmdKernel::imq, 14}, z, prior_z, 1, part, scratch));
    dz.topRows(100) = part;
    return dz;
  };
  CHECK(run(2) == run(1));
  CHECK(run(3) == run(1));
}

TEST_CASE("discrepancy: numbers out of range are refused") {
  check_throws_with<ConfigError>("info_vae: bandwidth is 0, must be > 0", [] { InfoVae({.bandwidth = 0}); });
  check_throws_with<ConfigError>("wae_mmd: lambda is -1, must be >= 0", [] { WaeMmd({.lambda = -1}); });
}
