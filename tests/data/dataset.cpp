// SPDX-License-Identifier: MIT
#include "vaekit/data/dataset.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "support/throws_with.hpp"

using vaekit::Dataset;
using vaekit::Shape;

namespace {

template <class E>
void check_refused(const std::string& message, const Shape& shape, const Dataset::Values& values,
                   const std::vector<std::int32_t>& labels = {}, const std::vector<std::string>& names = {}) {
  check_throws_with<E>(message, [&] { Dataset("x.npy", shape, values, labels, names); });
}

}  // namespace

TEST_CASE("dataset: samples stay in their stored type") {
  const Dataset data("a.csv", Shape::flat(2), std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6}, {7, 8, 9},
                     {"u", "v"});
  CHECK(data.size() == 3);
  CHECK(data.features() == 2);
  CHECK(data.shape() == Shape::flat(2));
  CHECK(data.name() == "a.csv");
  CHECK(data.labels() == std::vector<std::int32_t>{7, 8, 9});
  CHECK(data.column_names() == std::vector<std::string>{"u", "v"});
  CHECK(std::get<std::vector<std::uint8_t>>(data.values())[3] == 4);
}

TEST_CASE("dataset: no samples, and sizes that do not fit, are refused") {
  check_refused<vaekit::DataError>("x.npy: data set is empty, needs at least one sample", Shape::flat(2),
                                   std::vector<float>{});
  check_refused<vaekit::DataError>("x.npy: has 6 values, must be a multiple of 4 (samples of 2x2x1)",
                                   Shape{2, 2, 1}, std::vector<float>(6));
  check_refused<vaekit::DataError>("x.npy: samples are 2x0x1, must be at least 1x1x1", Shape{2, 0, 1},
                                   std::vector<float>(6));
  check_refused<vaekit::DataError>("x.npy: has 2 labels, must have 3 (one for each sample)", Shape::flat(2),
                                   std::vector<float>(6), {1, 2});
  check_refused<vaekit::DataError>("x.npy: has 1 column names, must have 2 or none", Shape::flat(2),
                                   std::vector<float>(6), {}, {"u"});
}

TEST_CASE("dataset: values that are not finite are refused by sample and feature") {
  std::vector<float> floats(60, 1.0F);
  floats[12 * 4 + 3] = std::numeric_limits<float>::quiet_NaN();
  floats[13 * 4] = std::numeric_limits<float>::infinity();
  check_refused<vaekit::DataError>("x.npy: sample 12, feature 3 is nan, must be finite", Shape::flat(4),
                                   floats);
  std::vector<double> doubles(60, 1e308);
  CHECK(Dataset("x.npy", Shape::flat(4), doubles).size() == 15);
  doubles[1] = -std::numeric_limits<double>::infinity();
  check_refused<vaekit::DataError>("x.npy: sample 0, feature 1 is -inf, must be finite", Shape::flat(4),
                                   doubles);
  doubles[1] = std::numeric_limits<double>::infinity();
  check_refused<vaekit::DataError>("x.npy: sample 0, feature 1 is inf, must be finite", Shape::flat(4),
                                   doubles);
}

TEST_CASE("dataset: labels may come later, one a sample") {
  Dataset data("x.npy", Shape::flat(1), std::vector<double>{1, 2});
  CHECK(data.labels().empty());
  data.set_labels({5, 6});
  CHECK(data.labels() == std::vector<std::int32_t>{5, 6});
  check_throws_with<vaekit::DataError>("x.npy: has 1 labels, must have 2 (one for each sample)",
                                       [&] { data.set_labels({5}); });
}

TEST_CASE("dataset: bytes that are nothing but 0 and 1 are told from others") {
  using Bytes = std::vector<std::uint8_t>;
  CHECK(Dataset("b", Shape::flat(2), Bytes{0, 1, 1, 0}).is_binary_bytes());
  CHECK_FALSE(Dataset("b", Shape::flat(2), Bytes{0, 1, 2, 0}).is_binary_bytes());
  CHECK_FALSE(Dataset("f", Shape::flat(2), std::vector<float>{0, 1}).is_binary_bytes());
}
