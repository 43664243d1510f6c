// SPDX-License-Identifier: MIT
#include "vaekit/kernels/adam_update.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "vaekit/kernels/random.hpp"

using namespace vaekit;

namespace {

template <class T>
std::vector<T> normals(std::size_t count, std::uint64_t seed) {
  std::vector<T> values(count);
  fill_normal(std::span<T>(values), RandomStream(seed, Purpose::synthetic));
  return values;
}

template <class T>
std::vector<T> squares(std::vector<T> values) {
  for (T& value : values) {
    value *= value;
  }
  return values;
}

/// Weights, gradient and two moments.
template <class T>
struct Tensors {
  std::vector<T> w, g, m, v;
  explicit Tensors(std::size_t count)
      : w(normals<T>(count, 1)),
        g(normals<T>(count, 2)),
        m(normals<T>(count, 3)),
        v(squares(normals<T>(count, 4))) {}
};

template <class T>
void check_close(const std::vector<T>& got, const std::vector<double>& expected) {
  REQUIRE(got.size() == expected.size());
  const double tolerance = 8 * static_cast<double>(std::numeric_limits<T>::epsilon());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double difference = std::abs(static_cast<double>(got[i]) - expected[i]);
    wrong += difference <= tolerance * (1 + std::abs(expected[i])) ? 0 : 1;
  }
  CHECK(wrong == 0);
}

// Around vector widths, and above the grain of parallel_for.
const std::vector<std::size_t> counts = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 100, 50001};

const AdamStep adam_step{.beta1 = 0.9,
                         .beta2 = 0.99,
                         .step_size = 0.01,
                         .inverse_root_bias = 1.5,
                         .epsilon = 1e-3,
                         .shrink = 0.999,
                         .l2 = 0.1,
                         .grad_scale = 0.5};

/// Runs `update` on a copy of `tensors` with one to five threads; all copies must have equal bits.
template <class T>
Tensors<T> on_any_threads(const Tensors<T>& tensors, const std::function<void(Tensors<T>&)>& update) {
  Tensors<T> serial = tensors;
  {
    const ThreadScope scope(1);
    update(serial);
  }
  for (const int threads : {2, 3, 5}) {
    const ThreadScope scope(threads);
    Tensors<T> copy = tensors;
    update(copy);
    CHECK(copy.w == serial.w);
    CHECK(copy.m == serial.m);
    CHECK(copy.v == serial.v);
  }
  return serial;
}

}  // namespace

TEST_CASE_TEMPLATE("adam_update: the stated formulas, for any length", T, float, double) {
  for (const std::size_t count : counts) {
    const Tensors<T> before(count);
    const Tensors<T> after =
        on_any_threads<T>(before, [](Tensors<T>& t) { adam_update<T>(adam_step, t.w, t.g, t.m, t.v); });
    std::vector<double> w(count), m(count), v(count);
    const AdamStep& s = adam_step;
    for (std::size_t i = 0; i < count; ++i) {
      const double g =
          s.grad_scale * static_cast<double>(before.g[i]) + s.l2 * static_cast<double>(before.w[i]);
      m[i] = s.beta1 * static_cast<double>(before.m[i]) + (1 - s.beta1) * g;
      v[i] = s.beta2 * static_cast<double>(before.v[i]) + (1 - s.beta2) * g * g;
      w[i] = s.shrink * static_cast<double>(before.w[i]) -
             s.step_size * m[i] / (std::sqrt(v[i]) * s.inverse_root_bias + s.epsilon);
    }
    check_close(after.w, w);
    check_close(after.m, m);
    check_close(after.v, v);
    CHECK(after.g == before.g);
  }
}

TEST_CASE_TEMPLATE("adam_update: an element without gradient and moments does not move", T, float, double) {
  std::vector<T> w(9, T{2}), g(9), m(9), v(9);
  AdamStep step = adam_step;
  step.shrink = 1;
  step.l2 = 0;
  adam_update<T>(step, w, g, m, v);
  CHECK(w == std::vector<T>(9, T{2}));
  CHECK(m == std::vector<T>(9));
  CHECK(v == std::vector<T>(9));
}

TEST_CASE_TEMPLATE("sgd_update: the stated formulas, for any length", T, float, double) {
  for (const bool nesterov : {false, true}) {
    for (const std::size_t count : counts) {
      const Tensors<T> before(count);
      const Tensors<T> after = on_any_threads<T>(
          before, [&](Tensors<T>& t) { sgd_update<T>(0.1, 0.9, nesterov, 0.01, 0.5, t.w, t.g, t.m); });
      std::vector<double> w(count), m(count);
      for (std::size_t i = 0; i < count; ++i) {
        const double g = 0.5 * static_cast<double>(before.g[i]) + 0.01 * static_cast<double>(before.w[i]);
        m[i] = 0.9 * static_cast<double>(before.m[i]) + g;
        w[i] = static_cast<double>(before.w[i]) - 0.1 * (nesterov ? g + 0.9 * m[i] : m[i]);
      }
      check_close(after.w, w);
      check_close(after.m, m);
    }
  }
}

TEST_CASE_TEMPLATE("average_update: the stated formula, for any length", T, float, double) {
  for (const std::size_t count : counts) {
    const Tensors<T> before(count);
    const Tensors<T> after =
        on_any_threads<T>(before, [](Tensors<T>& t) { average_update<T>(0.9, t.w, t.m); });
    std::vector<double> m(count);
    for (std::size_t i = 0; i < count; ++i) {
      m[i] = 0.9 * static_cast<double>(before.m[i]) + 0.1 * static_cast<double>(before.w[i]);
    }
    check_close(after.m, m);
    CHECK(after.w == before.w);
  }
}

TEST_CASE_TEMPLATE("sum_of_squares: in double, the same bits for any number of threads", T, float, double) {
  std::vector<double> partials;
  for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{9}, std::size_t{100'001}}) {
    const std::vector<T> g = normals<T>(count, 5);
    double expected = 0;
    for (const T value : g) {
      expected += static_cast<double>(value) * static_cast<double>(value);
    }
    const auto sum = [&](int threads) {
      const ThreadScope scope(threads);
      return sum_of_squares<T>(std::span<const T>(g), partials);
    };
    CHECK(sum(1) == doctest::Approx(expected).epsilon(1e-13));
    CHECK(sum(2) == sum(1));
    CHECK(sum(3) == sum(1));
  }
}

TEST_CASE("sum_of_squares: squares beyond the range of float stay finite") {
  const std::vector<float> g(10, 1e30F);
  std::vector<double> partials;
  CHECK(sum_of_squares<float>(g, partials) == doctest::Approx(1e61));
}
