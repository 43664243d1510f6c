// SPDX-License-Identifier: MIT
//
// What every step of a flow must do, whatever its formula. A step joins with a `Case`:
//
//   struct MyCase {
//     static constexpr Index least_dim;
//     template <class T> static MyFlow<T> make(Index dim, Index position);
//   };
//   TEST_CASE("mine: keeps the contract of a step") { check_step<MyCase>(); }
#pragma once

#include <Eigen/Dense>
#include <array>
#include <tuple>

#include "support/alloc_guard.hpp"
#include "support/distribution_suite.hpp"
#include "support/golden.hpp"
#include "vaekit/latent/flow.hpp"

namespace flow_suite {

using namespace vaekit;
using likelihood_suite::random_matrix;
using likelihood_suite::same_bytes;

/// `step` with all its own weights drawn from N(0, 0.5²), so that nothing is near the identity.
template <class Step>
Step randomized(Step step, std::uint64_t seed = 21, double scale = 0.5) {
  for (auto& own : parameters(step)) {
    fill_normal(own.values, RandomStream(seed++, Purpose::synthetic));
    for (auto& value : own.values) {
      value *= static_cast<typename Step::Scalar>(scale);
    }
  }
  return step;
}

template <class Case, class T>
auto make(Index dim, Index position) {
  return randomized(Case::template make<T>(dim, position));
}

/// One pass of some inputs with `samples` rows each.
template <class Step>
struct Pass {
  using T = typename Step::Scalar;
  typename Step::Cache cache;
  Matrix<T> out;
  Matrix<T> log_det;  // [1 × rows]

  Pass(const Step& step, const Matrix<T>& params, const Matrix<T>& in)
      : cache(step.make_cache(in.rows())), out(in.rows(), in.cols()), log_det(1, in.rows()) {
    step.forward(params, in, out, log_det.span(), cache);
  }
};

template <class Step>
struct Gradients {
  using T = typename Step::Scalar;
  Matrix<T> din;
  Matrix<T> dparams;
  Step own;

  Gradients(const Step& step, const Matrix<T>& params, const Matrix<T>& in, Pass<Step>& pass,
            const Matrix<T>& dout, const Matrix<T>& dlog_det)
      : din(in.rows(), in.cols()), dparams(params.rows(), params.cols()), own(zeros_like(step)) {
    din.setConstant(T(1e9));  // overwritten, not added to
    step.backward(params, in, pass.out, dout, dlog_det.span(), pass.cache, din, dparams, own);
  }
};

/// log |det| of the Jacobian of the only row of z, by central differences.
template <class Step>
double numerical_log_det(const Step& step, const Matrix<double>& params, Matrix<double> z) {
  constexpr double h = 1e-4;
  const auto moved = [&](Index j, double by) {
    Matrix<double> point = z;
    point(0, j) += by;
    return Pass<Step>(step, params, point).out;
  };
  Eigen::MatrixXd jacobian(z.cols(), z.cols());
  for (Index j = 0; j < z.cols(); ++j) {
    const Eigen::VectorXd far = (moved(j, 2 * h) - moved(j, -2 * h)).transpose();
    const Eigen::VectorXd near = (moved(j, h) - moved(j, -h)).transpose();
    jacobian.col(j) = (8 * near - far) / (12 * h);
  }
  return std::log(std::abs(jacobian.determinant()));
}

/// The determinant, also where parameters are large, zero or of one sign.
template <class Case>
void check_log_det() {
  for (const Index dim : {1, 2, 3, 4, 5}) {
    for (const Index position : {0, 1}) {
      if (dim < Case::least_dim) {
        continue;
      }
      const auto step = make<Case, double>(dim, position);
      for (const double scale : {0.0, 1e-4, 0.7, -0.7, 2.5}) {
        for (const std::uint64_t seed : {1U, 2U, 3U}) {
          Matrix<double> params = random_matrix<double>(1, step.parameter_count(), seed, scale);
          if (scale < 0) {
            params = -params.cwiseAbs();
          }
          const Matrix<double> z = random_matrix<double>(1, dim, 10 + seed);
          Pass pass(step, params, z);
          const double expected = numerical_log_det(step, params, z);
          CAPTURE(dim);
          CAPTURE(scale);
          CHECK(std::abs(pass.log_det(0, 0) - expected) < 1e-7);
          step.forward(params, z, pass.out, pass.log_det.span(), pass.cache);
          CHECK(std::abs(pass.log_det(0, 0) - 2 * expected) < 2e-7);  // added to
        }
      }
    }
  }
}

template <class Case>
void check_gradients(Index dim, Index position, Index batch, Index samples) {
  auto step = make<Case, double>(dim, position);
  Matrix<double> params = random_matrix<double>(batch, step.parameter_count(), 1, 0.8);
  Matrix<double> in = random_matrix<double>(batch * samples, dim, 2);
  const Matrix<double> dout = random_matrix<double>(batch * samples, dim, 3);
  const Matrix<double> dlog_det = random_matrix<double>(1, batch * samples, 4);
  const auto value = [&] {
    const Pass run(step, params, in);
    return run.out.cwiseProduct(dout).sum() + run.log_det.cwiseProduct(dlog_det).sum();
  };
  Pass pass(step, params, in);
  Gradients got(step, params, in, pass, dout, dlog_det);
  CAPTURE(dim);
  CAPTURE(batch);
  check_finite_differences(in.span(), got.din.span(), value);
  check_finite_differences(params.span(), got.dparams.span(), value);
  check_parameter_gradients(step, got.own, value);
  // In place, and adding to what is there.
  Matrix<double> in_place = dout;
  const Matrix<double> once = got.dparams;
  Pass again(step, params, in);
  step.backward(params, in, again.out, in_place, dlog_det.span(), again.cache, in_place, got.dparams,
                got.own);
  CHECK(in_place == got.din);
  CHECK((got.dparams - 2 * once).isZero(1e-12));
  Gradients single(step, params, in, again, dout, dlog_det);
  const auto twice = parameters(got.own);
  const auto expected = parameters(single.own);
  for (std::size_t i = 0; i < twice.size(); ++i) {
    for (std::size_t j = 0; j < twice[i].values.size(); ++j) {
      CHECK(twice[i].values[j] == doctest::Approx(2 * expected[i].values[j]).epsilon(1e-12));
    }
  }
}

template <class Case>
void check_threads() {
  const auto step = make<Case, float>(20, 1);
  const Matrix<float> params = random_matrix<float>(700, step.parameter_count(), 1, 0.7);
  const Matrix<float> in = random_matrix<float>(1400, 20, 2);
  const Matrix<float> dout = random_matrix<float>(1400, 20, 3);
  const Matrix<float> dlog_det = random_matrix<float>(1, 1400, 4);
  const auto run_on = [&](int threads) {
    const ThreadScope scope(threads);
    Pass pass(step, params, in);
    Gradients gradients(step, params, in, pass, dout, dlog_det);
    return std::tuple(pass.out, pass.log_det, gradients.din, gradients.dparams, gradients.own);
  };
  const auto expected = run_on(1);
  for (const int threads : {2, 3}) {
    const auto other = run_on(threads);
    CHECK(same_bytes<float>(std::get<0>(other).span(), std::get<0>(expected).span()));
    CHECK(same_bytes<float>(std::get<1>(other).span(), std::get<1>(expected).span()));
    CHECK(same_bytes<float>(std::get<2>(other).span(), std::get<2>(expected).span()));
    CHECK(same_bytes<float>(std::get<3>(other).span(), std::get<3>(expected).span()));
    const auto own = parameters(std::get<4>(other));
    const auto expected_own = parameters(std::get<4>(expected));
    for (std::size_t i = 0; i < own.size(); ++i) {
      CHECK(same_bytes<float>(own[i].values, expected_own[i].values));
    }
  }
}

template <class Case>
void check_allocations() {
  const auto step = make<Case, float>(7, 0);
  const Matrix<float> params = random_matrix<float>(5, step.parameter_count(), 1, 0.7);
  const Matrix<float> in = random_matrix<float>(10, 7, 2);
  const Matrix<float> dlog_det = random_matrix<float>(1, 10, 4);
  Pass pass(step, params, in);
  Gradients gradients(step, params, in, pass, in, dlog_det);
  const AllocationCount guard;
  step.forward(params, in, pass.out, pass.log_det.span(), pass.cache);
  step.backward(params, in, pass.out, in, dlog_det.span(), pass.cache, gradients.din, gradients.dparams,
                gradients.own);
  const std::size_t allocations = guard.count();
  CHECK(allocations == 0);
}

/// A NaN reaches its own rows, and no others.
template <class Case>
void check_nan() {
  const auto step = make<Case, float>(3, 0);
  const Matrix<float> params = random_matrix<float>(3, step.parameter_count(), 1, 0.7);
  Matrix<float> in = random_matrix<float>(6, 3, 2);
  in.row(2).setConstant(std::numeric_limits<float>::quiet_NaN());
  const Pass pass(step, params, in);
  CHECK(pass.out.row(2).array().isNaN().all());
  CHECK(pass.out.topRows(2).array().isFinite().all());
  CHECK(pass.out.bottomRows(3).array().isFinite().all());
  CHECK(pass.log_det.leftCols(2).array().isFinite().all());
  CHECK(pass.log_det.rightCols(3).array().isFinite().all());
}

template <class Case>
void check_step() {
  static_assert(FlowStep<decltype(Case::template make<float>(1, 0))>);
  SUBCASE("the determinant is that of finite differences") { check_log_det<Case>(); }
  SUBCASE("gradients are those of finite differences") {
    for (const Index batch : {1, 3, 8}) {
      for (const Index samples : {1, 3}) {
        check_gradients<Case>(4, batch % 2, batch, samples);
      }
    }
    check_gradients<Case>(Case::least_dim, 0, 3, 2);
    check_gradients<Case>(5, 1, 2, 2);
  }
  SUBCASE("the number of threads changes no bit") { check_threads<Case>(); }
  SUBCASE("nothing allocates after the cache") { check_allocations<Case>(); }
  SUBCASE("NaN in, NaN out") { check_nan<Case>(); }
}

/// Both ways round, and rows of a block do not depend on the block.
template <class Case>
void check_inverse() {
  static_assert(InvertibleFlowStep<decltype(Case::template make<float>(1, 0))>);
  for (const Index dim : {1, 2, 3, 4, 5, 9}) {
    for (const Index position : {0, 1}) {
      if (dim < Case::least_dim) {
        continue;
      }
      CAPTURE(dim);
      const auto step = make<Case, double>(dim, position);
      const Matrix<double> z = random_matrix<double>(11, dim, 2);
      Pass pass(step, Matrix<double>(11, 0), z);
      Matrix<double> back(11, dim);
      step.inverse(pass.out, back, pass.cache);
      CHECK((back - z).cwiseAbs().maxCoeff() < 1e-10);
      auto fresh = step.make_cache(4);
      Matrix<double> rest(4, dim);
      step.inverse(pass.out.bottomRows(4), rest, fresh);
      CHECK(rest == back.bottomRows(4));
    }
  }
}

/// Values and gradients of tests/golden/make_flows.py, whose tensors start with `name`.
template <class Step>
void check_golden(const std::string& name, Step step, const Golden& golden) {
  using T = typename Step::Scalar;
  const auto tensor = [&](const std::string& part) { return name + '.' + part; };
  for (auto& own : parameters(step)) {
    golden.copy_to<T>(tensor("weights." + own.name), own.values);
  }
  const Matrix<T> in = golden.matrix<T>("in");
  const bool is_amortized = step.parameter_count() > 0;
  const Matrix<T> params = is_amortized ? golden.matrix<T>(tensor("params")) : Matrix<T>(in.rows(), 0);
  Pass pass(step, params, in);
  golden.check<T>(tensor("out"), pass.out);
  golden.check<T>(tensor("log_det"), pass.log_det);
  const Gradients got(step, params, in, pass, golden.matrix<T>("dout"), golden.matrix<T>("dlog_det"));
  golden.check<T>(tensor("din"), got.din);
  if (is_amortized) {
    golden.check<T>(tensor("dparams"), got.dparams);
  }
  for (const auto& own : parameters(got.own)) {
    golden.check<T>(tensor("grad." + own.name), own.values);
  }
}

}  // namespace flow_suite
