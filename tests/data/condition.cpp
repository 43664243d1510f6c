// SPDX-License-Identifier: MIT
#include "vaekit/data/condition.hpp"

#include <doctest/doctest.h>

#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

Dataset labelled(std::vector<std::int32_t> labels) {
  return {"data", Shape::flat(1), std::vector<float>(3, 0.5F), std::move(labels)};
}

const std::vector<std::uint32_t> order = {2, 0};

}  // namespace

TEST_CASE("condition: a label is a one-hot row") {
  const Dataset data = labelled({1, 0, 2});
  const Condition condition = Condition::labels(data, 4);
  CHECK(condition.columns() == 4);
  CHECK(condition.is_label());
  Matrix<float> out(2, 4);
  out.setConstant(9);
  condition.read<float>(order, out);
  Matrix<float> expected(2, 4);
  expected << 0, 0, 1, 0, 0, 1, 0, 0;
  CHECK(out == expected);
}

TEST_CASE("condition: a vector is the row of the same number") {
  const Dataset data = labelled({});
  const auto values =
      std::make_shared<const Dataset>("values", Shape::flat(2), std::vector<double>{1, 2, 3, 4, 5, 6});
  const Condition condition = Condition::rows(data, values);
  CHECK(condition.columns() == 2);
  CHECK_FALSE(condition.is_label());
  Matrix<double> out(2, 2);
  condition.read<double>(order, out);
  Matrix<double> expected(2, 2);
  expected << 5, 6, 1, 2;
  CHECK(out == expected);
}

TEST_CASE("condition: none has no columns") {
  CHECK(Condition().columns() == 0);
  CHECK_FALSE(Condition().is_label());
  Matrix<float> out(2, 0);
  Condition().read<float>(order, out);  // touches nothing
}

TEST_CASE("condition: labels that are missing or out of range, and other numbers of rows, are refused") {
  check_throws_with<DataError>("data: has no labels, needs them for the condition",
                               [] { static_cast<void>(Condition::labels(labelled({}), 2)); });
  check_throws_with<DataError>("data: label of sample 2 is 2, must be in 0 .. 1 (2 classes)", [] {
    static_cast<void>(Condition::labels(labelled({1, 0, 2}), 2));
  });
  check_throws_with<DataError>("data: label of sample 1 is -1, must be in 0 .. 1 (2 classes)", [] {
    static_cast<void>(Condition::labels(labelled({1, -1, 0}), 2));
  });
  check_throws_with<DataError>("values: has 2 conditions, must have 3 (one for each sample of data)", [] {
    const auto values = std::make_shared<const Dataset>("values", Shape::flat(1), std::vector<double>{1, 2});
    static_cast<void>(Condition::rows(labelled({}), values));
  });
}
