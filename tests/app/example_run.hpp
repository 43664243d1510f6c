// SPDX-License-Identifier: MIT
//
// A run folder with a checkpoint, made without training.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "io/temporary_folder.hpp"
#include "vaekit/app/load_run.hpp"

namespace example {

using namespace vaekit;

/// 8x8 pictures of bars, 40 to train on and 12 to test; two latent dimensions.
inline ExperimentConfig small_config(Index dim = 2) {
  const std::vector<LayerConfig<>> hidden{DenseConfig{.units = 6, .activation = Activation::tanh}};
  ExperimentConfig config;
  config.name = "bars";
  config.data.train = SyntheticConfig{.source = SyntheticSource::bars, .count = 40, .size = 8};
  config.data.test = SyntheticConfig{.source = SyntheticSource::bars, .count = 12, .size = 8, .seed = 2};
  config.model.encoder = hidden;
  config.model.latent = GaussianLatentConfig{.dim = dim};
  config.model.decoder = hidden;
  config.training = {.epochs = 2, .batch_size = 10, .threads = 1};
  return config;
}

inline ConfiguredVae<float> initialized_model(const ExperimentConfig& config,
                                              const Shape& shape = {8, 8, 1}) {
  ConfiguredVae<float> model =
      build_model<float>(config.model, shape, condition_columns(config.data.condition));
  model.initialize(config.seed);
  return model;
}

/// The checkpoint of a run that took no step.
inline Bytes untrained_checkpoint(const ExperimentConfig& config) {
  const Dataset data = load_dataset(config.data.train);
  const Transform transform =
      Transform::fit({config.data.scale, config.data.binarize}, data, all_rows(data.size()));
  const AnyOptimizer optimizer(config.optimizer);
  const TrainingState<ConfiguredVae<float>, AnyOptimizer> state(initialized_model(config, data.shape()),
                                                                optimizer, config.training);
  return checkpoint_bytes(state, {data.shape(), data.is_bytes(), transform, data.is_binary_bytes()},
                          {dump(write_json(config), -1)});
}

/// Of the pictures of `small_config`, whose inputs are levels already.
inline PictureFormat small_pictures() { return {{Shape{8, 8, 1}}}; }

/// `folder / "run"` is a run folder.
struct ExampleRun {
  TemporaryFolder folder;
  ExperimentConfig config;
  RunFolder run;

  explicit ExampleRun(const std::string& name, ExperimentConfig experiment = small_config())
      : folder(name), config(std::move(experiment)), run{folder / "run"} {
    run.create();
    write_file_atomically(run.last(), untrained_checkpoint(config));
  }
};

/// `count` pictures of 64 zeros and ones, as an array file.
inline void write_inputs(const std::filesystem::path& path, Index count, Index width = 64) {
  Matrix<float> x(count, width);
  for (Index i = 0; i < x.size(); ++i) {
    x.data()[i] = i % 3 == 0 ? 1.0F : 0.0F;
  }
  write_file_atomically(path, npy_bytes<float>(x, Shape::flat(width)));
}

inline Dataset read_array(const std::filesystem::path& path) {
  return parse_npy(read_file(path), path.filename().string());
}

}  // namespace example
