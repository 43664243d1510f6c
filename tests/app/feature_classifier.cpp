// SPDX-License-Identifier: MIT
#include "vaekit/app/feature_classifier.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/temporary_folder.hpp"
#include "support/throws_with.hpp"
#include "vaekit/data/batches.hpp"
#include "vaekit/io/load.hpp"

using namespace vaekit;

namespace {

FeatureClassifier small_features() {
  constexpr std::array<Index, 2> units = {5, 3};
  FeatureClassifier features("dots", {4, 3, 1}, units, 2);
  features.classifier.initialize(RandomStream(1, Purpose::initialize));
  return features;
}

/// A classifier of share/features/.
FeatureClassifier shipped(const std::string& name) {
  return read_feature_classifier(std::filesystem::path(VAEKIT_TEST_SOURCE_DIR) / "../share/features" /
                                 (name + ".safetensors"));
}

/// Most probable class of each row of x. [n × pixels]
std::vector<std::int32_t> classes_of(const FeatureClassifier& features, const Matrix<float>& x) {
  auto cache = features.classifier.make_cache(x.rows());
  features.classifier.forward(x, cache);
  std::vector<std::int32_t> classes;
  for (Index i = 0; i < x.rows(); ++i) {
    Index best = 0;
    static_cast<void>(cache.log_q.row(i).maxCoeff(&best));
    classes.push_back(static_cast<std::int32_t>(best));
  }
  return classes;
}

/// Pixel p of image i is ((i + 3) p mod 17) / 16.
Matrix<float> stripes() {
  Matrix<float> x(3, 784);
  for (Index i = 0; i < x.rows(); ++i) {
    for (Index p = 0; p < x.cols(); ++p) {
      x(i, p) = static_cast<float>((i + 3) * p % 17) / 16;
    }
  }
  return x;
}

/// Checks the share of right classes of the ten thousand test images in `folder`, if they are there.
void check_accuracy(const std::string& name, const std::filesystem::path& folder, double expected) {
  const std::filesystem::path images = folder / "t10k-images-idx3-ubyte.gz";
  if (!std::filesystem::exists(images)) {
    MESSAGE("skipped: no " << images.string());
    return;
  }
  const Dataset data =
      load_dataset(IdxConfig{images.string(), (folder / "t10k-labels-idx1-ubyte.gz").string()});
  const std::vector<std::uint32_t> rows = all_rows(data.size());
  Matrix<float> x(data.size(), data.features());
  read_rows<float>(data, rows, Transform::fit({}, data, rows), 0, 0, x);
  const std::vector<std::int32_t> classes = classes_of(shipped(name), x);
  Index right = 0;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    right += classes[i] == data.labels()[i] ? 1 : 0;
  }
  // Rounding may turn an image or two.
  CHECK(static_cast<double>(right) / 1e4 == doctest::Approx(expected).epsilon(3e-4));
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

TEST_CASE("feature classifier: the shipped ones give the features that NumPy computes from their weights") {
  struct Expected {
    const char* file;
    const char* name;
    std::array<double, 3> sums;      ///< Σ f_j
    std::array<double, 3> weighted;  ///< Σ j f_j, j from 1
    std::vector<std::int32_t> classes;
  };
  const std::array<Expected, 2> all = {Expected{"fashion_mnist",
                                                "Fashion-MNIST classifier",
                                                {112.99082161, 117.40601463, 104.73092830},
                                                {1884.72072781, 1913.87486884, 1766.65252579},
                                                {8, 8, 8}},
                                       Expected{"mnist",
                                                "MNIST classifier",
                                                {250.15547964, 240.30626006, 263.79833871},
                                                {4201.58678656, 4319.13840879, 4550.44572712},
                                                {2, 3, 3}}};
  const Matrix<float> x = stripes();
  for (const Expected& expected : all) {
    CAPTURE(expected.file);
    const FeatureClassifier features = shipped(expected.file);
    CHECK(features.name == expected.name);
    CHECK(features.shape == Shape{28, 28, 1});
    CHECK(features.classifier.classes() == 10);
    const Matrix<double> made = features(x);
    REQUIRE(made.cols() == 32);
    for (Index i = 0; i < 3; ++i) {
      const auto image = static_cast<std::size_t>(i);
      double weighted = 0;
      for (Index j = 0; j < 32; ++j) {
        weighted += static_cast<double>(j + 1) * made(i, j);
      }
      CHECK(made.row(i).sum() == doctest::Approx(expected.sums[image]).epsilon(1e-5));
      CHECK(weighted == doctest::Approx(expected.weighted[image]).epsilon(1e-5));
    }
    CHECK(classes_of(features, x) == expected.classes);
  }
}

TEST_CASE("feature classifier: the shipped ones are as accurate as docs/quality.md says") {
  check_accuracy("fashion_mnist", "/usr/share/datasets/fashion-mnist", 0.8877);
  check_accuracy("mnist", std::filesystem::path(VAEKIT_TEST_SOURCE_DIR) / "../configs/data/mnist", 0.9766);
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
  file.metadata = {{"config", "{}"}};
  write_safetensors(path, file);
  check_throws_with<DataError>(refusal, [&] { static_cast<void>(read_feature_classifier(path)); });
  FeatureClassifier wide = small_features();
  wide.shape.width = 1'000'000'000;
  write_feature_classifier(path, wide);
  check_throws_with<DataError>(refusal, [&] { static_cast<void>(read_feature_classifier(path)); });
}
