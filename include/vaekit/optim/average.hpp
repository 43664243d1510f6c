// SPDX-License-Identifier: MIT
#pragma once

#include "vaekit/kernels/adam_update.hpp"
#include "vaekit/optim/optimizer.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Exponential moving average of weights: average ← d · average + (1 − d) · w after every step, starting at
/// the initial weights; with d = min(decay, (1 + t)/(10 + t)) so that the first steps do not linger. Buffers
/// are copied as they are.
///
/// Threads  `update` writes the average; bits do not depend on the number of threads
/// Source   Polyak & Juditsky 1992; the ramp of d as in TensorFlow's ExponentialMovingAverage
template <class Model>
struct WeightAverage {
  using Scalar = typename Model::Scalar;
  Model average;
  TensorZip<Scalar> zip;

  explicit WeightAverage(const Model& model) : average(model) {}

  /// `steps`: optimizer steps taken, this one included.
  void update(double decay, std::uint64_t steps, const Model& model) {
    const auto t = static_cast<double>(steps);
    const double d = std::min(decay, (1 + t) / (10 + t));
    zip([&](std::span<const Scalar> w, std::span<Scalar> a) { average_update<Scalar>(d, w, a); }, model,
        average);
    copy_buffers(model, average);
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
