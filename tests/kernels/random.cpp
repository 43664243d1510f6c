// SPDX-License-Identifier: MIT
#include "vaekit/kernels/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numbers>
#include <span>
#include <utility>
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

/// Cosine and sine of Box and Muller.
std::pair<long double, long double> exact_normals(std::uint32_t word0, std::uint32_t word1) {
  const long double radius = std::sqrt(-2 * std::log(static_cast<long double>(to_unit_interval(word0))));
  const long double angle = 2 * std::numbers::pi_v<long double> * to_unit_interval(word1);
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

/// Elements `offset ...` one by one, from the words of the stream.
template <class Value>
std::vector<double> reference(std::size_t count, std::uint64_t offset, Value&& value) {
  std::vector<double> values;
  for (std::uint64_t element = offset; element < offset + count; ++element) {
    values.push_back(value(stream.words(element / 4), element % 4));
  }
  return values;
}

double one_uniform(const PhiloxCounter& words, std::size_t lane) { return to_unit_interval(words[lane]); }

double one_normal(const PhiloxCounter& words, std::size_t lane) {
  const std::size_t pair = lane / 2 * 2;
  const auto [cosine, sine] = to_normals(words[pair], words[pair + 1]);
  return lane % 2 == 0 ? cosine : sine;
}

/// The promise of `fill_normal`.
template <class T>
constexpr double accuracy = std::same_as<T, float> ? 1e-6 : 3e-15;

/// Offsets at every place of a block, of a group and of 32-bit words, where a carry has to reach the second
/// word.
const std::vector<std::uint64_t> offsets = {
    0, 1, 2, 3, 4, 5, 62, 63, 64, 65, 1001, (1ull << 34) - 258, (1ull << 34) - 3, 1ull << 36};

}  // namespace

TEST_CASE("words: a group of blocks holds the words of each") {
  for (const std::uint64_t first :
       {0ull, 1ull, 1000ull, 0xfffffff0ull, 0xfffffff5ull, 0xffffffffull, 1ull << 33}) {
    detail::WordGroup group;
    detail::fill_words(stream, first, group);
    for (std::size_t i = 0; i < detail::group_blocks; ++i) {
      const PhiloxCounter words = stream.words(first + i);
      REQUIRE(PhiloxCounter{group[0][i], group[1][i], group[2][i], group[3][i]} == words);
    }
  }
}

TEST_CASE("uniform: each element is its word, rounded once") {
  for (const std::uint64_t offset : offsets) {
    for (const std::size_t count : {1u, 3u, 60u, 64u, 67u, 301u}) {
      const std::vector<double> expected = reference(count, offset, one_uniform);
      REQUIRE(uniforms<double>(count, offset) == expected);
      REQUIRE(uniforms<float>(count, offset) == std::vector<float>(expected.begin(), expected.end()));
    }
  }
}

TEST_CASE("uniform: the halves of a word give the rounded sum, never 0") {
  for (const std::uint32_t word : {0u, 1u, 0xffffu, 0x10000u, 0x1000001u, 0x7fffffffu, 0x80000000u,
                                   0x80000080u, 0xffffff7fu, 0xffffff80u, 0xffffffffu}) {
    const double exact = to_unit_interval(word);
    CHECK(detail::upper_half<double>(word) + detail::lower_half<double>(word) == exact);
    const float single = detail::upper_half<float>(word) + detail::lower_half<float>(word);
    CHECK(single == static_cast<float>(exact));
    CHECK(single > 0);
    CHECK((single == 1) == (word >= 0xffffff80u));
  }
}

TEST_CASE_TEMPLATE("normal: each element is Box and Muller of its words", T, float, double) {
  for (const std::uint64_t offset : offsets) {
    for (const std::size_t count : {1u, 3u, 60u, 64u, 67u, 301u}) {
      const std::vector<double> expected = reference(count, offset, one_normal);
      const std::vector<T> values = normals<T>(count, offset);
      for (std::size_t i = 0; i < count; ++i) {
        REQUIRE(std::abs(static_cast<double>(values[i]) - expected[i]) <= accuracy<T> + 3e-15);
      }
    }
  }
}

TEST_CASE_TEMPLATE("normal: extreme words are as accurate as others", T, float, double) {
  const std::vector<std::uint32_t> extremes = {0,          1,          0x1fffffff, 0x20000000,
                                               0x3fffffff, 0x40000000, 0x7fffffff, 0x80000000,
                                               0xbfffffff, 0xffff0000, 0xffffff80, 0xffffffff};
  std::array<std::uint32_t, detail::group_blocks> radius{};
  std::array<T, detail::group_blocks> cosine;
  std::array<T, detail::group_blocks> sine;
  for (const std::uint32_t word : extremes) {
    radius.fill(word);
    std::array<std::uint32_t, detail::group_blocks> angle{};
    std::ranges::copy(extremes, angle.begin());
    detail::box_muller<T>(radius.data(), angle.data(), cosine.data(), sine.data());
    for (std::size_t i = 0; i < extremes.size(); ++i) {
      const auto [a, b] = exact_normals(word, angle[i]);
      CHECK(std::abs(cosine[i] - a) <= accuracy<T>);
      CHECK(std::abs(sine[i] - b) <= accuracy<T>);
      CHECK(std::abs(cosine[i]) < 6.77);
      CHECK(std::abs(sine[i]) < 6.77);
    }
    // What is lost near u = 1 would not show in absolute error.
    const double length = std::hypot(static_cast<double>(cosine[0]), static_cast<double>(sine[0]));
    const double expected = std::sqrt(-2 * std::log(to_unit_interval(word)));
    CHECK(length == doctest::Approx(expected).epsilon(std::same_as<T, float> ? 1e-6 : 1e-14));
  }
}

TEST_CASE("uniform: moments and distribution") {
  const std::vector<double> values = uniforms<double>(200000);
  CHECK(moment(values, 1, 0) == doctest::Approx(0.5).epsilon(0.005));
  CHECK(moment(values, 2, 0.5) == doctest::Approx(1.0 / 12).epsilon(0.01));
  CHECK(std::abs(moment(values, 3, 0.5)) < 5e-4);
  CHECK(kolmogorov_smirnov(values, [](double x) { return x; }) < 1.63);  // the 1 % level
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
    runs.emplace_back(n, T(0.3));
    sample_bernoulli(std::span<T>(runs.back()), stream, 3);
  }
  for (std::size_t i = 3; i < runs.size(); ++i) {
    CHECK(same_bytes(runs[i], runs[i % 3]));
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

TEST_CASE("fill: offsets beyond 2^32 elements work") {
  const std::uint64_t far = std::uint64_t{1} << 36;
  CHECK(normals<double>(8, far) != normals<double>(8));
  CHECK(normals<double>(4, far + 4)[0] == normals<double>(8, far)[4]);
}

TEST_CASE_TEMPLATE("bernoulli: 1 where the uniform is below the probability, in double", T, float, double) {
  for (const std::uint64_t offset : offsets) {
    const std::size_t count = 301;
    const std::vector<double> u = uniforms<double>(count, offset);
    std::vector<T> values = uniforms<T>(count, 7, stream.child(1));
    // Probabilities at the uniform number itself and next to it.
    for (std::size_t i = 0; i + 1 < count; i += 3) {
      values[i] = static_cast<T>(u[i]);
      values[i + 1] = std::nextafter(static_cast<T>(u[i + 1]), static_cast<T>(i % 2));
    }
    std::vector<T> expected;
    for (std::size_t i = 0; i < count; ++i) {
      expected.push_back(u[i] < static_cast<double>(values[i]) ? T{1} : T{0});
    }
    sample_bernoulli(std::span<T>(values), stream, offset);
    REQUIRE(values == expected);
  }
}

TEST_CASE_TEMPLATE("bernoulli: certain events are certain, and the frequency is the probability", T, float,
                   double) {
  const std::size_t n = 200000;
  for (const T probability : {T{0}, T(0.3), T{1}}) {
    std::vector<T> values(n, probability);
    sample_bernoulli(std::span<T>(values), stream);
    double sum = 0;
    for (const T value : values) {
      sum += static_cast<double>(value);
    }
    const double p = static_cast<double>(probability);
    CHECK(std::abs(sum / n - p) <= 3 * std::sqrt(p * (1 - p) / n));
  }
  std::vector<T> nothing(100, std::numeric_limits<T>::quiet_NaN());
  sample_bernoulli(std::span<T>(nothing), stream);
  CHECK(std::ranges::all_of(nothing, [](T value) { return value == 0; }));
}
