// SPDX-License-Identifier: MIT
#include "vaekit/latent/planar_flow.hpp"

#include <doctest/doctest.h>

#include "support/flow_suite.hpp"

using namespace vaekit;

namespace {

struct PlanarCase {
  static constexpr Index least_dim = 1;
  template <class T>
  static PlanarFlow<T> make(Index dim, Index position) {
    return {{}, dim, position};
  }
};

/// w^T u-hat, measured: the derivative of w^T f along w at the hyperplane, where tanh has slope 1, is
/// ||w||^2 (1 + w^T u-hat).
double measured_product(const Matrix<double>& params) {
  const PlanarFlow<double> step({}, 2, 0);
  const Eigen::RowVector2d w = params.middleCols(2, 2);
  Matrix<double> z(2, 2);
  const Eigen::RowVector2d on_plane = -params(0, 4) / w.squaredNorm() * w;
  z.row(0) = on_plane + 1e-6 * w;
  z.row(1) = on_plane - 1e-6 * w;
  const flow_suite::Pass pass(step, params, z);
  return (pass.out.row(0) - pass.out.row(1)).dot(w) / (2e-6 * w.squaredNorm()) - 1;
}

}  // namespace

TEST_CASE("planar flow: keeps the contract of a step") { flow_suite::check_step<PlanarCase>(); }

TEST_CASE_TEMPLATE("planar flow: values and gradients are PyTorch's", T, float, double) {
  flow_suite::check_golden("planar", PlanarFlow<T>({}, 5, 0), Golden("flows"));
}

TEST_CASE("planar flow: w^T u is constrained to log(1 + exp(w^T u)) - 1") {
  for (const double along : {-6.0, -1.5, -0.2, 0.0, 0.8, 4.0}) {
    Matrix<double> params(1, 5);
    params << along, 0.4, 0.8, -0.3, 0.25;
    const double product = params(0, 0) * 0.8 - 0.4 * 0.3;
    CHECK(std::abs(measured_product(params) - (std::log1p(std::exp(product)) - 1)) < 1e-7);
  }
}

TEST_CASE("planar flow: w near 0 gives finite values and exact gradients") {
  PlanarFlow<double> step({}, 3, 0);
  Matrix<double> params(1, 7);
  params << 0.3, -0.8, 0.5, 3e-7, -2e-7, 4e-7, 0.7;
  const Matrix<double> z = flow_suite::random_matrix<double>(1, 3, 1);
  const Matrix<double> ones = Matrix<double>::Constant(1, 3, 1e-6);
  const auto run = [&] { return flow_suite::Pass(step, params, z); };
  flow_suite::Pass pass = run();
  CHECK(std::abs(pass.log_det(0, 0) - flow_suite::numerical_log_det(step, params, z)) < 1e-5);
  Matrix<double> dlog_det(1, 1);
  dlog_det(0, 0) = 1;
  const flow_suite::Gradients got(step, params, z, pass, ones, dlog_det);
  for (Index j = 3; j < 6; ++j) {
    const double kept = params(0, j);
    const auto value = [&] {
      const flow_suite::Pass moved = run();
      return moved.out.cwiseProduct(ones).sum() + moved.log_det(0, 0);
    };
    params(0, j) = kept + 1e-9;
    const double above = value();
    params(0, j) = kept - 1e-9;
    const double below = value();
    params(0, j) = kept;
    const double slope = (above - below) / 2e-9;
    CHECK(std::abs(got.dparams(0, j) - slope) < 1e-5 * std::abs(slope));
  }
  params.middleCols(3, 3).setZero();
  pass = run();
  CHECK(pass.log_det(0, 0) == 0);
  CHECK((pass.out - z - std::tanh(0.7) * params.leftCols(3)).isZero(1e-15));
}

TEST_CASE("planar flow: a step that rounding makes singular has finite log-determinant and gradients") {
  const PlanarFlow<float> step({}, 1, 0);
  Matrix<float> params(1, 3);
  params << -1000, 1, 0;
  const Matrix<float> z(1, 1);
  flow_suite::Pass pass(step, params, z);
  CHECK(pass.log_det(0, 0) == doctest::Approx(std::log(1e-30)));
  Matrix<float> one(1, 1);
  one(0, 0) = 1;
  const flow_suite::Gradients got(step, params, z, pass, one, one);
  CHECK(got.dparams.array().isFinite().all());
  CHECK(got.din.array().isFinite().all());
}
