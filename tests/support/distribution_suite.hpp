// SPDX-License-Identifier: MIT
//
// What every likelihood must do, whatever its formula. A likelihood joins with a `Case`:
//
//   struct MyCase {
//     template <class T> static MyLikelihood<T> make(Index features);
//     static std::vector<Node> nodes(Numbers p);   quadrature over x for one feature: Σ weight · p(x) = 1
//     static double variance(Numbers p);           of x, for one feature
//     static double datum(double normal);          a value in the support from a standard normal
//     static std::vector<std::vector<double>> extremes();   of a feature, where everything must stay finite
//   };
//
// where p holds what the head predicts for one feature; the head's outputs lie in blocks of `features`.
//   TEST_CASE("mine: keeps the contract of a likelihood") { check_likelihood<MyCase>(); }
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "support/alloc_guard.hpp"
#include "support/gradient_check.hpp"
#include "support/values.hpp"
#include "vaekit/distributions/distribution.hpp"

namespace likelihood_suite {

using namespace vaekit;
using test_values::near;
using test_values::random_matrix;
using test_values::rounding;
using test_values::same_bytes;

using Numbers = std::vector<double>;

/// One point of a quadrature over the values of a feature.
struct Node {
  double x;
  double weight;
};

template <class Case, class T>
Matrix<T> random_data(Index rows, Index cols, std::uint64_t seed) {
  Matrix<T> m = random_matrix<T>(rows, cols, seed);
  for (T& value : m.span()) {
    value = static_cast<T>(Case::datum(static_cast<double>(value)));
  }
  return m;
}

/// Random outputs of a head.
template <class L>
Matrix<typename L::Scalar> random_params(const L& likelihood, Index rows, std::uint64_t seed,
                                         double scale = 1) {
  return random_matrix<typename L::Scalar>(rows, likelihood.head_size(), seed, scale);
}

/// What the head predicts for feature j in the first row of `params`.
template <class T>
Numbers numbers_of(const Matrix<T>& params, Index features, Index j) {
  Numbers numbers;
  for (; j < params.cols(); j += features) {
    numbers.push_back(static_cast<double>(params(0, j)));
  }
  return numbers;
}

/// A forward and backward pass with fixed upstream gradients.
template <class L>
struct Pass {
  using T = typename L::Scalar;
  Matrix<T> out;       // [1 × rows]
  Matrix<T> gradient;  // [rows × head_size]
  L own;               // gradient of the likelihood's own parameters

  Pass(const L& likelihood, MatrixIn<T> params, MatrixIn<T> x, const Matrix<T>& dout)
      : out(1, params.rows()), own(zeros_like(likelihood)) {
    typename L::Cache cache = likelihood.make_cache(params.rows() + 2);
    likelihood.forward(params, x, out.span(), cache);
    likelihood.backward(dout.span(), cache, own);
    gradient = Matrix<T>(head(cache).topRows(params.rows()));
  }

  static Matrix<T>& head(typename L::Cache& cache) {
    if constexpr (requires { cache.gradient_matrix(); }) {
      return cache.gradient_matrix();
    } else {
      return cache.gradient;
    }
  }
};

/// Σ dout · log p, the scalar whose gradient a pass computes.
template <class L>
double weighted_log_prob(const L& likelihood, const Matrix<double>& params, const Matrix<double>& x,
                         const Matrix<double>& dout) {
  Matrix<double> out(1, params.rows());
  likelihood.log_prob(params, x, out.span());
  return out.cwiseProduct(dout).sum();
}

template <class Case>
void check_total_probability() {
  for (const Index features : {1, 2, 3}) {
    const auto likelihood = Case::template make<double>(features);
    const Matrix<double> params = random_params(likelihood, 1, 1, 1.5);
    std::vector<std::vector<Node>> nodes;
    for (Index j = 0; j < features; ++j) {
      nodes.push_back(Case::nodes(numbers_of(params, features, j)));
    }
    Matrix<double> x(1, features);
    double out = 0;
    double total = 0;
    const auto sum_over = [&](auto&& self, Index j, double weight) -> void {
      if (j == features) {
        likelihood.log_prob(params, x, std::span(&out, 1));
        total += weight * std::exp(out);
        return;
      }
      for (const Node& node : nodes[static_cast<std::size_t>(j)]) {
        x(0, j) = node.x;
        self(self, j + 1, weight * node.weight);
      }
    };
    sum_over(sum_over, 0, 1.0);
    CHECK(std::abs(total - 1) < 1e-9);
  }
}

template <class Case, class T>
void check_moments() {
  constexpr Index count = 20'000;
  constexpr Index features = 3;
  const auto likelihood = Case::template make<T>(features);
  Matrix<T> params(count, likelihood.head_size());
  params.rowwise() = random_params(likelihood, 1, 2).row(0);
  Matrix<T> mean(count, features);
  Matrix<T> x(count, features);
  likelihood.mean(params, mean);
  likelihood.sample(params, RandomStream(7, Purpose::likelihood), x);
  for (Index j = 0; j < features; ++j) {
    const Eigen::ArrayXd column = x.col(j).template cast<double>();
    const auto expected_mean = static_cast<double>(mean(0, j));
    const double expected_variance = Case::variance(numbers_of(params, features, j));
    const Eigen::ArrayXd deviation = (column - expected_mean).square();
    const double spread = std::sqrt((deviation - deviation.mean()).square().mean());
    CHECK(std::abs(column.mean() - expected_mean) < 5 * std::sqrt(expected_variance / count));
    CHECK(std::abs(deviation.mean() - expected_variance) < 5 * spread / std::sqrt(count) + 1e-9);
  }
  Matrix<T> again(count, features);
  likelihood.sample(params, RandomStream(7, Purpose::likelihood), again);
  CHECK(again == x);
  likelihood.sample(params, RandomStream(8, Purpose::likelihood), again);
  CHECK(again != x);
}

template <class Case, class T>
void check_forward_is_log_prob() {
  for (const Index features : {1, 5, 17, 64}) {
    const auto likelihood = Case::template make<T>(features);
    const Matrix<T> params = random_params(likelihood, 8, 3, 2);
    const Matrix<T> x = random_data<Case, T>(8, features, 4);
    const Matrix<T> dout = random_matrix<T>(1, 8, 5);
    Matrix<T> expected(1, 8);
    likelihood.log_prob(params, x, expected.span());
    const Pass pass(likelihood, params, x, dout);
    for (Index row = 0; row < 8; ++row) {
      CHECK(near(static_cast<double>(pass.out(0, row)), static_cast<double>(expected(0, row)), rounding<T>));
    }
  }
}

template <class Case>
void check_gradients() {
  for (const Index batch : {1, 3, 8}) {
    for (const Index samples : {1, 3}) {
      const Index features = 5;
      auto likelihood = Case::template make<double>(features);
      Matrix<double> params = random_params(likelihood, batch * samples, 6);
      const Matrix<double> x = random_data<Case, double>(batch, features, 7);
      const Matrix<double> dout = random_matrix<double>(1, batch * samples, 8);
      Pass pass(likelihood, params, x, dout);
      const auto value = [&] { return weighted_log_prob(likelihood, params, x, dout); };
      check_finite_differences(params.span(), pass.gradient.span(), value);
      const auto own = parameters(likelihood);
      const auto own_gradient = parameters(pass.own);
      REQUIRE(own.size() == own_gradient.size());
      for (std::size_t i = 0; i < own.size(); ++i) {
        check_finite_differences(own[i].values, own_gradient[i].values, value);
      }
    }
  }
}

template <class Case>
void check_own_gradient_accumulates() {
  const auto likelihood = Case::template make<double>(5);
  const Matrix<double> params = random_params(likelihood, 4, 6);
  const Matrix<double> x = random_data<Case, double>(4, 5, 7);
  const Matrix<double> dout = random_matrix<double>(1, 4, 8);
  auto once = zeros_like(likelihood);
  auto twice = zeros_like(likelihood);
  Matrix<double> out(1, 4);
  auto cache = likelihood.make_cache(4);
  const auto run = [&](auto& grad) {
    likelihood.forward(params, x, out.span(), cache);
    likelihood.backward(dout.span(), cache, grad);
  };
  run(once);
  run(twice);
  run(twice);
  const auto expected = parameters(once);
  const auto got = parameters(twice);
  for (std::size_t i = 0; i < got.size(); ++i) {
    for (std::size_t j = 0; j < got[i].values.size(); ++j) {
      CHECK(expected[i].values[j] != 0);
      CHECK(near(got[i].values[j], 2 * expected[i].values[j], 1e-14));
    }
  }
}

template <class Case>
void check_shared_inputs() {
  constexpr Index samples = 3;
  const auto likelihood = Case::template make<double>(7);
  const Matrix<double> params = random_params(likelihood, 12, 9);
  const Matrix<double> x = random_data<Case, double>(4, 7, 10);
  const Matrix<double> dout = random_matrix<double>(1, 12, 11);
  Matrix<double> repeated(12, 7);
  for (Index row = 0; row < 12; ++row) {
    repeated.row(row) = x.row(row / samples);
  }
  const Pass shared(likelihood, params, x, dout);
  const Pass expanded(likelihood, params, repeated, dout);
  CHECK(shared.out == expanded.out);
  CHECK(shared.gradient == expanded.gradient);
}

template <class Case, class T>
void check_strided_arguments() {
  const auto likelihood = Case::template make<T>(7);
  const Index head = likelihood.head_size();
  const Matrix<T> wide_params = random_matrix<T>(6, head + 13, 12);
  const Matrix<T> wide_x = random_data<Case, T>(6, 20, 13);
  const Matrix<T> params(wide_params.middleCols(3, head));
  const Matrix<T> x(wide_x.middleCols(5, 7));
  const Matrix<T> dout = random_matrix<T>(1, 6, 14);
  const Pass packed(likelihood, params, x, dout);
  const Pass strided(likelihood, wide_params.middleCols(3, head), wide_x.middleCols(5, 7), dout);
  CHECK(strided.out == packed.out);
  CHECK(strided.gradient == packed.gradient);
  const RandomStream stream(7, Purpose::likelihood);
  Matrix<T> sample(6, 7);
  Matrix<T> wide_sample(6, 20);
  likelihood.sample(params, stream, sample);
  likelihood.sample(wide_params.middleCols(3, head), stream, wide_sample.middleCols(5, 7));
  CHECK(wide_sample.middleCols(5, 7) == sample);
  CHECK(wide_sample.leftCols(5).isZero(0));
  CHECK(wide_sample.rightCols(8).isZero(0));
}

template <class Case, class T>
void check_extremes() {
  const auto likelihood = Case::template make<T>(3);
  for (const Numbers& extreme : Case::extremes()) {
    Matrix<T> params(1, likelihood.head_size());
    for (Index j = 0; j < params.cols(); ++j) {
      params(0, j) = static_cast<T>(extreme[static_cast<std::size_t>(j / 3)]);
    }
    const Matrix<T> x = random_data<Case, T>(1, 3, 15);
    Matrix<T> dout(1, 1);
    dout(0, 0) = 1;
    const Pass pass(likelihood, params, x, dout);
    Matrix<T> mean(1, 3);
    likelihood.mean(params, mean);
    CHECK(std::isfinite(pass.out(0, 0)));
    CHECK(pass.gradient.allFinite());
    CHECK(mean.allFinite());
    for (const auto& parameter : parameters(pass.own)) {
      CHECK(std::isfinite(parameter.values[0]));
    }
  }
}

template <class Case, class T>
void check_nan() {
  constexpr T nan = std::numeric_limits<T>::quiet_NaN();
  const Index features = 11;
  const auto likelihood = Case::template make<T>(features);
  const Matrix<T> clean_params = random_params(likelihood, 3, 16);
  const Matrix<T> clean_x = random_data<Case, T>(3, features, 17);
  Matrix<T> dout(1, 3);
  dout.setOnes();
  for (Index j = 0; j < clean_params.cols(); ++j) {
    for (const bool in_params : {true, false}) {
      if (!in_params && j >= features) {
        continue;
      }
      Matrix<T> params = clean_params;
      Matrix<T> x = clean_x;
      (in_params ? params : x)(1, j) = nan;
      const Pass pass(likelihood, params, x, dout);
      Matrix<T> log_prob(1, 3);
      likelihood.log_prob(params, x, log_prob.span());
      CHECK(std::isnan(pass.out(0, 1)));
      CHECK(std::isnan(log_prob(0, 1)));
      CHECK(std::isnan(pass.gradient(1, j)));
      CHECK(std::isfinite(pass.out(0, 0)));
      CHECK(std::isfinite(pass.out(0, 2)));
      Matrix<T> mean(3, features);
      likelihood.mean(params, mean);
      // Where the first block is broken; whether the mean depends on the others is the likelihood's business.
      if (j < features) {
        CHECK(std::isnan(mean(1, j)) == in_params);
      }
    }
  }
  auto broken = likelihood;
  for (const auto& parameter : parameters(broken)) {
    std::ranges::fill(parameter.values, nan);
    const Pass pass(broken, clean_params, clean_x, dout);
    CHECK(std::isnan(pass.out(0, 0)));
    CHECK(std::isnan(pass.gradient(0, 0)));
    CHECK(std::isnan(parameters(pass.own)[0].values[0]));
  }
}

template <class Case, class T>
void check_threads() {
  const Index features = 300;
  const Index rows = 257;
  const auto likelihood = Case::template make<T>(features);
  const Matrix<T> params = random_params(likelihood, rows, 18);
  const Matrix<T> x = random_data<Case, T>(rows, features, 19);
  const Matrix<T> dout = random_matrix<T>(1, rows, 20);
  const auto run = [&](int threads) {
    const ThreadScope scope(threads);
    const Pass pass(likelihood, params, x, dout);
    Matrix<T> log_prob(1, rows);
    Matrix<T> sample(rows, features);
    Matrix<T> mean(rows, features);
    likelihood.log_prob(params, x, log_prob.span());
    likelihood.sample(params, RandomStream(7, Purpose::likelihood), sample);
    likelihood.mean(params, mean);
    std::vector<Matrix<T>> results{pass.out, pass.gradient, log_prob, sample, mean};
    for (const auto& parameter : parameters(pass.own)) {
      Matrix<T> copy(1, static_cast<Index>(parameter.values.size()));
      std::ranges::copy(parameter.values, copy.data());
      results.push_back(copy);
    }
    return results;
  };
  const std::vector<Matrix<T>> expected = run(1);
  for (const int threads : {2, 3}) {
    const std::vector<Matrix<T>> got = run(threads);
    for (std::size_t i = 0; i < got.size(); ++i) {
      CHECK(same_bytes<T>(got[i].span(), expected[i].span()));
    }
  }
}

/// No call allocates after a first one, for `samples` rows of parameters to a row of x.
template <class L>
void check_no_allocation(const L& likelihood, const Matrix<typename L::Scalar>& x, Index samples) {
  using T = typename L::Scalar;
  const Index rows = samples * x.rows();
  const Matrix<T> params = random_params(likelihood, rows, 3);
  const Matrix<T> dout = random_matrix<T>(1, rows, 5);
  auto cache = likelihood.make_cache(rows);
  auto grad = zeros_like(likelihood);
  Matrix<T> out(1, rows);
  Matrix<T> values(rows, likelihood.feature_count());
  const auto run = [&] {
    likelihood.log_prob(params, x, out.span());
    likelihood.forward(params, x, out.span(), cache);
    likelihood.backward(dout.span(), cache, grad);
    likelihood.mean(params, values);
    likelihood.sample(params, RandomStream(1, Purpose::likelihood), values);
  };
  run();
  const AllocationCount guard;
  run();
  const std::size_t allocations = guard.count();
  CHECK(allocations == 0);
}

/// Everything above, each as a subcase.
template <class Case>
void check_likelihood() {
  static_assert(Likelihood<decltype(Case::template make<float>(1))>);
  static_assert(Likelihood<decltype(Case::template make<double>(1))>);
  CHECK(Case::template make<double>(7).feature_count() == 7);
  SUBCASE("total probability is 1") { check_total_probability<Case>(); }
  SUBCASE("mean and variance of samples") {
    check_moments<Case, float>();
    check_moments<Case, double>();
  }
  SUBCASE("forward gives what log_prob gives") {
    check_forward_is_log_prob<Case, float>();
    check_forward_is_log_prob<Case, double>();
  }
  SUBCASE("gradients are those of finite differences") { check_gradients<Case>(); }
  SUBCASE("the gradient of own parameters is added to") { check_own_gradient_accumulates<Case>(); }
  SUBCASE("an input is shared by its samples") { check_shared_inputs<Case>(); }
  SUBCASE("arguments may be blocks of wider matrices") {
    check_strided_arguments<Case, float>();
    check_strided_arguments<Case, double>();
  }
  SUBCASE("extreme parameters stay finite") {
    check_extremes<Case, float>();
    check_extremes<Case, double>();
  }
  SUBCASE("NaN in, NaN out") {
    check_nan<Case, float>();
    check_nan<Case, double>();
  }
  SUBCASE("the number of threads changes no bit") {
    check_threads<Case, float>();
    check_threads<Case, double>();
  }
  SUBCASE("nothing is allocated after a first call") {
    check_no_allocation(Case::template make<float>(7), random_data<Case, float>(3, 7, 4), 2);
  }
}

}  // namespace likelihood_suite
