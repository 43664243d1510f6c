// SPDX-License-Identifier: MIT
#include "vaekit/app/resume.hpp"

#include <doctest/doctest.h>

#include <string>

#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

ExperimentConfig experiment() {
  ExperimentConfig config;
  config.data.train = SyntheticConfig{};
  return config;
}

Checkpoint checkpoint_of(const ExperimentConfig& config) {
  return {"last", {{}, {{"config", identity_text(config)}}}};
}

}  // namespace

TEST_CASE("resume: the number of threads is no part of an experiment") {
  ExperimentConfig config = experiment();
  const std::string expected = identity_text(config);
  config.training.threads = 3;
  CHECK(identity_text(config) == expected);
  config.seed = 2;
  CHECK(identity_text(config) != expected);
}

TEST_CASE("resume: what does not touch steps already taken may change") {
  const Checkpoint before = checkpoint_of(experiment());
  ExperimentConfig config = experiment();
  config.name = "renamed";
  config.training.epochs = 99;
  config.training.early_stopping = 3;
  config.training.checkpoint_every = 7;
  config.training.images_every = 0;
  check_same_experiment(before, identity_text(config), {"run"});
}

TEST_CASE("resume: another experiment is refused by the place where it differs") {
  const auto refuse = [](const std::string& message, auto&& change,
                         const ExperimentConfig& first = experiment()) {
    ExperimentConfig config = first;
    change(config);
    check_throws_with<ConfigError>(
        message, [&] { check_same_experiment(checkpoint_of(first), identity_text(config), {"runs/a"}); });
  };
  refuse("config /seed: is 2, must be 1 to resume the run in runs/a", [](auto& c) { c.seed = 2; });
  refuse("config /training/batch_size: is 64, must be 128 to resume the run in runs/a",
         [](auto& c) { c.training.batch_size = 64; });
  refuse("config /model/latent/dim: is 3, must be 20 to resume the run in runs/a",
         [](auto& c) { c.model.latent = GaussianLatentConfig{.dim = 3}; });
  refuse("config /model/encoder/0/units: is 5, must be 400 to resume the run in runs/a",
         [](auto& c) { c.model.encoder = {DenseConfig{.units = 5, .activation = Activation::relu}}; });
  ExperimentConfig scheduled = experiment();
  Schedule beta;
  beta.schedule = ScheduleKind::linear;
  beta.to = 1;
  beta.epochs = 5;
  scheduled.objective = ElboConfig{.beta = beta};
  refuse(
      "config /objective/beta/epochs: is 6.0, must be 5.0 to resume the run in runs/a",
      [&](auto& c) {
        beta.epochs = 6;
        c.objective = ElboConfig{.beta = beta};
      },
      scheduled);
}
