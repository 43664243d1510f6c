// SPDX-License-Identifier: MIT
#include "vaekit/compress/ans.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace vaekit;

namespace {

const RandomStream clean(7, Purpose::compress);

struct CodedSymbol {
  CodeInterval interval;
  int precision = 0;
};

/// Intervals of all precisions, each with the one symbol that holds a random number.
std::vector<CodedSymbol> random_symbols(std::uint64_t count) {
  std::vector<CodedSymbol> symbols;
  for (std::uint64_t i = 0; i < count; ++i) {
    const PhiloxCounter words = RandomStream(1, Purpose::synthetic).words(i);
    const int precision = 1 + static_cast<int>(words[0] % AnsStack::max_precision);
    const std::uint32_t total = std::uint32_t{1} << precision;
    const std::uint32_t start = words[1] % total;
    symbols.push_back({{start, 1 + words[2] % (total - start)}, precision});
  }
  return symbols;
}

/// Bits of a message beyond those of the clean bits below it.
double message_bits(const AnsStack& stack) {
  return 32.0 * static_cast<double>(stack.words().size()) +
         std::log2(static_cast<double>(stack.head()) / static_cast<double>(AnsStack(clean).head()));
}

}  // namespace

TEST_CASE("ans: symbols come back in reverse, and what is left is what was there") {
  const std::vector<CodedSymbol> symbols = random_symbols(20000);
  AnsStack stack(clean);
  for (const CodedSymbol& symbol : symbols) {
    stack.push(symbol.interval, symbol.precision);
    REQUIRE(stack.head() >= AnsStack::smallest_head);
    REQUIRE(stack.head() <= AnsStack::largest_head);
  }
  CHECK(stack.clean_bits() == 64);
  AnsStack reader(stack.head(), stack.words());
  std::ranges::for_each(symbols.rbegin(), symbols.rend(), [&](const CodedSymbol& symbol) {
    const std::uint32_t target = reader.peek(symbol.precision);
    REQUIRE(target >= symbol.interval.start);
    REQUIRE(target - symbol.interval.start < symbol.interval.frequency);
    reader.pop(symbol.interval, symbol.precision);
  });
  CHECK(reader.holds_only(clean));
  CHECK_FALSE(reader.holds_only(RandomStream(8, Purpose::compress)));
}

TEST_CASE("ans: of many symbols the length is what the docstring says") {
  struct Limit {
    int precision;
    double accuracy;
  };
  for (const Limit& limit : {Limit{24, 1e-5}, Limit{30, 1e-3}, Limit{31, 3e-3}}) {
    const int precision = limit.precision;
    constexpr std::uint32_t symbols = 200;
    constexpr std::uint64_t count = 100'000;
    const auto border = [&](std::uint32_t s) {  // frequencies grow with the symbol
      return static_cast<std::uint32_t>((std::uint64_t{1} << precision) * s * s / (symbols * symbols));
    };
    AnsStack stack(clean);
    double bits = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      const double u = to_unit_interval(RandomStream(3, Purpose::synthetic).words(i)[0]);
      const auto s = static_cast<std::uint32_t>(std::sqrt(u) * symbols);
      const CodeInterval interval{border(s), border(s + 1) - border(s)};
      stack.push(interval, precision);
      bits += precision - std::log2(interval.frequency);
    }
    const double excess = (message_bits(stack) - bits) / count;
    INFO(precision, ": ", excess);
    CHECK(excess < limit.accuracy);
    CHECK(excess > -1e-6);
  }
}

TEST_CASE("ans: the length is the sum of the symbols' information") {
  for (const int precision : {1, 12, 24, 30, 31}) {
    AnsStack stack(clean);
    double bits = 0;
    const std::uint64_t total = std::uint64_t{1} << precision;
    for (std::uint64_t i = 0; i < 20000; ++i) {
      const std::uint32_t word = RandomStream(2, Purpose::synthetic).words(i)[0];
      const auto middle = static_cast<std::uint32_t>(std::max<std::uint64_t>(total * 9 / 10, 1));
      const bool likely = to_unit_interval(word) < static_cast<double>(middle) / static_cast<double>(total);
      const CodeInterval interval =
          likely ? CodeInterval{0, middle} : CodeInterval{middle, static_cast<std::uint32_t>(total) - middle};
      stack.push(interval, precision);
      bits += precision - std::log2(interval.frequency);
    }
    CHECK(message_bits(stack) / 20000 == doctest::Approx(bits / 20000).epsilon(precision < 30 ? 2e-5 : 2e-3));
  }
}

TEST_CASE("ans: popping from an empty message draws clean bits, and pushing gives them back") {
  AnsStack stack(clean);
  std::vector<std::uint32_t> drawn;
  double mean = 0;
  for (int i = 0; i < 1000; ++i) {
    drawn.push_back(stack.peek(16));
    stack.pop({drawn.back(), 1}, 16);
    mean += drawn.back() / 65536.0 / 1000;
  }
  CHECK(mean == doctest::Approx(0.5).epsilon(0.05));
  CHECK(stack.words().empty());
  CHECK(stack.clean_bits() >= 16000);
  CHECK(stack.clean_bits() <= 16064);
  AnsStack other(stack.head(), stack.words());
  std::ranges::for_each(drawn.rbegin(), drawn.rend(), [&](std::uint32_t symbol) {
    other.push({symbol, 1}, 16);
  });
  CHECK(other.holds_only(clean));
  AnsStack repeated(clean);
  CHECK(repeated.peek(16) == drawn.front());
}

TEST_CASE("ans: a written message that is read too far says so") {
  AnsStack stack(AnsStack::smallest_head, {5});
  stack.pop({0, 1}, 16);
  CHECK_FALSE(stack.exhausted());
  CHECK(stack.words().empty());
  while (!stack.exhausted()) {
    stack.pop({stack.peek(16), 1}, 16);
  }
  CHECK_FALSE(stack.holds_only(clean));
}
