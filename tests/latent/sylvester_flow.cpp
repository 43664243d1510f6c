// SPDX-License-Identifier: MIT
#include "vaekit/latent/sylvester_flow.hpp"

#include <doctest/doctest.h>

#include "support/flow_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

template <Index Reflections>
struct SylvesterCase {
  static constexpr Index least_dim = 1;
  template <class T>
  static SylvesterFlow<T> make(Index dim, Index position) {
    return {{.reflections = Reflections}, dim, position};
  }
};

}  // namespace

TEST_CASE("sylvester flow: keeps the contract of a step") { flow_suite::check_step<SylvesterCase<3>>(); }

TEST_CASE("sylvester flow with one reflection: keeps the contract of a step") {
  flow_suite::check_step<SylvesterCase<1>>();
}

TEST_CASE_TEMPLATE("sylvester flow: values and gradients are PyTorch's", T, float, double) {
  flow_suite::check_golden("sylvester", SylvesterFlow<T>({.reflections = 3}, 5, 0), Golden("flows"));
}

TEST_CASE("sylvester flow: a diagonal that rounds to a singular one has finite determinant and gradients") {
  const SylvesterFlow<float> step({.reflections = 1}, 1, 0);
  Matrix<float> params(1, step.parameter_count());
  params << -100, 100, 0, 1;
  const Matrix<float> z(1, 1);
  flow_suite::Pass pass(step, params, z);
  CHECK(pass.log_det(0, 0) == doctest::Approx(std::log(1e-30)));
  Matrix<float> one(1, 1);
  one(0, 0) = 1;
  const flow_suite::Gradients got(step, params, z, pass, one, one);
  CHECK(got.dparams.array().isFinite().all());
  CHECK(got.din.array().isFinite().all());
}

TEST_CASE("sylvester flow: numbers are checked") {
  CHECK(SylvesterFlow<float>({.reflections = 4}, 20, 0).parameter_count() == 2 * 20 + 20 * 20 + 4 * 20);
  check_throws_with<ConfigError>("sylvester flow: reflections is 0, must be in [1, 512]",
                                 [] { SylvesterFlow<float>({.reflections = 0}, 2, 0); });
}
