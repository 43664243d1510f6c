// SPDX-License-Identifier: MIT
//
// Numbers for tests, and what counts as the same.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <type_traits>

#include "vaekit/core/matrix.hpp"
#include "vaekit/kernels/random.hpp"

namespace test_values {

using namespace vaekit;

/// scale · N(0, 1)
template <class T>
Matrix<T> random_matrix(Index rows, Index cols, std::uint64_t seed, double scale = 1) {
  Matrix<T> m(rows, cols);
  fill_normal(m.span(), RandomStream(seed, Purpose::synthetic));
  m *= static_cast<T>(scale);
  return m;
}

/// Rounding of sums of some dozen terms.
template <class T>
inline constexpr double rounding = std::is_same_v<T, float> ? 3e-6 : 1e-13;

inline bool near(double a, double b, double tolerance) {
  return std::abs(a - b) <= tolerance * std::max({1.0, std::abs(a), std::abs(b)});
}

template <class T>
bool same_bytes(std::span<const T> a, std::span<const T> b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

}  // namespace test_values
