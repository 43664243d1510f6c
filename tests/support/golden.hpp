// SPDX-License-Identifier: MIT
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "vaekit/io/safetensors.hpp"

/// Tensors of tests/golden/<name>.safetensors, made by the scripts there: inputs that float holds exactly,
/// and results that PyTorch computed from them in double.
class Golden {
 public:
  explicit Golden(const std::string& name)
      : content_(vaekit::read_safetensors(std::filesystem::path(VAEKIT_TEST_SOURCE_DIR) / "golden" /
                                          (name + ".safetensors"))) {}

  [[nodiscard]] bool has(const std::string& name) const {
    return std::ranges::find(content_.tensors, name, &vaekit::Tensor::name) != content_.tensors.end();
  }

  [[nodiscard]] const vaekit::Tensor& tensor(const std::string& name) const {
    const auto found = std::ranges::find(content_.tensors, name, &vaekit::Tensor::name);
    REQUIRE_MESSAGE(found != content_.tensors.end(), "no tensor ", name);
    return *found;
  }

  /// [rows × cols]; a vector is one row.
  template <class T>
  [[nodiscard]] vaekit::Matrix<T> matrix(const std::string& name) const {
    const vaekit::Tensor& stored = tensor(name);
    const vaekit::Index cols = stored.shape.empty() ? 1 : stored.shape.back();
    const std::vector<T> values = vaekit::tensor_values<T>(stored);
    vaekit::Matrix<T> m(static_cast<vaekit::Index>(values.size()) / cols, cols);
    std::ranges::copy(values, m.data());
    return m;
  }

  /// Copies the tensor's values to `target`.
  template <class T>
  void copy_to(const std::string& name, std::span<T> target) const {
    const std::vector<T> values = vaekit::tensor_values<T>(tensor(name));
    REQUIRE(values.size() == target.size());
    std::ranges::copy(values, target.begin());
  }

  /// What counts as equal: 10⁻⁵ in float, 10⁻¹⁰ in double.
  template <std::floating_point T>
  static constexpr double tolerance = std::same_as<T, float> ? 1e-5 : 1e-10;

  /// max |got − expected| ≤ tolerance · max |expected|, over the tensor.
  template <class T>
  void check(const std::string& name, std::span<const T> got) const {
    const std::vector<double> expected = vaekit::tensor_values<double>(tensor(name));
    REQUIRE(got.size() == expected.size());
    const double largest = max_abs(expected);
    CHECK_MESSAGE(worst(expected, got, [&](double) { return largest; }) <= tolerance<T>, name,
                  ": error relative to the largest value ",
                  worst(expected, got, [&](double) { return largest; }));
  }
  template <class T>
  void check(const std::string& name, const vaekit::Matrix<T>& got) const {
    check<T>(name, got.span());
  }

  /// |got − expected| ≤ tolerance · max(|expected|, floor · max |expected|), for each element.
  template <class T>
  void check_each(const std::string& name, std::span<const T> got, double floor) const {
    const std::vector<double> expected = vaekit::tensor_values<double>(tensor(name));
    REQUIRE(got.size() == expected.size());
    const double least = floor * max_abs(expected);
    const auto scale = [&](double value) { return std::max(std::abs(value), least); };
    CHECK_MESSAGE(worst(expected, got, scale) <= tolerance<T>, name,
                  ": largest relative error of an element ", worst(expected, got, scale));
  }

 private:
  static double max_abs(const std::vector<double>& values) {
    double largest = 0;
    for (const double value : values) {
      largest = std::max(largest, std::abs(value));
    }
    return largest;
  }

  /// Largest |got − expected| / scale(expected); infinite when a value is NaN. Equal values have no error.
  template <class T, class Scale>
  static double worst(const std::vector<double>& expected, std::span<const T> got, Scale&& scale) {
    double result = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      const double difference = std::abs(static_cast<double>(got[i]) - expected[i]);
      const double error = difference == 0 ? 0 : difference / scale(expected[i]);
      result = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(result, error);
    }
    return result;
  }

  vaekit::Safetensors content_;
};
