// SPDX-License-Identifier: MIT
#include "vaekit/latent/flow.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "support/flow_suite.hpp"
#include "vaekit/latent/autoregressive_flow.hpp"
#include "vaekit/latent/coupling_flow.hpp"
#include "vaekit/latent/radial_flow.hpp"

using namespace vaekit;

namespace {

using Chain = FlowChain<RadialFlow<double>, AutoregressiveFlow<double>, CouplingFlow<double>>;
using OwnChain = FlowChain<CouplingFlow<double>, AutoregressiveFlow<double>>;

/// A radial, an autoregressive with a context, and a coupling step.
Chain mixed(Index dim) {
  Chain chain(RadialFlowConfig{}, dim, 1);
  chain.steps.push_back(AutoregressiveFlow<double>({.hidden = 6, .context = 2}, dim, 1));
  chain.steps.push_back(CouplingFlow<double>({.hidden = 5}, dim, 0));
  return flow_suite::randomized(chain);
}

}  // namespace

TEST_CASE("flow chain: one step after another") {
  const Chain chain = mixed(4);
  REQUIRE(chain.parameter_count() == 6 + 2);
  const Matrix<double> params = flow_suite::random_matrix<double>(2, 8, 1);
  const Matrix<double> in = flow_suite::random_matrix<double>(6, 4, 2);
  const flow_suite::Pass whole(chain, params, in);
  const Matrix<double> radial_params(params.leftCols(6));
  const Matrix<double> context(params.rightCols(2));
  const flow_suite::Pass first(std::get<0>(chain.steps[0]), radial_params, in);
  const flow_suite::Pass second(std::get<1>(chain.steps[1]), context, first.out);
  const flow_suite::Pass third(std::get<2>(chain.steps[2]), Matrix<double>(2, 0), second.out);
  CHECK(whole.out == third.out);
  CHECK((whole.log_det - first.log_det - second.log_det - third.log_det).isZero(1e-14));
}

TEST_CASE("flow chain: the determinant and gradients are those of finite differences") {
  for (const Index length : {1, 2, 3}) {
    Chain chain = mixed(4);
    chain.steps.resize(static_cast<std::size_t>(length));
    Matrix<double> params = flow_suite::random_matrix<double>(3, chain.parameter_count(), 1, 0.8);
    Matrix<double> in = flow_suite::random_matrix<double>(6, 4, 2);
    const Matrix<double> dout = flow_suite::random_matrix<double>(6, 4, 3);
    const Matrix<double> dlog_det = flow_suite::random_matrix<double>(1, 6, 4);
    flow_suite::Pass pass(chain, params, in);
    const Matrix<double> one_params(params.topRows(1));
    const Matrix<double> one_in(in.topRows(1));
    CHECK(std::abs(pass.log_det(0, 0) - flow_suite::numerical_log_det(chain, one_params, one_in)) < 1e-7);
    Matrix<double> gradient = dout;
    Matrix<double> dparams(3, chain.parameter_count());
    Chain grad = zeros_like(chain);
    chain.backward(params, in, pass.out, dlog_det.span(), pass.cache, gradient, dparams, grad);
    const auto value = [&] {
      const flow_suite::Pass run(chain, params, in);
      return run.out.cwiseProduct(dout).sum() + run.log_det.cwiseProduct(dlog_det).sum();
    };
    check_finite_differences(in.span(), gradient.span(), value);
    check_finite_differences(params.span(), dparams.span(), value);
    check_parameter_gradients(chain, grad, value);
  }
}

TEST_CASE("flow chain: the inverse undoes all steps") {
  for (const Index length : {1, 2, 5}) {
    OwnChain chain(CouplingFlowConfig{.hidden = 6}, 3, length);
    chain.steps.push_back(AutoregressiveFlow<double>({.hidden = 6}, 3, 1));
    chain = flow_suite::randomized(chain);
    const Matrix<double> z = flow_suite::random_matrix<double>(5, 3, 2);
    flow_suite::Pass pass(chain, Matrix<double>(5, 0), z);
    Matrix<double> back(5, 3);
    chain.inverse(pass.out, back, pass.cache);
    CHECK((back - z).cwiseAbs().maxCoeff() < 1e-10);
  }
}

TEST_CASE("flow chain: steps know their positions, start differently, and are named by number") {
  OwnChain chain(AutoregressiveFlowConfig{.hidden = 4}, 3, 3);
  chain.initialize(RandomStream(1, Purpose::initialize));
  const auto& first = std::get<1>(chain.steps[0]);
  const auto& second = std::get<1>(chain.steps[1]);
  CHECK(!first.is_reversed);
  CHECK(second.is_reversed);
  CHECK(!std::get<1>(chain.steps[2]).is_reversed);
  CHECK((first.hidden.bias.array() != second.hidden.bias.array()).all());
  CHECK(parameters(chain)[0].name == "0.hidden.weight");
  CHECK(parameters(chain).back().name == "2.output.bias");
}

TEST_CASE("flow chain: nothing allocates after the cache") {
  const Chain chain = mixed(4);
  const Matrix<double> params = flow_suite::random_matrix<double>(2, 8, 1);
  const Matrix<double> in = flow_suite::random_matrix<double>(6, 4, 2);
  const Matrix<double> dlog_det = flow_suite::random_matrix<double>(1, 6, 4);
  flow_suite::Pass pass(chain, params, in);
  Matrix<double> gradient = in;
  Matrix<double> dparams(2, 8);
  Chain grad = zeros_like(chain);
  const AllocationCount guard;
  chain.forward(params, in, pass.out, pass.log_det.span(), pass.cache);
  chain.backward(params, in, pass.out, dlog_det.span(), pass.cache, gradient, dparams, grad);
  const std::size_t allocations = guard.count();
  CHECK(allocations == 0);
}

TEST_CASE_TEMPLATE("floored logarithm: tiny factors are constants, NaN stays", T, float, double) {
  const auto value = [](T factor) {
    alignas(alignment) T out[lanes<T>];
    detail::FlooredLog<T>(Simd<T>(factor)).value().store_aligned(out);
    return out[0];
  };
  const auto gradient = [](T factor) {
    alignas(alignment) T out[lanes<T>];
    detail::FlooredLog<T>(Simd<T>(factor)).gradient(Simd<T>(T{3})).store_aligned(out);
    return out[0];
  };
  CHECK(value(T{2}) == doctest::Approx(std::log(2.0)));
  CHECK(gradient(T{2}) == T{1.5});
  CHECK(value(T{0}) == doctest::Approx(std::log(1e-30)));
  CHECK(value(T{-1}) == value(T{0}));
  CHECK(gradient(T{0}) == 0);
  CHECK(std::isnan(value(std::numeric_limits<T>::quiet_NaN())));
  CHECK(std::isnan(gradient(std::numeric_limits<T>::quiet_NaN())));
}
