// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdint>

#include "vaekit/objectives/objective.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Sums over the samples of an epoch so far.
struct EpochSums {
  double loss = 0;
  double elbo = 0;
  double reconstruction = 0;
  double kl = 0;
  double samples = 0;

  void add(const ObjectiveValue& value, Index batch) {
    const auto n = static_cast<double>(batch);
    loss += n * value.loss;
    elbo += n * value.elbo;
    reconstruction += n * value.reconstruction;
    kl += n * value.kl;
    samples += n;
  }

  [[nodiscard]] ObjectiveValue mean() const {
    return {loss / samples, elbo / samples, reconstruction / samples, kl / samples};
  }
};

/// Where a training run stands. With the model, the optimizer's state and the averaged weights it is all that
/// the rest of the run depends on: noise and shuffling are functions of the seed and these counters.
struct Progress {
  std::uint64_t epoch = 0;           ///< epochs completed
  std::uint64_t batch = 0;           ///< batches done in the epoch that is under way
  std::uint64_t step = 0;            ///< optimizer steps taken
  EpochSums sums;                    ///< over the batches of the epoch that is under way
  double first_loss = std::nan("");  ///< loss of the very first step, the yardstick of divergence
  double best_elbo = std::nan("");   ///< best ELBO of the watched split so far
  std::uint64_t best_epoch = 0;      ///< epochs completed when it was reached
};

}  // namespace vaekit::inline VAEKIT_ABI
