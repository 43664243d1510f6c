// SPDX-License-Identifier: MIT
#include "vaekit/kernels/simd.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

using namespace vaekit;

namespace {

/// 1, 2, 3 ...
template <class T>
std::vector<T> counting(Index count) {
  std::vector<T> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), T{1});
  return values;
}

template <class T>
std::vector<T> lanes_of(const Simd<T>& value) {
  std::vector<T> values(static_cast<std::size_t>(lanes<T>));
  value.store_unaligned(values.data());
  return values;
}

}  // namespace

TEST_CASE_TEMPLATE("simd: a partial load reads its elements and fills up with zeros", T, float, double) {
  const std::vector<T> source = counting<T>(lanes<T>);
  for (Index count = 0; count < lanes<T>; ++count) {
    // A vector of `count` elements: a sanitizer sees any read past its end.
    const std::vector<T> exact(source.begin(), source.begin() + count);
    const std::vector<T> loaded = lanes_of<T>(load(exact.data(), count));
    CHECK(std::equal(exact.begin(), exact.end(), loaded.begin()));
    CHECK(std::all_of(loaded.begin() + count, loaded.end(), [](T value) { return value == 0; }));
  }
  CHECK(lanes_of<T>(load(source.data(), AllLanes{})) == source);
}

TEST_CASE_TEMPLATE("simd: a partial store leaves the rest of the target alone", T, float, double) {
  const std::vector<T> source = counting<T>(lanes<T>);
  const Simd<T> value = load(source.data(), AllLanes{});
  for (Index count = 0; count < lanes<T>; ++count) {
    std::vector<T> target(static_cast<std::size_t>(lanes<T>) + 1, T{-1});
    store(target.data(), value, count);
    CHECK(std::equal(source.begin(), source.begin() + count, target.begin()));
    CHECK(std::all_of(target.begin() + count, target.end(), [](T element) { return element == -1; }));
  }
  std::vector<T> target(static_cast<std::size_t>(lanes<T>) + 1, T{-1});
  store(target.data() + 1, value, AllLanes{});
  CHECK(target.front() == -1);
  CHECK(std::equal(source.begin(), source.end(), target.begin() + 1));
}

TEST_CASE_TEMPLATE("simd: keep zeroes the lanes that take no part, NaN too", T, float, double) {
  const Simd<T> nan(std::numeric_limits<T>::quiet_NaN());
  const std::vector<T> source = counting<T>(lanes<T>);
  const Simd<T> value = load(source.data(), AllLanes{});
  for (Index count = 0; count < lanes<T>; ++count) {
    const Index sum = count * (count + 1) / 2;
    CHECK(sum_lanes<T>(keep<T>(value, count)) == static_cast<T>(sum));
  }
  CHECK(sum_lanes<T>(keep<T>(nan, Index{0})) == 0);
  CHECK(lanes_of<T>(keep<T>(value, AllLanes{})) == source);
}

TEST_CASE_TEMPLATE("simd: the vector loop covers every element once, in order", T, float, double) {
  for (Index count = 0; count <= 3 * lanes<T> + 1; ++count) {
    const std::vector<T> source = counting<T>(count);
    std::vector<T> target(source.size());
    Index next = 0;
    for_each_vector<T>(count, [&]<class Which>(Index i, Which which) {
      CHECK(i == next);
      if constexpr (std::is_same_v<Which, AllLanes>) {
        next += lanes<T>;
      } else {
        next += which;
      }
      store(target.data() + i, Simd<T>(load(source.data() + i, which) * Simd<T>(T{2})), which);
    });
    CHECK(next == count);
    CHECK(std::equal(source.begin(), source.end(), target.begin(), [](T a, T b) { return 2 * a == b; }));
  }
}

TEST_CASE("simd: rows of a grain") {
  CHECK(row_grain(1) == elementwise_grain);
  CHECK(row_grain(elementwise_grain / 2) == 2);
  CHECK(row_grain(10 * elementwise_grain) == 1);
  CHECK(row_grain(0) == elementwise_grain);
}
