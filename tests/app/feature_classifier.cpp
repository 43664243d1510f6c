// SPDX-License-Identifier: MIT
#include "vaekit/app/feature_classifier.hpp"

#include <doctest/doctest.h>

#include <array>

#include "io/temporary_folder.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

FeatureClassifier small_features() {
  constexpr std::array<Index, 2> units = {5, 3};
  FeatureClassifier features("dots", {4, 3, 1}, units, 2);
  features.classifier.initialize(RandomStream(1, Purpose::initialize));
  return features;
}

/// `count` images of 4x3 pixels.
Matrix<double> dots(Index count) {
  Matrix<double> x(count, 12);
  for (Index i = 0; i < x.size(); ++i) {
    x.data()[i] = static_cast<double>(i % 7) / 7;
  }
  return x;
}

}  // namespace

TEST_CASE("feature classifier: a file gives the same features") {
  const TemporaryFolder folder("features");
  const FeatureClassifier made = small_features();
  write_feature_classifier(folder / "f.safetensors", made);
  const FeatureClassifier read = read_feature_classifier(folder / "f.safetensors");
  CHECK(read.name == "dots");
  CHECK(read.shape == Shape{4, 3, 1});
  CHECK(read.features() == 3);
  CHECK(read.classifier.classes() == 2);
  const Matrix<double> expected = made(dots(20));
  CHECK(expected.rows() == 20);
  CHECK(expected.cols() == 3);
  CHECK(expected.minCoeff() >= 0);
  CHECK(expected.maxCoeff() > 0);
  CHECK(read(dots(20)) == expected);
}

TEST_CASE("feature classifier: rows do not depend on how many there are") {
  const FeatureClassifier features = small_features();
  const Matrix<double> many = features(dots(1203));
  CHECK(many.bottomRows(1) == features(Matrix<double>(dots(1203).bottomRows(1))));
}

TEST_CASE("feature classifier: other images and other files are refused") {
  const TemporaryFolder folder("feature-refusals");
  const std::filesystem::path path = folder / "f.safetensors";
  check_throws_with<ShapeError>("dots: images has 5 columns, must have 12 (pixels)",
                                [] { static_cast<void>(small_features()(Matrix<double>(1, 5))); });
  Safetensors file;
  file.tensors = {make_tensor<float>("head.weight", {1, 1}, std::array{1.0F})};
  file.metadata = {{"name", "x"}, {"height", "1"}, {"width", "1"}, {"channels", "1"}};
  write_safetensors(path, file);
  const std::string refusal =
      path.string() + ": is no feature classifier, must be made by feature_classifier";
  check_throws_with<DataError>(refusal, [&] { static_cast<void>(read_feature_classifier(path)); });
  FeatureClassifier wide = small_features();
  wide.shape.width = 1'000'000'000;
  write_feature_classifier(path, wide);
  check_throws_with<DataError>(refusal, [&] { static_cast<void>(read_feature_classifier(path)); });
}
