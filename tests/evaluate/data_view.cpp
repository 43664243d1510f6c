// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/data_view.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

using vaekit::Binarize;
using vaekit::Dataset;
using vaekit::DataView;
using vaekit::Index;
using vaekit::Matrix;
using vaekit::MatrixIn;
using vaekit::random_rows;
using vaekit::Shape;
using vaekit::Transform;

namespace {

/// 5 samples of 2 features: 0 1 | 2 3 | ... | 8 9, read as twice their value.
struct Numbers {
  Dataset dataset{"numbers", Shape::flat(2), std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}};
  Transform transform{{0, 0}, {2, 2}, 0, Binarize::none};
};

}  // namespace

TEST_CASE("data view: batches come in the order of the rows, transformed, the last one shorter") {
  const Numbers numbers;
  const std::vector<std::uint32_t> rows{4, 0, 3};
  const DataView view{&numbers.dataset, &numbers.transform, rows, 1};
  CHECK(view.size() == 3);
  Matrix<float> buffer(2, 2);
  std::vector<Index> firsts;
  std::vector<float> values;
  vaekit::for_each_batch<float>(view, buffer, [&](Index first, MatrixIn<float> x) {
    firsts.push_back(first);
    for (Index row = 0; row < x.rows(); ++row) {
      values.insert(values.end(), {x(row, 0), x(row, 1)});
    }
  });
  CHECK(firsts == std::vector<Index>{0, 2});
  CHECK(values == std::vector<float>{16, 18, 0, 2, 12, 14});
}

TEST_CASE("data view: an empty view has no batches") {
  const Numbers numbers;
  const DataView view{&numbers.dataset, &numbers.transform, {}, 1};
  Matrix<float> buffer(2, 2);
  int calls = 0;
  vaekit::for_each_batch<float>(view, buffer, [&](Index, MatrixIn<float>) { ++calls; });
  CHECK(calls == 0);
}

TEST_CASE("data view: the binarisation of a sample depends on the seed, not on the cut into batches") {
  const Dataset dataset("grey", Shape::flat(64), std::vector<float>(64 * 6, 0.5F));
  const Transform transform(std::vector<double>(64, 0), std::vector<double>(64, 1), 0, Binarize::stochastic);
  const std::vector<std::uint32_t> rows = vaekit::all_rows(6);
  const auto read = [&](std::uint64_t seed, Index batch) {
    Matrix<float> all(6, 64);
    Matrix<float> buffer(batch, 64);
    vaekit::for_each_batch<float>(
        {&dataset, &transform, rows, seed}, buffer,
        [&](Index first, MatrixIn<float> x) { all.middleRows(first, x.rows()) = x; });
    return all;
  };
  const Matrix<float> expected = read(1, 6);
  CHECK(expected.sum() > 150);
  CHECK(expected.sum() < 234);
  CHECK(read(1, 4) == expected);
  CHECK(read(1, 1) == expected);
  CHECK(read(2, 6) != expected);
}

TEST_CASE("data view: binary is what holds zeros and ones alone, in the rows and after the transform") {
  const Dataset dataset("bits", Shape::flat(2), std::vector<std::uint8_t>{0, 255, 255, 0, 0, 7});
  const Transform unit({0, 0}, {1 / 255.0, 1 / 255.0}, 0, Binarize::none);
  const Transform raw({0, 0}, {1, 1}, 0, Binarize::none);
  const Transform threshold(unit.center(), unit.scale(), 0, Binarize::threshold);
  const std::vector<std::uint32_t> all{0, 1, 2};
  const std::vector<std::uint32_t> two{1, 0};
  CHECK(vaekit::is_binary({&dataset, &unit, two, 1}));
  CHECK_FALSE(vaekit::is_binary({&dataset, &unit, all, 1}));
  CHECK_FALSE(vaekit::is_binary({&dataset, &raw, two, 1}));
  CHECK(vaekit::is_binary({&dataset, &threshold, all, 1}));
  const Dataset last("last", Shape::flat(1), [] {
    std::vector<float> values(1001, 1.0F);
    values.back() = 0.5F;
    return values;
  }());
  const Transform same({0}, {1}, 0, Binarize::none);
  const std::vector<std::uint32_t> rows = vaekit::all_rows(1001);
  CHECK_FALSE(vaekit::is_binary({&last, &same, rows, 1}));
  // Conditions are not looked at.
  const Dataset labelled("labelled", Shape::flat(1), std::vector<float>{0, 1}, {0, 2});
  const std::vector<std::uint32_t> both{0, 1};
  DataView view{&labelled, &same, both, 1, vaekit::Condition::labels(labelled, 3)};
  CHECK(view.columns() == 4);
  CHECK(vaekit::is_binary(view));
}

TEST_CASE("data view: some rows are all of few, and a random choice by the seed of many, in their order") {
  std::vector<std::uint32_t> rows(1000);
  std::iota(rows.begin(), rows.end(), 5000U);
  const DataView view{nullptr, nullptr, rows, 3};
  CHECK(random_rows(view, 1000) == rows);
  const std::vector<std::uint32_t> some = random_rows(view, 100);
  CHECK(some.size() == 100);
  CHECK(std::ranges::is_sorted(some));
  CHECK(std::ranges::adjacent_find(some) == some.end());
  CHECK(some.front() >= 5000);
  CHECK(some.back() < 6000);
  // The mean of 100 of 1000 numbers, without repeats, has a standard deviation of 27.4.
  const double mean = std::accumulate(some.begin(), some.end(), 0.0) / 100;
  CHECK(std::abs(mean - 5499.5) < 4 * 27.4);
  CHECK(random_rows(view, 100) == some);
  CHECK(random_rows({nullptr, nullptr, rows, 4}, 100) != some);
  CHECK(random_rows({nullptr, nullptr, {}, 3}, 100).empty());
}

TEST_CASE("data view: 256 levels are those of bytes from 0 to 1, and of no other scale") {
  std::vector<std::uint8_t> bytes(256);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  const Dataset dataset("bytes", Shape::flat(2), bytes);
  std::vector<std::uint32_t> rows(128);
  std::iota(rows.begin(), rows.end(), 0U);
  const auto has = [&](double low, double high, vaekit::Index levels) {
    const double scale = (high - low) / 255;
    const Transform transform({0, 0}, {scale, scale}, low, Binarize::none);
    return vaekit::has_levels({&dataset, &transform, rows, 1}, levels);
  };
  CHECK(has(0, 1, 256));
  CHECK_FALSE(has(0, 1, 255));
  CHECK_FALSE(has(0, 1, 128));
  CHECK_FALSE(has(0, 0.5, 256));
  CHECK_FALSE(has(-1, 1, 256));
  CHECK_FALSE(has(0, 255, 256));
  const Transform threshold({0, 0}, {1 / 255.0, 1 / 255.0}, 0, Binarize::threshold);
  CHECK(vaekit::has_levels({&dataset, &threshold, rows, 1}, 2));
}
