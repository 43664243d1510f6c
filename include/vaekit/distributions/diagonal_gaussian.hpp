// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <numbers>
#include <span>

#include "vaekit/core/parallel.hpp"
#include "vaekit/kernels/math.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// log 2π
inline constexpr double log_two_pi = 1.8378770664093454835606594728112;

/// One diagonal Gaussian N(mu, exp(logvar)) a row; views, so cheap to pass.
///
/// Shapes  mu, logvar [n × dim]
template <class T>
struct DiagonalGaussian {
  Eigen::Ref<const EigenMatrix<T>, Eigen::Unaligned, Eigen::OuterStride<>> mu;
  Eigen::Ref<const EigenMatrix<T>, Eigen::Unaligned, Eigen::OuterStride<>> logvar;
};

/// log N(z; mu, exp(logvar)) of row r of z under row r / samples of the distribution, where
/// samples = z.rows() / mu.rows():
///
///   −½ Σⱼ ((zⱼ − μⱼ)² / exp(logvarⱼ) + logvarⱼ + log 2π)
///
/// Shapes   z [n·samples × dim] → out [n·samples]
/// Units    nats
/// Threads  pure
template <class T>
void log_prob(const DiagonalGaussian<T>& q, MatrixIn<T> z, std::span<T> out) {
  const Index samples = z.rows() / q.mu.rows();
  const Index dim = z.cols();
  parallel_for(z.rows(), row_grain(4 * dim), [&](Index first, Index last) {
    for (Index row = first; row < last; ++row) {
      const T* mu = q.mu.data() + row / samples * q.mu.outerStride();
      const T* logvar = q.logvar.data() + row / samples * q.logvar.outerStride();
      const T* value = z.data() + row * z.outerStride();
      Simd<T> sum(T{0});
      for_each_vector<T>(dim, [&](Index j, auto which) {
        const Simd<T> deviation = load(value + j, which) - load(mu + j, which);
        const Simd<T> lv = load(logvar + j, which);
        sum += keep<T>(deviation * deviation * math::exp<T>(-lv) + lv, which);
      });
      out[static_cast<std::size_t>(row)] =
          T{-0.5} * (sum_lanes<T>(sum) + static_cast<T>(log_two_pi) * static_cast<T>(dim));
    }
  });
}

}  // namespace vaekit::inline VAEKIT_ABI
