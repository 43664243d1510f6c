// SPDX-License-Identifier: MIT
#include "vaekit/core/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numbers>
#include <set>
#include <span>
#include <vector>

using namespace vaekit;

namespace {

const RandomStream stream(2024, Purpose::evaluation, 5);

template <class T>
std::vector<T> uniforms(std::size_t count, std::uint64_t offset = 0, const RandomStream& from = stream) {
  std::vector<T> values(count);
  fill_uniform(std::span<T>(values), from, offset);
  return values;
}

template <class T>
std::vector<T> normals(std::size_t count, std::uint64_t offset = 0, const RandomStream& from = stream) {
  std::vector<T> values(count);
  fill_normal(std::span<T>(values), from, offset);
  return values;
}

std::vector<std::uint32_t> permutation(std::size_t count, const RandomStream& from = stream) {
  std::vector<std::uint32_t> order(count);
  fill_permutation(order, from);
  return order;
}

double standard_normal_cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

/// Largest distance between the empirical distribution of `values` and `cdf` (Kolmogorov-Smirnov), times √n.
template <class Cdf>
double kolmogorov_smirnov(std::vector<double> values, Cdf&& cdf) {
  std::ranges::sort(values);
  const double n = static_cast<double>(values.size());
  double distance = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double p = cdf(values[i]);
    distance = std::max({distance, p - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - p});
  }
  return distance * std::sqrt(n);
}

/// Mean of (x - mean)^k.
double moment(const std::vector<double>& values, int k, double centre) {
  double sum = 0;
  for (const double value : values) {
    sum += std::pow(value - centre, k);
  }
  return sum / static_cast<double>(values.size());
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += a[i] * b[i];
  }
  return sum / static_cast<double>(a.size());
}

template <class T>
bool same_bytes(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
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
  const std::vector<double> values = uniforms<double>(10000);
  CHECK(std::ranges::all_of(values, [](double v) { return v > 0 && v < 1; }));
}

TEST_CASE("uniform: moments and distribution") {
  const std::vector<double> values = uniforms<double>(200000);
  CHECK(moment(values, 1, 0) == doctest::Approx(0.5).epsilon(0.005));
  CHECK(moment(values, 2, 0.5) == doctest::Approx(1.0 / 12).epsilon(0.01));
  CHECK(std::abs(moment(values, 3, 0.5)) < 5e-4);
  CHECK(kolmogorov_smirnov(values, [](double x) { return x; }) < 1.63);  // the 1 % level
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

TEST_CASE("normal: moments, tails and distribution") {
  const std::vector<double> values = normals<double>(200000);
  CHECK(std::abs(moment(values, 1, 0)) < 0.008);
  CHECK(moment(values, 2, 0) == doctest::Approx(1).epsilon(0.012));
  CHECK(std::abs(moment(values, 3, 0)) < 0.03);
  CHECK(moment(values, 4, 0) == doctest::Approx(3).epsilon(0.03));
  CHECK(kolmogorov_smirnov(values, standard_normal_cdf) < 1.63);
  const auto beyond_three = std::ranges::count_if(values, [](double v) { return std::abs(v) > 3; });
  CHECK(beyond_three > 540 - 110);  // 540 expected, standard deviation 23
  CHECK(beyond_three < 540 + 110);
}

TEST_CASE("normal: neighbours, streams and steps are uncorrelated") {
  const std::size_t n = 100000;
  const std::vector<double> values = normals<double>(n);
  for (const std::uint64_t lag : {1ull, 2ull, 3ull, 4ull}) {
    CHECK(std::abs(correlation(values, normals<double>(n, lag))) < 0.015);
  }
  CHECK(std::abs(correlation(values, normals<double>(n, 0, stream.child(0)))) < 0.015);
  CHECK(std::abs(correlation(values, normals<double>(n, 0, {2025, Purpose::evaluation, 5}))) < 0.015);
  CHECK(std::abs(correlation(values, normals<double>(n, 0, {2024, Purpose::evaluation, 6}))) < 0.015);
}

TEST_CASE_TEMPLATE("fill: the same bytes at 1, 2, 3 and 7 threads", T, float, double) {
  const std::size_t n = 50001;
  std::vector<std::vector<T>> runs;
  for (const int threads : {1, 2, 3, 7}) {
    const ThreadScope scope(threads);
    runs.push_back(normals<T>(n, 3));
    runs.push_back(uniforms<T>(n, 3));
  }
  for (std::size_t i = 2; i < runs.size(); ++i) {
    CHECK(same_bytes(runs[i], runs[i % 2]));
  }
}

TEST_CASE_TEMPLATE("fill: any offset and length reads the same sequence", T, float, double) {
  const std::vector<T> whole_normals = normals<T>(64);
  const std::vector<T> whole_uniforms = uniforms<T>(64);
  for (std::size_t offset = 0; offset < 12; ++offset) {
    for (std::size_t length = 0; length < 14; ++length) {
      const auto first = static_cast<std::ptrdiff_t>(offset);
      const auto last = static_cast<std::ptrdiff_t>(offset + length);
      REQUIRE(normals<T>(length, offset) ==
              std::vector<T>(whole_normals.begin() + first, whole_normals.begin() + last));
      REQUIRE(uniforms<T>(length, offset) ==
              std::vector<T>(whole_uniforms.begin() + first, whole_uniforms.begin() + last));
    }
  }
}

TEST_CASE("fill: float values are the rounded double values") {
  const std::vector<float> single = normals<float>(1000);
  const std::vector<double> exact = normals<double>(1000);
  for (std::size_t i = 0; i < 1000; ++i) {
    REQUIRE(single[i] == static_cast<float>(exact[i]));
  }
}

TEST_CASE("fill: offsets beyond 2^32 elements work") {
  const std::uint64_t far = std::uint64_t{1} << 36;
  CHECK(normals<double>(8, far) != normals<double>(8));
  CHECK(normals<double>(4, far + 4)[0] == normals<double>(8, far)[4]);
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
  const ThreadScope scope(1);
  const std::vector<std::uint32_t> serial = permutation(1000);
  const ThreadScope more(3);
  CHECK(permutation(1000) == serial);
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
