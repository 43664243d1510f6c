// SPDX-License-Identifier: MIT
#include "vaekit/train/checkpoint.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "support/same_bits.hpp"
#include "support/throws_with.hpp"
#include "train/example_training.hpp"
#include "vaekit/distributions/gaussian.hpp"
#include "vaekit/latent/code_prior.hpp"
#include "vaekit/objectives/factor_vae.hpp"

using namespace vaekit;
using example::data;
using example::State;
using example::Training;

namespace {

InputFormat format() { return {Shape{3, 4, 1}, true, data().transform}; }

/// As `read_checkpoint`, without a file.
Checkpoint parsed(const Bytes& bytes) {
  Safetensors file = parse_safetensors(bytes, "last");
  return {"last", std::move(file)};
}

Training interrupted_training(std::uint64_t steps, const TrainingConfig& config = example::short_training()) {
  Training training(config, data().parts());
  training.run(example::InterruptAfter{steps});
  interrupt_requested = 0;
  return training;
}

Checkpoint checkpoint_after(std::uint64_t steps) {
  return parsed(checkpoint_bytes(interrupted_training(steps).state, format(), {"{}"}));
}

}  // namespace

TEST_CASE("checkpoint: a state restored after any step goes on to the bits of a straight run") {
  Training straight(example::short_training(), data().parts());
  straight.run();
  const Bytes expected = checkpoint_bytes(straight.state, format(), {"{}"});
  for (const std::uint64_t steps : {1U, 5U, 12U}) {
    const Checkpoint checkpoint = checkpoint_after(steps);
    Training resumed(example::short_training(), data().parts());
    resumed.state.model.initialize(99);
    restore(checkpoint, resumed.state);
    CHECK(resumed.state.progress.step == steps);
    CHECK(resumed.state.optimizer.steps() == steps);
    resumed.run();
    CHECK(checkpoint_bytes(resumed.state, format(), {"{}"}) == expected);
  }
}

namespace {

/// A codebook and an optimal variance that follow by averaging, and a discriminator: state beside parameters.
using StatefulModel = Vae<Sequential<Dense<float>>, VectorQuantizedLatent<float>, Sequential<Dense<float>>,
                          Gaussian<float>, CodePrior<float>>;
using StatefulTrainer = Trainer<StatefulModel, AnyOptimizer, FactorVae>;

struct StatefulTraining {
  StatefulTrainer trainer;
  StatefulTrainer::State state;

  StatefulTraining()
      : trainer(example::short_training(), example::adam(),
                FactorVae({.gamma = 2, .layers = 1, .units = 4, .learning_rate = 0.01}), data().parts(), 1),
        state(make_model(), example::adam(), example::short_training()) {
    trainer.prepare(state);
  }

  static StatefulModel make_model() {
    const DenseConfig hidden{.units = 6, .activation = Activation::tanh};
    StatefulModel model(Sequential(Dense<float>(hidden, Shape::flat(example::features))),
                        VectorQuantizedLatent<float>({.positions = 2, .width = 2, .codes = 4}),
                        Sequential(Dense<float>(hidden, Shape::flat(4))),
                        Gaussian<float>({.variance = VarianceSource::optimal}, example::features),
                        Initializer::fan_in_uniform, CodePrior<float>({}, 4));
    model.initialize(1);
    return model;
  }
};

struct InterruptStateful {
  std::uint64_t steps;
  void step(const auto& state, const ObjectiveValue&, Index) const {
    if (state.progress.step == steps) {
      interrupt_requested = 1;
    }
  }
};

}  // namespace

TEST_CASE("checkpoint: buffers and a discriminator are restored to the bits of a straight run") {
  StatefulTraining straight;
  straight.trainer.train(straight.state);
  const Bytes expected = checkpoint_bytes(straight.state, format(), {"{}"});
  for (const std::uint64_t steps : {1U, 6U, 13U}) {
    StatefulTraining interrupted;
    interrupted.trainer.train(interrupted.state, InterruptStateful{steps});
    interrupt_requested = 0;
    const Checkpoint checkpoint = parsed(checkpoint_bytes(interrupted.state, format(), {"{}"}));
    CHECK(checkpoint.find("latent.codebook") != nullptr);
    CHECK(checkpoint.find("latent.counts") != nullptr);
    CHECK(checkpoint.find("likelihood.logvar") != nullptr);
    CHECK(checkpoint.find("critic.mean.0.weight") != nullptr);
    StatefulTraining resumed;
    restore(checkpoint, resumed.state);
    resumed.trainer.train(resumed.state);
    CHECK(checkpoint_bytes(resumed.state, format(), {"{}"}) == expected);
  }
}

TEST_CASE("checkpoint: restored at once it writes the same bytes") {
  const Training training = interrupted_training(7);
  const Bytes bytes = checkpoint_bytes(training.state, format(), {"{}"});
  Training other(example::short_training(), data().parts());
  restore(parsed(bytes), other.state);
  CHECK(checkpoint_bytes(other.state, format(), {"{}"}) == bytes);
  CHECK(same_parameters(other.state.model, training.state.model));
  CHECK(other.state.progress.sums.loss == training.state.progress.sums.loss);
  CHECK(other.state.progress.first_loss == training.state.progress.first_loss);
  CHECK(other.state.progress.best_elbo == training.state.progress.best_elbo);
}

TEST_CASE("checkpoint: counters that are still NaN come back as NaN") {
  const Training fresh(example::short_training(), data().parts());
  const Progress progress = parsed(checkpoint_bytes(fresh.state, format(), {"{}"})).progress();
  CHECK(std::isnan(progress.first_loss));
  CHECK(std::isnan(progress.best_elbo));
}

TEST_CASE("checkpoint: tensors have the names and shapes of a state_dict") {
  const Checkpoint checkpoint = checkpoint_after(1);
  REQUIRE(checkpoint.find("encoder.0.weight") != nullptr);
  CHECK(checkpoint.find("encoder.0.weight")->shape == std::vector<Index>{9, 12});
  CHECK(checkpoint.find("likelihood_head.bias")->shape == std::vector<Index>{12});
  CHECK(checkpoint.find("optimizer.mean.encoder.0.weight") != nullptr);
  CHECK(checkpoint.find("optimizer.square.decoder.0.bias") != nullptr);
  CHECK(checkpoint.find("average.posterior_head.weight") != nullptr);
  CHECK(checkpoint.find("encoder.0") == nullptr);
  CHECK(checkpoint.has_average());
  CHECK(checkpoint.config() == "{}");
  TrainingConfig config = example::short_training();
  config.weight_average = 0;
  CHECK_FALSE(
      parsed(checkpoint_bytes(interrupted_training(1, config).state, format(), {"{}"})).has_average());
}

TEST_CASE("checkpoint: averaged weights are read under their prefix") {
  const Training training = interrupted_training(6);
  const Checkpoint checkpoint = parsed(checkpoint_bytes(training.state, format(), {"{}"}));
  example::Model model = example::make_model();
  checkpoint.load("average.", model);
  CHECK(same_parameters(model, training.state.average->average));
  CHECK_FALSE(same_parameters(model, training.state.model));
}

TEST_CASE("checkpoint: the data format comes back exactly") {
  const Transform transform({0.1, 1.0 / 3}, {1.0 / 255, 7}, -0.5, Binarize::threshold);
  const Training training = interrupted_training(1);
  const InputFormat read =
      parsed(checkpoint_bytes(training.state, {Shape{1, 2, 1}, false, transform}, {"{}"})).input();
  CHECK(read.shape.height == 1);
  CHECK(read.shape.width == 2);
  CHECK(read.shape.channels == 1);
  CHECK_FALSE(read.bytes);
  CHECK(read.transform.center() == transform.center());
  CHECK(read.transform.scale() == transform.scale());
  CHECK(read.transform.base() == transform.base());
  CHECK(read.transform.binarize() == Binarize::threshold);
  for (const bool binary : {false, true}) {
    const InputFormat bytes =
        parsed(checkpoint_bytes(training.state, {Shape{1, 2, 1}, true, transform, binary}, {"{}"})).input();
    CHECK(bytes.bytes);
    CHECK(bytes.binary == binary);
    CHECK(bytes.columns.empty());
  }
  for (const std::vector<std::string>& names :
       {std::vector<std::string>{"a, \"b\"", ""}, {"", ""}, {"\u00e9", "line\nbreak"}}) {
    const InputFormat table{Shape::flat(2), false, transform, false, names};
    CHECK(parsed(checkpoint_bytes(training.state, table, {"{}"})).input().columns == names);
  }
  const InputFormat separated{Shape::flat(2), false, transform, false, {"x\x1fz", "c"}};
  CHECK(parsed(checkpoint_bytes(training.state, separated, {"{}"})).input().columns.empty());
}

TEST_CASE("checkpoint: a missing tensor, another shape and broken counters are refused") {
  const Checkpoint good = checkpoint_after(1);
  Training training(example::short_training(), data().parts());
  const auto refuse = [&](const std::string& message, auto&& change) {
    Checkpoint bad = good;
    change(bad.file);
    check_throws_with<DataError>(message, [&] { restore(bad, training.state); });
  };
  const auto named = [](Safetensors& file, const std::string& name) {
    return std::ranges::find_if(file.tensors, [&](const Tensor& tensor) { return tensor.name == name; });
  };
  refuse("last: has no tensor \"decoder.0.bias\", must be a checkpoint of this model",
         [&](Safetensors& file) { file.tensors.erase(named(file, "decoder.0.bias")); });
  refuse("last: has no tensor \"optimizer.mean.encoder.0.bias\", must be a checkpoint of this model",
         [&](Safetensors& file) { file.tensors.erase(named(file, "optimizer.mean.encoder.0.bias")); });
  refuse("last: tensor \"encoder.0.weight\" is 12x9, must be 9x12 for this model",
         [&](Safetensors& file) { std::ranges::reverse(named(file, "encoder.0.weight")->shape); });
  refuse("last: tensor \"encoder.0.bias\" is 1x9, must be 9 for this model", [&](Safetensors& file) {
    named(file, "encoder.0.bias")->shape = {1, 9};
  });
  refuse("last: has no \"step\" in its metadata, must be a checkpoint of vaekit train",
         [](Safetensors& file) { file.metadata.erase("step"); });
  refuse("last: metadata \"epoch\" is \"-1\", must be a number",
         [](Safetensors& file) { file.metadata["epoch"] = "-1"; });
  refuse("last: metadata \"sum_loss\" is \"1.5x\", must be a number",
         [](Safetensors& file) { file.metadata["sum_loss"] = "1.5x"; });
  Checkpoint bad = good;
  bad.file.tensors.erase(named(bad.file, "input.shape"));
  check_throws_with<DataError>("last: has no tensor \"input.shape\", must be a checkpoint of this model",
                               [&] { static_cast<void>(bad.input()); });
}
