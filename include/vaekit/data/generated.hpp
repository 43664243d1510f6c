// SPDX-License-Identifier: MIT
//
// Samples that are made from their factors whenever they are read, for data sets too large to hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "vaekit/core/error.hpp"
#include "vaekit/core/matrix.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// One thing that varies in a data set.
struct Factor {
  std::string name;
  Index values = 1;
  bool ordered = true;  ///< false for names without an order: shapes, classes

  friend bool operator==(const Factor&, const Factor&) = default;
};

/// Factors of variation, each of 1 to 2³¹ − 1 values, and their combinations, at most 2³², counted with the
/// last factor fastest. `combinations` checks both limits.
///
/// Threads  const members are safe to call concurrently
struct Factors {
  std::vector<Factor> list;

  [[nodiscard]] Index size() const { return std::ssize(list); }
  [[nodiscard]] const Factor& operator[](Index k) const { return list[static_cast<std::size_t>(k)]; }

  /// Throws DataError when there are more than 2³², or a factor has none or too many values
  [[nodiscard]] Index combinations() const {
    constexpr Index most = Index{1} << 32;
    Index product = 1;
    for (const Factor& factor : list) {
      constexpr Index most_values = std::numeric_limits<std::int32_t>::max();
      if (factor.values < 1 || factor.values > most_values) {
        throw DataError(concat("factors: \"", factor.name, "\" has ", factor.values,
                               " values, must have 1 to ", most_values));
      }
      if (factor.values > most / product) {
        throw DataError(concat("factors: have more than ", most, " combinations, must have at most so many"));
      }
      product *= factor.values;
    }
    return product;
  }

  /// The value of each factor in a combination. [size()]
  void decompose(std::uint32_t combination, std::span<std::int32_t> values) const {
    for (std::size_t k = list.size(); k-- > 0;) {
      const auto base = static_cast<std::uint32_t>(list[k].values);
      values[k] = static_cast<std::int32_t>(combination % base);
      combination /= base;
    }
  }

  [[nodiscard]] std::uint32_t compose(std::span<const std::int32_t> values) const {
    std::uint32_t combination = 0;
    for (std::size_t k = 0; k < list.size(); ++k) {
      combination =
          combination * static_cast<std::uint32_t>(list[k].values) + static_cast<std::uint32_t>(values[k]);
    }
    return combination;
  }

  friend bool operator==(const Factors&, const Factors&) = default;
};

/// 8-bit samples, each a function of the values of its factors.
struct GeneratedRows {
  /// Writes a sample; pure, so that any thread may ask for any sample at any time.
  using Draw = void (*)(std::span<const std::int32_t> factors, std::span<std::uint8_t> sample);

  Factors factors;
  Draw draw;
  std::vector<std::uint32_t> combinations;  ///< of each sample

  friend bool operator==(const GeneratedRows&, const GeneratedRows&) = default;
};

/// Sample `row` of values that are held, `width` a sample.
template <class S>
[[nodiscard]] std::span<const S> stored_sample(const std::vector<S>& values, std::uint32_t row,
                                               std::size_t width) {
  return std::span<const S>(values).subspan(row * width, width);
}

/// Sample `row`, made on the spot; valid until the next call of the same thread.
[[nodiscard]] inline std::span<const std::uint8_t> stored_sample(const GeneratedRows& rows, std::uint32_t row,
                                                                 std::size_t width) {
  // They grow only: reading batches does not allocate.
  thread_local std::vector<std::int32_t> factors;
  thread_local std::vector<std::uint8_t> sample;
  factors.resize(rows.factors.list.size());
  sample.resize(width);
  rows.factors.decompose(rows.combinations[row], factors);
  rows.draw(factors, sample);
  return sample;
}

}  // namespace vaekit::inline VAEKIT_ABI
