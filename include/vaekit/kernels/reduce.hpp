// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <limits>
#include <span>

#include "vaekit/core/parallel.hpp"
#include "vaekit/kernels/simd.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// sums[j] += Σ_row x(row, j): the gradient of a bias. Rows are added in index order for each column, so the
/// result does not depend on the number of threads.
template <class T>
void add_column_sums(MatrixIn<T> x, std::span<T> sums) {
  const Index grain = std::max<Index>(64, elementwise_grain / std::max<Index>(x.rows(), 1));
  parallel_for(
      x.cols(), grain,
      [&](Index first, Index last) {
        T* target = sums.data() + first;
        for (Index row = 0; row < x.rows(); ++row) {
          const T* source = x.data() + row * x.outerStride() + first;
          for_each_vector<T>(last - first, [&](Index i, auto which) {
            store(target + i, Simd<T>(load(target + i, which) + load(source + i, which)), which);
          });
        }
      },
      64);
}

/// Σ value(i, which) over the vectors of [0, count). The order of the additions depends on `count` alone,
/// where Eigen's depends on addresses.
template <class T, class Value>
[[nodiscard]] inline T sum_vectors(Index count, Value&& value) {
  Simd<T> sum(T{0});
  for_each_vector<T>(count, [&](Index i, auto which) { sum += keep<T>(value(i, which), which); });
  return sum_lanes<T>(sum);
}

/// x(row, :) *= factors[row].
template <class T>
void scale_rows(std::span<const T> factors, MatrixOut<T> x) {
  parallel_for(x.rows(), row_grain(x.cols()), [&](Index first, Index last) {
    for (Index row = first; row < last; ++row) {
      const Simd<T> factor(factors[static_cast<std::size_t>(row)]);
      T* target = x.data() + row * x.outerStride();
      for_each_vector<T>(x.cols(), [&](Index i, auto which) {
        store(target + i, Simd<T>(load(target + i, which) * factor), which);
      });
    }
  });
}

/// Running log Σ exp(value), in double: memory for two numbers however many values are added.
class LogSumExp {
 public:
  void add(double value) {
    if (value > maximum_) {
      sum_ = sum_ * std::exp(maximum_ - value) + 1;
      maximum_ = value;
    } else {
      // Equal infinities have no difference.
      sum_ += value == maximum_ ? 1 : std::exp(value - maximum_);
    }
  }

  /// −∞ before the first value; NaN once a value was NaN.
  [[nodiscard]] double value() const { return maximum_ + std::log(sum_); }

 private:
  double maximum_ = -std::numeric_limits<double>::infinity();
  double sum_ = 0;
};

}  // namespace vaekit::inline VAEKIT_ABI
