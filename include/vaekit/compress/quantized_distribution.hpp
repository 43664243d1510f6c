// SPDX-License-Identifier: MIT
//
// Distributions in whole numbers, for a coder. One of symbols 0 ... count − 1 is a small struct:
//
//   static constexpr int precision;
//   static constexpr std::uint32_t count;
//   std::uint32_t cumulative(s) const;   frequencies of the symbols before s; strictly increasing from
//                                        cumulative(0) = 0 to cumulative(count) = 2^precision
//
// Compressor and decompressor must find the same numbers. They come from additions, products, quotients, exp
// and erfc in double, arranged so that no product is added to anything: a compiler that fuses the two would
// be free to do so in one place and not in another.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <numbers>
#include <vector>

#include "vaekit/compress/ans.hpp"
#include "vaekit/distributions/discretized_logistic.hpp"
#include "vaekit/distributions/standard_normal.hpp"

namespace vaekit::inline VAEKIT_ABI {

template <class D>
concept QuantizedDistribution = requires(const D& distribution, std::uint32_t symbol) {
  { D::precision } -> std::convertible_to<int>;
  { D::count } -> std::convertible_to<std::uint32_t>;
  { distribution.cumulative(symbol) } -> std::same_as<std::uint32_t>;
};

template <QuantizedDistribution D>
[[nodiscard]] CodeInterval interval_of(const D& distribution, std::uint32_t symbol) {
  const std::uint32_t start = distribution.cumulative(symbol);
  return {start, distribution.cumulative(symbol + 1) - start};
}

template <QuantizedDistribution D>
void push_symbol(AnsStack& stack, const D& distribution, std::uint32_t symbol) {
  stack.push(interval_of(distribution, symbol), D::precision);
}

/// Pops a symbol: log₂ count evaluations of `cumulative`.
template <QuantizedDistribution D>
[[nodiscard]] std::uint32_t pop_symbol(AnsStack& stack, const D& distribution) {
  const std::uint32_t target = stack.peek(D::precision);
  std::uint32_t symbol = 0;
  std::uint32_t next = D::count;
  std::uint32_t start = 0;
  std::uint32_t end = std::uint32_t{1} << D::precision;
  while (next - symbol > 1) {
    const std::uint32_t middle = symbol + (next - symbol) / 2;
    const std::uint32_t before = distribution.cumulative(middle);
    if (before <= target) {
      symbol = middle;
      start = before;
    } else {
      next = middle;
      end = before;
    }
  }
  stack.pop({start, end - start}, D::precision);
  return symbol;
}

namespace detail {

/// total · F(u) as a whole number that does not fall as u grows, for the distribution function F of a
/// symmetric density and an even `total`. `lower_tail` is F for u ≤ 0, where no digit of a small probability
/// is lost; it is never asked for u > 0.
template <class LowerTail>
[[nodiscard]] std::uint32_t symmetric_share(double u, std::uint32_t total, LowerTail&& lower_tail) {
  const auto share = static_cast<std::uint32_t>(lower_tail(-std::abs(u)) * static_cast<double>(total));
  return u <= 0 ? share : total - share;
}

[[nodiscard]] inline double logistic_tail(double u) {
  const double exponential = std::exp(u);
  return exponential / (1 + exponential);
}

[[nodiscard]] inline double normal_tail(double u) { return 0.5 * std::erfc(-u / std::numbers::sqrt2); }

}  // namespace detail

/// 0 or 1, with P(1) = sigmoid(logit) to within 2⁻²³ and no less than 2⁻²⁴.
struct QuantizedBernoulli {
  static constexpr int precision = 24;
  static constexpr std::uint32_t count = 2;
  static constexpr std::uint32_t total = std::uint32_t{1} << precision;

  double logit = 0;

  [[nodiscard]] std::uint32_t cumulative(std::uint32_t symbol) const {
    if (symbol != 1) {
      return symbol == 0 ? 0 : total;
    }
    return 1 + detail::symmetric_share(-logit, total - count, detail::logistic_tail);
  }
};

/// The 256 levels of `DiscretizedLogistic`; a level has at least 2⁻²⁴.
///
/// Neighbouring borders are at least 1.7·10⁻⁷ apart in units of the scale, far more than exp is wrong by, so
/// that the order of their shares is kept.
class QuantizedLogistic {
 public:
  using Density = DiscretizedLogisticDensity<double>;
  static constexpr int precision = 24;
  static constexpr std::uint32_t count = Density::last_level + 1;
  static constexpr std::uint32_t total = std::uint32_t{1} << precision;

  QuantizedLogistic(double mu, double log_scale)
      : first_border_(std::fma(-double{Density::last_level}, mu, -0.5)),
        inverse_scale_(
            std::exp(-std::clamp(log_scale, Density::minimum_log_scale, Density::maximum_log_scale)) /
            Density::last_level) {}

  [[nodiscard]] std::uint32_t cumulative(std::uint32_t level) const {
    if (level == 0 || level == count) {
      return level == 0 ? 0 : total;
    }
    const double u = (static_cast<double>(level) + first_border_) * inverse_scale_;
    return level + detail::symmetric_share(u, total - count, detail::logistic_tail);
  }

 private:
  double first_border_;   // below level 0, in levels, from μ on
  double inverse_scale_;  // of a level
};

/// Intervals of the real line that have the same probability under N(0, 1), and the median of each.
///
/// Cost  20 ms, 260 kB
class NormalBuckets {
 public:
  static constexpr int precision = 14;
  static constexpr std::uint32_t count = std::uint32_t{1} << precision;

  NormalBuckets() : quantiles_(2 * std::size_t{count}) {
    for (std::size_t i = 1; i < quantiles_.size(); ++i) {
      quantiles_[i] = inverse_normal_cdf(static_cast<double>(i) / static_cast<double>(quantiles_.size()));
    }
  }

  /// Lower border of a bucket; bucket 0 has none.
  [[nodiscard]] double border(std::uint32_t bucket) const { return quantiles_[2 * std::size_t{bucket}]; }
  [[nodiscard]] double median(std::uint32_t bucket) const { return quantiles_[2 * std::size_t{bucket} + 1]; }
  /// Borders and medians in order, after a number without meaning.
  [[nodiscard]] const std::vector<double>& quantiles() const { return quantiles_; }

 private:
  std::vector<double> quantiles_;
};

/// The probability p of each bucket under N(mu, exp(logvar)) as p (1 − 2⁻¹⁶) + 2⁻³⁰ to within 2⁻³⁰, so that
/// 2⁻¹⁶ of all probability is where the Gaussian may have none.
class QuantizedGaussian {
 public:
  static constexpr int precision = 30;
  static constexpr std::uint32_t count = NormalBuckets::count;
  static constexpr std::uint32_t total = std::uint32_t{1} << precision;

  /// `buckets` must outlive the object.
  QuantizedGaussian(const NormalBuckets& buckets, double mu, double logvar)
      : buckets_(&buckets), mu_(mu), inverse_deviation_(std::exp(-0.5 * logvar)) {}

  [[nodiscard]] std::uint32_t cumulative(std::uint32_t bucket) const {
    if (bucket == 0 || bucket == count) {
      return bucket == 0 ? 0 : total;
    }
    const double u = (buckets_->border(bucket) - mu_) * inverse_deviation_;
    return bucket + detail::symmetric_share(u, total - count, detail::normal_tail);
  }

 private:
  const NormalBuckets* buckets_;
  double mu_;
  double inverse_deviation_;
};

/// Equal probabilities of all buckets, exactly.
struct QuantizedPrior {
  static constexpr int precision = NormalBuckets::precision;
  static constexpr std::uint32_t count = NormalBuckets::count;

  [[nodiscard]] std::uint32_t cumulative(std::uint32_t bucket) const { return bucket; }
};

}  // namespace vaekit::inline VAEKIT_ABI
