// SPDX-License-Identifier: MIT
#include "vaekit/core/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

using namespace vaekit;

namespace {

const RandomStream stream(2024, Purpose::evaluation, 5);

std::vector<std::uint32_t> permutation(std::size_t count, const RandomStream& from = stream) {
  std::vector<std::uint32_t> order(count);
  fill_permutation(order, from);
  return order;
}

}  // namespace

TEST_CASE("philox: the known-answer vectors of Random123") {
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
  static_assert(philox4x32({0, 0, 0, 0}, {0, 0})[0] == 0x6627e8d5);
}

TEST_CASE("stream: seed, purpose, step, child and block each give other words") {
  std::set<PhiloxCounter> seen;
  int streams = 0;
  for (std::uint64_t seed : {0ull, 1ull, 2ull, 3ull, ~0ull}) {
    for (Purpose purpose : {Purpose::initialize, Purpose::shuffle, Purpose::posterior, Purpose::synthetic}) {
      for (std::uint64_t step : {0ull, 1ull, 1ull << 32}) {
        const RandomStream parent(seed, purpose, step);
        for (const RandomStream& one :
             {parent, parent.child(0), parent.child(1), parent.child(2), parent.child(0).child(0),
              parent.child(1).child(0), parent.child(0).child(1)}) {
          for (std::uint64_t block : {0ull, 1ull, 1ull << 32}) {
            seen.insert(one.words(block));
            ++streams;
          }
        }
      }
    }
  }
  CHECK(static_cast<int>(seen.size()) == streams);
}

TEST_CASE("stream: equal names give equal words, and words are frozen") {
  CHECK(RandomStream(1, Purpose::posterior, 2).child(3).words(4) ==
        RandomStream(1, Purpose::posterior, 2).child(3).words(4));
  // A change of these values changes what every seed of every published configuration means.
  CHECK(RandomStream(1, Purpose::initialize).words(0) ==
        PhiloxCounter{0xd10448f2, 0xf854b258, 0x2a1b0726, 0xf84e2892});
  CHECK(RandomStream(1, Purpose::posterior, 7).child(2).words(9) ==
        PhiloxCounter{0xb0932a60, 0xa3845456, 0x1fb5d660, 0xa255ad04});
}

TEST_CASE("uniform: words map to the middle of 2^32 equal cells, never to 0 or 1") {
  CHECK(to_unit_interval(0) == 0x1p-33);
  CHECK(to_unit_interval(0xffffffff) == 1 - 0x1p-33);
  CHECK(to_unit_interval(0x80000000) == 0.5 + 0x1p-33);
}

TEST_CASE("normal: extreme words give finite values below 6.77") {
  for (const std::uint32_t radius : {0u, 1u, 0x7fffffffu, 0xffffffffu}) {
    for (const std::uint32_t angle : {0u, 0x3fffffffu, 0x80000000u, 0xffffffffu}) {
      const auto [a, b] = to_normals(radius, angle);
      CHECK(std::isfinite(a));
      CHECK(std::isfinite(b));
      CHECK(std::hypot(a, b) < 6.77);
    }
  }
}

TEST_CASE("permutation: each number once, for all small counts") {
  for (std::size_t count = 0; count < 100; ++count) {
    std::vector<std::uint32_t> order = permutation(count);
    std::ranges::sort(order);
    for (std::size_t i = 0; i < count; ++i) {
      REQUIRE(order[i] == i);
    }
  }
}

TEST_CASE("permutation: equal streams give equal orders, others do not") {
  CHECK(permutation(1000) == permutation(1000));
  CHECK(permutation(1000) != permutation(1000, {2024, Purpose::evaluation, 6}));
}

TEST_CASE("permutation: every element lands on every place equally often") {
  constexpr std::size_t n = 8;
  constexpr int repetitions = 20000;
  std::array<std::array<int, n>, n> counts{};
  for (int r = 0; r < repetitions; ++r) {
    const std::vector<std::uint32_t> order =
        permutation(n, {1, Purpose::shuffle, static_cast<std::uint64_t>(r)});
    for (std::size_t place = 0; place < n; ++place) {
      ++counts[place][order[place]];
    }
  }
  const double expected = static_cast<double>(repetitions) / n;
  double chi_square = 0;
  for (const auto& row : counts) {
    for (const int count : row) {
      chi_square += (count - expected) * (count - expected) / expected;
    }
  }
  // Rows and columns have fixed sums, so (n-1)/n of the sum has the distribution, with (n-1)² = 49 degrees of
  // freedom.
  chi_square *= (n - 1.0) / n;
  CHECK(chi_square < 74.9);  // the 1 % level
  CHECK(chi_square > 28.9);  // and not too even either
}

TEST_CASE("permutation: all orders of four are equally likely") {
  constexpr int repetitions = 24000;
  std::vector<int> counts(256);
  for (int r = 0; r < repetitions; ++r) {
    const std::vector<std::uint32_t> order =
        permutation(4, {3, Purpose::shuffle, static_cast<std::uint64_t>(r)});
    ++counts[order[0] * 64 + order[1] * 16 + order[2] * 4 + order[3]];
  }
  double chi_square = 0;
  int orders = 0;
  for (const int count : counts) {
    if (count > 0) {
      ++orders;
      chi_square += (count - 1000.0) * (count - 1000.0) / 1000.0;
    }
  }
  CHECK(orders == 24);
  CHECK(chi_square < 41.6);  // 23 degrees of freedom, the 1 % level
}
