// SPDX-License-Identifier: MIT
#include "vaekit/data/extent.hpp"

#include <doctest/doctest.h>

#include "support/throws_with.hpp"

using namespace vaekit;

TEST_CASE("extent: is said as what the samples are") {
  CHECK(Extent{{60000, 28, 28}}.text() == "60000 images of 28x28");
  CHECK(Extent{{10, 4, 5, 3}}.text() == "10 images of 4x5x3");
  CHECK(Extent{{100, 5}}.text() == "100 vectors of 5");
  CHECK(Extent{{7}}.text() == "7 labels");
}

TEST_CASE("extent: shape of one sample") {
  CHECK(Extent{{9, 5}}.shape() == Shape::flat(5));
  CHECK(Extent{{9, 4, 5}}.shape() == Shape{4, 5, 1});
  CHECK(Extent{{9, 4, 5, 3}}.shape() == Shape{4, 5, 3});
}

TEST_CASE("extent: the bytes must be what the header promises") {
  const Bytes bytes(24);
  Extent{{3, 2}, 4}.check(bytes, "a.npy");
  check_throws_with<DataError>("a.npy: truncated: header promises 4 vectors of 2, found 3", [&] {
    Extent{{4, 2}, 4}.check(bytes, "a.npy");
  });
  check_throws_with<DataError>("a.npy: data set is empty, needs at least one sample", [&] {
    Extent{{0, 2}, 4}.check(bytes, "a.npy");
  });
  check_throws_with<DataError>("a.npy: header promises 3 vectors of 0, must have at least one value a sample",
                               [&] {
                                 Extent{{3, 0}, 4}.check(bytes, "a.npy");
                               });
}

TEST_CASE("extent: sizes whose product overflows are refused") {
  const std::uint64_t huge = std::uint64_t{1} << 62;
  CHECK_THROWS_AS((Extent{{huge, huge, huge}, 8}.check(Bytes(8), "a.npy")), DataError);
}
