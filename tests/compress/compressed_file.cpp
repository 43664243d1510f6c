// SPDX-License-Identifier: MIT
#include "vaekit/compress/compressed_file.hpp"

#include <doctest/doctest.h>

#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

[[nodiscard]] CompressedFile example_file() {
  return {.sizes = {3, 28, 27},
          .levels = 256,
          .model = 0x01020304,
          .arithmetic = 0x11121314,
          .values = 0x21222324,
          .build = "0.1.0 avx512",
          .before = 32,
          .head = AnsStack::smallest_head + 5,
          .words = {7, 0xFFFFFFFF}};
}

/// The bytes with a number changed and the checksum at their end made right again.
template <class N>
[[nodiscard]] Bytes with_number(std::size_t offset, N number) {
  Bytes bytes = compressed_bytes(example_file());
  store(number, bytes.data() + offset, std::endian::little);
  const std::size_t end = bytes.size() - 4;
  store(Checksum().add(ByteView(bytes).first(end)).value(), bytes.data() + end, std::endian::little);
  return bytes;
}

void check_refused(const std::string& message, const Bytes& bytes) {
  check_throws_with<DataError>(message, [&] { static_cast<void>(parse_compressed(bytes, "a.vae")); });
}

}  // namespace

TEST_CASE("compressed file: what is written is read, at the places that are documented") {
  const Bytes bytes = compressed_bytes(example_file());
  CHECK(parse_compressed(bytes, "a.vae") == example_file());
  REQUIRE(bytes.size() == 112 + 8 + 4);
  CHECK(text_of(bytes).starts_with("VAEKITBB"));
  CHECK(load<std::uint32_t>(bytes.data() + 12, std::endian::little) == 256);
  CHECK(load<std::uint64_t>(bytes.data() + 36, std::endian::little) == 27);
  CHECK(load<std::uint32_t>(bytes.data() + 60, std::endian::little) == 0x21222324);
  CHECK(load<std::uint32_t>(bytes.data() + 92, std::endian::little) == 32);
  CHECK(load<std::uint64_t>(bytes.data() + 104, std::endian::little) == 2);
  CHECK(bytes[112] == 7);
  CHECK(text_of(bytes).substr(64, 13) == std::string_view("0.1.0 avx512\0", 13));
}

TEST_CASE("compressed file: any cut and any changed byte is noticed") {
  const Bytes bytes = compressed_bytes(example_file());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    CHECK_THROWS_AS(static_cast<void>(parse_compressed(ByteView(bytes).first(i), "a.vae")), DataError);
    Bytes changed = bytes;
    changed[i] ^= 0x10;
    CHECK_THROWS_AS(static_cast<void>(parse_compressed(changed, "a.vae")), DataError);
  }
}

TEST_CASE("compressed file: what is wrong is said") {
  Bytes bytes = compressed_bytes(example_file());
  check_refused(R"(a.vae: starts with "", must start with "VAEKITBB" (a file of vaekit compress))", {});
  check_refused(
      R"(a.vae: starts with "\x1f\x8b\x08", must start with "VAEKITBB" (a file of vaekit compress))",
      {0x1F, 0x8B, 8});
  check_refused("a.vae: truncated: a compressed file has at least 116 bytes, found 115",
                Bytes(bytes.begin(), bytes.begin() + 115));
  check_refused("a.vae: truncated: header promises 2 words of 4 bytes, found 7 bytes",
                Bytes(bytes.begin(), bytes.end() - 1));
  Bytes longer = bytes;
  longer.push_back(0);
  check_refused("a.vae: too long: header promises 2 words of 4 bytes, found 9 bytes", longer);
  check_refused("a.vae: format is 2, must be 1", with_number(8, std::uint32_t{2}));
  check_refused("a.vae: array has 5 dimensions, must have 2, 3 or 4", with_number(16, std::uint32_t{5}));
  check_refused("a.vae: truncated: header promises 4611686018427387904 words of 4 bytes, found 8 bytes",
                with_number(104, std::uint64_t{1} << 62));
  check_refused(R"(a.vae: build is "\x0a.1.0 avx512", must be printable text)",
                with_number(64, std::uint8_t{'\n'}));
  check_refused("a.vae: head of the message is 5, must be in [2147483648, 9223372036854775807]",
                with_number(96, std::uint64_t{5}));
  const auto stated = load<std::uint32_t>(bytes.data() + bytes.size() - 4, std::endian::little);
  bytes[112] = 8;
  const std::uint32_t found = Checksum().add(ByteView(bytes).first(bytes.size() - 4)).value();
  check_refused("a.vae: is damaged: checksum of the file is " + checksum_text(found) +
                    ", its last bytes say " + checksum_text(stated),
                bytes);
}
