// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <concepts>

#include "vaekit/distributions/factorized.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct ContinuousBernoulliConfig {
  static constexpr std::string_view kind = "continuous_bernoulli";
  static constexpr auto fields() { return std::tuple{}; }
};

/// The continuous Bernoulli density of one feature, with C(l) = l / tanh(l/2), C(0) = 2:
///
///   log p(x) = x l − softplus(l) + log C(l) = (x − ½) l − log (sinh(l/2) / (l/2))
///   E[x] = 1 / (1 − e⁻ˡ) − 1/l, ½ at 0;   ∂/∂l = x − E[x]
///
/// Below |l| = 1 both come from one power series, where the formulas are differences of large numbers.
template <class T>
struct ContinuousBernoulliDensity {
  using Scalar = T;
  static constexpr std::size_t parameters = 1;
  static constexpr std::array<std::string_view, 1> names = {"logits"};
  using Values = std::span<const Simd<T>, 1>;

  [[nodiscard]] Support support() const { return {0, 1}; }

  [[nodiscard]] Simd<T> evaluate(Values p, const Simd<T>& x, std::span<Simd<T>, 1> gradient) const {
    const Simd<T> one(T{1});
    const Simd<T> half(T{0.5});
    const Simd<T>& l = p[0];
    const Terms terms(l);
    const auto is_small = terms.magnitude < one;
    const auto is_negative = l < Simd<T>(T{0});
    const Simd<T> square = l * l;
    // Distances from the end of [0, 1] where the density is largest: a large l loses no digits of them.
    const Simd<T> distance = xsimd::select(is_negative, x, x - one);
    const Simd<T> far_gradient =
        xsimd::select(is_negative, distance - terms.far_mean, distance + terms.far_mean);
    gradient[0] = xsimd::select(is_small, xsimd::fnma(l, mean_series(square), x - half), far_gradient);
    return xsimd::select(is_small, xsimd::fms(x - half, l, square * log_series(square)),
                         xsimd::fma(distance, l, math::log<T>(terms.magnitude / terms.rest)));
  }

  [[nodiscard]] Simd<T> mean(Values p) const {
    const Simd<T> one(T{1});
    const Simd<T>& l = p[0];
    const Terms terms(l);
    return xsimd::select(terms.magnitude < one, xsimd::fma(l, mean_series(l * l), Simd<T>(T{0.5})),
                         xsimd::select(l < Simd<T>(T{0}), terms.far_mean, one - terms.far_mean));
  }

  /// The inverse of the distribution function, F(x) = (eˡˣ − 1) / (eˡ − 1), at a uniform number.
  [[nodiscard]] double sample(std::span<const double, 1> p, RandomSequence& random) const {
    const double u = random.uniform();
    const double magnitude = std::abs(p[0]);
    if (magnitude < 1e-10) {
      return u;
    }
    const double small = std::min(-std::log1p(u * std::expm1(-magnitude)) / magnitude, 1.0);
    return p[0] < 0 ? small : 1 - small;
  }

 private:
  /// Of a = |l|, for a ≥ 1.
  struct Terms {
    Simd<T> magnitude;
    Simd<T> rest;      // 1 − e⁻ᵃ
    Simd<T> far_mean;  // 1/a − e⁻ᵃ / (1 − e⁻ᵃ), the mean for l = −a

    explicit Terms(const Simd<T>& l) : magnitude(xsimd::abs(l)) {
      const Simd<T> one(T{1});
      const Simd<T> exponential = math::exp<T>(-magnitude);
      rest = one - exponential;
      far_mean = one / magnitude - exponential / rest;
    }
  };

  /// (E[x] − ½) / l = Σ cₖ zᵏ⁻¹ for z = l² < 1, with cₖ = B₂ₖ / (2k)! and the Bernoulli numbers B₂ₖ.
  [[nodiscard]] static Simd<T> mean_series(const Simd<T>& z) {
    using math::detail::polynomial;
    if constexpr (std::same_as<T, float>) {
      return polynomial<T>(z, 1.0 / 12, -1.0 / 720, 1.0 / 30240, -1.0 / 1209600, 1.0 / 47900160);
    } else {
      return polynomial<T>(z, 1.0 / 12, -1.0 / 720, 1.0 / 30240, -1.0 / 1209600, 1.0 / 47900160,
                           -5.2841901386874931848e-10, 1.3382536530684678833e-11, -3.3896802963225828668e-13,
                           8.5860620562778445641e-15, -2.1748686985580618730e-16);
    }
  }

  /// log (sinh(l/2) / (l/2)) / l² = Σ cₖ zᵏ⁻¹ / 2k, the integral of the series above.
  [[nodiscard]] static Simd<T> log_series(const Simd<T>& z) {
    using math::detail::polynomial;
    if constexpr (std::same_as<T, float>) {
      return polynomial<T>(z, 1.0 / 24, -1.0 / 2880, 1.0 / 181440, -1.0 / 9676800, 1.0 / 479001600);
    } else {
      return polynomial<T>(z, 1.0 / 24, -1.0 / 2880, 1.0 / 181440, -1.0 / 9676800, 1.0 / 479001600,
                           -4.4036917822395776540e-11, 9.5589546647747705949e-13, -2.1185501852016142918e-14,
                           4.7700344757099136467e-16, -1.0874343492790309365e-17);
    }
  }
};

/// Continuous Bernoulli on logits: what the Bernoulli's cross-entropy on grey values lacks to be a density on
/// [0, 1].
///
///   log p(x|l) = Σⱼ xⱼ lⱼ − softplus(lⱼ) + log (lⱼ / tanh(lⱼ/2)),   mean = 1 / (1 − e⁻ˡ) − 1/l, ½ at l = 0
///
/// Shapes    params = logits [n·samples × features], x [n × features]
/// Units     nats, summed over features
/// Accuracy  every finite logit is safe; a feature's log p and ∂/∂l have an error below 3e-7 (double: 2e-15),
///           relative where |log p| > 1
/// Threads   const calls are safe with a cache each
/// Source    Loaiza-Ganem & Cunningham: The continuous Bernoulli: fixing a pervasive error in
///           variational autoencoders (NeurIPS 2019), arXiv:1907.06845, section 3
template <class T = float>
struct ContinuousBernoulli : Factorized<ContinuousBernoulliDensity<T>> {
  using Config = ContinuousBernoulliConfig;
  using Base = Factorized<ContinuousBernoulliDensity<T>>;

  ContinuousBernoulli() = default;
  ContinuousBernoulli(const ContinuousBernoulliConfig&, Index feature_count) : Base({}, feature_count, {}) {}
};

}  // namespace vaekit::inline VAEKIT_ABI
