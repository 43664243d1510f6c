// SPDX-License-Identifier: MIT
#include "vaekit/data/generated.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "support/alloc_guard.hpp"
#include "support/throws_with.hpp"
#include "vaekit/data/batches.hpp"
#include "vaekit/data/condition.hpp"

using vaekit::Dataset;
using vaekit::Factors;
using vaekit::GeneratedRows;
using vaekit::Index;
using vaekit::Matrix;
using vaekit::Shape;

namespace {

const Factors two_factors{{{"tens", 4}, {"ones", 10, false}}};

void draw_number(std::span<const std::int32_t> factors, std::span<std::uint8_t> sample) {
  for (std::size_t i = 0; i < sample.size(); ++i) {
    sample[i] = static_cast<std::uint8_t>(10 * factors[0] + factors[1] + static_cast<std::int32_t>(i));
  }
}

/// Samples (c, c + 1) of the combinations c.
Dataset numbers(std::vector<std::uint32_t> combinations) {
  return {"numbers", Shape::flat(2), GeneratedRows{two_factors, draw_number, std::move(combinations)}};
}

}  // namespace

TEST_CASE("generated: combinations are counted with the last factor fastest") {
  CHECK(two_factors.combinations() == 40);
  CHECK(two_factors.size() == 2);
  CHECK(two_factors[1].name == "ones");
  std::array<std::int32_t, 2> values{};
  two_factors.decompose(37, values);
  CHECK(values == std::array<std::int32_t, 2>{3, 7});
  for (std::uint32_t c = 0; c < 40; ++c) {
    two_factors.decompose(c, values);
    CHECK(two_factors.compose(values) == c);
  }
}

TEST_CASE("generated: a data set reads as one in memory does") {
  const Dataset made = numbers({7, 39, 0, 12});
  const Dataset held("numbers", Shape::flat(2), std::vector<std::uint8_t>{7, 8, 39, 40, 0, 1, 12, 13});
  CHECK(made.size() == 4);
  CHECK(made.is_bytes());
  CHECK(made.generated()->factors == two_factors);
  CHECK(held.generated() == nullptr);
  CHECK_FALSE(Dataset("x", Shape::flat(1), std::vector<float>{1}).is_bytes());
  const std::vector<std::uint32_t> rows = {3, 0, 1, 1};
  for (const auto kind : {vaekit::ScaleKind::automatic, vaekit::ScaleKind::none,
                          vaekit::ScaleKind::standardize, vaekit::ScaleKind::range}) {
    const vaekit::TransformConfig config{.scale = {kind, -1, 1}};
    const vaekit::Transform scaling = vaekit::Transform::fit(config, made, rows);
    CHECK(scaling == vaekit::Transform::fit(config, held, rows));
    Matrix<float> a(4, 2);
    Matrix<float> b(4, 2);
    vaekit::read_rows<float>(made, rows, scaling, 1, 0, a);
    vaekit::read_rows<float>(held, rows, scaling, 1, 0, b);
    CHECK(a == b);
  }
}

TEST_CASE("generated: as conditions") {
  const auto made = std::make_shared<const Dataset>(numbers({7, 39}));
  Matrix<double> out(2, 2);
  const std::vector<std::uint32_t> rows = {1, 0};
  vaekit::Condition::rows(*made, made).read<double>(rows, out);
  CHECK(out(0, 0) == 39);
  CHECK(out(1, 1) == 8);
}

TEST_CASE("generated: batches on any number of threads are the same, and allocate nothing") {
  std::vector<std::uint32_t> combinations(4000);
  for (std::size_t i = 0; i < combinations.size(); ++i) {
    combinations[i] = static_cast<std::uint32_t>(i % 40);
  }
  const Dataset made("wide", Shape::flat(64), GeneratedRows{two_factors, draw_number, combinations});
  const std::vector<std::uint32_t> rows = vaekit::all_rows(made.size());
  const vaekit::Transform scaling = vaekit::Transform::fit({}, made, rows);
  Matrix<float> one(made.size(), 64);
  Matrix<float> three(made.size(), 64);
  {
    const vaekit::ThreadScope scope(1);
    vaekit::read_rows<float>(made, rows, scaling, 1, 0, one);
    const AllocationCount guard;
    vaekit::read_rows<float>(made, rows, scaling, 1, 0, one);
    const std::size_t allocations = guard.count();
    CHECK(allocations == 0);
  }
  const vaekit::ThreadScope scope(3);
  vaekit::read_rows<float>(made, rows, scaling, 1, 0, three);
  CHECK(one == three);
}

TEST_CASE("generated: no samples are refused") {
  check_throws_with<vaekit::DataError>("numbers: data set is empty, needs at least one sample",
                                       [] { static_cast<void>(numbers({})); });
}

TEST_CASE("generated: factors without values or with too many, and samples of no combination, are refused") {
  check_throws_with<vaekit::DataError>("factors: \"a\" has 0 values, must have 1 to 2147483647", [] {
    static_cast<void>(Factors{{{"a", 0}}}.combinations());
  });
  check_throws_with<vaekit::DataError>("factors: \"b\" has 4294967296 values, must have 1 to 2147483647", [] {
    static_cast<void>(Factors{{{"a", 1}, {"b", Index{1} << 32}}}.combinations());
  });
  const Factors largest{{{"a", 2}, {"b", (Index{1} << 31) - 1}}};
  std::array<std::int32_t, 2> values{};
  largest.decompose(static_cast<std::uint32_t>(largest.combinations() - 1), values);
  CHECK(values == std::array<std::int32_t, 2>{1, 2147483646});
  check_throws_with<vaekit::DataError>("numbers: sample 1 is combination 40 of its factors, must be below 40",
                                       [] {
                                         static_cast<void>(numbers({39, 40}));
                                       });
}

TEST_CASE("generated: more than 2^32 combinations are refused") {
  CHECK(vaekit::Factors{{{"a", 65536}, {"b", 65536}}}.combinations() == vaekit::Index{1} << 32);
  check_throws_with<vaekit::DataError>(
      "factors: have more than 4294967296 combinations, must have at most so many", [] {
        static_cast<void>(vaekit::Factors{{{"a", 65536}, {"b", 65537}}}.combinations());
      });
}
