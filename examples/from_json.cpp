// SPDX-License-Identifier: MIT
// Trains the model of a configuration file and evaluates it.   from_json CONFIG [a.b=JSON ...]
//
// In float, on all training samples, without conditions and without a run folder: app/train.hpp has the
// whole of `vaekit train`.
#include <iostream>

#include "vaekit/app/load_run.hpp"
#include "vaekit/vaekit.hpp"

using namespace vaekit;

int main(int argc, char** argv) try {
  if (argc < 2) {
    std::cerr << "usage: from_json CONFIG [a.b=JSON ...]\n";
    return static_cast<int>(ExitCode::usage);
  }
  const ExperimentConfig config = load_config(argv[1], {argv + 2, argv + argc});
  if (config.data.condition) {
    throw ConfigError("config /data/condition: is set, must be left out; use vaekit train");
  }
  const Dataset train = load_dataset(config.data.train);
  const Dataset test = load_dataset(config.data.test.value_or(config.data.train));
  const std::vector<std::uint32_t> train_rows = all_rows(train.size());
  const std::vector<std::uint32_t> test_rows = all_rows(test.size());
  const Transform transform = Transform::fit({config.data.scale, config.data.binarize}, train, train_rows);

  using Model = ConfiguredVae<float>;
  Model model = build_model<float>(config.model, train.shape());
  model.initialize(config.seed);
  const AnyOptimizer optimizer(config.optimizer);
  TrainingState state(model, optimizer, config.training);
  const TrainingData data{.train = {&train, &transform, train_rows, config.seed}};
  check_support(data.train, model.likelihood, likelihood_name(config.model));
  Trainer<Model, AnyOptimizer, AnyObjective> trainer(config.training, optimizer,
                                                     AnyObjective(config.objective), data, config.seed);
  trainer.train(state);

  const DataView view{&test, &transform, test_rows, config.seed};
  const ElboEvaluation result = evaluate_elbo(state.evaluated(), view, config.seed);
  std::cout << config.name << ": elbo " << result.elbo.mean() << ", reconstruction "
            << result.reconstruction.mean() << ", kl " << result.kl.mean() << " nats" << std::endl;
} catch (const vaekit::Error& error) {
  std::cerr << error.what() << std::endl;
  return static_cast<int>(error.exit_code());
}
