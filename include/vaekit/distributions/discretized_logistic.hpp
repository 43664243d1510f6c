// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include "vaekit/distributions/factorized.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct DiscretizedLogisticConfig {
  static constexpr std::string_view kind = "discretized_logistic";
  ParameterSource spread = ParameterSource::learned;
  double scale = 0.1;

  static constexpr auto fields() {
    return std::tuple{field("spread", &DiscretizedLogisticConfig::spread,
                            "the scale: fixed, one learned number, one for each feature, or predicted for "
                            "each value"),
                      field("scale", &DiscretizedLogisticConfig::scale,
                            "scale of the logistic (fixed) or its start (learned, per_feature); data are in "
                            "[0, 1]",
                            between(1e-3, 1e4))};
  }
};

/// A logistic distribution of location μ and scale s = exp(clamp(log_scale, −8, 10)), rounded to the levels
/// k/255, k = 0 ... 255, whose first and last take all that lies beyond them. In units of a level, with
/// t = 1/(255 s), b = (k + ½ − 255 μ) t and a = b − t:
///
///   P(k) = sigmoid(b) − sigmoid(a),   P(0) = sigmoid(b),   P(255) = 1 − sigmoid(a)
///   log P(k) = −softplus(−b) − softplus(a) + log (1 − e⁻ᵗ), without the terms of an open side
///   ∂/∂μ = (sigmoid(a) − sigmoid(−b)) / s
///   ∂/∂log_scale = a sigmoid(a) − b sigmoid(−b) − t / (eᵗ − 1) inside its range, 0 outside
///
/// The smallest scale is a twelfth of a level: a location in the middle of its level gives it all but 0.6 %
/// of the probability, and a wrong one has no gradient beyond 3000.
template <class T>
struct DiscretizedLogisticDensity {
  using Scalar = T;
  static constexpr std::size_t parameters = 2;
  static constexpr std::array<std::string_view, 2> names = {"mu", "log_scale"};
  static constexpr int last_level = 255;
  static constexpr double minimum_log_scale = -8;
  static constexpr double maximum_log_scale = 10;
  using Values = std::span<const Simd<T>, 2>;

  [[nodiscard]] Support support() const { return {0, 1}; }

  /// log P of the level next to x.
  [[nodiscard]] Simd<T> evaluate(Values p, const Simd<T>& x, std::span<Simd<T>, 2> gradient) const {
    const Simd<T> zero(T{0});
    const Simd<T> one(T{1});
    const Simd<T> half(T{0.5});
    const Simd<T> last(T{last_level});
    const Clamped<T> log_scale(p[1], minimum_log_scale, maximum_log_scale);
    const Simd<T> inverse_scale = math::exp<T>(-log_scale.value());
    const Simd<T> t = inverse_scale * Simd<T>(T{1} / last_level);
    const Simd<T> level = Clamped<T>(xsimd::nearbyint(x * last), 0, last_level).value();
    const auto is_first = level <= zero;
    const auto is_last = level >= last;
    const Simd<T> error = distance(level, p[0]);
    const Simd<T> b = (error + half) * t;
    const Simd<T> a = (error - half) * t;
    const math::SigmoidSoftplus<T> above = math::sigmoid_softplus<T>(-b);
    const math::SigmoidSoftplus<T> below = math::sigmoid_softplus<T>(a);
    const Simd<T> rest = -math::expm1<T>(-t);
    const Simd<T> growth = t * (one - rest) / rest;
    const auto unless = [&](const auto& is_open, const Simd<T>& term) {
      return xsimd::select(is_open, zero, term);
    };
    const Simd<T> to_b = unless(is_last, above.sigmoid);
    const Simd<T> to_a = unless(is_first, below.sigmoid);
    gradient[0] = (to_a - to_b) * inverse_scale;
    gradient[1] = log_scale.gradient(a * to_a - b * to_b - unless(is_first, unless(is_last, growth)));
    return unless(is_first, unless(is_last, math::log<T>(rest))) - unless(is_last, above.softplus) -
           unless(is_first, below.softplus);
  }

  /// E[x] = Σₖ P(x ≥ k/255) / 255 over k = 1 ... 255. The exponentials of five neighbours are one and its
  /// products with eᵗ: where the first underflows, the others are still too small to count.
  [[nodiscard]] Simd<T> mean(Values p) const {
    const Simd<T> one(T{1});
    const Simd<T> last(T{last_level});
    const Simd<T> t = math::exp<T>(-Clamped<T>(p[1], minimum_log_scale, maximum_log_scale).value()) / last;
    const Simd<T> growth = math::exp<T>(t);
    constexpr int neighbours = 5;  // divides 255
    Simd<T> sum(T{0});
    for (int first = 0; first < last_level; first += neighbours) {
      const Simd<T> boundary(static_cast<T>(first + 0.5));
      Simd<T> exponential = math::exp<T>(distance(boundary, p[0]) * t);
      Simd<T> part(T{0});
      for (int i = 0; i < neighbours; ++i) {
        part += one / (one + exponential);
        exponential *= growth;
      }
      sum += part;
    }
    return sum / last;
  }

  [[nodiscard]] double sample(std::span<const double, 2> p, RandomSequence& random) const {
    const double u = random.uniform();
    const double scale = std::exp(std::clamp(p[1], minimum_log_scale, maximum_log_scale));
    const double x = p[0] + scale * std::log(u / (1 - u));
    return std::clamp(std::nearbyint(x * last_level), 0.0, double{last_level}) / last_level;
  }

 private:
  /// level − 255 μ. 256 μ is exact, and so is its difference from a level close by: in units of a level
  /// nothing of μ is lost to rounding, as it would be from x − μ.
  [[nodiscard]] static Simd<T> distance(const Simd<T>& level, const Simd<T>& mu) {
    return (level - Simd<T>(T{last_level + 1}) * mu) + mu;
  }
};

/// Discretized logistic likelihood of values with 256 levels, as 8-bit images in [0, 1] have: a probability
/// of each level, so that −log₂ is a code length in bits.
///
///   log P(x|μ) = Σⱼ log (sigmoid((xⱼ + 1/510 − μⱼ) / sⱼ) − sigmoid((xⱼ − 1/510 − μⱼ) / sⱼ)),
///   open to the outside at xⱼ = 0 and 1; x is rounded to k/255
///
/// Shapes    params = μ [n·samples × features], or μ | log_scale [n·samples × 2 features]; x [n × features]
/// Units     nats, summed over features
/// Accuracy  nothing is subtracted that cancels: a feature's log P has an error below 5e-7 (double: 1e-15),
///           relative where |log P| > 1
/// Cost      `mean` is the exact E[x], the sum of 255 sigmoids for each feature; samples are levels k/255
/// Threads   const calls are safe with a cache each
/// Source    Kingma, Salimans et al.: Improving variational inference with inverse autoregressive flow
/// (2016),
///           arXiv:1606.04934; Salimans et al.: PixelCNN++ (2017), arXiv:1701.05517, equation 2
template <class T = float>
struct DiscretizedLogistic : Factorized<DiscretizedLogisticDensity<T>> {
  using Config = DiscretizedLogisticConfig;
  using Base = Factorized<DiscretizedLogisticDensity<T>>;

  DiscretizedLogistic() = default;
  /// Throws ConfigError when `scale` is out of range.
  DiscretizedLogistic(const DiscretizedLogisticConfig& config, Index feature_count)
      : Base({}, feature_count,
             {{{}, {config.spread, std::log(checked("discretized_logistic", config).scale)}}}) {}

  /// Where it is not predicted: [1], or [features].
  [[nodiscard]] RowVector<T>& log_scale() { return this->own[1]; }
  [[nodiscard]] const RowVector<T>& log_scale() const { return this->own[1]; }
};

}  // namespace vaekit::inline VAEKIT_ABI
