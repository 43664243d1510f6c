// SPDX-License-Identifier: MIT
#include "vaekit/core/shape.hpp"

#include <doctest/doctest.h>

using vaekit::Shape;

TEST_CASE("shape: sizes and names of flat vectors and images") {
  const Shape image{28, 20, 3};
  CHECK(image.size() == 1680);
  CHECK(image.is_image());
  CHECK(to_string(image) == "28x20x3");
  CHECK(to_string(Shape{2, 2, 1}) == "2x2x1");

  const Shape flat = Shape::flat(784);
  CHECK(flat.size() == 784);
  CHECK_FALSE(flat.is_image());
  CHECK(to_string(flat) == "784");
  CHECK(to_string(Shape{}) == "1");
  CHECK(Shape::flat(0).size() == 0);
}

TEST_CASE("shape: a row or a column of pixels is no image") {
  CHECK_FALSE(Shape{1, 28, 1}.is_image());
  CHECK_FALSE(Shape{28, 1, 3}.is_image());
  CHECK(to_string(Shape{28, 1, 3}) == "84");
}

TEST_CASE("shape: only grey and RGB images are pictures") {
  CHECK(Shape{4, 4, 1}.is_picture());
  CHECK(Shape{4, 4, 3}.is_picture());
  CHECK_FALSE(Shape{4, 4, 4}.is_picture());
  CHECK_FALSE(Shape::flat(3).is_picture());
}

TEST_CASE("shape: equal when every extent is") {
  CHECK(Shape{2, 3, 4} == Shape{2, 3, 4});
  CHECK(Shape{2, 3, 4} != Shape{3, 2, 4});
  CHECK(Shape::flat(4) == Shape{1, 1, 4});
}
