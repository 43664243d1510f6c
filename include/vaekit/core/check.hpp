// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
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
  // The sum of v - v is 0 for finite values and NaN otherwise, and the loop has no branch.
  T probe = 0;
  for (const T value : values) {
    probe += value - value;  // NOLINT(misc-redundant-expression)
  }
  return probe == T{0};
}

}  // namespace vaekit::inline VAEKIT_ABI
