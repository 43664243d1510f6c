// SPDX-License-Identifier: MIT
#include "vaekit/io/gzip.hpp"

#include <doctest/doctest.h>

#include <string>

#include "io/make_gzip.hpp"
#include "support/throws_with.hpp"

using vaekit::Bytes;

namespace {

Bytes numbers(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<std::uint8_t>(i * i >> 8);
  }
  return bytes;
}

void check_refused(const Bytes& file, const std::string& message) {
  check_throws_with<vaekit::DataError>(message, [&] { static_cast<void>(vaekit::gunzip(file, "a.gz")); });
}

}  // namespace

TEST_CASE("gzip: data of any size are decompressed") {
  for (const std::size_t size : {0U, 1U, 4096U, 300000U}) {
    const Bytes data = numbers(size);
    const Bytes file = make_gzip(data);
    CHECK(vaekit::is_gzip(file));
    CHECK(vaekit::gunzip(file, "a.gz") == data);
  }
  const Bytes zeros(3000000);  // far more than the guess from the compressed size
  CHECK(vaekit::gunzip(make_gzip(zeros), "a.gz") == zeros);
  CHECK_FALSE(vaekit::is_gzip(Bytes{0x1F}));
  CHECK_FALSE(vaekit::is_gzip(Bytes{0, 0, 8, 3}));
}

TEST_CASE("gzip: several members are one file, padding with zeros is allowed") {
  Bytes file = make_gzip(Bytes{1, 2});
  const Bytes second = make_gzip(Bytes{3});
  file.insert(file.end(), second.begin(), second.end());
  CHECK(vaekit::gunzip(file, "a.gz") == Bytes{1, 2, 3});
  file.resize(file.size() + 5);
  CHECK(vaekit::gunzip(file, "a.gz") == Bytes{1, 2, 3});
}

TEST_CASE("gzip: a file cut anywhere is refused as truncated") {
  const Bytes whole = make_gzip(numbers(2000));
  for (std::size_t size = 2; size < whole.size(); ++size) {
    check_refused(Bytes(whole.begin(), whole.begin() + static_cast<long>(size)),
                  "a.gz: truncated gzip stream: ends after " + std::to_string(size) + " bytes, must go on");
  }
}

TEST_CASE("gzip: corrupt data are refused") {
  Bytes file = make_gzip(Bytes(1000, 7));
  const std::size_t size = file.size();
  Bytes wrong_checksum = file;
  wrong_checksum[size - 8] ^= 1;
  check_refused(wrong_checksum, "a.gz: corrupt gzip data: incorrect data check after " +
                                    std::to_string(size - 4) + " of " + std::to_string(size) + " bytes");
  Bytes wrong_method = file;
  wrong_method[2] = 9;
  check_refused(wrong_method, "a.gz: corrupt gzip data: unknown compression method after 4 of " +
                                  std::to_string(size) + " bytes");
  file.push_back('x');
  check_refused(file, "a.gz: corrupt gzip data: 1 bytes after the end");
}
