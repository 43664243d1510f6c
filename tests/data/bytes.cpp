// SPDX-License-Identifier: MIT
#include "vaekit/data/bytes.hpp"

#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

TEST_CASE("bytes: numbers are read and stored in either byte order at any alignment") {
  const std::array<std::uint8_t, 5> bytes{0xFF, 0x01, 0x02, 0x03, 0x04};
  CHECK(vaekit::load<std::uint32_t>(bytes.data() + 1, std::endian::big) == 0x01020304);
  CHECK(vaekit::load<std::uint32_t>(bytes.data() + 1, std::endian::little) == 0x04030201);
  std::array<std::uint8_t, 5> target{};
  vaekit::store(std::uint32_t{0x01020304}, target.data() + 1, std::endian::big);
  CHECK(target == std::array<std::uint8_t, 5>{0, 1, 2, 3, 4});
  vaekit::store(1.0F, target.data() + 1, std::endian::little);
  CHECK(target == std::array<std::uint8_t, 5>{0, 0, 0, 0x80, 0x3F});
}

TEST_CASE("bytes: arrays are converted from the type in the file") {
  const std::vector<std::uint8_t> bytes{0xFF, 0xFE, 0x00, 0x02, 0x77};
  CHECK(vaekit::load_all<float, std::int16_t>(bytes, std::endian::big) == std::vector<float>{-2, 2});
}

TEST_CASE("bytes: a product of absurd sizes saturates, with a zero it is zero") {
  constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t wide = 1ULL << 32;
  CHECK(vaekit::saturating_product(std::vector<std::uint64_t>{}) == 1);
  CHECK(vaekit::saturating_product(std::vector<std::uint64_t>{3, 5}) == 15);
  CHECK(vaekit::saturating_product(std::vector<std::uint64_t>{wide, wide}) == largest);
  CHECK(vaekit::saturating_product(std::vector<std::uint64_t>{wide, wide, wide}) == largest);
  CHECK(vaekit::saturating_product(std::vector<std::uint64_t>{wide, wide, 0}) == 0);
  CHECK(vaekit::saturating_product(std::vector<std::uint64_t>{wide, wide - 1}) == wide * (wide - 1));
}

TEST_CASE("bytes: quoted text is one printable line of limited length") {
  CHECK(vaekit::quoted_text("abc") == "\"abc\"");
  CHECK(vaekit::quoted_text("a\n\xFF") == "\"a\\x0a\\xff\"");
  CHECK(vaekit::quoted_text(std::string(50, 'x')) == '"' + std::string(40, 'x') + "...\"");
}
