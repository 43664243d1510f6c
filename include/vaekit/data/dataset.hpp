// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "vaekit/core/check.hpp"
#include "vaekit/core/error.hpp"
#include "vaekit/core/matrix.hpp"
#include "vaekit/core/shape.hpp"
#include "vaekit/data/generated.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Throws DataError "<name>: data set is empty, needs at least one sample".
[[noreturn]] inline void throw_empty(std::string_view name) {
  throw DataError(concat(name, ": data set is empty, needs at least one sample"));
}

/// Samples in the type they are stored in, in memory or made when they are read; `read_rows` (batches.hpp)
/// turns them into batches.
///
/// Values     [size × features], sample after sample; an image is height × width × channels
/// Labels     one integer a sample, or none at all
/// Names      one for each feature, or none at all
/// Threads    const members are safe to call concurrently
class Dataset {
 public:
  using Values =
      std::variant<std::vector<std::uint8_t>, std::vector<float>, std::vector<double>, GeneratedRows>;

  /// `name` is how messages call the data: the base name of its file.
  ///
  /// Throws DataError when there is no sample, a value is not finite (samples and features count from 0),
  /// or a size does not fit.
  Dataset(std::string name, const Shape& shape, Values values, std::vector<std::int32_t> labels = {},
          std::vector<std::string> column_names = {})
      : name_(std::move(name)),
        shape_(shape),
        values_(std::move(values)),
        column_names_(std::move(column_names)) {
    check_shape();
    std::visit([this](const auto& stored) { check_values(stored); }, values_);
    set_labels(std::move(labels));
    if (!column_names_.empty() && std::ssize(column_names_) != features()) {
      throw DataError(
          concat(name_, ": has ", column_names_.size(), " column names, must have ", features(), " or none"));
    }
  }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const Shape& shape() const { return shape_; }
  [[nodiscard]] Index features() const { return shape_.size(); }
  [[nodiscard]] Index size() const { return size_; }  ///< samples
  [[nodiscard]] const Values& values() const { return values_; }
  /// Whether values are 0 .. 255, stored in a byte each.
  [[nodiscard]] bool is_bytes() const {
    return std::visit(
        [](const auto& stored) {
          using Sample = decltype(stored_sample(stored, 0, 0));
          return std::same_as<typename Sample::value_type, std::uint8_t>;
        },
        values_);
  }
  /// Whether values are stored in a byte each and are nothing but 0 and 1.
  [[nodiscard]] bool is_binary_bytes() const {
    const auto* bytes = std::get_if<std::vector<std::uint8_t>>(&values_);
    return bytes != nullptr && std::ranges::all_of(*bytes, [](std::uint8_t value) { return value <= 1; });
  }
  /// What made the samples, where they are generated; else null.
  [[nodiscard]] const GeneratedRows* generated() const { return std::get_if<GeneratedRows>(&values_); }
  [[nodiscard]] const std::vector<std::int32_t>& labels() const { return labels_; }
  [[nodiscard]] const std::vector<std::string>& column_names() const { return column_names_; }

  /// Throws DataError unless there is one label a sample, or none.
  void set_labels(std::vector<std::int32_t> labels) {
    if (!labels.empty() && std::ssize(labels) != size_) {
      throw DataError(
          concat(name_, ": has ", labels.size(), " labels, must have ", size_, " (one for each sample)"));
    }
    labels_ = std::move(labels);
  }

 private:
  void check_values(const GeneratedRows& rows) {
    const Index most = rows.factors.combinations();
    for (std::size_t i = 0; i < rows.combinations.size(); ++i) {
      if (rows.combinations[i] >= most) {
        throw DataError(concat(name_, ": sample ", i, " is combination ", rows.combinations[i],
                               " of its factors, must be below ", most));
      }
    }
    set_size(std::ssize(rows.combinations));
  }

  template <class S>
  void check_values(const std::vector<S>& values) {
    const Index width = features();
    const Index count = std::ssize(values);
    if (count % width != 0) {
      throw DataError(concat(name_, ": has ", count, " values, must be a multiple of ", width,
                             " (samples of ", to_string(shape_), ')'));
    }
    set_size(count / width);
    if constexpr (std::floating_point<S>) {
      if (!all_finite(std::span<const S>(values))) {
        const auto bad = std::ranges::find_if_not(values, [](S value) { return std::isfinite(value); });
        const Index position = bad - values.begin();
        throw DataError(concat(name_, ": sample ", position / width, ", feature ", position % width, " is ",
                               std::abs(*bad) > 0 ? (*bad > 0 ? "inf" : "-inf") : "nan", ", must be finite"));
      }
    }
  }

  void check_shape() const {
    if (shape_.height < 1 || shape_.width < 1 || shape_.channels < 1) {
      throw DataError(concat(name_, ": samples are ", shape_.height, 'x', shape_.width, 'x', shape_.channels,
                             ", must be at least 1x1x1"));
    }
  }

  void set_size(Index size) {
    size_ = size;
    if (size_ == 0) {
      throw_empty(name_);
    }
    if (size_ > Index{std::numeric_limits<std::uint32_t>::max()}) {
      throw DataError(concat(name_, ": has ", size_, " samples, must have at most ",
                             std::numeric_limits<std::uint32_t>::max()));
    }
  }

  std::string name_;
  Shape shape_;
  Index size_ = 0;
  Values values_;
  std::vector<std::int32_t> labels_;
  std::vector<std::string> column_names_;
};

}  // namespace vaekit::inline VAEKIT_ABI
