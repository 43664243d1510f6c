// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <limits>
#include <span>

#include "vaekit/core/parallel.hpp"
#include "vaekit/kernels/simd.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {
/// sums[j] += Σ_row source[row · stride + j] for one vector of columns, in index order.
template <class T, class Which>
void add_vector_of_columns(const T* source, Index stride, Index rows, T* sums, Which which) {
  Simd<T> sum = load(sums, which);
  for (Index row = 0; row < rows; ++row) {
    sum += load(source + row * stride, which);
  }
  store(sums, sum, which);
}
}  // namespace detail

/// sums[j] += Σ_row source[row · stride + j] for `cols` columns. Rows are added in index order for each
/// column.
template <class T>
void add_column_sums(const T* source, Index stride, Index rows, Index cols, T* sums) {
  constexpr Index strip = 4;  // vectors under way, to hide the latency of an addition
  Index col = 0;
  for (; col + strip * lanes<T> <= cols; col += strip * lanes<T>) {
    Simd<T> sum[strip];
    for (Index v = 0; v < strip; ++v) {
      sum[v] = load(sums + col + v * lanes<T>, AllLanes{});
    }
    for (Index row = 0; row < rows; ++row) {
      for (Index v = 0; v < strip; ++v) {
        sum[v] += load(source + row * stride + col + v * lanes<T>, AllLanes{});
      }
    }
    for (Index v = 0; v < strip; ++v) {
      store(sums + col + v * lanes<T>, sum[v], AllLanes{});
    }
  }
  for_each_vector<T>(cols - col, [&](Index i, auto which) {
    detail::add_vector_of_columns(source + col + i, stride, rows, sums + col + i, which);
  });
}

/// sums[j] += Σ_row x(row, j): the gradient of a bias. The result does not depend on the number of threads.
template <class T>
void add_column_sums(MatrixIn<T> x, std::span<T> sums) {
  if (x.rows() == 0) {
    return;
  }
  const Index grain = std::max<Index>(64, elementwise_grain / std::max<Index>(x.rows(), 1));
  parallel_for(
      x.cols(), grain,
      [&](Index first, Index last) {
        add_column_sums(x.data() + first, x.outerStride(), x.rows(), last - first, sums.data() + first);
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

/// `sum_vectors` for a long `value(i, SomeLanes)`.
template <class T, class Value>
[[nodiscard]] inline T sum_some_lanes(Index count, Value&& value) {
  Simd<T> sum(T{0});
  for_some_lanes<T>(count, [&](Index i, SomeLanes some) { sum += keep<T>(value(i, some), some); });
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
