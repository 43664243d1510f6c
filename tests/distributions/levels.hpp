// SPDX-License-Identifier: MIT
//
// A logistic distribution rounded to 256 levels, written plainly in long double.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/distribution_suite.hpp"

namespace levels {

inline constexpr int count = 256;

/// log P(level) and its derivatives: P = sinh(h) / (cosh(c) + cosh(h)) with c = (k/255 − μ) / s, h = 1/(510
/// s).
struct Logistic {
  long double log_prob;
  long double to_mu;
  long double to_log_scale;

  Logistic(int level, long double mu, long double log_scale) {
    const long double scale = std::exp(log_scale);
    const long double h = 1 / (510 * scale);
    const long double c = (level / 255.0L - mu) / scale;
    if (level == 0 || level == count - 1) {
      // log sigmoid(m), m the distance of the location from the one edge of the level.
      const long double sign = level == 0 ? 1 : -1;
      const long double m = sign * c + h;
      log_prob = m < 0 ? m - std::log1p(std::exp(m)) : -std::log1p(std::exp(-m));
      const long double slope = 1 / (1 + std::exp(m));
      to_mu = -sign * slope / scale;
      to_log_scale = -m * slope;
      return;
    }
    const long double sum = std::cosh(c) + std::cosh(h);
    log_prob = std::log(std::sinh(h)) - std::log(sum);
    const long double to_c = -std::sinh(c) / sum;
    const long double to_h = 1 / std::tanh(h) - std::sinh(h) / sum;
    to_mu = -to_c / scale;
    to_log_scale = -c * to_c - h * to_h;
  }
};

/// Probabilities of all levels.
using Distribution = std::vector<long double>;

inline Distribution logistic(double mu, double log_scale) {
  Distribution p(count);
  for (int level = 0; level < count; ++level) {
    p[static_cast<std::size_t>(level)] = std::exp(Logistic(level, mu, log_scale).log_prob);
  }
  return p;
}

inline double mean(const Distribution& p) {
  long double sum = 0;
  for (int level = 0; level < count; ++level) {
    sum += p[static_cast<std::size_t>(level)] * level / 255;
  }
  return static_cast<double>(sum);
}

inline double variance(const Distribution& p) {
  const long double centre = mean(p);
  long double sum = 0;
  for (int level = 0; level < count; ++level) {
    sum += p[static_cast<std::size_t>(level)] * std::pow(level / 255.0L - centre, 2);
  }
  return static_cast<double>(sum);
}

/// Sixteen levels that stand for sixteen each, weighted with what they stand for: the suite's sum over the
/// levels of three features would have 256³ terms.
inline std::vector<likelihood_suite::Node> nodes(const Distribution& p) {
  constexpr int group = 16;
  std::vector<likelihood_suite::Node> list;
  for (auto first = p.begin(); first != p.end(); first += group) {
    const auto likeliest = std::max_element(first, first + group);
    long double total = 0;
    std::for_each(first, first + group, [&](long double value) { total += value; });
    if (total > 1e-20L) {
      list.push_back(
          {static_cast<double>(likeliest - p.begin()) / 255, static_cast<double>(total / *likeliest)});
    }
  }
  return list;
}

/// A level from a standard normal.
inline double datum(double normal) { return std::nearbyint(255 * (0.5 + 0.5 * std::erf(normal))) / 255; }

/// Σ P over all levels of each of `likelihood`'s one or two features, for one row of params.
template <class L>
double total_probability(const L& likelihood, const vaekit::Matrix<double>& params) {
  vaekit::Matrix<double> x(1, likelihood.feature_count());
  const int second = likelihood.feature_count() == 2 ? count : 1;
  double out = 0;
  double total = 0;
  for (int i = 0; i < count; ++i) {
    for (int j = 0; j < second; ++j) {
      x(0, 0) = i / 255.0;
      x(0, x.cols() - 1) = (second == 1 ? i : j) / 255.0;
      likelihood.log_prob(params, x, std::span(&out, 1));
      total += std::exp(out);
    }
  }
  return total;
}

}  // namespace levels
