// SPDX-License-Identifier: MIT
#include "vaekit/io/checksum.hpp"

#include <doctest/doctest.h>

using namespace vaekit;

TEST_CASE("checksum: CRC-32 of the bytes, however they are cut") {
  CHECK(Checksum().value() == 0);
  CHECK(Checksum().add(bytes_of("123456789")).value() == 0xCBF43926);
  CHECK(Checksum().add(bytes_of("1234")).add({}).add(bytes_of("56789")).value() == 0xCBF43926);
  CHECK(Checksum().add(bytes_of("123456780")).value() != 0xCBF43926);
  CHECK(checksum_text(0xCBF43926) == "cbf43926");
  CHECK(checksum_text(0x1F) == "0000001f");
}
