// SPDX-License-Identifier: MIT
#include "vaekit/kernels/gamma_function.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

using namespace vaekit;

namespace {

using Real = long double;

constexpr Real half_log_two_pi = 0.918938533204672741780329736405617640L;

/// Stirling's series for z ≥ 64, where five terms are exact to 10⁻²³.
Real series(Real z) {
  const Real q = 1 / (z * z);
  return (1.0L / 12 - q * (1.0L / 360 - q * (1.0L / 1260 - q * (1.0L / 1680 - q / 1188)))) / z;
}

Real digamma_reference(Real x) {
  Real sum = 0;
  while (x < 64) {
    sum -= 1 / x;
    x += 1;
  }
  const Real q = 1 / (x * x);
  return sum + std::log(x) - 0.5L / x -
         q * (1.0L / 12 - q * (1.0L / 120 - q * (1.0L / 252 - q * (1.0L / 240 - q / 132))));
}

/// log x! − x log x + x
Real remainder_reference(Real x) {
  if (x == 0) {
    return 0;
  }
  if (x >= 64) {
    return x * std::log1p(1 / x) - 1 + 0.5L * std::log(x + 1) + half_log_two_pi + series(x + 1);
  }
  return std::lgamma(x + 1) - x * std::log(x) + x;
}

Real log_factorial_reference(Real x) { return std::lgamma(x + 1); }

/// log Γ(r + x) − log Γ(r), also where std::lgamma would cancel.
Real difference_reference(Real r, Real x) {
  Real sum = 0;
  while (r < 64) {
    sum -= std::log1p(x / r);
    r += 1;
  }
  return sum + (r - 0.5L) * std::log1p(x / r) + x * (std::log(r + x) - 1) + series(r + x) - series(r);
}

/// The same less r log((r + x) / r) + x log(r + x) − x.
Real stirling_reference(Real r, Real x) {
  return remainder_reference(r + x) - remainder_reference(r) - std::log1p(x / r);
}

/// ψ(r + x) − ψ(r), also where they nearly agree.
Real digamma_difference_reference(Real r, Real x) {
  Real sum = 0;
  while (r < 64) {
    sum += x / (r * (r + x));
    r += 1;
  }
  const Real s = r + x;
  const auto even = [](Real z) { return 1 / (12 * z * z) - 1 / (120 * z * z * z * z); };
  return sum + std::log1p(x / r) + x / (2 * r * s) - (even(s) - even(r)) -
         (1 / std::pow(s, 6.0L) - 1 / std::pow(r, 6.0L)) / 252;
}

template <class T>
T first_lane(const Simd<T>& value) {
  std::array<T, static_cast<std::size_t>(lanes<T>)> buffer;
  value.store_unaligned(buffer.data());
  return buffer[0];
}

/// |value − exact| / max(1, |exact|)
template <class T>
double error_of(const Simd<T>& value, Real exact) {
  const Real error =
      std::abs(static_cast<Real>(first_lane<T>(value)) - exact) / std::max(1.0L, std::abs(exact));
  return std::isnan(error) ? std::numeric_limits<double>::infinity() : static_cast<double>(error);
}

/// `count` values whose logarithms are evenly spaced, from low to high.
template <class T>
std::vector<T> geometric(double low, double high, int count) {
  std::vector<T> values;
  for (int i = 0; i < count; ++i) {
    const double t = static_cast<double>(i) / (count - 1);
    values.push_back(static_cast<T>(std::clamp(low * std::pow(high / low, t), low, high)));
  }
  return values;
}

/// The promises of the docstrings in gamma_function.hpp.
template <class T>
struct Promise {
  std::string name;
  Simd<T> (*function)(const Simd<T>&);
  Real (*reference)(Real);
  double error;
};

template <class T>
std::vector<Promise<T>> promises() {
  constexpr bool single = std::same_as<T, float>;
  return {{"digamma", &math::digamma<T>, digamma_reference, single ? 6e-7 : 2e-15},
          {"log_factorial", &math::log_factorial<T>, log_factorial_reference, single ? 1.5e-6 : 6e-15},
          {"log_factorial_remainder", &math::log_factorial_remainder<T>, remainder_reference,
           single ? 1.5e-6 : 6e-15}};
}

/// Shapes of all sizes, and counts: whole, halves, and real numbers of all sizes.
template <class T, class Body>
void for_each_pair(Body&& body) {
  const std::vector<T> counts = geometric<T>(1e-3, 1e6, 60);
  for (const T r : geometric<T>(1.0000001e-6, 1e7, 160)) {
    for (int i = 0; i < 42; ++i) {
      body(r, static_cast<T>(i) / 2);
    }
    for (const T x : counts) {
      body(r, x);
    }
  }
}

}  // namespace

TEST_CASE_TEMPLATE("gamma_function: errors are within the stated ones", T, float, double) {
  std::vector<T> arguments = geometric<T>(1e-6, 1e7, 8000);
  for (int i = 0; i < 2000; ++i) {
    arguments.push_back(static_cast<T>(i + 1) / 2);
  }
  for (const Promise<T>& promise : promises<T>()) {
    double worst = 0;
    T worst_x = 0;
    for (const T x : arguments) {
      const double error = error_of<T>(promise.function(Simd<T>(x)), promise.reference(static_cast<Real>(x)));
      if (error > worst) {
        worst = error;
        worst_x = x;
      }
    }
    CHECK_MESSAGE(worst <= promise.error, promise.name << " of " << worst_x << " is off by " << worst);
  }
}

TEST_CASE_TEMPLATE("gamma_function: errors of differences are within the stated ones", T, float, double) {
  constexpr bool single = std::same_as<T, float>;
  double value = 0;
  double value_above = 0;  // for r ≥ 0.1
  double to_r = 0;
  double to_x = 0;
  double stirling = 0;
  double stirling_to_r = 0;
  for_each_pair<T>([&](T r, T x) {
    const auto exact_r = static_cast<Real>(r);
    const auto exact_x = static_cast<Real>(x);
    const Real digamma_difference = digamma_difference_reference(exact_r, exact_x);
    const auto difference = math::log_gamma_difference<T>(Simd<T>(r), Simd<T>(x));
    const double error = error_of<T>(difference.value, difference_reference(exact_r, exact_x));
    value = std::max(value, error);
    value_above = r < static_cast<T>(0.1) ? value_above : std::max(value_above, error);
    to_r = std::max(to_r, error_of<T>(difference.to_r, digamma_difference));
    to_x = std::max(to_x, error_of<T>(difference.to_x, digamma_reference(exact_r + exact_x)));
    const auto rest = math::stirling_difference<T>(Simd<T>(r), Simd<T>(x));
    stirling = std::max(stirling, error_of<T>(rest.value, stirling_reference(exact_r, exact_x)));
    stirling_to_r =
        std::max(stirling_to_r, error_of<T>(rest.to_r, digamma_difference - std::log1p(exact_x / exact_r)));
  });
  CHECK(value <= (single ? 4e-6 : 1.5e-14));
  CHECK(value_above <= (single ? 1.5e-6 : 5e-15));
  CHECK(to_r <= (single ? 6e-7 : 2e-15));
  CHECK(to_x <= (single ? 8e-7 : 2e-15));
  CHECK(stirling <= (single ? 1.5e-6 : 6e-15));
  CHECK(stirling_to_r <= (single ? 1e-6 : 3e-15));
}

TEST_CASE_TEMPLATE("log_ratio: is as accurate as the difference", T, float, double) {
  const double limit = std::same_as<T, float> ? 3e-7 : 5e-16;
  double worst = 0;
  for (const T b : geometric<T>(1e-6, 1e7, 60)) {
    for (const T ratio : geometric<T>(1e-9, 1e9, 400)) {
      for (const T sign : {T{1}, T{-1}}) {
        const T difference = sign * b * ratio;
        const T a = b + difference;
        if (!(a > b / 1000)) {
          continue;  // the sum has lost what the difference says
        }
        const Real exact = std::log1p(static_cast<Real>(difference) / static_cast<Real>(b));
        const Real got = first_lane<T>(math::log_ratio<T>(Simd<T>(a), Simd<T>(b), Simd<T>(difference)));
        const bool is_close = ratio < T{0.375};
        const Real scale = is_close ? std::abs(exact) : std::max(1.0L, std::abs(exact));
        worst = std::max(worst, static_cast<double>(std::abs(got - exact) / scale));
      }
    }
  }
  CHECK(worst <= limit);
}

TEST_CASE_TEMPLATE("gamma_function: the derivatives agree with each other", T, float, double) {
  const double tolerance = std::same_as<T, float> ? 2e-6 : 1e-14;
  for (const double r : {1e-3, 0.5, 3.0, 7.9, 8.1, 1e3, 1e6}) {
    for (const double x : {0.5, 1.0, 10.0, 1e4}) {
      const Simd<T> shape(static_cast<T>(r));
      const Simd<T> count(static_cast<T>(x));
      const auto difference = math::log_gamma_difference<T>(shape, count);
      const auto digamma = static_cast<double>(first_lane<T>(math::digamma<T>(shape)));
      const auto expected = static_cast<double>(first_lane<T>(difference.to_x)) - digamma;
      CHECK(std::abs(static_cast<double>(first_lane<T>(difference.to_r)) - expected) <=
            tolerance * std::max(1.0, std::abs(digamma)));
    }
  }
}

TEST_CASE_TEMPLATE("gamma_function: nothing is exactly nothing", T, float, double) {
  CHECK(first_lane<T>(math::log_factorial<T>(Simd<T>(T{0}))) == 0);
  CHECK(first_lane<T>(math::log_factorial_remainder<T>(Simd<T>(T{0}))) == 0);
  for (const T r : geometric<T>(1e-6, 1e7, 50)) {
    const Simd<T> zero(T{0});
    CHECK(first_lane<T>(math::log_gamma_difference<T>(Simd<T>(r), zero).value) == 0);
    CHECK(first_lane<T>(math::log_gamma_difference<T>(Simd<T>(r), zero).to_r) == 0);
    CHECK(first_lane<T>(math::stirling_difference<T>(Simd<T>(r), zero).value) == 0);
    CHECK(first_lane<T>(math::stirling_difference<T>(Simd<T>(r), zero).to_r) == 0);
  }
}

TEST_CASE_TEMPLATE("gamma_function: known values", T, float, double) {
  const double tolerance = std::same_as<T, float> ? 1e-6 : 4e-15;
  const auto value = [](const Simd<T>& x) { return static_cast<double>(first_lane<T>(x)); };
  CHECK(std::abs(value(math::digamma<T>(Simd<T>(T{1}))) + std::numbers::egamma) < tolerance);
  CHECK(std::abs(value(math::log_factorial<T>(Simd<T>(T{1})))) < tolerance);
  CHECK(std::abs(value(math::log_factorial<T>(Simd<T>(T{5}))) / std::log(120.0) - 1) < tolerance);
  // Γ(3/2) / Γ(1) = ½ √π
  const double expected = std::log(std::sqrt(std::numbers::pi) / 2);
  CHECK(std::abs(value(math::log_gamma_difference<T>(Simd<T>(T{1}), Simd<T>(T{0.5})).value) - expected) <
        tolerance);
}

TEST_CASE_TEMPLATE("gamma_function: NaN gives NaN", T, float, double) {
  const Simd<T> nan(std::numeric_limits<T>::quiet_NaN());
  const Simd<T> one(T{1});
  const auto is_nan = [](const Simd<T>& x) { return std::isnan(first_lane<T>(x)); };
  CHECK(is_nan(math::digamma<T>(nan)));
  CHECK(is_nan(math::log_factorial<T>(nan)));
  CHECK(is_nan(math::log_factorial_remainder<T>(nan)));
  for (const auto& [r, x] : {std::pair{nan, one}, std::pair{one, nan}}) {
    CHECK(is_nan(math::log_gamma_difference<T>(r, x).value));
    CHECK(is_nan(math::log_gamma_difference<T>(r, x).to_r));
    CHECK(is_nan(math::log_gamma_difference<T>(r, x).to_x));
    CHECK(is_nan(math::stirling_difference<T>(r, x).value));
    CHECK(is_nan(math::stirling_difference<T>(r, x).to_r));
  }
}
