// SPDX-License-Identifier: MIT
#include "vaekit/latent/radial_flow.hpp"

#include <doctest/doctest.h>

#include "support/flow_suite.hpp"

using namespace vaekit;

namespace {

struct RadialCase {
  static constexpr Index least_dim = 1;
  template <class T>
  static RadialFlow<T> make(Index dim, Index position) {
    return {{}, dim, position};
  }
};

}  // namespace

TEST_CASE("radial flow: keeps the contract of a step") { flow_suite::check_step<RadialCase>(); }

TEST_CASE_TEMPLATE("radial flow: values and gradients are PyTorch's", T, float, double) {
  flow_suite::check_golden("radial", RadialFlow<T>({}, 5, 0), Golden("flows"));
}

TEST_CASE("radial flow: distances from the centre keep their order") {
  const RadialFlow<double> step({}, 1, 0);
  for (const double c : {-40.0, -3.0, 0.0, 5.0}) {
    Matrix<double> params(1, 3);
    params << 0.3, 1.0, c;
    double previous = -100;
    for (int i = -50; i <= 50; ++i) {
      Matrix<double> z(1, 1);
      z(0, 0) = 0.3 + 0.05 * i;
      const flow_suite::Pass pass(step, params, z);
      CHECK(pass.out(0, 0) > previous);
      CHECK(std::isfinite(pass.log_det(0, 0)));
      previous = pass.out(0, 0);
    }
  }
}

TEST_CASE("radial flow: the centre itself stays, with finite gradients") {
  const RadialFlow<float> step({}, 2, 0);
  for (const float raw : {-200.0f, 0.0f, 200.0f}) {
    Matrix<float> params(1, 4);
    params << 0.5f, -1.0f, raw, -raw;
    Matrix<float> z(1, 2);
    z << 0.5f, -1.0f;
    flow_suite::Pass pass(step, params, z);
    CHECK(pass.out == z);
    CHECK(std::isfinite(pass.log_det(0, 0)));
    Matrix<float> one(1, 1);
    one(0, 0) = 1;
    const flow_suite::Gradients got(step, params, z, pass, z, one);
    CHECK(got.din.array().isFinite().all());
    CHECK(got.dparams.array().isFinite().all());
  }
}
