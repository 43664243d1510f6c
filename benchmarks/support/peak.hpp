// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <limits>

#include "vaekit/core/parallel.hpp"
#include "vaekit/kernels/simd.hpp"

namespace benchmarks {

/// `rounds` multiply-adds on each of `Chains` independent vectors; returns a number that depends on all.
///
/// A fused multiply-add has a latency of 4 or 5 cycles and two units: 8 to 10 chains keep them busy, and 12
/// leave enough of 16 registers for the operands.
template <std::size_t Chains = 12>
[[nodiscard]] inline float multiply_add_chains(std::int64_t rounds, float factor, float offset) {
  using Vector = vaekit::Simd<float>;
  const Vector a(factor);
  const Vector b(offset);
  std::array<Vector, Chains> sums;
  for (std::size_t i = 0; i < Chains; ++i) {
    sums[i] = Vector(offset * static_cast<float>(i));
  }
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (std::size_t i = 0; i < Chains; ++i) {
      sums[i] = xsimd::fma(a, sums[i], b);
    }
  }
  Vector total(0.0F);
  for (const Vector& sum : sums) {
    total += sum;
  }
  return vaekit::sum_lanes<float>(total);
}

/// The rate of multiply-adds that `threads` threads reach in registers, in GFLOP/s (two a multiply-add): the
/// limit of every matrix product in float. The best of five runs of about a millisecond, so that it can be
/// measured next to each timing.
[[nodiscard]] inline double fma_peak(int threads) {
  constexpr std::int64_t rounds = 400'000;
  constexpr double flop = 2.0 * 12 * rounds * static_cast<double>(vaekit::lanes<float>);
  using Clock = std::chrono::steady_clock;
  double best = std::numeric_limits<double>::infinity();
  for (int run = 0; run < 5; ++run) {
    const auto start = Clock::now();
    vaekit::parallel_region(threads, [](int, int) {
      // Opaque to the compiler, and such that the sums stay bounded.
      volatile float factor = 0.5F;
      volatile float result = multiply_add_chains(rounds, factor, 1.0F);
      (void)result;
    });
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return flop * threads / best * 1e-9;
}

}  // namespace benchmarks
