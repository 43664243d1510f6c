// SPDX-License-Identifier: MIT
// Trains a small classifier of images, whose last hidden layer `vaekit metrics --features FILE` measures
// samples in, and prints its accuracy on the test set.
//
//   feature_classifier FOLDER NAME OUT [EPOCHS]   FOLDER holds the four IDX files of (Fashion-)MNIST, NAME is
//   what
//                                                 the features are called
#include <algorithm>
#include <array>
#include <cmath>
#include <iostream>
#include <string>

#include "vaekit/app/feature_classifier.hpp"
#include "vaekit/app/option_text.hpp"
#include "vaekit/io/load.hpp"
#include "vaekit/vaekit.hpp"

using namespace vaekit;

namespace {

using Model = Classifier<Network<float>>;

/// Sets dL/dlogits of the mean cross-entropy.
void cross_entropy_gradient(std::span<const std::uint32_t> rows, const Dataset& data, Model::Cache& cache) {
  const auto n = static_cast<Index>(rows.size());
  cache.dlogits.topRows(n) = cache.log_q.topRows(n).array().exp();
  for (Index i = 0; i < n; ++i) {
    cache.dlogits(i, data.labels()[rows[static_cast<std::size_t>(i)]]) -= 1;
  }
  cache.dlogits.topRows(n) /= static_cast<float>(n);
}

/// Adam with a step size that falls to 0, on batches of 100.
void train(const Dataset& data, const Transform& scaling, Index epochs, Model& model) {
  Batches batches(all_rows(data.size()), std::min<Index>(100, data.size()));
  const AdamW adam(AdamWConfig{.weight_decay = 1e-2});
  auto state = adam.make_state(model);
  Model grad = zeros_like(model);
  Model::Cache cache = model.make_cache(batches.batch_size());
  Matrix<float> x(batches.batch_size(), data.features());
  for (Index epoch = 0; epoch < epochs; ++epoch) {
    batches.shuffle(/*seed=*/1, static_cast<std::uint64_t>(epoch));
    for (Index b = 0; b < batches.count(); ++b) {
      const std::span<const std::uint32_t> rows = batches.batch(b);
      const auto n = static_cast<Index>(rows.size());
      read_rows<float>(data, rows, scaling, 1, 0, top(x, n));
      model.forward(x.topRows(n), cache);
      cross_entropy_gradient(rows, data, cache);
      model.backward(n, cache, grad);
      const double done =
          static_cast<double>(epoch * batches.count() + b) / static_cast<double>(epochs * batches.count());
      adam.step(1e-3 * (1 - done), grad, 1, model, state);
    }
  }
}

double accuracy(const Dataset& data, const Transform& scaling, const Model& model) {
  const std::vector<std::uint32_t> rows = all_rows(data.size());
  Matrix<float> x(std::min<Index>(500, data.size()), data.features());
  Model::Cache cache = model.make_cache(x.rows());
  Index right = 0;
  for_each_batch<float>({&data, &scaling, rows}, x, [&](Index first, MatrixIn<float> batch) {
    model.forward(batch, cache);
    for (Index i = 0; i < batch.rows(); ++i) {
      Index guess = 0;
      static_cast<void>(cache.log_q.row(i).maxCoeff(&guess));
      right += guess == data.labels()[static_cast<std::size_t>(first + i)] ? 1 : 0;
    }
  });
  return static_cast<double>(right) / static_cast<double>(data.size());
}

Dataset load(const std::string& prefix) {
  return load_dataset(IdxConfig{prefix + "-images-idx3-ubyte.gz", prefix + "-labels-idx1-ubyte.gz"});
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 4) {
    std::cerr << "usage: feature_classifier FOLDER NAME OUT [EPOCHS]" << std::endl;
    return 2;
  }
  const int epochs = argc > 4 ? parse_whole_number<int>("feature_classifier: EPOCHS", argv[4]) : 30;
  const std::string folder = argv[1];
  const Dataset data = load(folder + "/train");
  const Dataset test = load(folder + "/t10k");
  const Transform scaling = Transform::fit({}, data, all_rows(data.size()));
  constexpr std::array<Index, 2> units = {80, 32};
  const Index classes = std::max(std::ranges::max(data.labels()), std::ranges::max(test.labels())) + 1;
  FeatureClassifier features(argv[2], data.shape(), units, classes);
  features.classifier.initialize(RandomStream(/*seed=*/1, Purpose::initialize));
  train(data, scaling, epochs, features.classifier);
  write_feature_classifier(argv[3], features);
  std::cout << features.name << ": accuracy " << accuracy(test, scaling, features.classifier) << " on "
            << test.size() << " test images" << std::endl;
} catch (const std::exception& error) {
  std::cerr << error.what() << std::endl;
  const auto* known = dynamic_cast<const Error*>(&error);
  return static_cast<int>(known != nullptr ? known->exit_code() : ExitCode::usage);
}
