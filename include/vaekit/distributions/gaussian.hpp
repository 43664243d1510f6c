// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "vaekit/distributions/diagonal_gaussian.hpp"
#include "vaekit/distributions/distribution.hpp"
#include "vaekit/kernels/random.hpp"
#include "vaekit/kernels/reduce.hpp"

namespace vaekit::inline VAEKIT_ABI {

enum class GaussianVariance { fixed, learned };

[[nodiscard]] constexpr auto enum_names(GaussianVariance) {
  return std::array<std::string_view, 2>{"fixed", "learned"};
}

/// Every log-variance of the library stays in this range; see `clamp_logvar`.
inline constexpr double minimum_logvar = -30;
inline constexpr double maximum_logvar = 20;

struct GaussianConfig {
  static constexpr std::string_view kind = "gaussian";
  GaussianVariance variance = GaussianVariance::fixed;
  double deviation = 1;

  static constexpr auto fields() {
    return std::tuple{
        field("variance", &GaussianConfig::variance, "fixed, or one learned number for all features"),
        field("deviation", &GaussianConfig::deviation, "standard deviation (fixed) or its start (learned)",
              between(1e-6, 1e4))};
  }
};

/// Gaussian with the head's outputs as mean and one variance for all features, fixed or learned.
///
///   log p(x|μ) = −½ Σⱼ ((xⱼ − μⱼ)² / v + log v + log 2π),   v = exp(clamp(logvar, −30, 20))
///
/// Shapes    params = μ [n·samples × features], x [n × features]
/// Units     nats, summed over features
/// Gradient  ∂/∂μ = (x − μ)/v,  ∂/∂logvar = ½ Σⱼ ((xⱼ − μⱼ)²/v − 1) inside the range of logvar, 0 outside
/// Threads   const calls are safe with a cache each
template <class T = float>
struct Gaussian {
  using Scalar = T;
  using Config = GaussianConfig;
  struct Cache {
    Matrix<T> gradient;          // [rows × features] ∂ log p / ∂μ
    RowVector<T> squared_error;  // [rows] Σⱼ (xⱼ − μⱼ)²
  };

  Index features = 0;
  GaussianVariance variance = GaussianVariance::fixed;
  double deviation = 1;
  RowVector<T> logvar{1};  // [1]

  Gaussian() = default;
  /// Throws ConfigError when `deviation` is out of range.
  Gaussian(const GaussianConfig& config, Index feature_count)
      : features(feature_count), variance(config.variance), deviation(config.deviation) {
    check_fields("gaussian", config);
    initialize();
  }

  [[nodiscard]] Index head_size() const { return features; }
  [[nodiscard]] Index feature_count() const { return features; }
  [[nodiscard]] Support support() const {
    return {std::numeric_limits<double>::lowest(), std::numeric_limits<double>::max()};
  }
  [[nodiscard]] Cache make_cache(Index rows) const { return {Matrix<T>(rows, features), RowVector<T>(rows)}; }
  void initialize() { logvar[0] = static_cast<T>(2 * std::log(deviation)); }

  void log_prob(MatrixIn<T> params, MatrixIn<T> x, std::span<T> out) const {
    for_each_row(params, x, [&](const T* mu, const T* value, Index row) {
      Simd<T> sum(T{0});
      for_each_vector<T>(features, [&](Index j, auto which) {
        const Simd<T> error = load(value + j, which) - load(mu + j, which);
        sum += error * error;
      });
      out[static_cast<std::size_t>(row)] = row_log_prob(sum_lanes<T>(sum));
    });
  }

  void forward(MatrixIn<T> params, MatrixIn<T> x, std::span<T> out, Cache& cache) const {
    const Simd<T> precision(std::exp(-clamped_logvar()));
    for_each_row(params, x, [&](const T* mu, const T* value, Index row) {
      T* gradient = cache.gradient.data() + row * features;
      Simd<T> sum(T{0});
      for_each_vector<T>(features, [&](Index j, auto which) {
        const Simd<T> error = load(value + j, which) - load(mu + j, which);
        sum += error * error;
        store(gradient + j, Simd<T>(error * precision), which);
      });
      cache.squared_error[row] = sum_lanes<T>(sum);
      out[static_cast<std::size_t>(row)] = row_log_prob(cache.squared_error[row]);
    });
  }

  void backward(std::span<const T> dout, Cache& cache, Gaussian& grad) const {
    scale_rows<T>(dout, top(cache.gradient, static_cast<Index>(dout.size())));
    // Outside its range; a NaN is not, so that it reaches the gradient.
    const bool clamped =
        logvar[0] < static_cast<T>(minimum_logvar) || logvar[0] > static_cast<T>(maximum_logvar);
    if (variance != GaussianVariance::learned || clamped) {
      return;
    }
    const double precision = std::exp(-static_cast<double>(logvar[0]));
    double sum = 0;
    for (std::size_t row = 0; row < dout.size(); ++row) {
      const double error = static_cast<double>(cache.squared_error[static_cast<Index>(row)]);
      sum += static_cast<double>(dout[row]) * (error * precision - static_cast<double>(features));
    }
    grad.logvar[0] += static_cast<T>(0.5 * sum);
  }

  void mean(MatrixIn<T> params, MatrixOut<T> out) const { out = params; }

  void sample(MatrixIn<T> params, const RandomStream& stream, MatrixOut<T> out) const {
    const double scale = std::exp(0.5 * static_cast<double>(clamped_logvar()));
    for (Index row = 0; row < out.rows(); ++row) {
      fill_normal(std::span<T>(out.data() + row * out.outerStride(), static_cast<std::size_t>(out.cols())),
                  stream, static_cast<std::uint64_t>(row * out.cols()));
    }
    out.array() = params.array() + out.array() * static_cast<T>(scale);
  }

  static void reflect(auto& self, auto&& visit) {
    if (self.variance == GaussianVariance::learned) {
      visit("logvar", self.logvar);
    }
  }

 private:
  [[nodiscard]] T clamped_logvar() const {
    return std::clamp(logvar[0], static_cast<T>(minimum_logvar), static_cast<T>(maximum_logvar));
  }

  [[nodiscard]] T row_log_prob(T squared_error) const {
    const T lv = clamped_logvar();
    return T{-0.5} *
           (squared_error * std::exp(-lv) + static_cast<T>(features) * (lv + static_cast<T>(log_two_pi)));
  }

  template <class Row>
  void for_each_row(MatrixIn<T> params, MatrixIn<T> x, Row&& body) const {
    const Index samples = params.rows() / x.rows();
    parallel_for(params.rows(), row_grain(2 * features), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        body(params.data() + row * params.outerStride(), x.data() + row / samples * x.outerStride(), row);
      }
    });
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
