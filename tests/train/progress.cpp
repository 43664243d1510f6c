// SPDX-License-Identifier: MIT
#include "vaekit/train/progress.hpp"

#include <doctest/doctest.h>

#include <cmath>

using vaekit::EpochSums;
using vaekit::ObjectiveValue;
using vaekit::Progress;

TEST_CASE("progress: sums of an epoch weigh each batch by its samples") {
  EpochSums sums;
  sums.add({.loss = 2, .elbo = -2, .reconstruction = -1, .kl = 1}, 3);
  sums.add({.loss = 6, .elbo = -8, .reconstruction = -5, .kl = 3}, 1);
  CHECK(sums.samples == 4);
  const ObjectiveValue mean = sums.mean();
  CHECK(mean.loss == 3);
  CHECK(mean.elbo == -3.5);
  CHECK(mean.reconstruction == -2);
  CHECK(mean.kl == 1.5);
}

TEST_CASE("progress: a run begins with nothing done and no loss seen") {
  const Progress progress;
  CHECK(progress.epoch == 0);
  CHECK(progress.batch == 0);
  CHECK(progress.step == 0);
  CHECK(progress.best_epoch == 0);
  CHECK(std::isnan(progress.first_loss));
  CHECK(std::isnan(progress.best_elbo));
}
