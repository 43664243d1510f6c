// SPDX-License-Identifier: MIT
#include "vaekit/latent/poincare_ball.hpp"

#include <doctest/doctest.h>

#include "support/distribution_suite.hpp"

using namespace vaekit;
using likelihood_suite::random_matrix;

namespace {

using Vector = Eigen::RowVectorXd;

/// x ⊕ y as the formula says.
Vector plain_sum(const Vector& x, const Vector& y) {
  const double xy = x.dot(y);
  return ((1 + 2 * xy + y.squaredNorm()) * x + (1 - x.squaredNorm()) * y) /
         (1 + 2 * xy + x.squaredNorm() * y.squaredNorm());
}

poincare::MobiusAddition addition_of(const Vector& x, const Vector& y) {
  return {x.norm(), 1 - x.norm(), y.norm(), 1 - y.norm(), 1 + x.dot(y) / (x.norm() * y.norm())};
}

}  // namespace

TEST_CASE("poincare ball: the volume and its slope at all radii") {
  for (int i = 0; i < 213; ++i) {
    const double r = 1e-6 * std::pow(1.1, i);
    const long double exact_r = r;
    if (r > 1e-2) {
      const long double value = std::log(exact_r / std::sinh(exact_r));
      CHECK(std::abs(poincare::log_volume(r) - static_cast<double>(value)) <
            1e-14 * std::abs(static_cast<double>(value)));
      const long double slope = (1 / exact_r - 1 / std::tanh(exact_r)) / exact_r;
      CHECK(std::abs(poincare::log_volume_slope(r) - static_cast<double>(slope)) <
            1e-13 * std::abs(static_cast<double>(slope)));
    } else {
      CHECK(poincare::log_volume(r) == doctest::Approx(-r * r / 6 + std::pow(r, 4) / 180).epsilon(1e-11));
      CHECK(poincare::log_volume_slope(r) == doctest::Approx(-1.0 / 3 + r * r / 45).epsilon(1e-10));
    }
  }
  CHECK(poincare::log_volume(0) == 0);
  CHECK(poincare::log_volume_slope(0) == -1.0 / 3);
}

TEST_CASE("poincare ball: tanh, its rest and its slope") {
  for (const double s : {0.0, 1e-6, 0.3, 2.0, 15.0}) {
    const poincare::Tanh t(s);
    CHECK(t.value == std::tanh(s));
    CHECK(t.rest == doctest::Approx(2 * std::exp(-2 * s) / (1 + std::exp(-2 * s))).epsilon(1e-14));
    CHECK(t.slope == doctest::Approx(1 / (std::cosh(s) * std::cosh(s))).epsilon(1e-13));
  }
}

TEST_CASE("poincare ball: the radial map and its derivative, also where it is cut off") {
  const double limit = 2;
  for (const double s : {0.0, 1e-9, 0.4, 1.9, 2.5}) {
    const poincare::Radial radial(s, limit);
    CHECK(radial.is_limited == (s > limit));
    const double value = std::tanh(std::min(s, limit));
    CHECK(radial.value == doctest::Approx(value).epsilon(1e-14));
    CHECK(radial.rest == doctest::Approx(1 - value).epsilon(1e-13));
    CHECK(radial.ratio * (s > 0 ? s : 1) == doctest::Approx(s > 0 ? value : 1).epsilon(1e-14));
    if (s > 1e-3) {
      // Along u: ratio + bend |y|² = d tanh s/ds.
      const double slope = s > limit ? 0 : 1 - value * value;
      CHECK(std::abs(radial.ratio + radial.bend * value * value - slope) < 1e-13);
    }
  }
}

TEST_CASE("poincare ball: Moebius addition and its gradients") {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    Vector x = random_matrix<double>(1, 3, seed, 0.3).row(0);
    Vector y = random_matrix<double>(1, 3, seed + 10, 0.3).row(0);
    const Vector g = random_matrix<double>(1, 3, seed + 20).row(0);
    const poincare::MobiusAddition sum = addition_of(x, y);
    CHECK((sum.of_x * x + sum.of_y * y - plain_sum(x, y)).norm() < 1e-14);
    const auto d = sum.gradient(g.dot(x), g.dot(y));
    const Vector dx = sum.of_x * g + d.cross * y + 2 * d.to_xx * x;
    const Vector dy = sum.of_y * g + d.cross * x + 2 * d.to_yy * y;
    CHECK(std::abs(d.x_dx - x.dot(dx)) < 1e-14);
    CHECK(std::abs(d.y_dy - y.dot(dy)) < 1e-14);
    const auto value = [&] { return plain_sum(x, y).dot(g); };
    check_finite_differences(std::span(x.data(), 3), std::span<const double>(dx.data(), 3), value);
    check_finite_differences(std::span(y.data(), 3), std::span<const double>(dy.data(), 3), value);
  }
}

TEST_CASE("poincare ball: nothing cancels close to the boundary") {
  // Opposite points at 1 − a and 1 − b: their sum is (b − a) / (1 − (1 − a)(1 − b)) in length.
  const double a = 1e-12;
  const double b = 3e-12;
  const poincare::MobiusAddition sum(1 - a, a, 1 - b, b, 0);
  CHECK(sum.of_x * (1 - a) - sum.of_y * (1 - b) == doctest::Approx((b - a) / (a + b - a * b)).epsilon(1e-3));
  CHECK(poincare::space(0.5) == "the Poincare ball of curvature -0.5");
}
