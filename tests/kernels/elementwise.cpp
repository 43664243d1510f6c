// SPDX-License-Identifier: MIT
#include "vaekit/kernels/elementwise.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <set>
#include <string_view>
#include <vector>

#include "support/same_bits.hpp"
#include "vaekit/core/fields.hpp"
#include "vaekit/kernels/random.hpp"

using namespace vaekit;

namespace {

using Real = long double;

Real sigmoid(Real x) { return 1 / (1 + std::exp(-x)); }
Real normal_cdf(Real x) { return std::erfc(-x / std::numbers::sqrt2_v<Real>) / 2; }
Real normal_density(Real x) { return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi_v<Real>); }

/// What a function and its derivative are, by their definitions.
struct Row {
  Activation kind;
  Real (*value)(Real);
  Real (*derivative)(Real);
};

const std::vector<Row> rows = {
    {Activation::identity, [](Real x) { return x; }, [](Real) -> Real { return 1; }},
    {Activation::relu, [](Real x) { return x > 0 ? x : 0; }, [](Real x) -> Real { return x > 0 ? 1 : 0; }},
    {Activation::leaky_relu, [](Real x) { return x > 0 ? x : 0.01L * x; },
     [](Real x) -> Real { return x > 0 ? 1 : 0.01L; }},
    {Activation::elu, [](Real x) { return x > 0 ? x : std::expm1(x); },
     [](Real x) -> Real { return x > 0 ? 1 : std::exp(x); }},
    {Activation::gelu, [](Real x) { return x * normal_cdf(x); },
     [](Real x) { return normal_cdf(x) + x * normal_density(x); }},
    {Activation::silu, [](Real x) { return x * sigmoid(x); },
     [](Real x) { return sigmoid(x) * (1 + x * (1 - sigmoid(x))); }},
    {Activation::tanh, [](Real x) { return std::tanh(x); },
     [](Real x) { return 1 - std::tanh(x) * std::tanh(x); }},
    {Activation::sigmoid, sigmoid, [](Real x) { return sigmoid(x) * (1 - sigmoid(x)); }},
    {Activation::softplus, [](Real x) { return std::log1p(std::exp(x)); }, sigmoid},
};

/// x spread over [−12, 12] with 0 among it, y, dy and dx = the gradient of x.
template <class T>
struct Pass {
  Matrix<T> x, y, dy, dx;

  Pass(Activation kind, Index batch, Index cols)
      : x(batch, cols), y(batch, cols), dy(batch, cols), dx(batch, cols) {
    for (Index i = 0; i < x.size(); ++i) {
      x.data()[i] = i == 0 ? T{0} : static_cast<T>(static_cast<double>((i * 7919) % 2401 - 1200) / 100);
    }
    fill_normal(dy.span(), RandomStream(1, Purpose::synthetic));
    run(kind);
  }

  void run(Activation kind) {
    activate<T>(kind, x, y);
    activation_backward<T>(kind, x, y, dy, dx);
  }
};

/// Largest |value − exact| / (1 + |exact|) in units of the machine epsilon.
template <class T, class Exact>
double worst_error(const Matrix<T>& got, Exact&& exact) {
  double worst = 0;
  for (Index i = 0; i < got.size(); ++i) {
    const Real expected = exact(i);
    const double error = static_cast<double>(std::abs(static_cast<Real>(got.data()[i]) - expected) /
                                             (1 + std::abs(expected)) / std::numeric_limits<T>::epsilon());
    worst = error <= worst ? worst : error;
  }
  return worst;
}

}  // namespace

TEST_CASE_TEMPLATE("activations: values and gradients are those of their definitions", T, float, double) {
  for (const Row& row : rows) {
    CAPTURE(to_string(row.kind));
    for (const Index cols : {1, 2, 3, 4, 5, 7, 8, 9, 31, 100}) {
      const Pass<T> pass(row.kind, 25, cols);
      const auto x = [&](Index i) { return static_cast<Real>(pass.x.data()[i]); };
      CHECK(worst_error(pass.y, [&](Index i) { return row.value(x(i)); }) < 4);
      CHECK(worst_error(pass.dx, [&](Index i) {
              return row.derivative(x(i)) * static_cast<Real>(pass.dy.data()[i]);
            }) < 8);
    }
  }
}

TEST_CASE("activations: every kind is tested, has its own name and its own function") {
  std::set<std::string_view> names;
  std::set<double> values;
  for (const Row& row : rows) {
    names.insert(to_string(row.kind));
    Matrix<double> x(1, 1);
    x(0, 0) = -0.5;
    activate<double>(row.kind, x, x);
    values.insert(x(0, 0));
  }
  CHECK(names.size() == enum_names(Activation{}).size());
  CHECK(values.size() == rows.size());
}

TEST_CASE("activations: where the output says it all the input is not looked at") {
  for (const Row& row : rows) {
    CAPTURE(to_string(row.kind));
    const bool expected =
        row.kind == Activation::gelu || row.kind == Activation::silu || row.kind == Activation::softplus;
    CHECK(needs_input(row.kind) == expected);
    if (!needs_input(row.kind)) {
      Pass<float> pass(row.kind, 3, 11);
      const Matrix<float> dx = pass.dx;
      pass.dx.setZero();
      activation_backward<float>(row.kind, Matrix<float>(), pass.y, pass.dy, pass.dx);
      CHECK(same_bits(pass.dx, dx));
    }
  }
}

TEST_CASE_TEMPLATE("activations: work on blocks and in place, and write nothing else", T, float, double) {
  for (const Row& row : rows) {
    CAPTURE(to_string(row.kind));
    const Pass<T> pass(row.kind, 6, 13);
    Matrix<T> whole(8, 17);
    whole.setConstant(T{7});
    MatrixOut<T> block = whole.block(1, 2, 6, 13);
    block = pass.x;
    activate<T>(row.kind, block, block);
    CHECK(same_bits(Matrix<T>(block), pass.y));
    block = pass.dy;
    activation_backward<T>(row.kind, pass.x, pass.y, block, block);
    CHECK(same_bits(Matrix<T>(block), pass.dx));
    block.setConstant(T{7});
    CHECK((whole.array() == T{7}).all());
  }
}

TEST_CASE_TEMPLATE("activations: the same bits for any number of threads", T, float, double) {
  for (const Row& row : rows) {
    const auto run = [&](int threads) {
      const ThreadScope scope(threads);
      return Pass<T>(row.kind, 100, 501);  // three grains
    };
    const Pass<T> serial = run(1);
    for (const int threads : {2, 3, 5}) {
      const Pass<T> parallel = run(threads);
      REQUIRE(same_bits(parallel.y, serial.y));
      REQUIRE(same_bits(parallel.dx, serial.dx));
    }
  }
}

TEST_CASE_TEMPLATE("activations: NaN stays NaN, in whole vectors and in the rest", T, float, double) {
  for (const Row& row : rows) {
    Matrix<T> x(1, lanes<T> + 1);
    x.setConstant(std::numeric_limits<T>::quiet_NaN());
    activate<T>(row.kind, x, x);
    CHECK_MESSAGE(x.array().isNaN().all(), to_string(row.kind));
  }
}

TEST_CASE_TEMPLATE("activations: huge arguments give the limits, without overflow on the way", T, float,
                   double) {
  const T huge = std::numeric_limits<T>::max() / 4;
  struct Limit {
    Activation kind;
    T below, above;
  };
  const std::vector<Limit> limits = {{Activation::identity, -huge, huge}, {Activation::relu, 0, huge},
                                     {Activation::elu, -1, huge},         {Activation::gelu, 0, huge},
                                     {Activation::silu, 0, huge},         {Activation::tanh, -1, 1},
                                     {Activation::sigmoid, 0, 1},         {Activation::softplus, 0, huge}};
  for (const Limit& limit : limits) {
    CAPTURE(to_string(limit.kind));
    Matrix<T> x(1, 2), y(1, 2), dy(1, 2), dx(1, 2);
    x << -huge, huge;
    dy.setOnes();
    activate<T>(limit.kind, x, y);
    activation_backward<T>(limit.kind, x, y, dy, dx);
    CHECK(y(0, 0) == limit.below);
    CHECK(y(0, 1) == limit.above);
    CHECK(dx(0, 0) == (limit.kind == Activation::identity ? 1 : 0));
    CHECK(dx(0, 1) == (limit.above == huge ? 1 : 0));
  }
}
