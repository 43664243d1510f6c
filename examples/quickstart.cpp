// SPDX-License-Identifier: MIT
// Trains a VAE on images and draws new ones into samples.png.   quickstart [IMAGES.idx.gz [EPOCHS]]
#include <iostream>

#include "vaekit/io/image_grid.hpp"
#include "vaekit/io/load.hpp"
#include "vaekit/io/png.hpp"
#include "vaekit/vaekit.hpp"
using namespace vaekit;
struct Print {
  Control epoch(const auto& state, const auto& report) const {
    std::cout << "epoch " << state.progress.epoch << ": elbo " << report.train.value.elbo << std::endl;
    return Control::go_on;
  }
};

int main(int argc, char** argv) try {
  const Dataset images = argc > 1 ? load_dataset(IdxConfig{.path = argv[1]}) : make_synthetic({.size = 28});
  const std::vector<std::uint32_t> rows = all_rows(images.size());
  const Transform scaling = Transform::fit({}, images, rows);

  const DenseConfig hidden{.units = 400, .activation = Activation::relu};
  Vae model(Sequential(Dense<>(hidden, images.shape())), GaussianLatent<>({.dim = 20}),
            Sequential(Dense<>(hidden, Shape::flat(20))), Bernoulli<>({}, images.features()));
  model.initialize(/*seed=*/1);

  const TrainingConfig config{.epochs = argc > 2 ? std::stoi(argv[2]) : 10, .batch_size = 128};
  TrainingState state(model, Adam(), config);
  const TrainingData data{.train = {&images, &scaling, rows}};
  Trainer<decltype(model), Adam, Elbo>(config, Adam(), Elbo(), data, /*seed=*/1).train(state, Print());

  Matrix<float> samples(64, images.features());
  auto workspace = model.make_inference_workspace(samples.rows());
  state.model.sample(/*seed=*/1, /*first=*/0, /*temperature=*/1, workspace, samples);
  write_png("samples.png", image_grid<float>(samples, images.shape()));
} catch (const std::exception& error) {
  const auto* known = dynamic_cast<const Error*>(&error);
  std::cerr << (known ? "" : "usage: quickstart [IMAGES.idx.gz [EPOCHS]]: ") << error.what() << std::endl;
  return static_cast<int>(known != nullptr ? known->exit_code() : ExitCode::usage);
}
