// SPDX-License-Identifier: MIT
#include "vaekit/kernels/math.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

using namespace vaekit;

namespace {

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();
template <class T>
constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();
template <class T>
constexpr T smallest_normal = std::numeric_limits<T>::min();
template <class T>
constexpr T largest = std::numeric_limits<T>::max();
template <class T>
constexpr T smallest = std::numeric_limits<T>::denorm_min();

long double sigmoid_reference(long double x) {
  return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
}
long double softplus_reference(long double x) {
  return std::max(x, 0.0L) + std::log1p(std::exp(-std::abs(x)));
}

/// Sine and cosine of 2πu, from an exact reduction to −1/4 .. 1/4 of a turn.
long double sin_turn_reference(long double u) {
  const long double turn = u - std::nearbyint(u);
  const long double folded = std::abs(turn) > 0.25L ? std::copysign(0.5L, turn) - turn : turn;
  return std::sin(2 * std::numbers::pi_v<long double> * folded);
}
long double cos_turn_reference(long double u) {
  return sin_turn_reference(0.25L - std::abs(u - std::nearbyint(u)));
}

template <class T>
Simd<T> sin_turn(const Simd<T>& u) {
  return math::sincos_turn<T>(u).sin;
}
template <class T>
Simd<T> cos_turn(const Simd<T>& u) {
  return math::sincos_turn<T>(u).cos;
}

/// A function, where it is accurate and to how many units in the last place.
template <class T>
struct Row {
  std::string name;
  Simd<T> (*function)(const Simd<T>&);
  long double (*reference)(long double);
  double low;
  double high;
  double max_ulp;
};

/// The promises of the docstrings in math.hpp.
template <class T>
std::vector<Row<T>> rows() {
  constexpr bool single = std::same_as<T, float>;
  const double exp_low = single ? -87.336 : -708.396;
  const double exp_high = single ? 88.376 : 709.436;
  const double huge = single ? 3.4e38 : 1.7e308;
  const double normal = static_cast<double>(smallest_normal<T>);
  using Function = long double (*)(long double);
  return {
      {"exp", &math::exp<T>, static_cast<Function>(std::exp), exp_low, exp_high, single ? 2.0 : 1.0},
      {"expm1", &math::expm1<T>, static_cast<Function>(std::expm1), -huge, exp_high, 2},
      {"log", &math::log<T>, static_cast<Function>(std::log), normal, huge, 1},
      {"log near 1", &math::log<T>, static_cast<Function>(std::log), 0.5, 2, 1},
      {"tanh", &math::tanh<T>, static_cast<Function>(std::tanh), -huge, huge, 2},
      {"tanh before saturation", &math::tanh<T>, static_cast<Function>(std::tanh), -20, 20, 2},
      {"log1p", &math::log1p<T>, static_cast<Function>(std::log1p), 0, 1, 2},
      {"erf", &math::erf<T>, static_cast<Function>(std::erf), -huge, huge, 3},
      {"erf before saturation", &math::erf<T>, static_cast<Function>(std::erf), -6.5, 6.5, 3},
      {"sin of a turn", &sin_turn<T>, sin_turn_reference, -1, 1, 2},
      {"cos of a turn", &cos_turn<T>, cos_turn_reference, -1, 1, 2},
      {"sin of many turns", &sin_turn<T>, sin_turn_reference, -huge, huge, 2},
      {"cos of many turns", &cos_turn<T>, cos_turn_reference, -huge, huge, 2},
      {"sigmoid", &math::sigmoid<T>, sigmoid_reference, exp_low, huge, 3},
      {"sigmoid in the middle", &math::sigmoid<T>, sigmoid_reference, -20, 20, 3},
      {"softplus", &math::softplus<T>, softplus_reference, exp_low, huge, 3},
      {"softplus in the middle", &math::softplus<T>, softplus_reference, -20, 20, 3},
  };
}

/// Evenly spaced values of [low, high], and values of each sign whose logarithms are evenly spaced.
template <class T>
std::vector<T> sweep(double low, double high) {
  constexpr int count = 20000;
  std::vector<T> values;
  for (int i = 0; i <= count; ++i) {
    const double t = static_cast<double>(i) / count;
    values.push_back(static_cast<T>(low * (1 - t) + high * t));
  }
  const double first = std::log(static_cast<double>(smallest<T>));
  const double last = std::log(std::max(std::abs(low), std::abs(high)));
  for (int i = 0; i < count; ++i) {
    const double magnitude = std::exp(first + (last - first) * i / count);
    for (const double value : {magnitude, -magnitude}) {
      if (value >= low && value <= high) {
        values.push_back(static_cast<T>(value));
      }
    }
  }
  values.resize((values.size() + 63) / 64 * 64, values.front());
  return values;
}

template <class T>
std::vector<T> evaluate(Simd<T> (*function)(const Simd<T>&), const std::vector<T>& x) {
  std::vector<T> y(x.size());
  for (std::size_t i = 0; i < x.size(); i += static_cast<std::size_t>(lanes<T>)) {
    function(Simd<T>::load_unaligned(x.data() + i)).store_unaligned(y.data() + i);
  }
  return y;
}

template <class T>
T evaluate(Simd<T> (*function)(const Simd<T>&), T x) {
  return evaluate(function, std::vector<T>(static_cast<std::size_t>(lanes<T>), x)).front();
}

/// |value − exact| in units of the spacing of T at `exact`. Results below the normal numbers may be 0.
template <class T>
double ulp_error(T value, long double exact) {
  const auto magnitude = static_cast<T>(std::abs(exact));
  if (magnitude < smallest_normal<T>) {
    return std::abs(value) <= smallest_normal<T> ? 0 : infinity<double>;
  }
  const T below = std::nextafter(magnitude, T{0});
  const T above = std::nextafter(magnitude, infinity<T>);
  const long double spacing = std::isinf(above) ? static_cast<long double>(magnitude) - below
                                                : static_cast<long double>(above) - magnitude;
  const double error = static_cast<double>(std::abs(static_cast<long double>(value) - exact) / spacing);
  if (std::isnan(error)) {
    return infinity<double>;
  }
  return error;
}

template <class T>
bool same_value(T a, T b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

template <class T>
struct Special {
  std::string name;
  Simd<T> (*function)(const Simd<T>&);
  std::vector<std::pair<T, T>> values;  // argument, exact result
};

template <class T>
std::vector<Special<T>> specials() {
  const T nan = not_a_number<T>;
  return {
      {"exp",
       &math::exp<T>,
       {{-infinity<T>, 0},
        {-largest<T>, 0},
        {-1000, 0},
        {0, 1},
        {-T{0}, 1},
        {smallest<T>, 1},
        {-smallest<T>, 1},
        {1000, infinity<T>},
        {largest<T>, infinity<T>},
        {infinity<T>, infinity<T>},
        {nan, nan}}},
      {"expm1",
       &math::expm1<T>,
       {{-infinity<T>, -1},
        {-largest<T>, -1},
        {0, 0},
        {smallest<T>, smallest<T>},
        {-smallest<T>, -smallest<T>},
        {1000, infinity<T>},
        {infinity<T>, infinity<T>},
        {nan, nan}}},
      {"log",
       &math::log<T>,
       {{-infinity<T>, nan},
        {-1, nan},
        {0, -infinity<T>},
        {-T{0}, -infinity<T>},
        {1, 0},
        {infinity<T>, infinity<T>},
        {nan, nan}}},
      {"tanh",
       &math::tanh<T>,
       {{-infinity<T>, -1},
        {-largest<T>, -1},
        {0, 0},
        {smallest<T>, smallest<T>},
        {-smallest<T>, -smallest<T>},
        {largest<T>, 1},
        {infinity<T>, 1},
        {nan, nan}}},
      {"log1p",
       &math::log1p<T>,
       {{0, 0}, {smallest<T>, smallest<T>}, {smallest_normal<T>, smallest_normal<T>}, {nan, nan}}},
      {"erf",
       &math::erf<T>,
       {{-infinity<T>, -1},
        {-largest<T>, -1},
        {-7, -1},
        {0, 0},
        {smallest<T>, smallest<T>},
        {7, 1},
        {largest<T>, 1},
        {infinity<T>, 1},
        {nan, nan}}},
      {"sin of a turn",
       &sin_turn<T>,
       {{0, 0},
        {T{0.25}, 1},
        {T{0.5}, 0},
        {T{0.75}, -1},
        {1, 0},
        {T{-0.25}, -1},
        {largest<T>, 0},
        {infinity<T>, nan},
        {nan, nan}}},
      {"cos of a turn",
       &cos_turn<T>,
       {{0, 1},
        {smallest<T>, 1},
        {T{0.25}, 0},
        {T{0.5}, -1},
        {T{0.75}, 0},
        {1, 1},
        {largest<T>, 1},
        {-infinity<T>, nan},
        {nan, nan}}},
      {"sigmoid",
       &math::sigmoid<T>,
       {{-infinity<T>, 0},
        {-largest<T>, 0},
        {0, T{0.5}},
        {smallest<T>, T{0.5}},
        {largest<T>, 1},
        {infinity<T>, 1},
        {nan, nan}}},
      {"softplus",
       &math::softplus<T>,
       {{-infinity<T>, 0},
        {-largest<T>, 0},
        {1000, 1000},
        {largest<T>, largest<T>},
        {infinity<T>, infinity<T>},
        {nan, nan}}},
  };
}

template <class T>
Simd<T> sigmoid_of_both(const Simd<T>& x) {
  return math::sigmoid_softplus<T>(x).sigmoid;
}
template <class T>
Simd<T> softplus_of_both(const Simd<T>& x) {
  return math::sigmoid_softplus<T>(x).softplus;
}

}  // namespace

TEST_CASE_TEMPLATE("math: errors are within the stated units in the last place", T, float, double) {
  for (const Row<T>& row : rows<T>()) {
    const std::vector<T> x = sweep<T>(row.low, row.high);
    const std::vector<T> y = evaluate(row.function, x);
    double worst = 0;
    T worst_x = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double error = ulp_error(y[i], row.reference(static_cast<long double>(x[i])));
      if (error > worst) {
        worst = error;
        worst_x = x[i];
      }
    }
    CHECK_MESSAGE(worst <= row.max_ulp, row.name << " of " << worst_x << " is off by " << worst << " ULP");
  }
}

TEST_CASE_TEMPLATE("math: zeros, infinities, NaN, subnormal and huge arguments", T, float, double) {
  for (const Special<T>& special : specials<T>()) {
    for (const std::pair<T, T>& pair : special.values) {
      const T value = evaluate(special.function, pair.first);
      CHECK_MESSAGE(same_value(value, pair.second),
                    special.name << " of " << pair.first << " is " << value << ", expected " << pair.second);
    }
  }
}

TEST_CASE_TEMPLATE("math: bounded functions never leave their bounds", T, float, double) {
  const std::vector<T> x = sweep<T>(-1000, 1000);
  for (const T value : evaluate(&math::erf<T>, x)) {
    REQUIRE(std::abs(value) <= 1);
  }
  for (const T value : evaluate(&math::tanh<T>, x)) {
    REQUIRE(std::abs(value) <= 1);
  }
  for (const T value : evaluate(&sin_turn<T>, x)) {
    REQUIRE(std::abs(value) <= 1);
  }
  for (const T value : evaluate(&cos_turn<T>, x)) {
    REQUIRE(std::abs(value) <= 1);
  }
  for (const T value : evaluate(&math::sigmoid<T>, x)) {
    REQUIRE((value >= 0 && value <= 1));
  }
}

TEST_CASE_TEMPLATE("math: sigmoid_softplus has the bits of sigmoid and of softplus", T, float, double) {
  const std::vector<T> x = sweep<T>(-1000, 1000);
  CHECK(evaluate(&sigmoid_of_both<T>, x) == evaluate(&math::sigmoid<T>, x));
  CHECK(evaluate(&softplus_of_both<T>, x) == evaluate(&math::softplus<T>, x));
}
