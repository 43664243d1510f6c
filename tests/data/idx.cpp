// SPDX-License-Identifier: MIT
#include "vaekit/data/idx.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "support/throws_with.hpp"

using vaekit::Bytes;
using vaekit::Shape;

namespace {

/// An IDX file: type, sizes, then the bytes of the data.
Bytes idx(std::uint8_t type, const std::vector<std::uint32_t>& sizes, const Bytes& data) {
  Bytes file{0, 0, type, static_cast<std::uint8_t>(sizes.size())};
  for (const std::uint32_t size : sizes) {
    for (const unsigned shift : {24U, 16U, 8U, 0U}) {
      file.push_back(static_cast<std::uint8_t>(size >> shift));
    }
  }
  file.insert(file.end(), data.begin(), data.end());
  return file;
}

void check_refused(const Bytes& file, const std::string& message) {
  check_throws_with<vaekit::DataError>(message,
                                       [&] { static_cast<void>(vaekit::parse_idx(file, "train.gz")); });
}

void check_labels_refused(const Bytes& file, const std::string& message) {
  check_throws_with<vaekit::DataError>(
      message, [&] { static_cast<void>(vaekit::parse_idx_labels(file, "labels.gz")); });
}

}  // namespace

TEST_CASE("idx: images, vectors and images with channels keep their shape and bytes") {
  const vaekit::Dataset images = vaekit::parse_idx(idx(8, {2, 1, 3}, {1, 2, 3, 4, 5, 255}), "a");
  CHECK(images.size() == 2);
  CHECK(images.shape() == Shape{1, 3, 1});
  CHECK(std::get<std::vector<std::uint8_t>>(images.values()) == Bytes{1, 2, 3, 4, 5, 255});
  CHECK(vaekit::parse_idx(idx(8, {1, 4}, {1, 2, 3, 4}), "a").shape() == Shape::flat(4));
  CHECK(vaekit::parse_idx(idx(8, {1, 2, 1, 3}, Bytes(6)), "a").shape() == Shape{2, 1, 3});
}

TEST_CASE("idx: numbers of every type are big-endian") {
  using Floats = std::vector<float>;
  using Doubles = std::vector<double>;
  const auto values = [](std::uint8_t type, const Bytes& data) {
    return vaekit::parse_idx(idx(type, {1, 1}, data), "a").values();
  };
  CHECK(std::get<Floats>(values(0x09, {0xFF})) == Floats{-1});
  CHECK(std::get<Floats>(values(0x0B, {0xFF, 0xFE})) == Floats{-2});
  CHECK(std::get<Doubles>(values(0x0C, {0x7F, 0xFF, 0xFF, 0xFF})) == Doubles{2147483647});
  CHECK(std::get<Floats>(values(0x0D, {0x3F, 0x80, 0, 0})) == Floats{1});
  CHECK(std::get<Doubles>(values(0x0E, {0xBF, 0xF0, 0, 0, 0, 0, 0, 0})) == Doubles{-1});
  check_refused(idx(0x0D, {1, 1}, {0x7F, 0xC0, 0, 0}),
                "train.gz: sample 0, feature 0 is nan, must be finite");
}

TEST_CASE("idx: labels of every integer type are read") {
  using Labels = std::vector<std::int32_t>;
  CHECK(vaekit::parse_idx_labels(idx(0x08, {3}, {0, 9, 255}), "l") == Labels{0, 9, 255});
  CHECK(vaekit::parse_idx_labels(idx(0x09, {1}, {0xFF}), "l") == Labels{-1});
  CHECK(vaekit::parse_idx_labels(idx(0x0B, {1}, {0x01, 0x00}), "l") == Labels{256});
  CHECK(vaekit::parse_idx_labels(idx(0x0C, {1}, {0, 1, 0, 0}), "l") == Labels{65536});
}

TEST_CASE("idx: a wrong magic number is refused") {
  const std::string expected = ", must be 0x00000803 (IDX images) or 0x00000802 (IDX vectors)";
  check_refused({0x89, 'P', 'N', 'G', 0, 0}, "train.gz: magic number is 0x89504e47" + expected);
  check_refused(idx(8, {3}, {1, 2, 3}), "train.gz: magic number is 0x00000801" + expected);
  check_refused(idx(8, {1, 1, 1, 1, 1}, {1}), "train.gz: magic number is 0x00000805" + expected);
  check_refused(idx(0x0A, {1, 1}, {1}), "train.gz: magic number is 0x00000a02" + expected);
  check_labels_refused(idx(8, {1, 1}, {1}),
                       "labels.gz: magic number is 0x00000802, must be 0x00000801 (IDX labels)");
  check_labels_refused(idx(0x0D, {1}, {0, 0, 0, 0}),
                       "labels.gz: magic number is 0x00000d01, must be 0x00000801 (IDX labels)");
}

TEST_CASE("idx: a truncated file is refused with the promised and found counts") {
  const Bytes whole = idx(8, {3, 2, 2}, Bytes(12));
  const auto cut = [&](std::size_t size) {
    return Bytes(whole.begin(), whole.begin() + static_cast<long>(size));
  };
  check_refused(cut(0), "train.gz: truncated: an IDX header has 4 bytes, found 0");
  check_refused(cut(15), "train.gz: truncated: an IDX header has 16 bytes, found 15");
  check_refused(cut(16), "train.gz: truncated: header promises 3 images of 2x2, found 0");
  check_refused(cut(27), "train.gz: truncated: header promises 3 images of 2x2, found 2");
  CHECK(vaekit::parse_idx(cut(28), "a").size() == 3);
  check_refused(idx(8, {5, 3}, Bytes(6)), "train.gz: truncated: header promises 5 vectors of 3, found 2");
  check_labels_refused(idx(8, {5}, Bytes(4)), "labels.gz: truncated: header promises 5 labels, found 4");
}

TEST_CASE("idx: sizes whose product overflows are refused like any other") {
  const std::uint32_t huge = 0xFFFFFFFF;
  check_refused(idx(0x0E, {huge, huge, huge, huge}, Bytes(8)),
                "train.gz: truncated: header promises 4294967295 images of 4294967295x4294967295x4294967295, "
                "found 0");
  check_refused(idx(8, {1U << 31, 1U << 31, 4}, Bytes(8)),
                "train.gz: truncated: header promises 2147483648 images of 2147483648x4, found 0");
}

TEST_CASE("idx: more bytes than promised, no images and images of nothing are refused") {
  check_refused(idx(8, {2, 2, 2}, Bytes(9)),
                "train.gz: too long: header promises 2 images of 2x2 (8 bytes), found 9 bytes");
  check_refused(idx(8, {0, 28, 28}, {}), "train.gz: data set is empty, needs at least one sample");
  check_refused(idx(8, {2, 0, 28}, {}),
                "train.gz: header promises 2 images of 0x28, must have at least one value a sample");
  check_labels_refused(idx(8, {0}, {}), "labels.gz: data set is empty, needs at least one sample");
}
