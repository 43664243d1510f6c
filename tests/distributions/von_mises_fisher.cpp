// SPDX-License-Identifier: MIT
#include "vaekit/distributions/von_mises_fisher.hpp"

#include <doctest/doctest.h>

#include "support/golden.hpp"

using namespace vaekit;

namespace {

constexpr double pi = std::numbers::pi;

VonMisesFisherAngle angle_of(Index dim, double kappa) {
  return VonMisesFisherAngle(SphereConstants(dim), kappa);
}

double relative(double got, double expected) { return std::abs(got - expected) / std::abs(expected); }

}  // namespace

TEST_CASE("von mises-fisher angle: surfaces of spheres") {
  CHECK(log_sphere_surface(1) == doctest::Approx(std::log(2.0)).epsilon(1e-15));
  CHECK(log_sphere_surface(2) == doctest::Approx(std::log(2 * pi)).epsilon(1e-15));
  CHECK(log_sphere_surface(3) == doctest::Approx(std::log(4 * pi)).epsilon(1e-15));
  CHECK(log_sphere_surface(4) == doctest::Approx(std::log(2 * pi * pi)).epsilon(1e-15));
  CHECK(log_sphere_surface(256) ==
        doctest::Approx(std::log(2.0) + 128 * std::log(pi) - std::lgamma(128.0)).epsilon(1e-13));
}

TEST_CASE("von mises-fisher angle: the closed forms of the ordinary sphere") {
  for (int i = 0; i < 35; ++i) {
    const double kappa = 1e-2 * std::pow(1.7, i);
    CAPTURE(kappa);
    const VonMisesFisherAngle angle = angle_of(3, kappa);
    const double growth = -std::expm1(-2 * kappa);
    CHECK(std::abs(angle.log_normalizer() - std::log(2 * pi * growth / kappa)) < 1e-13);
    CHECK(std::abs(angle.mean_cosine() - (1 / std::tanh(kappa) - 1 / kappa)) < 1e-13 / std::min(kappa, 1.0));
    for (int j = -16; j <= 16; ++j) {
      const double normal = 0.37 * j;
      // 1 − cos t is an exponential variable cut off at 2: P(1 − cos t > w) = (e^−κw − e^−2κ) / (1 − e^−2κ).
      const double lower = 0.5 * std::erfc(-normal / std::numbers::sqrt2);
      const double upper = 0.5 * std::erfc(normal / std::numbers::sqrt2);
      const double rest = normal < 0 ? -std::expm1(std::log1p(-lower * growth)) : 0;
      const double w =
          normal < 0 ? -std::log1p(-rest) / kappa : -std::log(upper * growth + std::exp(-2 * kappa)) / kappa;
      const PolarAngle got = angle.quantile(normal);
      CHECK(std::abs(got.deficit - w) < 1e-12 * w + 1e-14 / kappa);
      CHECK(std::abs(got.sine - std::sqrt(w * (2 - w))) < 1e-7 * got.sine + 1e-7);
    }
  }
}

TEST_CASE("von mises-fisher angle: small and large concentrations are mpmath's") {
  const Golden golden("manifolds");
  const auto kappas = golden.matrix<double>("angle.kappa");
  const auto normals = golden.matrix<double>("angle.normal");
  for (const Index dim : {2, 3, 10, 256}) {
    const std::string name = "angle_" + std::to_string(dim);
    const auto moments = golden.matrix<double>(name + ".moments");
    const auto draws = golden.matrix<double>(name + ".draws");
    for (Index i = 0; i < kappas.size(); ++i) {
      CAPTURE(dim);
      CAPTURE(kappas(0, i));
      const VonMisesFisherAngle angle = angle_of(dim, kappas(0, i));
      CHECK(std::abs(angle.log_normalizer() - moments(i, 0)) <
            1e-13 * std::max(1.0, std::abs(moments(i, 0))));
      CHECK(relative(angle.mean_cosine(), moments(i, 1)) < 1e-12);
      CHECK(relative(angle.mean_deficit(), moments(i, 2)) < 1e-12);
      CHECK(relative(angle.variance(), moments(i, 3)) < 2e-12);
      CHECK(relative(angle.divergence(), moments(i, 4)) < 2e-12);
      for (Index j = 0; j < normals.size(); ++j) {
        CAPTURE(normals(0, j));
        const Index row = i * normals.size() + j;
        const PolarAngle got = angle.quantile(normals(0, j));
        const double rounding = draws(row, 0) > 1.9 ? 1e-15 : 0;  // close to π errors are absolute
        CHECK(std::abs(got.deficit - draws(row, 0)) < 5e-12 * draws(row, 0));
        CHECK(std::abs(got.sine - draws(row, 1)) < 2e-12 * draws(row, 1) + rounding);
        CHECK(std::abs(got.to_kappa - draws(row, 2)) < 1e-11 * std::abs(draws(row, 2)) + rounding);
      }
    }
  }
}

TEST_CASE("von mises-fisher angle: moments, divergence and quantiles are derivatives of each other") {
  for (const Index dim : {2, 3, 5, 10, 40, 256}) {
    for (const double kappa : {0.01, 0.9, std::sqrt(static_cast<double>(dim)), 7.0, 40.0, 3e3, 2e5}) {
      CAPTURE(dim);
      CAPTURE(kappa);
      const double step = 1e-4 * kappa;
      const VonMisesFisherAngle angle = angle_of(dim, kappa);
      const VonMisesFisherAngle above = angle_of(dim, kappa + step);
      const VonMisesFisherAngle below = angle_of(dim, kappa - step);
      // log ∫ exp(κ (cos t − 1)): the derivative is A − 1.
      const double slope = (above.log_normalizer() - below.log_normalizer()) / (2 * step);
      CHECK(std::abs(slope + angle.mean_deficit()) < 1e-6 * angle.mean_deficit());
      const double variance = (above.mean_cosine() - below.mean_cosine()) / (2 * step);
      CHECK(std::abs(variance - angle.variance()) < 1e-6 * angle.variance() + 1e-14 / step);
      const double to_kappa = (above.divergence() - below.divergence()) / (2 * step);
      CHECK(std::abs(to_kappa - kappa * angle.variance()) < 1e-6 * std::abs(to_kappa) + 1e-13 / step);
      for (const double normal : {-6.0, -1.0, 0.0, 0.4, 6.0}) {
        const auto t = [&](const VonMisesFisherAngle& a) {
          return std::atan2(a.quantile(normal).sine, 1 - a.quantile(normal).deficit);
        };
        const double difference = (t(above) - t(below)) / (2 * step);
        CHECK(std::abs(difference - angle.quantile(normal).to_kappa) <
              1e-6 * std::abs(difference) + 2e-15 / step);
      }
    }
  }
}

TEST_CASE("von mises-fisher angle: quantiles rise from 0 to pi without steps") {
  for (const Index dim : {2, 3, 256}) {
    for (const double kappa : {1e-6, 1.0, 30.0, 1e6}) {
      const VonMisesFisherAngle angle = angle_of(dim, kappa);
      double last = -1;
      for (int i = -4000; i <= 4000; ++i) {
        const double normal = 0.01 * i;
        const PolarAngle got = angle.quantile(normal);
        CHECK(got.deficit >= std::min(last, 2.0) - 4e-16);
        CHECK(got.deficit <= 2);
        CHECK(std::isfinite(got.to_kappa));
        last = got.deficit;
      }
    }
  }
}

TEST_CASE("von mises-fisher angle: NaN in, NaN out") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const VonMisesFisherAngle broken = angle_of(4, nan);
  CHECK(std::isnan(broken.log_normalizer()));
  CHECK(std::isnan(broken.divergence()));
  CHECK(std::isnan(broken.quantile(0.3).deficit));
  CHECK(std::isnan(broken.quantile(0.3).to_kappa));
  CHECK(std::isnan(angle_of(4, 2).quantile(nan).deficit));
  CHECK(std::isnan(angle_of(2, 2).quantile(nan).deficit));
}
