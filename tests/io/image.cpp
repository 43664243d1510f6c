// SPDX-License-Identifier: MIT
#include "vaekit/io/image.hpp"

#include <doctest/doctest.h>

using namespace vaekit;

TEST_CASE("image: an empty picture has no pixels, and the limit keeps sizes in range") {
  const Image image;
  CHECK(image.pixels.empty());
  CHECK(image_pixel_limit == 268435456);
}
