// SPDX-License-Identifier: MIT
// Trains a VAE on one class and scores test images by their negative ELBO: those of other classes should
// score higher. Prints the area under the ROC curve and the average precision.
//
//   anomaly_detection [CLASS [EPOCHS [FOLDER]]]
//
// FOLDER holds the four IDX files of (Fashion-)MNIST; without it the data are synthetic shapes: 0 squares,
// 1 ellipses, 2 hearts.
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "vaekit/app/option_text.hpp"
#include "vaekit/io/load.hpp"
#include "vaekit/vaekit.hpp"

using namespace vaekit;

using Mlp = Sequential<Dense<>>;
using Model = Vae<Mlp, GaussianLatent<>, Mlp, Bernoulli<>>;

Dataset load(const std::string& folder, bool train) {
  if (folder.empty()) {
    return make_shapes(train ? 6000 : 2000, 28, /*noise=*/0, /*seed=*/train ? 1 : 2);
  }
  const std::string prefix = folder + (train ? "/train" : "/t10k");
  return load_dataset(IdxConfig{prefix + "-images-idx3-ubyte.gz", prefix + "-labels-idx1-ubyte.gz"});
}

std::vector<std::uint32_t> rows_of_class(const Dataset& data, int label) {
  std::vector<std::uint32_t> rows = all_rows(data.size());
  std::erase_if(rows, [&](std::uint32_t row) { return data.labels()[row] != label; });
  return rows;
}

Model train(const DataView& view, Index epochs) {
  const Index features = view.dataset->features();
  const DenseConfig hidden{.units = 400, .activation = Activation::relu};
  Model model(Mlp(Dense<>(hidden, Shape::flat(features))), GaussianLatent<>({.dim = 10}),
              Mlp(Dense<>(hidden, Shape::flat(10))), Bernoulli<>({}, features));
  model.initialize(/*seed=*/1);
  const TrainingConfig config{.epochs = epochs, .batch_size = std::min<Index>(128, view.size())};
  TrainingState state(model, Adam(), config);
  Trainer<Model, Adam, Elbo>(config, Adam(), Elbo(), {.train = view}, /*seed=*/1).train(state);
  return state.model;
}

/// Negative ELBO of each sample of the view, at the posterior mean.
std::vector<float> anomaly_scores(const Model& model, const DataView& view) {
  Matrix<float> batch(500, model.features());
  auto workspace = model.make_inference_workspace(batch.rows());
  std::vector<float> scores(static_cast<std::size_t>(view.size()));
  for_each_batch<float>(view, batch, [&](Index first, MatrixIn<float> x) {
    model.zero_noise(x.rows(), workspace);
    model.scores(
        x, workspace,
        std::span(scores).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(x.rows())));
  });
  return scores;
}

int main(int argc, char** argv) try {
  const int label = argc > 1 ? parse_whole_number<int>("anomaly_detection: CLASS", argv[1]) : 1;
  const Index epochs = argc > 2 ? parse_whole_number<int>("anomaly_detection: EPOCHS", argv[2]) : 10;
  const std::string folder = argc > 3 ? argv[3] : "";

  const Dataset train_data = load(folder, true);
  const std::vector<std::uint32_t> normal = rows_of_class(train_data, label);
  const Transform scaling = Transform::fit({}, train_data, normal);
  const Model model = train({&train_data, &scaling, normal}, epochs);

  const Dataset test_data = load(folder, false);
  const std::vector<std::uint32_t> test_rows = all_rows(test_data.size());
  const std::vector<float> scores = anomaly_scores(model, {&test_data, &scaling, test_rows});
  std::vector<bool> anomaly;
  std::ranges::transform(test_data.labels(), std::back_inserter(anomaly), [&](int l) { return l != label; });
  std::cout << "trained on " << normal.size() << " samples of class " << label << ", scored " << scores.size()
            << " of all classes: AUROC " << auroc<float>(scores, anomaly) << ", average precision "
            << average_precision<float>(scores, anomaly) << std::endl;
} catch (const std::exception& error) {
  std::cerr << error.what() << std::endl;
  const auto* known = dynamic_cast<const Error*>(&error);
  return static_cast<int>(known != nullptr ? known->exit_code() : ExitCode::usage);
}
