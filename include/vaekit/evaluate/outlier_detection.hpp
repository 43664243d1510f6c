// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>
#include <string_view>
#include <vector>

#include "vaekit/core/error.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

/// Calls `visit(outliers, others)` for each set of samples with equal scores, lowest scores first.
///
/// Throws  ShapeError when sizes differ, DataError when there are samples of one kind only, NumericError when
/// a
///         score is nan
template <class T, class Visit>
void for_each_tie(std::string_view where, std::span<const T> scores, const std::vector<bool>& outlier,
                  Visit&& visit) {
  if (scores.size() != outlier.size()) {
    throw ShapeError(
        concat(where, ": has ", scores.size(), " scores, must have ", outlier.size(), " (samples)"));
  }
  const auto outliers = std::ranges::count(outlier, true);
  if (outliers == 0 || outliers == std::ssize(outlier)) {
    throw DataError(concat(where, ": has samples of one kind only, must have normal ones and anomalies"));
  }
  const auto bad = std::ranges::find_if(scores, [](T score) { return std::isnan(score); });
  if (bad != scores.end()) {
    throw NumericError(concat(where, ": score ", bad - scores.begin(), " is nan, must be a number"));
  }
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return scores[i]; });
  for (std::size_t first = 0, last = 0; first < order.size(); first = last) {
    double found = 0;
    for (; last < order.size() && scores[order[last]] == scores[order[first]]; ++last) {
      found += outlier[order[last]] ? 1 : 0;
    }
    visit(found, static_cast<double>(last - first) - found);
  }
}

}  // namespace detail

/// Area under the receiver operating characteristic: the probability that an outlier scores higher than a
/// normal sample; ties count half.
///
/// Throws  ShapeError when sizes differ, DataError when there are samples of one kind only, NumericError when
/// a
///         score is nan
/// Source  Hanley & McNeil 1982 (Radiology 143)
template <class T>
[[nodiscard]] double auroc(std::span<const T> scores, const std::vector<bool>& outlier) {
  double normals_below = 0;
  double outliers = 0;
  double pairs_won = 0;
  detail::for_each_tie<T>("auroc", scores, outlier, [&](double tied_outliers, double tied_normals) {
    pairs_won += tied_outliers * (normals_below + tied_normals / 2);
    normals_below += tied_normals;
    outliers += tied_outliers;
  });
  return pairs_won / (outliers * normals_below);
}

/// Area under the precision-recall curve as average precision: Σ (R_i − R_{i−1}) P_i over the thresholds i,
/// the distinct scores. Chance is the share of outliers.
///
/// Throws  as `auroc`
/// Source  Davis & Goadrich 2006 (ICML), without interpolation
template <class T>
[[nodiscard]] double average_precision(std::span<const T> scores, const std::vector<bool>& outlier) {
  const auto outliers = static_cast<double>(std::ranges::count(outlier, true));
  double outliers_left = outliers;  // of scores at or above the threshold
  double left = static_cast<double>(outlier.size());
  double area = 0;
  detail::for_each_tie<T>("average_precision", scores, outlier, [&](double found, double others) {
    area += found / outliers * outliers_left / left;
    outliers_left -= found;
    left -= found + others;
  });
  return area;
}

}  // namespace vaekit::inline VAEKIT_ABI
