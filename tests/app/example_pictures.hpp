// SPDX-License-Identifier: MIT
//
// Grey pictures, and features to compare them in.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <variant>
#include <vector>

#include "app/example_run.hpp"
#include "vaekit/app/quality.hpp"

namespace example {

/// Grey pictures of 12x12 pixels.
inline ExperimentConfig grey_config(Binarize binarize) {
  ExperimentConfig config = example::small_config();
  config.data.train = SyntheticConfig{.source = SyntheticSource::shapes, .count = 40, .size = 12};
  config.data.test = SyntheticConfig{.source = SyntheticSource::shapes, .count = 12, .size = 12, .seed = 2};
  config.data.binarize = binarize;
  return config;
}

/// Untrained features of pictures, also written to `file`.
inline FeatureClassifier untrained_features(const Shape& shape, const std::filesystem::path& file) {
  constexpr std::array<Index, 1> units = {4};
  FeatureClassifier features("test", shape, units, 2);
  features.classifier.initialize(RandomStream(1, Purpose::initialize));
  write_feature_classifier(file, features);
  return features;
}

/// Bytes as 0 to 1.
inline Matrix<double> pixels_of(const Dataset& data) {
  const auto& bytes = std::get<std::vector<std::uint8_t>>(data.values());
  Matrix<double> x(data.size(), data.features());
  std::ranges::transform(bytes, x.data(), [](std::uint8_t value) { return value / 255.0; });
  return x;
}

inline void check_distances(const Json& report, const Matrix<double>& real, const Matrix<double>& made) {
  const PrecisionRecall covered = precision_recall(real, made, 3);
  CHECK(report["frechet_distance"].get<double>() == doctest::Approx(frechet_distance(real, made)));
  CHECK(report["frechet_distance"].get<double>() > 0);
  CHECK(report["kernel_distance"].get<double>() == doctest::Approx(kernel_distance(real, made)));
  CHECK(report["precision"] == covered.precision);
  CHECK(report["recall"] == covered.recall);
}

}  // namespace example
