// SPDX-License-Identifier: MIT
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>

#include "vaekit/io/safetensors.hpp"

/// Tensors of tests/golden/<name>.safetensors.
class Golden {
 public:
  explicit Golden(const std::string& name)
      : content_(vaekit::read_safetensors(std::filesystem::path(VAEKIT_TEST_SOURCE_DIR) / "golden" /
                                          (name + ".safetensors"))) {}

  [[nodiscard]] const vaekit::Tensor& tensor(const std::string& name) const {
    const auto found = std::ranges::find(content_.tensors, name, &vaekit::Tensor::name);
    REQUIRE_MESSAGE(found != content_.tensors.end(), "no tensor ", name);
    return *found;
  }

  /// [rows × cols]; a vector is one row.
  template <class T>
  [[nodiscard]] vaekit::Matrix<T> matrix(const std::string& name) const {
    const vaekit::Tensor& t = tensor(name);
    const vaekit::Index cols = t.shape.empty() ? 1 : t.shape.back();
    const std::vector<T> values = vaekit::tensor_values<T>(t);
    vaekit::Matrix<T> m(static_cast<vaekit::Index>(values.size()) / cols, cols);
    std::ranges::copy(values, m.data());
    return m;
  }

  /// Largest difference relative to the largest expected value of the tensor.
  template <class T>
  void check(const std::string& name, std::span<const T> got) const {
    const std::vector<double> expected = vaekit::tensor_values<double>(tensor(name));
    REQUIRE(got.size() == expected.size());
    double largest = 0;
    double error = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      largest = std::max(largest, std::abs(expected[i]));
      const double difference = std::abs(static_cast<double>(got[i]) - expected[i]);
      error = std::isnan(difference) ? difference : std::max(error, difference);
    }
    const double tolerance = std::is_same_v<T, float> ? 1e-5 : 1e-10;
    CHECK_MESSAGE(error <= tolerance * largest, name, ": relative error ", error / largest);
  }

 private:
  vaekit::Safetensors content_;
};
