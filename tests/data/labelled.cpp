// SPDX-License-Identifier: MIT
#include "vaekit/data/labelled.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/throws_with.hpp"
#include "vaekit/data/batches.hpp"
#include "vaekit/data/condition.hpp"

using namespace vaekit;

namespace {

/// 20 samples; those from 15 on have label 1, the others 0.
Dataset unbalanced() {
  std::vector<std::int32_t> labels(20, 0);
  std::fill(labels.begin() + 15, labels.end(), 1);
  return {"data", Shape::flat(1), std::vector<float>(20, 0.5F), std::move(labels)};
}

}  // namespace

TEST_CASE("labelled: as many of each class, another choice for another seed, the same for the same") {
  const Dataset data = unbalanced();
  const std::vector<std::uint32_t> rows = all_rows(20);
  const auto chosen = choose_labelled(data, rows, 2, 7, 1);
  REQUIRE(chosen.size() == 7);
  CHECK(std::ranges::count_if(chosen, [](std::uint32_t row) { return row < 15; }) == 4);
  CHECK(chosen == choose_labelled(data, rows, 2, 7, 1));
  CHECK(chosen != choose_labelled(data, rows, 2, 7, 2));
  auto sorted = chosen;
  std::ranges::sort(sorted);
  CHECK(std::ranges::adjacent_find(sorted) == sorted.end());
}

TEST_CASE("labelled: their samples are repeated up to a share of the epoch") {
  const std::vector<std::uint32_t> rows = all_rows(20);
  const std::vector<std::uint32_t> labelled = {3, 17};
  const auto repeated = repeat_labelled(rows, labelled, 0.5);
  CHECK(repeated.size() == 36);  // 18 without a label, 9 times 2 with one
  CHECK(std::ranges::count(repeated, 17u) == 9);
  CHECK(std::ranges::count(repeated, 4u) == 1);
  CHECK(repeat_labelled(rows, labelled, 0.0) == rows);
}

TEST_CASE("labelled: hidden labels are rows of zeros") {
  const Dataset data = unbalanced();
  std::vector<bool> known(20, false);
  known[16] = true;
  const Condition condition = Condition::labels(data, 2).masked(known);
  const std::vector<std::uint32_t> rows = {16, 17};
  Matrix<float> out(2, 2);
  out.setConstant(7);
  condition.read<float>(rows, out);
  Matrix<float> expected(2, 2);
  expected << 0, 1, 0, 0;
  CHECK(out == expected);
}

TEST_CASE("labelled: more than there are is refused") {
  const Dataset data = unbalanced();
  const std::vector<std::uint32_t> rows = all_rows(20);
  check_throws_with<DataError>("data: labelled is 21, must be at most 20 (training samples)",
                               [&] { static_cast<void>(choose_labelled(data, rows, 2, 21, 1)); });
  check_throws_with<DataError>("data: class 1 has 3 training samples too few for 16 labelled ones",
                               [&] { static_cast<void>(choose_labelled(data, rows, 2, 16, 1)); });
}
