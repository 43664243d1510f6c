// SPDX-License-Identifier: MIT
// Models trained on Fashion-MNIST, for what depends on the values of weights: a ReLU of a trained decoder
// leaves other units at 0 than one with random weights. The file that peers read has the parameters in order,
// by number, and the images to be measured.
#pragma once

#include <filesystem>
#include <iostream>
#include <optional>
#include <string>

#include "support/workload.hpp"
#include "vaekit/io/load.hpp"
#include "vaekit/io/safetensors.hpp"
#include "vaekit/objectives/elbo.hpp"
#include "vaekit/optim/adam.hpp"
#include "vaekit/train/trainer.hpp"

namespace benchmarks {

inline constexpr const char* fashion_mnist = "/usr/share/datasets/fashion-mnist";
inline constexpr int trained_epochs = 10;
inline constexpr Index measured_images = 10;

/// Images of Fashion-MNIST, `name` "train" or "t10k"; none where the data set is not installed.
[[nodiscard]] inline std::optional<Dataset> load_fashion_mnist(const std::string& name) {
  const std::string path = concat(fashion_mnist, '/', name, "-images-idx3-ubyte.gz");
  if (!std::filesystem::exists(path)) {
    std::cerr << "without trained models: " << path << " is missing\n";
    return {};
  }
  return load_dataset(IdxConfig{.path = path});
}

/// The model of `make_vae`, trained as configs/quickstart.json is: the same bits on every call.
[[nodiscard]] inline auto make_trained_vae(const Sizes& sizes, const Dataset& images) {
  const std::vector<std::uint32_t> rows = all_rows(images.size());
  const Transform scaling = Transform::fit({}, images, rows);
  const TrainingConfig config{.epochs = trained_epochs, .batch_size = 128};
  TrainingState state(make_vae<float>(sizes), Adam(), config);
  Trainer<decltype(state.model), Adam, Elbo>(config, Adam(), Elbo(), {.train = {&images, &scaling, rows}}, 1)
      .train(state);
  return std::move(state.model);
}

/// The images that are measured, in [0, 1].
[[nodiscard]] inline Matrix<float> scaled(const Dataset& images) {
  const auto& bytes = std::get<std::vector<std::uint8_t>>(images.values());
  Matrix<float> result(measured_images, images.features());
  for (std::size_t i = 0; float& value : result.span()) {
    value = static_cast<float>(bytes[i++]) / 255;
  }
  return result;
}

/// Writes the parameters of a model and the images [count × features], in [0, 1].
template <class Model>
void write_trained(const std::filesystem::path& path, const Model& model, const Matrix<float>& images) {
  Safetensors file;
  for (const auto& parameter : parameters(model)) {
    const std::vector<Index> shape = parameter.is_vector ? std::vector<Index>{parameter.cols}
                                                         : std::vector<Index>{parameter.rows, parameter.cols};
    file.tensors.push_back(make_tensor<float>(std::to_string(file.tensors.size()), shape, parameter.values));
  }
  file.tensors.push_back(make_tensor<float>("images", {images.rows(), images.cols()}, images.span()));
  write_safetensors(path, file);
}

}  // namespace benchmarks
