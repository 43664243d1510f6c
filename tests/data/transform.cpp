// SPDX-License-Identifier: MIT
#include "vaekit/data/transform.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <span>
#include <vector>

#include "support/throws_with.hpp"

using vaekit::Binarize;
using vaekit::Dataset;
using vaekit::Scale;
using vaekit::ScaleKind;
using vaekit::Shape;
using vaekit::Transform;

namespace {

template <class S>
Transform fit(const Scale& scale, std::size_t features, const std::vector<S>& values) {
  const Dataset data("x.npy", Shape::flat(static_cast<vaekit::Index>(features)), values);
  std::vector<std::uint32_t> rows(static_cast<std::size_t>(data.size()));
  std::iota(rows.begin(), rows.end(), 0U);
  return Transform::fit({scale, Binarize::none}, data, rows);
}

template <class T, class S>
std::vector<T> apply(const Transform& transform, const std::vector<S>& sample) {
  std::vector<T> out(sample.size());
  transform.apply(std::span<const S>(sample), std::span<T>(out));
  return out;
}

std::vector<std::uint8_t> all_bytes() {
  std::vector<std::uint8_t> values(256);
  std::iota(values.begin(), values.end(), std::uint8_t{0});
  return values;
}

}  // namespace

TEST_CASE("transform: bytes are mapped to [0, 1] by one constant, as x / 255") {
  const Transform transform = fit({}, 256, all_bytes());
  const std::vector<float> floats = apply<float>(transform, all_bytes());
  const std::vector<double> doubles = apply<double>(transform, all_bytes());
  for (std::size_t i = 0; i < 256; ++i) {
    CHECK(floats[i] == static_cast<float>(i) / 255.0F);
    CHECK(doubles[i] == doctest::Approx(static_cast<double>(i) / 255).epsilon(1e-15));
  }
  CHECK(doubles[255] == 1);
  CHECK(transform.scale() == std::vector<double>(256, transform.scale()[0]));
}

TEST_CASE("transform: bytes are mapped to any range, whatever bytes the training set holds") {
  const Transform transform = fit<std::uint8_t>({ScaleKind::range, -1, 1}, 2, {10, 20, 30, 40});
  CHECK(apply<double, std::uint8_t>(transform, {0, 255}) == std::vector<double>{-1, 1});
}

TEST_CASE("transform: bytes that hold 0 and 1 alone are binary data, not dark pictures") {
  CHECK(apply<float, std::uint8_t>(fit<std::uint8_t>({}, 2, {0, 1, 1, 1}), {0, 1}) ==
        std::vector<float>{0, 1});
  CHECK(apply<float, std::uint8_t>(fit<std::uint8_t>({ScaleKind::range, -1, 1}, 2, {0, 1, 1, 1}), {0, 1}) ==
        std::vector<float>{-1, 1});
}

TEST_CASE("transform: auto and none leave floating data as they are, none also bytes") {
  CHECK(apply<double, double>(fit<double>({}, 2, {3, -1e300, 5, 6}), {3.25, -1e300}) ==
        std::vector<double>{3.25, -1e300});
  CHECK(apply<float, std::uint8_t>(fit<std::uint8_t>({ScaleKind::none}, 2, {3, 4}), {3, 255}) ==
        std::vector<float>{3, 255});
}

TEST_CASE("transform: a range maps minimum and maximum of each feature, a constant to low") {
  const Transform transform = fit<float>({ScaleKind::range, 0, 2}, 3, {1, -4, 7, 3, 4, 7, 2, 0, 7});
  CHECK(apply<double, float>(transform, {1, -4, 7}) == std::vector<double>{0, 0, 0});
  CHECK(apply<double, float>(transform, {3, 4, 7}) == std::vector<double>{2, 2, 0});
  CHECK(apply<double, float>(transform, {2, 2, 9}) == std::vector<double>{1, 1.5, 0});
}

TEST_CASE("transform: no training value leaves [0, 1] by rounding") {
  std::mt19937_64 generator(1);
  std::uniform_real_distribution<double> exponent(-12, 12);
  for (int trial = 0; trial < 2000; ++trial) {
    const double low = std::pow(10, exponent(generator));
    const double high = low + std::pow(10, exponent(generator));
    const Transform transform = fit<double>({ScaleKind::range, 0, 1}, 1, {low, high});
    CHECK(apply<double, double>(transform, {low})[0] == 0);
    CHECK(apply<double, double>(transform, {high})[0] <= 1);
    CHECK(apply<double, double>(transform, {high})[0] >= (high > low ? 1 - 1e-15 : 0));
  }
}

TEST_CASE("transform: standardised features have mean 0 and deviation 1, constants become 0") {
  const Transform transform =
      fit<double>({ScaleKind::standardize}, 3, {1e9, 0.1, 1, 1e9 + 2, 0.1, 3, 1e9 + 4, 0.1, 8});
  CHECK(transform.center() == std::vector<double>{1e9 + 2, 0.1, 4});
  CHECK(transform.scale()[0] == doctest::Approx(1 / std::sqrt(8.0 / 3)));
  CHECK(transform.scale()[1] == 0);
  CHECK(transform.scale()[2] == doctest::Approx(1 / std::sqrt(26.0 / 3)));
  CHECK(apply<double, double>(transform, {1e9 + 2, 5, 4}) == std::vector<double>{0, 0, 0});
  const Transform bytes = fit<std::uint8_t>({ScaleKind::standardize}, 2, {10, 10, 20, 20});
  CHECK(apply<double, std::uint8_t>(bytes, {10, 20}) == std::vector<double>{-1, 1});
}

TEST_CASE("transform: only the rows of the training set are fitted") {
  const Dataset data("x.npy", Shape::flat(1), std::vector<double>{0, 1, 100});
  const std::vector<std::uint32_t> rows{0, 1};
  const Transform transform = Transform::fit({{ScaleKind::range, 0, 1}, Binarize::none}, data, rows);
  CHECK(transform.scale() == std::vector<double>{1});
  CHECK(apply<double, double>(transform, {100}) == std::vector<double>{100});
  check_throws_with<vaekit::ShapeError>(
      "Transform::apply: sample has 2 values, output 2, both must have 1 (features)", [&] {
        apply<double, double>(transform, {0, 1});
      });
  check_throws_with<vaekit::DataError>("x.npy: data set is empty, needs at least one sample",
                                       [&] { static_cast<void>(Transform::fit({}, data, {})); });
}

TEST_CASE("transform: inverse undoes the scaling") {
  const Transform transform = fit<double>({ScaleKind::range, -1, 1}, 2, {2, 5, 10, 5});
  vaekit::Matrix<double> x(2, 2);
  x << -1, -1, 0.5, 3;
  transform.inverse<double>(x);
  CHECK(x(0, 0) == 2);
  CHECK(x(1, 0) == 8);
  CHECK(x(0, 1) == 5);
  CHECK(x(1, 1) == 5);
  vaekit::Matrix<float> wide(1, 3);
  check_throws_with<vaekit::ShapeError>("Transform::inverse: x has 3 columns, must have 2 (features)",
                                        [&] { transform.inverse<float>(wide); });
}

TEST_CASE("transform: it is made again from its parts, as from a checkpoint") {
  const Transform fitted = fit<double>({ScaleKind::range, -1, 1}, 2, {2, 5, 10, 6});
  const Transform again(fitted.center(), fitted.scale(), fitted.base(), fitted.binarize());
  CHECK(again == fitted);
  CHECK(again.without_binarization() == fitted);
  const Transform binarised(fitted.center(), fitted.scale(), fitted.base(), Binarize::stochastic);
  CHECK(binarised != fitted);
  CHECK(binarised.without_binarization() == fitted);
  CHECK(Transform().features() == 0);
  check_throws_with<vaekit::ShapeError>("Transform: scale has 1 features, must have 2 (center)", [] {
    Transform({1, 2}, {1}, 0, Binarize::none);
  });
}

TEST_CASE("transform: ranges that cannot be are refused") {
  check_throws_with<vaekit::ConfigError>("data/scale: is [1, 0], must be [low, high] with low < high", [] {
    fit<double>({ScaleKind::range, 1, 0}, 1, {1, 2});
  });
  check_throws_with<vaekit::ConfigError>("data/scale: is [0, nan], must be [low, high] with low < high", [] {
    fit<double>({ScaleKind::range, 0, std::nan("")}, 1, {1, 2});
  });
  for (const ScaleKind kind : {ScaleKind::range, ScaleKind::standardize}) {
    check_throws_with<vaekit::DataError>(
        "x.npy: feature 0 ranges from -1.7e+308 to 1.7e+308, too wide to be scaled", [&] {
          fit<double>({kind, 0, 1}, 1, {-1.7e308, 1.7e308});
        });
  }
  CHECK(apply<double, double>(fit<double>({ScaleKind::range, 0, 1}, 1, {0, 5e-324}), {5e-324})[0] == 0);
}
