// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vaekit/model/classifier.hpp"
#include "vaekit/nn/network.hpp"
#include "vaekit/train/checkpoint.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// A small classifier of images whose last hidden layer describes them: features for distances between sets
/// of images. It reads pixels in [0, 1].
///
/// Threads  const members are safe to call concurrently
struct FeatureClassifier {
  std::string name;  ///< what it was trained on
  Shape shape;
  Classifier<Network<float>> classifier;

  FeatureClassifier() = default;
  /// Dense layers of so many units each, with ReLU; parameters are zero.
  FeatureClassifier(std::string trained_on, const Shape& image, std::span<const Index> units, Index classes)
      : name(std::move(trained_on)), shape(image) {
    std::vector<LayerConfig<>> layers;
    for (const Index width : units) {
      layers.push_back(DenseConfig{.units = width, .activation = Activation::relu});
    }
    classifier = {Network<float>(layers, image), classes, 1};
  }

  [[nodiscard]] Index features() const { return classifier.network.output_shape().size(); }

  /// Outputs of the last hidden layer. x [n × shape.size()] → [n × features()]
  ///
  /// Throws  ShapeError
  template <class T>
  [[nodiscard]] Matrix<double> operator()(const Matrix<T>& x) const {
    check_columns(name, "images", x, shape.size(), "pixels");
    const Index batch = std::clamp<Index>(x.rows(), 1, 500);
    auto cache = classifier.make_cache(batch);
    Matrix<double> out(x.rows(), features());
    for (Index first = 0; first < x.rows(); first += batch) {
      const Index n = std::min(batch, x.rows() - first);
      const Matrix<float> images = x.middleRows(first, n).template cast<float>();
      classifier.forward(images, cache);
      out.middleRows(first, n) = cache.hidden.topRows(n).template cast<double>();
    }
    return out;
  }
};

/// Throws IoError
inline void write_feature_classifier(const std::filesystem::path& path, const FeatureClassifier& features) {
  Safetensors file;
  detail::add_tensors("", features.classifier, file.tensors);
  file.metadata = {{"name", features.name},
                   {"height", std::to_string(features.shape.height)},
                   {"width", std::to_string(features.shape.width)},
                   {"channels", std::to_string(features.shape.channels)}};
  write_safetensors(path, file);
}

/// Throws IoError, or DataError when the file is no feature classifier
[[nodiscard]] inline FeatureClassifier read_feature_classifier(const std::filesystem::path& path) {
  const Checkpoint file = read_checkpoint(path);
  const auto refuse = [&] {
    throw DataError(concat(file.name, ": is no feature classifier, must be made by feature_classifier"));
  };
  for (const char* key : {"name", "height", "width", "channels"}) {
    if (!file.file.metadata.contains(key)) {
      refuse();  // a checkpoint of vaekit train, for one
    }
  }
  Shape shape;
  detail::read_number(file.file.metadata, file.name, "height", shape.height);
  detail::read_number(file.file.metadata, file.name, "width", shape.width);
  detail::read_number(file.file.metadata, file.name, "channels", shape.channels);
  // What a tensor claims was held against the bytes of the file, so sizes taken from it are safe.
  std::vector<Index> sizes;
  const auto add_layer = [&](const std::string& tensor) {
    const Tensor* weight = file.find(tensor);
    if (weight == nullptr || weight->shape.size() != 2 || weight->shape[0] < 1) {
      return false;
    }
    sizes.push_back(weight->shape[0]);
    return true;
  };
  const Tensor* first = file.find("network.0.weight");
  while (add_layer(concat("network.", sizes.size(), ".weight"))) {
  }
  const bool fits = first != nullptr && first->shape.size() == 2 &&
                    static_cast<double>(shape.height) * static_cast<double>(shape.width) *
                            static_cast<double>(shape.channels) ==
                        static_cast<double>(first->shape[1]);
  if (!add_layer("head.weight") || sizes.size() < 2 || !fits) {
    refuse();
  }
  const Index classes = sizes.back();
  sizes.pop_back();
  FeatureClassifier features(detail::metadata_value(file.file.metadata, file.name, "name"), shape, sizes,
                             classes);
  file.load("", features.classifier);
  return features;
}

}  // namespace vaekit::inline VAEKIT_ABI
