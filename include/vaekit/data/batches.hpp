// SPDX-License-Identifier: MIT
// From stored samples to batches: which samples, in which order, and their transformed values.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "vaekit/core/check.hpp"
#include "vaekit/core/error.hpp"
#include "vaekit/core/matrix.hpp"
#include "vaekit/core/parallel.hpp"
#include "vaekit/core/random.hpp"
#include "vaekit/data/dataset.hpp"
#include "vaekit/data/transform.hpp"
#include "vaekit/kernels/random.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

/// The first value outside [0, 1], or the end.
template <class T>
[[nodiscard]] auto find_outside_unit(std::span<const T> values) {
  return std::ranges::find_if_not(values, [](T value) { return value >= 0 && value <= 1; });
}

/// Looks at every value, which takes whole vectors at a time; the search above is for the message.
template <class T>
[[nodiscard]] bool all_in_unit(std::span<const T> values) {
  int outside = 0;
  for (const T value : values) {
    outside |= static_cast<int>(!(value >= T(0))) | static_cast<int>(!(value <= T(1)));
  }
  return outside == 0;
}

template <class T>
void binarize_threshold(std::span<T> values) {
  for (T& value : values) {
    value = value > T(0.5) ? T(1) : T(0);
  }
}

/// Binarises one scaled sample; false, and unchanged, when a value is not a probability. `offset` is the
/// place of its first value among all values of the data set.
template <class T>
[[nodiscard]] bool binarize(Binarize how, std::span<T> values, const RandomStream& stream,
                            std::uint64_t offset) {
  if (how == Binarize::none) {
    return true;
  }
  if (!all_in_unit(std::span<const T>(values))) {
    return false;
  }
  if (how == Binarize::threshold) {
    binarize_threshold(values);
  } else {
    sample_bernoulli(values, stream, offset);
  }
  return true;
}

template <class T>
void check_read_rows(const Dataset& data, std::span<const std::uint32_t> rows, const Transform& transform,
                     MatrixIn<T> x) {
  constexpr std::string_view where = "read_rows";
  check_rows(where, "x", x, std::ssize(rows), "samples of the batch");
  check_columns(where, "x", x, data.features(), "features of the data set");
  if (transform.features() != data.features()) {
    throw ShapeError(concat(where, ": transform has ", transform.features(), " features, must have ",
                            data.features(), " (", data.name(), ')'));
  }
  const auto past = std::ranges::find_if(rows, [&](std::uint32_t row) { return row >= data.size(); });
  if (past != rows.end()) {
    throw ShapeError(
        concat(where, ": sample is ", *past, ", must be < ", data.size(), " (", data.name(), ')'));
  }
}

template <class T>
[[noreturn]] void throw_outside_unit(const Dataset& data, std::uint32_t row, std::span<const T> sample) {
  const auto bad = find_outside_unit(sample);
  throw DataError(concat(data.name(), ": sample ", row, ", feature ", bad - sample.begin(), " is ", *bad,
                         " after scaling, must be in [0, 1] to be binarised; set data/scale to [0, 1]"));
}

}  // namespace detail

/// x[i] = the transformed sample `rows[i]`; arithmetic in double, rounded once to T.
///
/// Stochastic binarisation draws the bit of (sample, feature) from (seed, epoch) alone, so that neither the
/// order of the samples nor the number of threads shows in it.
/// Shapes   x [rows.size() × features]
/// Throws   ShapeError when sizes do not fit, DataError when a value to be binarised is outside [0, 1]
/// Threads  parallel over rows; safe to call concurrently; does not allocate
template <class T>
void read_rows(const Dataset& data, std::span<const std::uint32_t> rows, const Transform& transform,
               std::uint64_t seed, std::uint64_t epoch, MatrixOut<T> x) {
  detail::check_read_rows<T>(data, rows, transform, x);
  const auto width = static_cast<std::size_t>(data.features());
  const RandomStream stream(seed, Purpose::binarize, epoch);
  std::atomic<Index> first_bad = x.rows();
  const auto read = [&](const auto& values, Index i) {
    const std::uint32_t row = rows[static_cast<std::size_t>(i)];
    const std::size_t offset = row * width;
    const std::span<T> out(x.row(i).data(), width);
    transform.apply(stored_sample(values, row, width), out);
    if (!detail::binarize(transform.binarize(), out, stream, offset)) {
      for (Index bad = first_bad; i < bad && !first_bad.compare_exchange_weak(bad, i);) {
      }
    }
  };
  std::visit(
      [&](const auto& values) {
        const Index grain = std::max<Index>(1, 16384 / x.cols());
        parallel_for(x.rows(), grain, [&](Index first, Index last) {
          for (Index i = first; i < last; ++i) {
            read(values, i);
          }
        });
      },
      data.values());
  if (const Index bad = first_bad; bad < x.rows()) {
    detail::throw_outside_unit(data, rows[static_cast<std::size_t>(bad)],
                               std::span<const T>(x.row(bad).data(), width));
  }
}

/// The sample indices 0 .. count-1.
[[nodiscard]] inline std::vector<std::uint32_t> all_rows(Index count) {
  std::vector<std::uint32_t> rows(static_cast<std::size_t>(count));
  std::iota(rows.begin(), rows.end(), std::uint32_t{0});
  return rows;
}

/// A subset of a data set, cut into batches of sample indices; the last batch may be short.
///
/// Threads  const members are safe to call concurrently.
class Batches {
 public:
  /// In the order of `indices` until the first `shuffle`.
  ///
  /// Throws ConfigError when the batch is not between 1 and the number of samples.
  Batches(std::vector<std::uint32_t> indices, Index batch_size)
      : indices_(std::move(indices)),
        permutation_(indices_.size()),
        order_(indices_),
        batch_size_(batch_size) {
    check_size(batch_size, samples());
  }

  /// Throws ConfigError when a batch of so many is not between 1 and the number of samples.
  static void check_size(Index batch_size, Index samples) {
    if (batch_size < 1) {
      throw ConfigError(concat("training/batch_size: ", batch_size, " is too small, must be at least 1"));
    }
    if (batch_size > samples) {
      throw ConfigError(concat("training/batch_size: ", batch_size, " is larger than the training set of ",
                               samples, " samples, must be at most ", samples));
    }
  }

  /// The order of one epoch. It depends on the arguments alone, not on earlier shuffles; does not allocate.
  void shuffle(std::uint64_t seed, std::uint64_t epoch) {
    fill_permutation(permutation_, RandomStream(seed, Purpose::shuffle, epoch));
    std::ranges::transform(permutation_, order_.begin(), [this](std::uint32_t i) { return indices_[i]; });
  }

  [[nodiscard]] Index samples() const { return std::ssize(indices_); }
  [[nodiscard]] Index batch_size() const { return batch_size_; }
  [[nodiscard]] Index count() const { return (samples() + batch_size_ - 1) / batch_size_; }  ///< of batches

  /// Sample indices of batch `i` in [0, count()); valid until the next shuffle.
  [[nodiscard]] std::span<const std::uint32_t> batch(Index i) const {
    const Index first = i * batch_size_;
    return std::span(order_).subspan(static_cast<std::size_t>(first),
                                     static_cast<std::size_t>(std::min(batch_size_, samples() - first)));
  }

 private:
  std::vector<std::uint32_t> indices_;
  std::vector<std::uint32_t> permutation_;
  std::vector<std::uint32_t> order_;
  Index batch_size_;
};

/// Sample indices of the two parts, each in ascending order.
struct Split {
  std::vector<std::uint32_t> train;
  std::vector<std::uint32_t> validation;
};

/// Holds round(count · validation_fraction) random samples out for validation; 0 holds out none.
///
/// Throws ConfigError when the fraction is not in [0, 1) or leaves a part without samples.
[[nodiscard]] inline Split split(Index count, double validation_fraction, std::uint64_t seed) {
  if (!(validation_fraction >= 0 && validation_fraction < 1)) {
    throw ConfigError(concat("data/validation_fraction: is ", validation_fraction, ", must be in [0, 1)"));
  }
  const auto held_out = static_cast<Index>(std::llround(static_cast<double>(count) * validation_fraction));
  if (held_out == count || (held_out == 0 && validation_fraction > 0)) {
    throw ConfigError(concat("data/validation_fraction: ", validation_fraction, " of ", count,
                             " samples leaves ", held_out == 0 ? "none for validation" : "none for training",
                             ", each part must have at least 1"));
  }
  std::vector<std::uint32_t> order = all_rows(count);
  if (held_out > 0) {
    fill_permutation(order, RandomStream(seed, Purpose::split));
  }
  const auto cut = order.begin() + held_out;
  Split parts{{cut, order.end()}, {order.begin(), cut}};
  std::ranges::sort(parts.train);
  std::ranges::sort(parts.validation);
  return parts;
}

}  // namespace vaekit::inline VAEKIT_ABI
