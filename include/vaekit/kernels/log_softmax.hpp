// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "vaekit/kernels/math.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// log Σ exp(logit) = maximum + log_sum, kept apart: where the maximum is huge, the sum would swallow
/// log_sum.
template <class T>
struct LogPartition {
  T maximum = 0;
  T log_sum = 0;  ///< in [0, log count]

  /// log of a softmax's probability: never overflows.
  [[nodiscard]] T log_softmax(T logit) const { return (logit - maximum) - log_sum; }
  [[nodiscard]] Simd<T> log_softmax(const Simd<T>& logit) const {
    return (logit - Simd<T>(maximum)) - Simd<T>(log_sum);
  }
};

namespace detail {

/// The largest of `count` > 0 values. A NaN may go unnoticed.
template <class T>
[[nodiscard]] inline T largest(const T* values, Index count) {
  T result = values[0];
  Index i = 0;
  if (count >= lanes<T>) {
    Simd<T> vector = load(values, AllLanes{});
    for (i = lanes<T>; i + lanes<T> <= count; i += lanes<T>) {
      vector = xsimd::max(vector, load(values + i, AllLanes{}));
    }
    alignas(alignment) std::array<T, static_cast<std::size_t>(lanes<T>)> buffer;
    vector.store_aligned(buffer.data());
    result = *std::ranges::max_element(buffer);
  }
  for (; i < count; ++i) {
    result = std::max(result, values[i]);
  }
  return result;
}

/// Calls `keep_exponentials(i, exp(logit − maximum), which)` on the way.
template <class T, class Keep>
[[nodiscard]] inline LogPartition<T> log_partition(const T* logits, Index count, Keep&& keep_exponentials) {
  const T maximum = largest(logits, count);
  // Sums of sums: of 10⁵ terms one after another, the last ones would lose digits.
  constexpr Index block = 64 * lanes<T>;
  Simd<T> sum(T{0});
  for (Index first = 0; first < count; first += block) {
    Simd<T> partial(T{0});
    for_each_vector<T>(std::min(count - first, block), [&](Index i, auto which) {
      const Simd<T> exponential = math::exp<T>(load(logits + first + i, which) - Simd<T>(maximum));
      keep_exponentials(first + i, exponential, which);
      partial += keep<T>(exponential, which);
    });
    sum += partial;
  }
  return {maximum, std::log(sum_lanes<T>(sum))};
}

}  // namespace detail

/// log Σ exp over `count` > 0 logits. NaN when one of them is.
///
/// Accuracy  error of log_sum 2e-6 / 4e-15 for up to 10⁵ logits
/// Threads   pure
template <class T>
[[nodiscard]] inline LogPartition<T> log_partition(const T* logits, Index count) {
  return detail::log_partition<T>(logits, count, [](Index, const Simd<T>&, auto) {});
}

/// probabilities = exp(logits − log Σ exp logits), `count` > 0 of them; the two may be the same array.
///
/// Threads  pure
template <class T>
inline LogPartition<T> softmax(const T* logits, Index count, T* probabilities) {
  const LogPartition<T> partition = detail::log_partition<T>(
      logits, count,
      [&](Index i, const Simd<T>& exponential, auto which) { store(probabilities + i, exponential, which); });
  const Simd<T> factor(std::exp(-partition.log_sum));
  for_each_vector<T>(count, [&](Index i, auto which) {
    store(probabilities + i, Simd<T>(load(probabilities + i, which) * factor), which);
  });
  return partition;
}

}  // namespace vaekit::inline VAEKIT_ABI
