// SPDX-License-Identifier: MIT
// The boundary between translation units of different flags: plain types only.
#pragma once

#include <cstddef>

/// What one unit says about itself and what it computed.
struct UnitResult {
  const char* instruction_set;
  bool has_openmp;
  double sum;         ///< of 100000 normals, by `parallel_sum`
  float normals[16];  ///< the first random numbers
  float product[16];  ///< 4 x 4, a matrix product
  bool aligned;       ///< every matrix on a 64-byte boundary
};

/// Doubles `count` values that another unit owns and fills the result.
using Unit = UnitResult(float* values, std::size_t count);
