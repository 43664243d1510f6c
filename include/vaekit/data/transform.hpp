// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "vaekit/core/check.hpp"
#include "vaekit/core/error.hpp"
#include "vaekit/core/fields.hpp"
#include "vaekit/core/matrix.hpp"
#include "vaekit/data/dataset.hpp"

namespace vaekit::inline VAEKIT_ABI {

enum class ScaleKind { automatic, none, standardize, range };

[[nodiscard]] constexpr auto enum_names(ScaleKind) {
  return std::array<std::string_view, 4>{"auto", "none", "standardize", "range"};
}

/// How features are scaled; in JSON "auto", "none", "standardize" or [low, high].
///
///   automatic     range [0, 1] for uint8 data, none for floating data
///   none          values as they are stored
///   standardize   mean 0 and standard deviation 1 for each feature; a constant feature becomes 0
///   range         uint8: 0 .. 255 to low .. high; floating data: minimum .. maximum of each feature to
///                 low .. high, a constant feature becomes low
///
/// uint8 data that hold nothing but 0 and 1 are binary already: their range is 0 .. 1, not 0 .. 255.
struct Scale {
  ScaleKind kind = ScaleKind::automatic;
  double low = 0;
  double high = 1;

  friend constexpr bool operator==(const Scale&, const Scale&) = default;
};

enum class Binarize { none, threshold, stochastic };

[[nodiscard]] constexpr auto enum_names(Binarize) {
  return std::array<std::string_view, 3>{"none", "threshold", "stochastic"};
}

struct TransformConfig {
  Scale scale = {};
  Binarize binarize = Binarize::none;

  static constexpr auto fields() {
    return std::tuple{
        field("scale", &TransformConfig::scale,
              "scaling of the features, fitted on the training set: auto, none, standardize or [low, high]"),
        field("binarize", &TransformConfig::binarize,
              "none, threshold (1 where the scaled value > 0.5) or stochastic (1 with the scaled value as "
              "probability, drawn anew every epoch)")};
  }
};

/// A fitted transform: y = (x − center) · scale + base for each feature, then binarisation.
///
/// A value: copy it, keep it in a checkpoint (`center`, `scale`, `base`, `binarize`), make it again from
/// them. Centering first keeps the bounds of a range exact: no training value leaves [0, 1] through rounding.
/// Threads  const members are safe to call concurrently.
class Transform {
 public:
  /// Of no features; to be assigned to.
  Transform() = default;

  /// Throws ShapeError when the sizes differ.
  Transform(std::vector<double> center, std::vector<double> scale, double base, Binarize binarize)
      : center_(std::move(center)), scale_(std::move(scale)), base_(base), binarize_(binarize) {
    if (center_.size() != scale_.size()) {
      throw ShapeError(concat("Transform: scale has ", scale_.size(), " features, must have ", center_.size(),
                              " (center)"));
    }
  }

  /// Fits the scaling on the samples `rows` of the training set.
  ///
  /// Throws ConfigError for a range without low < high, DataError when there are no rows or a feature's
  /// range overflows.
  [[nodiscard]] static Transform fit(const TransformConfig& config, const Dataset& train,
                                     std::span<const std::uint32_t> rows);

  [[nodiscard]] Index features() const { return std::ssize(center_); }
  [[nodiscard]] const std::vector<double>& center() const { return center_; }
  [[nodiscard]] const std::vector<double>& scale() const { return scale_; }
  [[nodiscard]] double base() const { return base_; }
  [[nodiscard]] Binarize binarize() const { return binarize_; }
  /// The same scaling alone.
  [[nodiscard]] Transform without_binarization() const { return {center_, scale_, base_, Binarize::none}; }

  /// Scales one sample. Throws ShapeError unless both sizes are `features()`.
  template <class S, class T>
  void apply(std::span<const S> stored, std::span<T> out) const {
    if (stored.size() != center_.size() || out.size() != center_.size()) {
      throw ShapeError(concat("Transform::apply: sample has ", stored.size(), " values, output ", out.size(),
                              ", both must have ", center_.size(), " (features)"));
    }
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = static_cast<T>((static_cast<double>(stored[i]) - center_[i]) * scale_[i] + base_);
    }
  }

  /// From the model's units back to the data's, in place; binarisation has no inverse and is left alone.
  ///
  /// A feature that was constant gets its constant back.
  ///
  /// Shapes  x [batch × features]
  ///
  /// Throws  ShapeError
  template <class T>
  void inverse(MatrixOut<T> x) const {
    check_columns("Transform::inverse", "x", x, features(), "features");
    for (Index row = 0; row < x.rows(); ++row) {
      for (Index i = 0; i < x.cols(); ++i) {
        const auto feature = static_cast<std::size_t>(i);
        const double offset = static_cast<double>(x(row, i)) - base_;
        x(row, i) = static_cast<T>(scale_[feature] == 0 ? center_[feature]
                                                        : offset / scale_[feature] + center_[feature]);
      }
    }
  }

  friend bool operator==(const Transform&, const Transform&) = default;

 private:
  std::vector<double> center_;
  std::vector<double> scale_;
  double base_ = 0;
  Binarize binarize_ = Binarize::none;
};

namespace detail {

/// Calls `visit(sample)` for each row of a data set, as a span of its stored type.
template <class Values, class Visit>
void for_each_sample(const Values& values, std::span<const std::uint32_t> rows, std::size_t width,
                     Visit&& visit) {
  for (const std::uint32_t row : rows) {
    visit(stored_sample(values, row, width));
  }
}

struct FeatureRange {
  std::vector<double> minimum;
  std::vector<double> maximum;
};

template <class Values>
[[nodiscard]] FeatureRange feature_range(const Values& values, std::span<const std::uint32_t> rows,
                                         std::size_t width) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  FeatureRange range{std::vector<double>(width, infinity), std::vector<double>(width, -infinity)};
  for_each_sample(values, rows, width, [&](const auto& sample) {
    for (std::size_t i = 0; i < width; ++i) {
      range.minimum[i] = std::min(range.minimum[i], static_cast<double>(sample[i]));
      range.maximum[i] = std::max(range.maximum[i], static_cast<double>(sample[i]));
    }
  });
  return range;
}

[[noreturn]] inline void throw_too_wide(std::string_view name, const FeatureRange& range, std::size_t i) {
  throw DataError(concat(name, ": feature ", i, " ranges from ", range.minimum[i], " to ", range.maximum[i],
                         ", too wide to be scaled"));
}

/// The factor that takes `span` to `width`; 0 where there is nothing to stretch. For a width of 1 no product
/// exceeds it: x · (1/x) never rounds above 1.
[[nodiscard]] inline double stretch(double span, double width) {
  const double factor = width / span;
  return std::isfinite(factor) ? factor : 0;
}

/// What a range is fitted to. Bytes have one range for all features, and generated ones use the whole of it.
template <class Values>
[[nodiscard]] FeatureRange fitted_range(const Dataset& train, const Values& values,
                                        std::span<const std::uint32_t> rows) {
  const auto width = static_cast<std::size_t>(train.features());
  FeatureRange range;
  if constexpr (!std::same_as<Values, GeneratedRows>) {
    range = feature_range(values, rows, width);
  }
  if (train.is_bytes()) {
    const bool binary = !range.maximum.empty() && std::ranges::max(range.maximum) <= 1;
    range = {std::vector<double>(width, 0), std::vector<double>(width, binary ? 1 : 255)};
  }
  return range;
}

template <class Values>
[[nodiscard]] Transform fit_range(const Scale& scale, Binarize binarize, const Dataset& train,
                                  const Values& values, std::span<const std::uint32_t> rows) {
  const auto width = static_cast<std::size_t>(train.features());
  FeatureRange range = fitted_range(train, values, rows);
  std::vector<double> factors(width);
  for (std::size_t i = 0; i < width; ++i) {
    const double span = range.maximum[i] - range.minimum[i];
    if (!std::isfinite(span)) {
      throw_too_wide(train.name(), range, i);
    }
    factors[i] = stretch(span, scale.high - scale.low);
  }
  return {std::move(range.minimum), std::move(factors), scale.low, binarize};
}

template <class Values>
[[nodiscard]] Transform fit_standardize(Binarize binarize, const Dataset& train, const Values& values,
                                        std::span<const std::uint32_t> rows) {
  const auto width = static_cast<std::size_t>(train.features());
  const FeatureRange range = feature_range(values, rows, width);
  const auto count = static_cast<double>(rows.size());
  std::vector<double> mean(width);
  for_each_sample(values, rows, width, [&](const auto& sample) {
    for (std::size_t i = 0; i < width; ++i) {
      mean[i] += static_cast<double>(sample[i]);
    }
  });
  for (std::size_t i = 0; i < width; ++i) {
    // The mean of equal values may differ from them by a rounding error.
    mean[i] = range.minimum[i] == range.maximum[i] ? range.minimum[i] : mean[i] / count;
  }
  std::vector<double> factors(width);  // first the sums of squares
  for_each_sample(values, rows, width, [&](const auto& sample) {
    for (std::size_t i = 0; i < width; ++i) {
      const double deviation = static_cast<double>(sample[i]) - mean[i];
      factors[i] += deviation * deviation;
    }
  });
  for (std::size_t i = 0; i < width; ++i) {
    if (!std::isfinite(factors[i])) {
      throw_too_wide(train.name(), range, i);
    }
    factors[i] = stretch(std::sqrt(factors[i] / count), 1);
  }
  return {std::move(mean), std::move(factors), 0, binarize};
}

}  // namespace detail

inline Transform Transform::fit(const TransformConfig& config, const Dataset& train,
                                std::span<const std::uint32_t> rows) {
  const Scale& scale = config.scale;
  if (rows.empty()) {
    throw_empty(train.name());
  }
  if (scale.kind == ScaleKind::range && !(scale.low < scale.high && std::isfinite(scale.high - scale.low))) {
    throw ConfigError(
        concat("data/scale: is [", scale.low, ", ", scale.high, "], must be [low, high] with low < high"));
  }
  return std::visit(
      [&](const auto& values) -> Transform {
        const bool is_range = scale.kind == ScaleKind::range;
        if (is_range || (scale.kind == ScaleKind::automatic && train.is_bytes())) {
          return detail::fit_range(is_range ? scale : Scale{}, config.binarize, train, values, rows);
        }
        if (scale.kind == ScaleKind::standardize) {
          return detail::fit_standardize(config.binarize, train, values, rows);
        }
        const auto width = static_cast<std::size_t>(train.features());
        return {std::vector<double>(width, 0), std::vector<double>(width, 1), 0, config.binarize};
      },
      train.values());
}

}  // namespace vaekit::inline VAEKIT_ABI
