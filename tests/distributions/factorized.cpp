// SPDX-License-Identifier: MIT
#include "vaekit/distributions/factorized.hpp"

#include <doctest/doctest.h>

#include "support/distribution_suite.hpp"
#include "vaekit/distributions/gaussian.hpp"

using namespace vaekit;
using namespace likelihood_suite;

namespace {

using Base = Factorized<GaussianDensity<double>>;

Base with(ParameterSource mean, ParameterSource logvar) { return {{}, 3, {{{mean, 0.5}, {logvar, -1.0}}}}; }

}  // namespace

TEST_CASE("factorized: every parameter may come from anywhere") {
  for (const auto mean : {ParameterSource::fixed, ParameterSource::learned, ParameterSource::per_feature,
                          ParameterSource::predicted}) {
    for (const auto logvar : {ParameterSource::fixed, ParameterSource::learned, ParameterSource::per_feature,
                              ParameterSource::predicted}) {
      Base likelihood = with(mean, logvar);
      const auto blocks =
          (mean == ParameterSource::predicted ? 1 : 0) + (logvar == ParameterSource::predicted ? 1 : 0);
      REQUIRE(likelihood.head_size() == 3 * blocks);
      if (blocks == 0) {
        continue;  // nothing for a decoder to say
      }
      Matrix<double> params = random_params(likelihood, 4, 1);
      const Matrix<double> x = random_matrix<double>(4, 3, 2);
      const Matrix<double> dout = random_matrix<double>(1, 4, 3);
      const Pass pass(likelihood, params, x, dout);
      const auto value = [&] { return weighted_log_prob(likelihood, params, x, dout); };
      check_finite_differences(params.span(), pass.gradient.span(), value);
      const auto own = parameters(likelihood);
      const auto own_gradient = parameters(pass.own);
      for (std::size_t i = 0; i < own.size(); ++i) {
        check_finite_differences(own[i].values, own_gradient[i].values, value);
      }
    }
  }
}

TEST_CASE(
    "factorized: the head's blocks are in the order of the parameters, own parameters have their names") {
  const Base predicted = with(ParameterSource::predicted, ParameterSource::predicted);
  Matrix<double> params(1, 6);
  params << 1, 2, 3, 0, 0, 0;
  Matrix<double> mean(1, 3);
  predicted.mean(params, mean);
  CHECK(mean == params.leftCols(3));
  Base own = with(ParameterSource::per_feature, ParameterSource::learned);
  const auto list = parameters(own);
  REQUIRE(list.size() == 2);
  CHECK(list[0].name == "mu");
  CHECK(list[0].values.size() == 3);
  CHECK(list[0].values[2] == 0.5);
  CHECK(list[1].name == "logvar");
  CHECK(list[1].values.size() == 1);
  CHECK(list[1].values[0] == -1);
}

TEST_CASE_TEMPLATE("clamped: keeps what is inside, stops gradients outside, passes NaN", T, float, double) {
  const auto at = [](T x) {
    const Clamped<T> clamped = {Simd<T>(x), -2, 3};
    return std::pair{clamped.value().get(0), clamped.gradient(Simd<T>(T{7})).get(0)};
  };
  CHECK(at(T{1}) == std::pair{T{1}, T{7}});
  CHECK(at(T{-2}) == std::pair{T{-2}, T{7}});
  CHECK(at(T{3}) == std::pair{T{3}, T{7}});
  CHECK(at(T{-5}) == std::pair{T{-2}, T{0}});
  CHECK(at(T{1e9}) == std::pair{T{3}, T{0}});
  CHECK(std::isnan(at(std::numeric_limits<T>::quiet_NaN()).first));
}
