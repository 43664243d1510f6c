// SPDX-License-Identifier: MIT
#include "vaekit/latent/householder_flow.hpp"

#include <doctest/doctest.h>

#include "support/flow_suite.hpp"

using namespace vaekit;

namespace {

struct HouseholderCase {
  static constexpr Index least_dim = 1;
  template <class T>
  static HouseholderFlow<T> make(Index dim, Index position) {
    return {{}, dim, position};
  }
};

}  // namespace

TEST_CASE("householder flow: keeps the contract of a step") { flow_suite::check_step<HouseholderCase>(); }

TEST_CASE_TEMPLATE("householder flow: values and gradients are PyTorch's", T, float, double) {
  flow_suite::check_golden("householder", HouseholderFlow<T>({}, 5, 0), Golden("flows"));
}

TEST_CASE("householder flow: a reflection, which undoes itself and keeps lengths") {
  const HouseholderFlow<double> step({}, 4, 0);
  for (const double scale : {1e-10, 1.0, 1e10}) {
    const Matrix<double> v = flow_suite::random_matrix<double>(1, 4, 1, scale);
    const Matrix<double> z = flow_suite::random_matrix<double>(3, 4, 2);
    const flow_suite::Pass once(step, v, z);
    const flow_suite::Pass twice(step, v, once.out);
    CHECK((twice.out - z).isZero(1e-14));
    CHECK((once.out.rowwise().norm() - z.rowwise().norm()).isZero(1e-14));
    CHECK((once.out * v.transpose() + z * v.transpose()).isZero(1e-14 * scale));
  }
}

TEST_CASE("householder flow: small vectors have finite gradients, vanishing ones change nothing") {
  const HouseholderFlow<float> step({}, 2, 0);
  Matrix<float> z(1, 2);
  z << 1, -3;
  Matrix<float> one(1, 1);
  one(0, 0) = 1;
  for (const float scale : {0.0f, 1e-20f, 1e-14f, 1e18f}) {
    Matrix<float> v(1, 2);
    v << scale, 2 * scale;
    flow_suite::Pass pass(step, v, z);
    const flow_suite::Gradients got(step, v, z, pass, z, one);
    CHECK(pass.out.array().isFinite().all());
    CHECK(got.dparams.array().isFinite().all());
    CHECK((pass.out == z) == (scale < 1e-16f));
  }
}
