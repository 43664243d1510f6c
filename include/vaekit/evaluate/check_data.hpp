// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vaekit/core/check.hpp"
#include "vaekit/core/random.hpp"
#include "vaekit/evaluate/check_support.hpp"
#include "vaekit/evaluate/finding.hpp"
#include "vaekit/model/part_name.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Root mean squares of a real-valued feature that weights drawn for unit variance still take.
inline constexpr double largest_feature_scale = 20;
inline constexpr double smallest_feature_scale = 0.05;
/// What it may be in another split, and how many times that of training: 50 nats, where training has half a
/// nat.
inline constexpr double largest_split_scale = 10;
inline constexpr double largest_scale_growth = 10;

/// What a feature looks like over some samples.
struct FeatureSummary {
  double rms = 0;      ///< root mean square
  Index distinct = 0;  ///< different values, 3 for three or more
  double largest = 0;  ///< largest |x|
};

/// A split of the data, and what it is called.
struct NamedView {
  std::string_view name;
  DataView view;
};

/// One for each of the first `features` columns of x.
template <class T>
[[nodiscard]] std::vector<FeatureSummary> summarize_features(MatrixIn<T> x, Index features) {
  std::vector<FeatureSummary> summaries(static_cast<std::size_t>(features));
  for (Index j = 0; j < features; ++j) {
    FeatureSummary& s = summaries[static_cast<std::size_t>(j)];
    double squares = 0;
    T other = x(0, j);
    for (Index row = 0; row < x.rows(); ++row) {
      const T value = x(row, j);
      squares += static_cast<double>(value) * static_cast<double>(value);
      s.largest = std::max(s.largest, std::abs(static_cast<double>(value)));
      if (s.distinct < 2 && value != x(0, j)) {
        other = value;
        s.distinct = 2;
      } else if (s.distinct == 2 && value != x(0, j) && value != other) {
        s.distinct = 3;
      }
      s.distinct = std::max<Index>(s.distinct, 1);
    }
    s.rms = std::sqrt(squares / static_cast<double>(x.rows()));
  }
  return summaries;
}

namespace detail {

inline constexpr std::string_view data_check = "data";

[[nodiscard]] inline bool is_real(const Support& support) { return support == Support{}; }

/// Faults of the size of real-valued features.
inline void check_scale(const std::vector<FeatureSummary>& data, const std::vector<Support>& supports,
                        std::vector<Finding>& findings) {
  double largest = 0;
  bool any = false;
  for (std::size_t j = 0; j < data.size(); ++j) {
    if (!is_real(supports[j])) {
      continue;
    }
    any = true;
    largest = std::max(largest, data[j].rms);
  }
  const auto by_scale = [&](std::size_t a, std::size_t b) { return data[a].rms < data[b].rms; };
  if (any && largest > largest_feature_scale) {
    std::size_t worst = 0;
    for (std::size_t j = 1; j < data.size(); ++j) {
      worst = is_real(supports[j]) && (!is_real(supports[worst]) || by_scale(worst, j)) ? j : worst;
    }
    findings.push_back(Finding::fault(
        data_check,
        concat("feature ", worst, " has a root mean square of ", rounded(data[worst].rms), " after scaling, ",
               "its values reach ", rounded(data[worst].largest)),
        "bring features to a standard deviation near 1: set data/scale to \"standardize\" or [0, 1]"));
  } else if (any && largest > 0 && largest < smallest_feature_scale) {
    findings.push_back(Finding::fault(
        data_check, concat("no real-valued feature has a root mean square above ", rounded(largest)),
        "bring features to a standard deviation near 1: set data/scale to \"standardize\" or [0, 1]"));
  }
}

/// Root mean squares and largest |x| of each feature over all of a view.
template <class T>
[[nodiscard]] std::vector<FeatureSummary> measure_features(const DataView& view, Index features) {
  std::vector<FeatureSummary> summaries(static_cast<std::size_t>(features));
  Matrix<T> buffer(std::min<Index>(500, view.size()), view.columns());
  for_each_batch<T>(view, buffer, [&](Index first, MatrixIn<T> x) {
    const std::vector<FeatureSummary> batch = summarize_features<T>(x, features);
    const auto before = static_cast<double>(first);
    const auto n = static_cast<double>(x.rows());
    for (std::size_t j = 0; j < batch.size(); ++j) {
      FeatureSummary& s = summaries[j];
      s.rms = std::sqrt((before * s.rms * s.rms + n * batch[j].rms * batch[j].rms) / (before + n));
      s.largest = std::max(s.largest, batch[j].largest);
    }
  });
  return summaries;
}

/// A fault where a real-valued feature of another split is out of scale, and far beyond that of training.
template <class T>
void check_split_scale(const NamedView& split, const std::vector<FeatureSummary>& train,
                       const std::vector<Support>& supports, std::vector<Finding>& findings) {
  if (split.view.size() == 0 || std::ranges::none_of(supports, is_real)) {
    return;
  }
  const std::vector<FeatureSummary> data = measure_features<T>(split.view, std::ssize(train));
  Index count = 0;
  std::size_t worst = 0;
  double largest = 0;
  for (std::size_t j = 0; j < data.size(); ++j) {
    const double limit = std::max(largest_split_scale, largest_scale_growth * train[j].rms);
    if (is_real(supports[j]) && data[j].rms > limit) {
      ++count;
      if (data[j].rms > largest) {
        worst = j;
        largest = data[j].rms;
      }
    }
  }
  if (count > 0) {
    findings.push_back(Finding::fault(
        data_check,
        concat("feature ", worst, " has a root mean square of ", rounded(largest), " in ", split.name,
               " after scaling, ", rounded(train[worst].rms), " in training, its values reach ",
               rounded(data[worst].largest), "; features so far out: ", count, " of ", data.size()),
        "\"standardize\" blows up features that hardly vary in training: set data/scale to [0, 1] or leave "
        "them "
        "out; or look at the source of the data"));
  }
}

/// A likelihood that draws more than two values of features which have only two.
inline void check_two_values(const std::vector<FeatureSummary>& data,
                             const std::vector<FeatureSummary>& drawn, const std::vector<Support>& supports,
                             std::string_view likelihood, std::vector<Finding>& findings) {
  Index two_valued = 0;
  Index varying = 0;
  for (std::size_t j = 0; j < data.size(); ++j) {
    varying += data[j].distinct > 1 ? 1 : 0;
    const bool mismatch = data[j].distinct == 2 && drawn[j].distinct > 2 && !supports[j].integer;
    two_valued += mismatch ? 1 : 0;
  }
  if (varying > 0 && 2 * two_valued > varying) {
    findings.push_back(Finding::fault(
        data_check,
        concat(two_valued, " of ", varying, " features that vary take two values, samples of the ",
               likelihood, " likelihood do not"),
        "use a bernoulli likelihood for binary data"));
  }
}

}  // namespace detail

/// "data": values that are not finite or outside the likelihood's support; real-valued features out of scale;
/// data that never vary; binary data under a likelihood of another kind (that is, most features take two
/// values where draws from the likelihood take more).
///
/// Real-valued features of `others`, validation or test data, are faulty when they are out of scale and far
/// beyond those of `view`, the data to train on.
///
/// `params` [n × head_size] are outputs of the decoder's head to draw from. Looks at all of the view for the
/// support, at all of `others`, and at 2000 samples for the rest.
/// Threads  the result does not depend on their number
template <class LikelihoodType>
[[nodiscard]] std::vector<Finding> check_data(const DataView& view, const LikelihoodType& likelihood,
                                              MatrixIn<typename LikelihoodType::Scalar> params,
                                              std::uint64_t seed, std::span<const NamedView> others = {}) {
  using T = typename LikelihoodType::Scalar;
  try {
    check_support(view, likelihood, part_name(likelihood));
  } catch (const DataError& error) {
    return {Finding::fault(detail::data_check, error.what(),
                           "correct the values or their scaling, or take a likelihood for such data")};
  }
  const std::vector<std::uint32_t> rows = random_rows(view, 2000);
  Matrix<T> x(std::ssize(rows), view.columns());
  read_view<T>(view, rows, 0, x);
  Matrix<T> draws(params.rows(), likelihood.feature_count());
  likelihood.sample(params, RandomStream(seed, Purpose::likelihood), draws);
  const Index features = likelihood.feature_count();
  const std::vector<FeatureSummary> data = summarize_features<T>(x, features);
  const std::vector<FeatureSummary> drawn = summarize_features<T>(draws, features);
  const std::vector<Support> supports = feature_supports(likelihood);
  const auto constant = std::ranges::count(data, 1, &FeatureSummary::distinct);
  std::vector<Finding> findings;
  if (constant == features) {
    findings.push_back(Finding::fault(
        detail::data_check, concat("all ", features, " features are constant over ", x.rows(), " samples"),
        "look at the source of the data and at data/scale"));
  }
  detail::check_scale(data, supports, findings);
  for (const NamedView& split : others) {
    detail::check_split_scale<T>(split, data, supports, findings);
  }
  detail::check_two_values(data, drawn, supports, part_name(likelihood), findings);
  if (findings.empty()) {
    const double largest = std::ranges::max(data, {}, &FeatureSummary::rms).rms;
    findings.push_back(
        Finding::ok(detail::data_check,
                    concat(view.size(), " samples, largest root mean square of a feature ", rounded(largest),
                           constant > 0 ? concat(", ", constant, " of ", features, " constant") : "")));
  }
  return findings;
}

}  // namespace vaekit::inline VAEKIT_ABI
