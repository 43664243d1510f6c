// SPDX-License-Identifier: MIT
//
// The von Mises-Fisher distribution on the unit sphere S^(d−1), seen from its mean direction: the angle t
// between z and mu has the density exp(κ cos t) sin^(d−2) t / Z on [0, π], and given t the direction is
// uniform.
//
// Everything is one quadrature over t, in double. All of it is written with 1 − cos t = 2 sin²(t/2), relative
// to the mode, so that nothing cancels when κ is large; lower and upper tails are summed from their own ends,
// so that they are accurate however small they are.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "vaekit/kernels/math.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

/// Radau's rule on (0, 1]: exact for degree 14. Its last point is the end of the interval, so an integral up
/// to t also gives the integrand at t.
inline constexpr Index radau_points = 8;
alignas(alignment) inline constexpr std::array<double, 8> radau_nodes = {
    0.022479386438712498109, 0.11467905316090423191, 0.26578982278458946848, 0.452846373669444617,
    0.64737528288683036263,  0.81975930826310763501, 0.94373743946307785353, 1.0};
alignas(alignment) inline constexpr std::array<double, 8> radau_weights = {
    0.057254407372128599671, 0.12482395066493248163, 0.17350739781725064011, 0.19578608372624679654,
    0.18825877269455927829,  0.15206531032339256449, 0.09267907740148963927, 0.015625};

/// ∫₀^π sin^(d−2) t dt = |S^(d−1)| / |S^(d−2)|, d ≥ 2.
[[nodiscard]] inline double uniform_angle_integral(Index dim) {
  double value = dim % 2 == 0 ? std::numbers::pi : 2;
  for (Index k = dim % 2 == 0 ? 2 : 3; k < dim; k += 2) {
    value *= static_cast<double>(k - 1) / static_cast<double>(k);
  }
  return value;
}

}  // namespace detail

/// log |S^(d−1)|, the surface of the unit sphere of ℝ^d, d ≥ 1; |S⁰| = 2. Relative error 1e-14.
[[nodiscard]] inline double log_sphere_surface(Index dim) {
  double value = std::numbers::ln2;
  for (Index k = 2; k <= dim; ++k) {
    value += std::log(detail::uniform_angle_integral(k));
  }
  return value;
}

/// What depends on the dimension alone.
struct SphereConstants {
  Index dim = 0;
  double log_surface = 0;  ///< log |S^(d−1)|
  double log_angles = 0;   ///< log ∫ sin^(d−2) t dt

  SphereConstants() = default;
  explicit SphereConstants(Index dimension)
      : dim(dimension),
        log_surface(log_sphere_surface(dimension)),
        log_angles(std::log(detail::uniform_angle_integral(dimension))) {}
};

/// An angle that was drawn, and its derivative.
struct PolarAngle {
  double deficit = 0;   ///< 1 − cos t
  double sine = 0;      ///< sin t
  double to_kappa = 0;  ///< dt/dκ with the noise held fixed
};

/// The angle between mu and z ~ vMF(mu, κ) on S^(d−1), with what the density on the sphere needs of it:
///
///   log q(z) = −κ (1 − cos t) − log_normalizer,   E cos t = A,   dA/dκ = Var cos t
///   KL(vMF ‖ uniform) = κ A − log ∫ exp(κ cos t) sin^(d−2) t dt + log ∫ sin^(d−2) t dt,   dKL/dκ = κ Var cos
///   t
///
/// An angle is drawn by the inverse of its distribution function F, and dt/dκ = −(∂F/∂κ) / F′(t).
///
/// Range     2 ≤ d ≤ 256, 1e-6 ≤ κ ≤ 1e6; NaN gives NaN
/// Units     nats
/// Accuracy  relative, over that range: moments and divergence 1e-12, angles 2e-12, dt/dκ 1e-11, where t is
/// not
///           within 1e-9 of π, else 1e-15 absolute; log normalizer 1e-13 of its largest term
/// Threads   const calls are safe; nothing allocates
/// Source    Davidson et al. 2018 (arXiv:1804.00891); Figurnov et al. 2018 (arXiv:1805.08498), section 3
class VonMisesFisherAngle {
 public:
  VonMisesFisherAngle() = default;
  VonMisesFisherAngle(const SphereConstants& sphere, double kappa)
      : kappa_(kappa),
        power_(static_cast<double>(sphere.dim - 2)),
        integer_power_(static_cast<unsigned>(sphere.dim - 2)) {
    choose_window();
    integrate();
    const double shift = moments_[1] / moments_[0];
    const double square = moments_[2] / moments_[0];
    mean_deficit_ = mode_deficit_ + shift;
    shift_ = shift;
    variance_ = square - shift * shift;
    // E sin² t from 1 − cos t = w: sin² = w (2 − w) around the mode. Parts: (d − 1) A = κ E sin².
    const double sine_square = mode_deficit_ * (2 - mode_deficit_) + 2 * (1 - mode_deficit_) * shift - square;
    mean_cosine_ = kappa * sine_square / (power_ + 1);
    const double log_peak = power_ == 0 ? 0 : power_ * std::log(mode_sine_);
    const double log_integral = log_peak - kappa * mode_deficit_ + std::log(moments_[0]);
    log_normalizer_ = log_integral + sphere.log_surface - sphere.log_angles;
    divergence_ = kappa * kappa < power_ + 2 ? kappa * mean_cosine_ - log_growth()
                                             : -kappa * mean_deficit_ - log_integral + sphere.log_angles;
  }

  [[nodiscard]] double kappa() const { return kappa_; }
  /// log ∫ exp(κ (mu·z − 1)) dz over the sphere.
  [[nodiscard]] double log_normalizer() const { return log_normalizer_; }
  [[nodiscard]] double mean_cosine() const { return mean_cosine_; }
  [[nodiscard]] double mean_deficit() const { return mean_deficit_; }
  [[nodiscard]] double variance() const { return variance_; }
  /// KL(vMF ‖ uniform distribution on the sphere).
  [[nodiscard]] double divergence() const { return divergence_; }

  /// The angle t with F(t) = Φ(normal). Beyond |normal| = 9 it stays at the ends of the window.
  [[nodiscard]] PolarAngle quantile(double normal) const {
    const double target = 0.5 * std::erfc(std::abs(normal) * std::numbers::sqrt2 / 2) * moments_[0];
    const Tail& tail = normal < 0 ? lower_ : upper_;
    std::size_t panel = 0;
    while (panel + 1 < panels && tail.mass[panel + 1] < target) {
      ++panel;
    }
    const double sign = normal < 0 ? 1 : -1;
    const double start = normal < 0 ? low_ : high_;
    const Piece piece{start + sign * width_ * static_cast<double>(panel), sign, tail.mass[panel],
                      tail.moment[panel]};
    return solve(piece, target, tail.mass[panel + 1]);
  }

 private:
  static constexpr std::size_t panels = 24;
  /// Beyond the window the density is below exp(−46) of its maximum.
  static constexpr double depth = 46;
  using Vector = Simd<double>;

  /// Integrals from one end of the window up to each cut between panels, of f and of (1 − cos t) − its mode.
  struct Tail {
    std::array<double, panels + 1> mass{};
    std::array<double, panels + 1> moment{};
  };
  /// Integrals from an end up to `start`, and the direction in which they go on.
  struct Piece {
    double start;
    double sign;
    double mass;
    double moment;
  };
  /// f, relative to its maximum, 1 − cos t relative to the mode, and sin t.
  struct Density {
    Vector value;
    Vector shift;
    Vector sine;
  };

  [[nodiscard]] Density density(const Vector& angle) const {
    const math::SinCos<double> half = math::sincos_turn<double>(angle * Vector(0.25 / std::numbers::pi));
    const Vector twice = half.sin + half.sin;
    const Vector shift = xsimd::fma(twice, half.sin, Vector(-mode_deficit_));
    const Vector sine = xsimd::max(twice * half.cos, Vector(0.0));  // not below 0 where π was rounded up
    Vector value = math::exp<double>(Vector(-kappa_) * shift);
    // By squares: a few products where a logarithm would be half of the work.
    Vector square = sine * Vector(1 / mode_sine_);
    for (auto n = integer_power_; n != 0; n >>= 1) {
      value *= (n & 1U) != 0 ? square : Vector(1.0);
      square *= square;
    }
    return {value, shift, sine};
  }

  /// log f as a function of w = 1 − cos t, relative to its maximum, at w > 0.
  [[nodiscard]] double log_density(double w) const {
    const double ratio = power_ == 0 ? 0 : std::log(w * (2 - w) / (mode_sine_ * mode_sine_));
    return -kappa_ * (w - mode_deficit_) + power_ / 2 * ratio;
  }

  /// The mode, where κ sin² t = (d − 2) cos t, and an interval outside of which log f is `depth` below it.
  ///
  /// Below the mode |(log f)″| is at least what it is there, so log f lies below a parabola. Above it, with
  /// w = 1 − cos t, log f is at most (d − 2)/2 (log x − (x − 1)) for x = w / mode, and for x = (2 − w) / (2 −
  /// mode); and log f is concave in w, so that Newton's steps towards the level approach it from outside.
  void choose_window() {
    const double root = std::hypot(power_, 2 * kappa_);
    const double ratio = (1 + power_ / (root + 2 * kappa_)) / (power_ + root);  // mode / (d − 2)
    mode_deficit_ = std::min(power_ * ratio, 1.0);
    mode_sine_ = power_ == 0 ? 1 : std::sqrt(mode_deficit_ * (2 - mode_deficit_));
    const double mode = 2 * std::asin(std::sqrt(mode_deficit_ / 2));
    const double curvature = kappa_ * (1 - mode_deficit_) + (power_ + root) / 2;
    low_ = std::max(0.0, mode - std::sqrt(2 * depth / curvature));
    double w = mode_deficit_ + std::sqrt(4 * depth * power_) * ratio + 2 * depth * ratio;
    const double level = 2 * depth / std::max(power_, 1e-300);
    w = std::min(w, mode_deficit_ + (2 - mode_deficit_) * std::sqrt(2 * level));
    w = std::min(w, 2 - (2 - mode_deficit_) * std::exp(-1 - level));
    for (int step = 0; step < 3 && w < 2; ++step) {
      const double slope = -kappa_ + power_ * (1 - w) / (w * (2 - w));
      const double above = log_density(w) + depth;
      w -= above < 0 ? above / slope : 0;
    }
    high_ = w < 2 ? 2 * std::asin(std::sqrt(w / 2)) : std::numbers::pi;
    high_ = w == w ? high_ : w;  // NOLINT(misc-redundant-expression): false for NaN
    width_ = (high_ - low_) / panels;
  }

  void integrate() {
    alignas(alignment) std::array<double, panels> masses;
    alignas(alignment) std::array<double, panels> firsts;
    alignas(alignment) std::array<double, panels> indices;
    for (std::size_t i = 0; i < panels; ++i) {
      indices[i] = static_cast<double>(i);
    }
    Vector squares(0.0);
    for_each_vector<double>(static_cast<Index>(panels), [&](Index i, auto which) {
      const Vector left = xsimd::fma(load(indices.data() + i, which), Vector(width_), Vector(low_));
      Vector mass(0.0);
      Vector first(0.0);
      for (std::size_t j = 0; j < radau_count; ++j) {
        const Density f = density(left + Vector(detail::radau_nodes[j] * width_));
        const Vector weighted = f.value * Vector(detail::radau_weights[j] * width_);
        const Vector moment = weighted * f.shift;
        mass += weighted;
        first += moment;
        squares += keep<double>(moment * f.shift, which);
      }
      store(masses.data() + i, mass, which);
      store(firsts.data() + i, first, which);
    });
    for (std::size_t i = 0; i < panels; ++i) {
      lower_.mass[i + 1] = lower_.mass[i] + masses[i];
      lower_.moment[i + 1] = lower_.moment[i] + firsts[i];
      upper_.mass[i + 1] = upper_.mass[i] + masses[panels - 1 - i];
      upper_.moment[i + 1] = upper_.moment[i] + firsts[panels - 1 - i];
    }
    moments_ = {lower_.mass[panels], lower_.moment[panels], sum_lanes<double>(squares)};
  }

  /// f and the integrals at `start` + sign x.
  struct Point {
    double value;
    double shift;
    double sine;
    double mass;
    double moment;
  };
  [[nodiscard]] Point point(const Piece& piece, double x) const {
    alignas(alignment) std::array<double, radau_count> values;
    alignas(alignment) std::array<double, radau_count> shifts;
    alignas(alignment) std::array<double, radau_count> sines;
    Vector mass(0.0);
    Vector moment(0.0);
    for_each_vector<double>(detail::radau_points, [&](Index i, auto which) {
      const Density f = density(xsimd::fma(load(detail::radau_nodes.data() + i, which),
                                           Vector(piece.sign * x), Vector(piece.start)));
      const Vector weighted = f.value * load(detail::radau_weights.data() + i, which);
      mass += weighted;
      moment = xsimd::fma(weighted, f.shift, moment);
      store(values.data() + i, f.value, which);
      store(shifts.data() + i, f.shift, which);
      store(sines.data() + i, f.sine, which);
    });
    return {values.back(), shifts.back(), sines.back(), piece.mass + x * sum_lanes<double>(mass),
            piece.moment + x * sum_lanes<double>(moment)};
  }

  /// Halley's steps for log mass(x) = log target on [0, width], kept in a bracket; log mass is concave where
  /// f is log-concave, and almost linear in the tails.
  [[nodiscard]] PolarAngle solve(const Piece& piece, double target, double mass_at_width) const {
    double below = 0;
    double above = width_;
    double x = piece.mass > 0 ? width_ * std::log(target / piece.mass) / std::log(mass_at_width / piece.mass)
                              : width_ * std::pow(target / mass_at_width, 1 / (power_ + 1));
    Point at{};
    for (int step = 0; step < 60; ++step) {
      x = x < below ? below : (x > above ? above : x);
      at = point(piece, x);
      const double error = std::log(at.mass / target);
      (error > 0 ? above : below) = x;
      const double w = mode_deficit_ + at.shift;
      const double sine = std::max(at.sine, 1e-300);
      const double slope = at.value / at.mass;
      const double bend = piece.sign * (power_ * (1 - w) / sine - kappa_ * sine) - slope;  // of log mass′
      const double newton = error / slope;
      const double move = newton / std::clamp(1 - newton * bend / 2, 0.5, 2.0);
      // To rounding: of x, or of mass.
      if (!(std::abs(move) > std::max(1e-13 * x, 4e-16 / slope)) || above - below <= 1e-15 * x) {
        break;
      }
      const double next = x - move;
      x = next > below && next < above ? next : (below + above) / 2;
    }
    return angle_at(at, piece.sign);
  }

  [[nodiscard]] PolarAngle angle_at(const Point& at, double sign) const {
    const double change = at.moment - shift_ * at.mass;  // −Z ∂/∂κ of the tail
    const double w = mode_deficit_ + at.shift;
    // Far below the mode the sum has lost digits, which sin² t = w (2 − w) still has.
    return {w < 0.5 ? at.sine * at.sine / (2 - w) : w, at.sine,
            at.value > 0 ? sign * change / at.value : change - change};
  }

  /// log(∫ exp(κ cos t) sin^(d−2) t dt / ∫ sin^(d−2) t dt) by its series in κ, whose terms are positive: the
  /// divergence of a small κ is of order κ² and would be lost in the rounding of the integrals.
  [[nodiscard]] double log_growth() const {
    const double x = kappa_ * kappa_ / 4;
    double term = 1;
    double sum = 0;
    for (int k = 1; k < 30; ++k) {
      term *= x / (k * ((power_ + 2) / 2 + (k - 1)));
      sum += term;
    }
    return std::log1p(sum);
  }

  static constexpr std::size_t radau_count = detail::radau_nodes.size();

  double kappa_ = 0;
  double power_ = 0;  // d − 2
  unsigned integer_power_ = 0;
  double mode_deficit_ = 0;
  double mode_sine_ = 1;
  double low_ = 0;
  double high_ = 0;
  double width_ = 0;
  std::array<double, 3> moments_{};  // ∫ f, ∫ s f, ∫ s² f with s = (1 − cos t) − its mode
  double shift_ = 0;                 // E s
  double mean_deficit_ = 0;
  double mean_cosine_ = 0;
  double variance_ = 0;
  double log_normalizer_ = 0;
  double divergence_ = 0;
  Tail lower_;
  Tail upper_;
};

}  // namespace vaekit::inline VAEKIT_ABI
