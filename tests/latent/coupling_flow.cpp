// SPDX-License-Identifier: MIT
#include "vaekit/latent/coupling_flow.hpp"

#include <doctest/doctest.h>

#include "support/flow_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

struct CouplingCase {
  static constexpr Index least_dim = 2;
  template <class T>
  static CouplingFlow<T> make(Index dim, Index position) {
    return {{.hidden = 9}, dim, position};
  }
};

}  // namespace

TEST_CASE("coupling flow: keeps the contract of a step") { flow_suite::check_step<CouplingCase>(); }

TEST_CASE("coupling flow: the inverse undoes it") { flow_suite::check_inverse<CouplingCase>(); }

TEST_CASE_TEMPLATE("coupling flow: values and gradients are PyTorch's", T, float, double) {
  const Golden golden("flows");
  flow_suite::check_golden("coupling", CouplingFlow<T>({.hidden = 6, .max_log_scale = 1.5}, 5, 0), golden);
  flow_suite::check_golden("coupling_odd", CouplingFlow<T>({.hidden = 6, .max_log_scale = 1.5}, 5, 1),
                           golden);
}

TEST_CASE("coupling flow: halves alternate, and one of them stays as it is") {
  const Matrix<double> z = flow_suite::random_matrix<double>(4, 5, 2);
  for (const Index position : {0, 1, 2, 3}) {
    const flow_suite::Pass pass(flow_suite::make<CouplingCase, double>(5, position), Matrix<double>(4, 0), z);
    const bool is_even = position % 2 == 0;
    CHECK((pass.out.leftCols(2) == z.leftCols(2)) == is_even);
    CHECK((pass.out.rightCols(3) == z.rightCols(3)) == !is_even);
  }
}

TEST_CASE("coupling flow: the logarithm of a factor is bounded") {
  CouplingFlow<float> step({.hidden = 2, .max_log_scale = 3}, 2, 0);
  Matrix<float> z(1, 2);
  z << 1, 2;
  step.output.bias << 1e6f, 0;
  CHECK(flow_suite::Pass(step, Matrix<float>(1, 0), z).log_det(0, 0) == 3);
  step.output.bias << -1e6f, 0;
  CHECK(flow_suite::Pass(step, Matrix<float>(1, 0), z).log_det(0, 0) == -3);
}

TEST_CASE("coupling flow: starts near the identity") {
  CouplingFlow<double> step({.hidden = 40}, 4, 0);
  step.initialize(RandomStream(3, Purpose::initialize));
  const Matrix<double> z = flow_suite::random_matrix<double>(1, 4, 2);
  CHECK((flow_suite::Pass(step, Matrix<double>(1, 0), z).out - z).cwiseAbs().maxCoeff() < 0.2);
}

TEST_CASE("coupling flow: numbers are checked") {
  check_throws_with<ConfigError>("coupling flow: hidden is 0, must be in [1, 100000]",
                                 [] { CouplingFlow<float>({.hidden = 0}, 2, 0); });
  check_throws_with<ConfigError>("coupling flow: max_log_scale is 0, must be in [0.01, 20]",
                                 [] { CouplingFlow<float>({.max_log_scale = 0}, 2, 0); });
  check_throws_with<ConfigError>(
      "coupling flow: dim is 1, must be >= 2: one half decides how the other is changed",
      [] { CouplingFlow<float>({}, 1, 0); });
}
