// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include "vaekit/distributions/diagonal_gaussian.hpp"
#include "vaekit/distributions/factorized.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Every log-variance of the library stays in this range, where every term and gradient is finite in float:
/// standard deviations 3·10⁻⁷ to 2.2·10⁴.
inline constexpr double minimum_logvar = -30;
inline constexpr double maximum_logvar = 20;

/// Where the variance of a Gaussian likelihood comes from.
enum class VarianceSource {
  fixed,        ///< one number, never changed
  learned,      ///< one learned number
  per_feature,  ///< a learned number for each feature
  predicted,    ///< the decoder's head, for each value
  optimal,      ///< one number, the closed-form maximiser for the errors of the last batches
};

[[nodiscard]] constexpr auto enum_names(VarianceSource) {
  return std::array<std::string_view, 5>{"fixed", "learned", "per_feature", "predicted", "optimal"};
}

struct GaussianConfig {
  static constexpr std::string_view kind = "gaussian";
  VarianceSource variance = VarianceSource::fixed;
  double deviation = 1;

  static constexpr auto fields() {
    return std::tuple{
        field("variance", &GaussianConfig::variance,
              "fixed, one learned number, one for each feature, predicted for each value, or the optimal one "
              "in "
              "closed form"),
        field("deviation", &GaussianConfig::deviation,
              "standard deviation (fixed) or its start (learned, per_feature, optimal)", between(1e-6, 1e4))};
  }
};

/// N(μ, exp(logvar)) of one feature:
///
///   log p(x) = −½ ((x − μ)² / v + log v + log 2π),   v = exp(clamp(logvar, −30, 20))
///   ∂/∂μ = (x − μ) / v,   ∂/∂logvar = ½ ((x − μ)² / v − 1) inside the range of logvar, 0 outside
template <class T>
struct GaussianDensity {
  using Scalar = T;
  static constexpr std::size_t parameters = 2;
  static constexpr std::array<std::string_view, 2> names = {"mu", "logvar"};
  using Values = std::span<const Simd<T>, 2>;

  [[nodiscard]] Support support() const { return {}; }

  [[nodiscard]] Simd<T> evaluate(Values p, const Simd<T>& x, std::span<Simd<T>, 2> gradient) const {
    const Simd<T> half(T{0.5});
    const Clamped<T> logvar(p[1], minimum_logvar, maximum_logvar);
    const Simd<T> precision = math::exp<T>(-logvar.value());
    const Simd<T> error = x - p[0];
    gradient[0] = error * precision;
    const Simd<T> square = error * gradient[0];
    gradient[1] = logvar.gradient(half * square - half);
    return -half * (square + logvar.value() + Simd<T>(static_cast<T>(log_two_pi)));
  }

  [[nodiscard]] Simd<T> mean(Values p) const { return p[0]; }

  [[nodiscard]] double sample(std::span<const double, 2> p, RandomSequence& random) const {
    return p[0] + std::exp(0.5 * std::clamp(p[1], minimum_logvar, maximum_logvar)) * random.normal();
  }
};

/// Gaussian likelihood: the head gives the mean, and the log-variance where it is predicted.
///
///   log p(x|μ) = −½ Σⱼ ((xⱼ − μⱼ)² / vⱼ + log vⱼ + log 2π)
///
/// "optimal": v is the mean squared error, which maximises the likelihood; it is a constant within a step and
/// follows the batches, v ← 0.9 v + 0.1 · mean (x − μ)², after each.
///
/// Shapes    params = μ [n·samples × features], or μ | logvar [n·samples × 2 features]; x [n × features]
/// Units     nats, summed over features
/// Threads   const calls are safe with a cache each
/// Source    Rybkin, Daniilidis, Levine 2021 (arXiv:2006.13202) eq. 4 for the optimal variance
template <class T = float>
struct Gaussian : Factorized<GaussianDensity<T>> {
  using Config = GaussianConfig;
  using Base = Factorized<GaussianDensity<T>>;
  struct Cache : Base::Cache {
    Matrix<T> squares;  // [rows] Σⱼ (xⱼ − μⱼ)², of the last forward; empty unless the variance is optimal
  };
  static constexpr double memory = 0.9;

  bool optimal = false;

  Gaussian() = default;
  /// Throws ConfigError when `deviation` is out of range.
  Gaussian(const GaussianConfig& config, Index feature_count)
      : Base({}, feature_count,
             {{{}, {source(config.variance), 2 * std::log(checked("gaussian", config).deviation)}}}),
        optimal(config.variance == VarianceSource::optimal) {}

  [[nodiscard]] Cache make_cache(Index rows) const {
    return {Base::make_cache(rows), Matrix<T>(1, optimal ? rows : 0)};
  }

  void forward(MatrixIn<T> params, MatrixIn<T> x, std::span<T> out, Cache& cache) const {
    Base::forward(params, x, out, cache);
    if (!optimal) {
      return;
    }
    // ∂/∂μ = (x − μ) / v
    const T variance =
        std::exp(std::clamp(logvar()[0], static_cast<T>(minimum_logvar), static_cast<T>(maximum_logvar)));
    for (Index row = 0; row < params.rows(); ++row) {
      cache.squares(0, row) = cache.gradient.row(row).squaredNorm() * variance * variance;
    }
  }

  /// Moves the optimal variance, see above; nothing for the others.
  void update(const RandomStream&, Index rows, const Cache& cache) {
    if (optimal) {
      const double error = cache.squares.leftCols(rows).template cast<double>().sum() /
                           static_cast<double>(rows * this->features);
      const double variance = std::exp(static_cast<double>(logvar()[0]));
      logvar()[0] = static_cast<T>(
          std::clamp(std::log(memory * variance + (1 - memory) * error), minimum_logvar, maximum_logvar));
    }
  }

  static void reflect(auto& self, auto&& visit) {
    Base::reflect(self, visit);
    if (self.optimal) {
      visit_buffer(visit, "logvar", self.own[1]);
    }
  }

  /// Where it is not predicted: [1], or [features].
  [[nodiscard]] RowVector<T>& logvar() { return this->own[1]; }
  [[nodiscard]] const RowVector<T>& logvar() const { return this->own[1]; }

 private:
  [[nodiscard]] static ParameterSource source(VarianceSource variance) {
    return variance == VarianceSource::optimal ? ParameterSource::fixed
                                               : static_cast<ParameterSource>(static_cast<int>(variance));
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
