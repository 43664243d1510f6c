// SPDX-License-Identifier: MIT
#include "vaekit/distributions/student_t.hpp"

#include <doctest/doctest.h>

#include <numbers>

#include "support/distribution_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;
using namespace likelihood_suite;

namespace {

/// Equally spaced in v, x = μ + b √ν sinh v, where the density is proportional to cosh v to the power −ν − 1.
std::vector<Node> nodes_of(double mu, double scale, double freedom) {
  std::vector<Node> list;
  const double width = scale * std::sqrt(freedom);
  const double step = std::min(0.35, 0.7 / std::sqrt(freedom));
  const int count = static_cast<int>(std::acosh(std::pow(10, 12 / freedom)) / step) + 1;
  for (int i = -count; i <= count; ++i) {
    list.push_back({mu + width * std::sinh(step * i), width * step * std::cosh(step * i)});
  }
  return list;
}

template <ParameterSource Spread, ParameterSource FreedomSource>
struct StudentTCase {
  static constexpr double start = 0.7;
  static constexpr double freedom = 9;  // beyond 4, so that the variance has a spread
  template <class T>
  static StudentT<T> make(Index features) {
    return StudentT<T>(
        {.spread = Spread, .scale = start, .freedom_source = FreedomSource, .freedom = freedom}, features);
  }
  static double scale(const Numbers& p) { return p.size() == 2 ? std::exp(p[1]) : start; }
  static std::vector<Node> nodes(const Numbers& p) { return nodes_of(p[0], scale(p), freedom); }
  static double variance(const Numbers& p) { return scale(p) * scale(p) * freedom / (freedom - 2); }
  static double datum(double normal) { return 2 * normal; }
  static std::vector<Numbers> extremes() {
    if (Spread == ParameterSource::predicted) {
      return {{0, -1e30}, {0, 1e30}, {-1e4, 0}, {1e12, 20}, {1e30, -30}};
    }
    return {{-1e30}, {-1e4}, {0}, {1e4}, {1e30}};
  }
};

using FixedCase = StudentTCase<ParameterSource::fixed, ParameterSource::fixed>;
using LearnedCase = StudentTCase<ParameterSource::learned, ParameterSource::learned>;
using PerFeatureCase = StudentTCase<ParameterSource::per_feature, ParameterSource::per_feature>;
using ScaleCase = StudentTCase<ParameterSource::predicted, ParameterSource::fixed>;

/// The density with e³ times the degrees of freedom that the head predicts: the suite's heads are near 0,
/// where samples have no variance.
template <class T>
struct ShiftedDensity : StudentTDensity<T> {
  static constexpr double shift = 3;
  using Base = StudentTDensity<T>;
  static std::array<Simd<T>, 3> shifted(typename Base::Values p) {
    return {p[0], p[1], p[2] + Simd<T>(T{shift})};
  }

  [[nodiscard]] Simd<T> evaluate(typename Base::Values p, const Simd<T>& x,
                                 std::span<Simd<T>, 3> gradient) const {
    return Base::evaluate(shifted(p), x, gradient);
  }
  [[nodiscard]] double sample(std::span<const double, 3> p, RandomSequence& random) const {
    return Base::sample(std::array{p[0], p[1], p[2] + shift}, random);
  }
};

struct PredictedCase {
  template <class T>
  static Factorized<ShiftedDensity<T>> make(Index features) {
    return {{}, features, {}};
  }
  static double freedom(const Numbers& p) { return std::exp(p[2] + ShiftedDensity<double>::shift); }
  static std::vector<Node> nodes(const Numbers& p) { return nodes_of(p[0], std::exp(p[1]), freedom(p)); }
  static double variance(const Numbers& p) { return std::exp(2 * p[1]) * freedom(p) / (freedom(p) - 2); }
  static double datum(double normal) { return 2 * normal; }
  static std::vector<Numbers> extremes() {
    std::vector<Numbers> list;
    for (const double mu : {-1e30, -1e4, 0.0, 1e12}) {
      for (const double log_scale : {-1e30, -15.0, 0.0, 1e30}) {
        for (const double log_freedom : {-1e30, -8.0, 0.0, 10.0, 1e30}) {
          list.push_back({mu, log_scale, log_freedom});
        }
      }
    }
    return list;
  }
};

/// Of one feature.
struct OneValue {
  double log_prob;
  double to_mu;
  double to_log_scale;
  double to_log_freedom;
};

template <class T>
OneValue at(T mu, T log_scale, T log_freedom, T x) {
  const StudentT<T> likelihood(
      {.spread = ParameterSource::predicted, .freedom_source = ParameterSource::predicted}, 1);
  Matrix<T> params(1, 3);
  Matrix<T> data(1, 1);
  Matrix<T> dout(1, 1);
  params << mu, log_scale, log_freedom;
  data(0, 0) = x;
  dout(0, 0) = 1;
  const Pass pass(likelihood, params, data, dout);
  return {static_cast<double>(pass.out(0, 0)), static_cast<double>(pass.gradient(0, 0)),
          static_cast<double>(pass.gradient(0, 1)), static_cast<double>(pass.gradient(0, 2))};
}

/// The formulas as they stand, of an error e and a scale of 1, in long double. Γ is taken 100 further on,
/// where log Γ(z + ½) − log Γ(z) = ½ log z − 1/(8 z) + ....
OneValue plain(long double log_freedom, long double e) {
  const long double freedom = std::exp(log_freedom);
  const long double r = freedom / 2;
  const long double z = r + 100;
  long double value = -1 / (8 * z) + 1 / (192 * std::pow(z, 3.0L)) - 1 / (640 * std::pow(z, 5.0L)) +
                      std::log(z / r) / 2 - std::log(2 * std::numbers::pi_v<long double>) / 2;
  long double slope = 1 / (8 * z * z) - 1 / (64 * std::pow(z, 4.0L)) + 1 / (128 * std::pow(z, 6.0L)) +
                      1 / (2 * z) - 1 / (2 * r);
  for (int i = 0; i < 100; ++i) {
    value += std::log1p(-0.5L / (r + i + 0.5L));
    slope += 0.5L / ((r + i) * (r + i + 0.5L));
  }
  const long double growth = std::log1p(e * e / freedom);
  const long double weight = e * e / (freedom + e * e);
  return {static_cast<double>(value - (r + 0.5L) * growth),
          static_cast<double>((freedom + 1) * e / (freedom + e * e)),
          static_cast<double>((freedom + 1) * weight - 1),
          static_cast<double>(r * slope - r * growth + (r + 0.5L) * weight)};
}

}  // namespace

TYPE_TO_STRING(FixedCase);
TYPE_TO_STRING(LearnedCase);
TYPE_TO_STRING(PerFeatureCase);
TYPE_TO_STRING(ScaleCase);
TYPE_TO_STRING(PredictedCase);

TEST_CASE_TEMPLATE("student_t: keeps the contract of a likelihood", Case, FixedCase, LearnedCase,
                   PerFeatureCase, ScaleCase, PredictedCase) {
  check_likelihood<Case>();
}

TEST_CASE("student_t: log-probabilities of known values") {
  // Cauchy's distribution, and those of 2 and 3 degrees of freedom.
  constexpr double pi = std::numbers::pi;
  CHECK(at(1.0, 0.0, 0.0, 4.0).log_prob == doctest::Approx(-std::log(10 * pi)).epsilon(1e-14));
  CHECK(at(0.0, std::log(2.0), std::log(2.0), 4.0).log_prob ==
        doctest::Approx(-1.5 * std::log(6.0) - std::log(2.0)).epsilon(1e-14));
  CHECK(at(0.0, 0.0, std::log(3.0), 3.0).log_prob ==
        doctest::Approx(std::log(6 * std::sqrt(3.0) / (pi * 144))).epsilon(1e-14));
}

TEST_CASE_TEMPLATE("student_t: values and gradients of all degrees of freedom to rounding", T, float,
                   double) {
  double worst_log_prob = 0;
  double worst_to_mu = 0;
  double worst_to_log_scale = 0;
  double worst_to_log_freedom = 0;
  const auto error = [](double got, double expected) {
    return std::abs(got - expected) / std::max(1.0, std::abs(expected));
  };
  for (int i = 0; i < 71; ++i) {
    const double freedom = 0.0101 * std::pow(1.3, i);
    const auto log_freedom = static_cast<T>(std::log(freedom));
    for (const double e : {0.0, 1e-3, 0.5, -1.0, 2.0, -7.0, 30.0, 1e3, -1e9}) {
      const auto x = static_cast<T>(e);
      const OneValue got = at<T>(0, 0, log_freedom, x);
      const OneValue expected = plain(log_freedom, x);
      worst_log_prob = std::max(worst_log_prob, error(got.log_prob, expected.log_prob));
      worst_to_mu = std::max(worst_to_mu, error(got.to_mu, expected.to_mu));
      worst_to_log_scale = std::max(worst_to_log_scale, error(got.to_log_scale, expected.to_log_scale));
      // Of a difference of terms as large as the log-probability.
      worst_to_log_freedom =
          std::max(worst_to_log_freedom, std::abs(got.to_log_freedom - expected.to_log_freedom) /
                                             std::max(1.0, std::abs(expected.log_prob)));
    }
  }
  const double tolerance = std::is_same_v<T, float> ? 1e-6 : 3e-15;
  CHECK(worst_log_prob < tolerance);
  CHECK(worst_to_mu < tolerance);
  CHECK(worst_to_log_scale < tolerance);
  CHECK(worst_to_log_freedom < tolerance);
}

TEST_CASE_TEMPLATE("student_t: many degrees of freedom are a Gaussian", T, float, double) {
  const Gaussian<T> gaussian({.variance = VarianceSource::predicted}, 5);
  const StudentT<T> student({.spread = ParameterSource::predicted, .freedom = 1e6}, 5);
  Matrix<T> params = random_params(student, 4, 1, 0.3);
  constexpr auto limit = static_cast<T>(3e-5);
  const Matrix<T> x = random_matrix<T>(4, 5, 2);
  const Matrix<T> dout = random_matrix<T>(1, 4, 3);
  const Pass got(student, params, x, dout);
  params.rightCols(5) *= 2;
  Pass expected(gaussian, params, x, dout);
  expected.gradient.rightCols(5) *= 2;  // ∂/∂log b = 2 ∂/∂logvar
  CHECK((got.out - expected.out).cwiseAbs().maxCoeff() < limit);
  CHECK((got.gradient - expected.gradient).cwiseAbs().maxCoeff() < 10 * limit);
  CHECK(std::abs(at<T>(0, 0, 13, 1).to_log_freedom) < 2e-6);
}

TEST_CASE_TEMPLATE("student_t: far errors give the right values, not only finite ones", T, float, double) {
  for (const double distance : {1e9, 1e20, 1e30}) {
    for (const double freedom : {0.01, 1.0, 5.0, 1e3}) {
      const OneValue got = at<T>(1, -10, static_cast<T>(std::log(freedom)), static_cast<T>(-distance));
      const OneValue expected = plain(std::log(freedom), std::exp(10.0L) * distance);
      CHECK(got.log_prob == doctest::Approx(expected.log_prob + 10).epsilon(1e-5));
      // −(ν + 1) / distance, ν, and what the logarithm of the tail leaves.
      CHECK(got.to_mu * distance == doctest::Approx(-(freedom + 1)).epsilon(1e-4));
      CHECK(got.to_log_scale == doctest::Approx(freedom).epsilon(1e-4));
      CHECK(got.to_log_freedom == doctest::Approx(expected.to_log_freedom).epsilon(1e-5));
    }
  }
}

TEST_CASE_TEMPLATE("student_t: log-scale and log-freedom have no gradient beyond their limits", T, float,
                   double) {
  for (const double limit : {-15.0, 10.0}) {
    const OneValue inside = at<T>(0, static_cast<T>(limit), 1, T{1.5});
    CHECK(inside.to_log_scale != 0);
    for (const double beyond : {limit < 0 ? limit - 0.5 : limit + 0.5, limit * 1e30}) {
      const OneValue clamped = at<T>(0, static_cast<T>(beyond), 1, T{1.5});
      CHECK(clamped.log_prob == inside.log_prob);
      CHECK(clamped.to_mu == inside.to_mu);
      CHECK(clamped.to_log_scale == 0);
    }
  }
  for (const double limit : {std::log(1e-2), std::log(1e6)}) {
    const OneValue inside = at<T>(0, 0, static_cast<T>(limit), 30);
    CHECK(at<T>(0, 0, static_cast<T>(limit * (1 - 1e-6)), 30).to_log_freedom != 0);
    for (const double beyond : {limit < 0 ? limit - 0.5 : limit + 0.5, limit * 1e30}) {
      const OneValue clamped = at<T>(0, 0, static_cast<T>(beyond), 30);
      CHECK(clamped.log_prob == doctest::Approx(inside.log_prob).epsilon(1e-5));
      CHECK(clamped.to_log_freedom == 0);
    }
  }
}

TEST_CASE("student_t: an outlier pulls less than an error of one scale") {
  CHECK(std::abs(at(0.0, 0.0, std::log(5.0), 100.0).to_mu) < 0.1);
  CHECK(at(0.0, 0.0, std::log(5.0), 1.0).to_mu == doctest::Approx(1));
  CHECK(at(0.0, 0.0, std::log(5.0), 0.0).to_mu == 0);
}

TEST_CASE("student_t: samples have the quantiles of the distribution and stay finite") {
  const Index count = 20'000;
  Matrix<float> params(1, count);
  params.setConstant(2);
  Matrix<float> x(1, count);
  // The upper quartile: tan π/4 of Cauchy's, √(2/3)... of 2 degrees of freedom, and that of the Gaussian.
  for (const auto& [freedom, quartile] : {std::pair{1.0, 1.0}, {2.0, 0.816497}, {1e6, 0.674490}}) {
    StudentT<float>({.scale = 3, .freedom = freedom}, count)
        .sample(params, RandomStream(1, Purpose::likelihood), x);
    const auto above = (x.array() > static_cast<float>(2 + 3 * quartile)).count();
    const auto below = (x.array() < static_cast<float>(2 - 3 * quartile)).count();
    CHECK(std::abs(static_cast<double>(above) / count - 0.25) < 0.016);
    CHECK(std::abs(static_cast<double>(below) / count - 0.25) < 0.016);
  }
  StudentT<float>({.scale = 1e4, .freedom = 0.01}, count)
      .sample(params, RandomStream(1, Purpose::likelihood), x);
  CHECK(x.allFinite());
}

TEST_CASE("student_t: learned numbers are parameters, each where it is learned") {
  CHECK(parameter_count(StudentT<float>({}, 5)) == 0);
  StudentT<float> learned({.spread = ParameterSource::learned,
                           .scale = 0.5,
                           .freedom_source = ParameterSource::per_feature,
                           .freedom = 8},
                          5);
  const auto list = parameters(learned);
  REQUIRE(list.size() == 2);
  CHECK(list[0].name == "log_scale");
  CHECK(list[0].values[0] == doctest::Approx(std::log(0.5)));
  CHECK(list[1].name == "log_freedom");
  CHECK(list[1].values.size() == 5);
  CHECK(list[1].values[4] == doctest::Approx(std::log(8.0)));
  learned.log_scale()[0] = 3;
  learned.log_freedom()[1] = 3;
  learned.initialize();
  CHECK(learned.log_scale()[0] == doctest::Approx(std::log(0.5)));
  CHECK(learned.log_freedom()[1] == doctest::Approx(std::log(8.0)));
  CHECK(StudentT<float>({.freedom_source = ParameterSource::predicted}, 5).head_size() == 10);
  CHECK(
      StudentT<float>({.spread = ParameterSource::predicted, .freedom_source = ParameterSource::predicted}, 5)
          .head_size() == 15);
}

TEST_CASE("student_t: takes any finite data, refuses numbers out of range") {
  CHECK(StudentT<float>({}, 3).support(0) == Support{});
  check_throws_with<ConfigError>("student_t: scale is 0, must be in [1e-06, 10000]",
                                 [] { StudentT<float>({.scale = 0}, 3); });
  check_throws_with<ConfigError>("student_t: freedom is 0, must be in [0.01, 1000000]",
                                 [] { StudentT<float>({.freedom = 0}, 3); });
  check_throws_with<ConfigError>("student_t: freedom is nan, must be finite",
                                 [] { StudentT<float>({.freedom = std::nan("")}, 3); });
}
