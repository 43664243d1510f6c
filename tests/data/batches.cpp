// SPDX-License-Identifier: MIT
#include "vaekit/data/batches.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "support/alloc_guard.hpp"
#include "support/throws_with.hpp"

using vaekit::Batches;
using vaekit::Binarize;
using vaekit::Dataset;
using vaekit::Index;
using vaekit::Matrix;
using vaekit::Scale;
using vaekit::ScaleKind;
using vaekit::Shape;
using vaekit::Transform;

namespace {

using Rows = std::vector<std::uint32_t>;

Dataset grey_levels(Index samples, Index features) {
  std::vector<std::uint8_t> values(static_cast<std::size_t>(samples * features));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<std::uint8_t>(i * 37);
  }
  return {"grey", Shape::flat(features), std::move(values)};
}

Transform fit(const Dataset& data, Binarize binarize, const Scale& scale = {}) {
  return Transform::fit({scale, binarize}, data, vaekit::all_rows(data.size()));
}

template <class T = float>
Matrix<T> read(const Dataset& data, const Rows& rows, const Transform& transform, std::uint64_t seed = 1,
               std::uint64_t epoch = 0) {
  Matrix<T> x(std::ssize(rows), data.features());
  vaekit::read_rows<T>(data, rows, transform, seed, epoch, x);
  return x;
}

}  // namespace

TEST_CASE("read_rows: samples come in the order asked for, scaled") {
  const Dataset data("x", Shape::flat(2), std::vector<std::uint8_t>{0, 51, 102, 153, 204, 255});
  const Matrix<float> x = read(data, {2, 0, 2}, fit(data, Binarize::none));
  CHECK(x(0, 0) == 0.8F);
  CHECK(x(0, 1) == 1);
  CHECK(x(1, 0) == 0);
  CHECK(x(1, 1) == 0.2F);
  CHECK(x.row(2) == x.row(0));
}

TEST_CASE("read_rows: floats and doubles are read too, into blocks of a larger matrix") {
  const Dataset floats("x", Shape::flat(2), std::vector<float>{1, 2, 3, 4});
  CHECK(read<double>(floats, {1}, fit(floats, Binarize::none))(0, 1) == 4);
  const Dataset doubles("x", Shape::flat(2), std::vector<double>{1, 2, 3, 4});
  Matrix<float> wide(3, 5);
  vaekit::read_rows<float>(doubles, Rows{1, 0}, fit(doubles, Binarize::none), 1, 0, wide.block(1, 2, 2, 2));
  CHECK(wide(1, 2) == 3);
  CHECK(wide(2, 3) == 2);
  CHECK(wide.sum() == 10);
}

TEST_CASE("read_rows: the threshold is 1/2, exclusive") {
  const Dataset data("x", Shape::flat(4), std::vector<double>{0, 0.5, 0.500001, 1});
  const Matrix<float> x = read(data, {0}, fit(data, Binarize::threshold));
  CHECK(x(0, 0) == 0);
  CHECK(x(0, 1) == 0);
  CHECK(x(0, 2) == 1);
  CHECK(x(0, 3) == 1);
}

TEST_CASE("read_rows: stochastic bits have the pixel as mean, and 0 and 1 are certain") {
  const Index samples = 4000;
  std::vector<float> values;
  for (Index i = 0; i < samples; ++i) {
    values.insert(values.end(), {0.0F, 0.2F, 0.7F, 1.0F});
  }
  const Dataset data("x", Shape::flat(4), std::move(values));
  const Matrix<float> x = read(data, vaekit::all_rows(samples), fit(data, Binarize::stochastic));
  CHECK((x.array() == 0 || x.array() == 1).all());
  CHECK(x.col(0).sum() == 0);
  CHECK(x.col(1).mean() == doctest::Approx(0.2).epsilon(0.1));
  CHECK(x.col(2).mean() == doctest::Approx(0.7).epsilon(0.05));
  CHECK(x.col(3).sum() == static_cast<float>(samples));
}

TEST_CASE("read_rows: stochastic bits depend on seed, epoch, sample and feature, on nothing else") {
  const Dataset data = grey_levels(600, 301);  // rows that begin inside a block of random words
  const Transform transform = fit(data, Binarize::stochastic);
  const Rows rows = vaekit::all_rows(600);
  const Matrix<float> whole = read(data, rows, transform, 5, 3);
  const vaekit::ThreadScope scope(3);
  CHECK(read(data, rows, transform, 5, 3) == whole);
  CHECK(read<double>(data, rows, transform, 5, 3).cast<float>() == whole);
  const Matrix<float> part = read(data, {599, 17, 18}, transform, 5, 3);
  CHECK(part.row(0) == whole.row(599));
  CHECK(part.row(1) == whole.row(17));
  CHECK(part.row(2) == whole.row(18));
  CHECK(read(data, rows, transform, 5, 4) != whole);
  CHECK(read(data, rows, transform, 6, 3) != whole);
}

TEST_CASE("read_rows: values that are no probabilities are refused by sample and feature") {
  std::vector<double> values(4000, 0.5);
  values[2001] = 1.5;
  values[3000] = -0.25;
  const Dataset data("x.npy", Shape::flat(2), values);
  const vaekit::ThreadScope scope(3);
  for (const Binarize binarize : {Binarize::threshold, Binarize::stochastic}) {
    const Transform transform = fit(data, binarize);
    check_throws_with<vaekit::DataError>(
        "x.npy: sample 1000, feature 1 is 1.5 after scaling, must be in [0, 1] to be binarised; set "
        "data/scale "
        "to [0, 1]",
        [&] { read(data, vaekit::all_rows(2000), transform); });
    check_throws_with<vaekit::DataError>(
        "x.npy: sample 1500, feature 0 is -0.25 after scaling, must be in [0, 1] to be binarised; set "
        "data/scale to [0, 1]",
        [&] {
          read(data, {3, 1500, 1000}, transform);
        });
  }
  CHECK(read(data, vaekit::all_rows(2000), fit(data, Binarize::stochastic, {ScaleKind::range, 0, 1})).sum() >
        0);
}

TEST_CASE("read_rows: sizes that do not fit are refused") {
  const Dataset data("x.npy", Shape::flat(2), std::vector<double>(6));
  const Transform transform = fit(data, Binarize::none);
  Matrix<float> x(2, 3);
  const auto read_into = [&](const Rows& rows, const Transform& by, Matrix<float>& out) {
    vaekit::read_rows<float>(data, rows, by, 1, 0, out);
  };
  check_throws_with<vaekit::ShapeError>("read_rows: x has 2 rows, must have 1 (samples of the batch)",
                                        [&] { read_into({0}, transform, x); });
  check_throws_with<vaekit::ShapeError>("read_rows: x has 3 columns, must have 2 (features of the data set)",
                                        [&] {
                                          read_into({0, 1}, transform, x);
                                        });
  x.resize(2, 2);
  check_throws_with<vaekit::ShapeError>("read_rows: transform has 0 features, must have 2 (x.npy)", [&] {
    read_into({0, 1}, Transform(), x);
  });
  check_throws_with<vaekit::ShapeError>("read_rows: sample is 3, must be < 3 (x.npy)", [&] {
    read_into({0, 3}, transform, x);
  });
}

TEST_CASE("batches: they cover the samples in order, the last one is short") {
  const Batches batches({5, 6, 7, 8, 9}, 2);
  CHECK(batches.count() == 3);
  CHECK(batches.samples() == 5);
  CHECK(batches.batch_size() == 2);
  CHECK(std::ranges::equal(batches.batch(0), Rows{5, 6}));
  CHECK(std::ranges::equal(batches.batch(2), Rows{9}));
  CHECK(Batches({1, 2}, 2).count() == 1);
}

TEST_CASE("batches: an epoch's order is a permutation that depends on seed and epoch alone") {
  Rows indices(1000);
  std::iota(indices.begin(), indices.end(), 500U);
  const auto order = [](const Batches& batches) {
    Rows all;
    for (Index i = 0; i < batches.count(); ++i) {
      all.insert(all.end(), batches.batch(i).begin(), batches.batch(i).end());
    }
    return all;
  };
  Batches once(indices, 128);
  once.shuffle(1, 7);
  Batches often(indices, 128);
  for (std::uint64_t epoch = 0; epoch <= 7; ++epoch) {
    often.shuffle(1, epoch);
  }
  const Rows shuffled = order(once);
  CHECK(order(often) == shuffled);
  CHECK(shuffled != indices);
  Rows sorted = shuffled;
  std::ranges::sort(sorted);
  CHECK(sorted == indices);
  once.shuffle(2, 7);
  CHECK(order(once) != shuffled);
}

TEST_CASE("batches: batch sizes that cannot be are refused") {
  check_throws_with<vaekit::ConfigError>(
      "training/batch_size: 512 is larger than the training set of 100 samples, must be at most 100",
      [] { Batches(vaekit::all_rows(100), 512); });
  check_throws_with<vaekit::ConfigError>("training/batch_size: 0 is too small, must be at least 1",
                                         [] { Batches(vaekit::all_rows(100), 0); });
}

TEST_CASE("batches: shuffling and reading do not allocate") {
  const Dataset data = grey_levels(300, 64);
  const Transform transform = fit(data, Binarize::stochastic);
  Batches batches(vaekit::all_rows(300), 100);
  Matrix<float> x(100, 64);
  vaekit::read_rows<float>(data, batches.batch(0), transform, 1, 0, x);
  const AllocationCount guard;
  batches.shuffle(1, 1);
  vaekit::read_rows<float>(data, batches.batch(2), transform, 1, 1, x);
  const std::size_t count = guard.count();
  CHECK(count == 0);
}

TEST_CASE("split: the parts are disjoint, ascending, complete and depend on the seed") {
  const vaekit::Split parts = vaekit::split(1000, 0.2, 1);
  CHECK(parts.validation.size() == 200);
  CHECK(std::ranges::is_sorted(parts.train));
  CHECK(std::ranges::is_sorted(parts.validation));
  Rows all;
  std::ranges::merge(parts.train, parts.validation, std::back_inserter(all));
  CHECK(all == vaekit::all_rows(1000));
  CHECK(vaekit::split(1000, 0.2, 1).validation == parts.validation);
  CHECK(vaekit::split(1000, 0.2, 2).validation != parts.validation);
}

TEST_CASE("split: without a fraction nothing is held out; an empty part is refused") {
  CHECK(vaekit::split(3, 0, 1).train == Rows{0, 1, 2});
  CHECK(vaekit::split(3, 0, 1).validation.empty());
  check_throws_with<vaekit::ConfigError>(
      "data/validation_fraction: 0.001 of 100 samples leaves none for validation, each part must have at "
      "least 1",
      [] { static_cast<void>(vaekit::split(100, 0.001, 1)); });
  check_throws_with<vaekit::ConfigError>(
      "data/validation_fraction: 0.9 of 2 samples leaves none for training, each part must have at least 1",
      [] { static_cast<void>(vaekit::split(2, 0.9, 1)); });
  check_throws_with<vaekit::ConfigError>("data/validation_fraction: is 1, must be in [0, 1)",
                                         [] { static_cast<void>(vaekit::split(2, 1, 1)); });
}
