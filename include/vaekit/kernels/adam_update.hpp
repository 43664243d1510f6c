// SPDX-License-Identifier: MIT
//
// Optimizer updates in one pass over each tensor: every value is read and written once.
#pragma once

#include <array>
#include <numeric>
#include <span>

#include "vaekit/core/parallel.hpp"
#include "vaekit/kernels/simd.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// The numbers of one Adam step, all derived once a step in double.
struct AdamStep {
  double beta1;
  double beta2;
  double step_size;          ///< learning rate / (1 − β₁ᵗ)
  double inverse_root_bias;  ///< 1 / √(1 − β₂ᵗ)
  double epsilon;
  double shrink;      ///< factor on the weights before the update: 1 − learning rate · decoupled decay
  double l2;          ///< weight decay added to the gradient: g + l2 · w
  double grad_scale;  ///< factor on the gradient (clipping)
};

/// m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²,  w ← shrink · w − step_size · m / (√v · inverse_root_bias
/// + ε)
///
/// Threads  the elements are divided among threads; bits do not depend on their number
template <class T>
void adam_update(const AdamStep& s, std::span<T> w, std::span<const T> g, std::span<T> m, std::span<T> v) {
  const auto constant = [](double value) { return Simd<T>(static_cast<T>(value)); };
  const Simd<T> beta1 = constant(s.beta1), gain1 = constant(1 - s.beta1);
  const Simd<T> beta2 = constant(s.beta2), gain2 = constant(1 - s.beta2);
  const Simd<T> step_size = constant(s.step_size), root_scale = constant(s.inverse_root_bias);
  const Simd<T> epsilon = constant(s.epsilon), shrink = constant(s.shrink), l2 = constant(s.l2);
  const Simd<T> grad_scale = constant(s.grad_scale);
  parallel_for(
      static_cast<Index>(w.size()), elementwise_grain,
      [&](Index first, Index last) {
        for_each_vector<T>(last - first, [&](Index offset, auto which) {
          const Index i = first + offset;
          const Simd<T> weight = load(w.data() + i, which);
          const Simd<T> gradient = xsimd::fma(l2, weight, grad_scale * load(g.data() + i, which));
          const Simd<T> mean = xsimd::fma(beta1, load(m.data() + i, which), gain1 * gradient);
          const Simd<T> square = xsimd::fma(beta2, load(v.data() + i, which), gain2 * gradient * gradient);
          store(m.data() + i, mean, which);
          store(v.data() + i, square, which);
          const Simd<T> change = step_size * mean / (xsimd::sqrt(square) * root_scale + epsilon);
          store(w.data() + i, Simd<T>(shrink * weight - change), which);
        });
      },
      64);
}

/// With momentum μ: b ← μ b + g;  w ← w − learning_rate · (nesterov ? g + μ b : b), where g includes the
/// decay.
template <class T>
void sgd_update(double learning_rate, double momentum, bool nesterov, double l2, double grad_scale,
                std::span<T> w, std::span<const T> g, std::span<T> velocity) {
  const auto constant = [](double value) { return Simd<T>(static_cast<T>(value)); };
  const Simd<T> rate = constant(learning_rate), decay = constant(l2), mu = constant(momentum);
  const Simd<T> scale = constant(grad_scale);
  parallel_for(
      static_cast<Index>(w.size()), elementwise_grain,
      [&](Index first, Index last) {
        for_each_vector<T>(last - first, [&](Index offset, auto which) {
          const Index i = first + offset;
          const Simd<T> weight = load(w.data() + i, which);
          const Simd<T> gradient = xsimd::fma(decay, weight, scale * load(g.data() + i, which));
          const Simd<T> speed = xsimd::fma(mu, load(velocity.data() + i, which), gradient);
          store(velocity.data() + i, speed, which);
          const Simd<T> direction = nesterov ? xsimd::fma(mu, speed, gradient) : speed;
          store(w.data() + i, Simd<T>(weight - rate * direction), which);
        });
      },
      64);
}

/// average ← decay · average + (1 − decay) · w
template <class T>
void average_update(double decay, std::span<const T> w, std::span<T> average) {
  const Simd<T> keep_factor(static_cast<T>(decay));
  const Simd<T> gain(static_cast<T>(1 - decay));
  parallel_for(
      static_cast<Index>(w.size()), elementwise_grain,
      [&](Index first, Index last) {
        for_each_vector<T>(last - first, [&](Index offset, auto which) {
          const Index i = first + offset;
          store(average.data() + i,
                Simd<T>(xsimd::fma(keep_factor, load(average.data() + i, which),
                                   gain * load(w.data() + i, which))),
                which);
        });
      },
      64);
}

/// Σ g², in double and in a fixed order for any number of threads.
template <class T>
[[nodiscard]] double sum_of_squares(std::span<const T> g, std::vector<double>& partials) {
  return parallel_sum(static_cast<Index>(g.size()), partials, [&](Index first, Index last) {
    // Independent sums, so that none waits for the one before it.
    constexpr Index count = 16;
    std::array<double, count> sums{};
    for (Index i = first; i < last; i += count) {
      for (Index lane = 0; lane < std::min(count, last - i); ++lane) {
        const auto value = static_cast<double>(g[static_cast<std::size_t>(i + lane)]);
        sums[static_cast<std::size_t>(lane)] += value * value;
      }
    }
    return std::accumulate(sums.begin(), sums.end(), 0.0);
  });
}

}  // namespace vaekit::inline VAEKIT_ABI
