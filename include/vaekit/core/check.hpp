// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "vaekit/core/error.hpp"
#include "vaekit/core/matrix.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Throws ShapeError "<where>: <name> has <got> columns, must have <expected> (<meaning>)".
template <class M>
void check_columns(std::string_view where, std::string_view name, const M& matrix, Index expected,
                   std::string_view meaning) {
  if (matrix.cols() != expected) {
    throw ShapeError(concat(where, ": ", name, " has ", matrix.cols(), " columns, must have ", expected, " (",
                            meaning, ')'));
  }
}

/// Throws ShapeError "<where>: <name> has <got> rows, must have <expected> (<meaning>)".
template <class M>
void check_rows(std::string_view where, std::string_view name, const M& matrix, Index expected,
                std::string_view meaning) {
  if (matrix.rows() != expected) {
    throw ShapeError(
        concat(where, ": ", name, " has ", matrix.rows(), " rows, must have ", expected, " (", meaning, ')'));
  }
}

/// True when no value is NaN or infinite.
template <class T>
[[nodiscard]] bool all_finite(std::span<const T> values) {
  // v - v is 0 for finite values and NaN otherwise: sums of it side by side, which become one vector.
  constexpr std::size_t width = 16;
  std::array<T, width> probes{};
  const std::size_t whole = values.size() - values.size() % width;
  for (std::size_t i = 0; i < whole; i += width) {
    for (std::size_t j = 0; j < width; ++j) {
      probes[j] += values[i + j] - values[i + j];  // NOLINT(misc-redundant-expression)
    }
  }
  for (const T value : values.subspan(whole)) {
    probes[0] += value - value;  // NOLINT(misc-redundant-expression)
  }
  return std::ranges::all_of(probes, [](T probe) { return probe == T{0}; });
}

}  // namespace vaekit::inline VAEKIT_ABI
