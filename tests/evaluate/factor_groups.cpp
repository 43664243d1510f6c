// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/factor_groups.hpp"

#include <doctest/doctest.h>

#include <array>
#include <set>

#include "support/throws_with.hpp"

using vaekit::FactorGroups;
using vaekit::Factors;
using vaekit::Index;
using vaekit::Matrix;

namespace {

const Factors some_factors{{{"one", 1}, {"a", 3}, {"b", 10}, {"c", 7}}};

}  // namespace

TEST_CASE("factor groups: combinations are drawn evenly, by the seed") {
  const std::vector<std::uint32_t> combinations = vaekit::draw_combinations(some_factors, 21000, 1);
  std::vector<int> counts(210);
  for (const std::uint32_t c : combinations) {
    ++counts.at(c);
  }
  CHECK(*std::ranges::min_element(counts) > 55);
  CHECK(*std::ranges::max_element(counts) < 145);
  CHECK(vaekit::draw_combinations(some_factors, 5, 2) != vaekit::draw_combinations(some_factors, 5, 3));
  const Matrix<std::int32_t> values = vaekit::factor_values(some_factors, combinations);
  CHECK(values.rows() == 21000);
  std::array<std::int32_t, 4> row{};
  std::ranges::copy_n(values.row(7).data(), 4, row.begin());
  CHECK(some_factors.compose(row) == combinations[7]);
}

TEST_CASE("factor groups: a group agrees in one factor, or its pairs do") {
  for (const Index agreeing : {8, 2}) {
    const FactorGroups groups = vaekit::draw_groups(some_factors, 300, 8, agreeing, 1);
    const Matrix<std::int32_t> values = vaekit::factor_values(some_factors, groups.combinations);
    REQUIRE(groups.held.size() == 300);
    REQUIRE(values.rows() == 2400);
    CHECK(std::set<std::int32_t>(groups.held.begin(), groups.held.end()) == std::set<std::int32_t>{1, 2, 3});
    Index changes = 0;
    for (Index i = 0; i < 2400; ++i) {
      const std::int32_t held = groups.held[static_cast<std::size_t>(i / 8)];
      CHECK(values(i, held) == values(i - i % agreeing, held));
      changes += values(i, held) != values(i - i % 8, held) ? 1 : 0;
    }
    CHECK((changes > 0) == (agreeing == 2));
  }
}

TEST_CASE("factor groups: coded some at a time they are those drawn at once") {
  const auto represent = [](std::span<const std::uint32_t> combinations, vaekit::MatrixOut<double> codes) {
    for (Index i = 0; i < codes.rows(); ++i) {
      codes.row(i).setConstant(combinations[static_cast<std::size_t>(i)]);
    }
  };
  const FactorGroups expected = vaekit::draw_groups(some_factors, 300, 64, 2, 1);
  std::vector<std::int32_t> held;
  std::vector<std::uint32_t> combinations;
  Index calls = 0;
  vaekit::for_each_coded_groups(
      some_factors, 300, 64, 2, 1, 3, represent,
      [&](Index first, std::span<const std::int32_t> some, vaekit::MatrixIn<double> codes) {
        CHECK(first == std::ssize(held));
        CHECK(codes.rows() == 64 * std::ssize(some));
        held.insert(held.end(), some.begin(), some.end());
        for (Index i = 0; i < codes.rows(); ++i) {
          combinations.push_back(static_cast<std::uint32_t>(codes(i, 2)));
        }
        ++calls;
      });
  CHECK(calls == 3);
  CHECK(held == expected.held);
  CHECK(combinations == expected.combinations);
}

TEST_CASE("factor groups: data in which nothing varies are refused") {
  check_throws_with<vaekit::DataError>(
      "draw_groups: no factor has 2 values, must have at least one that varies", [] {
        static_cast<void>(vaekit::draw_groups(Factors{{{"a", 1}}}, 1, 2, 2, 1));
      });
}
