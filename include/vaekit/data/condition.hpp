// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "vaekit/data/dataset.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// What a conditional model is told about each sample besides its features: its label as a one-hot vector, or
/// the row of the same number of another data set.
///
/// Refers to the labels of the data set it was made from, shares other values.
/// Threads  const members are safe to call concurrently
class Condition {
 public:
  /// No condition.
  Condition() = default;

  /// The labels of `data`, in 0 .. classes − 1.
  ///
  /// Throws DataError when there are none, or one is out of range
  [[nodiscard]] static Condition labels(const Dataset& data, Index classes) {
    if (data.labels().empty()) {
      throw DataError(concat(data.name(), ": has no labels, needs them for the condition"));
    }
    for (std::size_t i = 0; i < data.labels().size(); ++i) {
      if (data.labels()[i] < 0 || data.labels()[i] >= classes) {
        throw DataError(concat(data.name(), ": label of sample ", i, " is ", data.labels()[i],
                               ", must be in 0 .. ", classes - 1, " (", classes, " classes)"));
      }
    }
    Condition condition;
    condition.labels_ = data.labels();
    condition.columns_ = classes;
    return condition;
  }

  /// The rows of `values`, one for each sample of `data`.
  ///
  /// Throws DataError when their numbers differ
  [[nodiscard]] static Condition rows(const Dataset& data, std::shared_ptr<const Dataset> values) {
    if (values->size() != data.size()) {
      throw DataError(concat(values->name(), ": has ", values->size(), " conditions, must have ", data.size(),
                             " (one for each sample of ", data.name(), ')'));
    }
    Condition condition;
    condition.columns_ = values->features();
    condition.values_ = std::move(values);
    return condition;
  }

  /// The same, but a row of zeros for the samples that `known` (one a sample) does not name.
  [[nodiscard]] Condition masked(std::vector<bool> known) const {
    Condition condition = *this;
    condition.known_ = std::make_shared<const std::vector<bool>>(std::move(known));
    return condition;
  }

  [[nodiscard]] Index columns() const { return columns_; }
  [[nodiscard]] bool is_label() const { return columns_ > 0 && values_ == nullptr; }

  /// The rows of a condition by vectors, else null.
  [[nodiscard]] const Dataset* values() const { return values_.get(); }

  /// out[i] = the condition of sample rows[i].
  ///
  /// Shapes  out [rows.size() × columns]
  template <class T>
  void read(std::span<const std::uint32_t> rows, MatrixOut<T> out) const {
    for (std::size_t i = 0; columns_ > 0 && i < rows.size(); ++i) {
      if (known_ && !(*known_)[rows[i]]) {
        out.row(static_cast<Index>(i)).setZero();
        continue;
      }
      if (values_ == nullptr) {
        out.row(static_cast<Index>(i)).setZero();
        out(static_cast<Index>(i), labels_[rows[i]]) = T{1};
        continue;
      }
      std::visit(
          [&](const auto& stored) {
            const auto sample = stored_sample(stored, rows[i], static_cast<std::size_t>(columns_));
            for (Index j = 0; j < columns_; ++j) {
              out(static_cast<Index>(i), j) = static_cast<T>(sample[static_cast<std::size_t>(j)]);
            }
          },
          values_->values());
    }
  }

 private:
  std::span<const std::int32_t> labels_;
  std::shared_ptr<const Dataset> values_;
  std::shared_ptr<const std::vector<bool>> known_;  // null: all
  Index columns_ = 0;
};

}  // namespace vaekit::inline VAEKIT_ABI
