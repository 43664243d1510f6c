// SPDX-License-Identifier: MIT
#include "vaekit/app/digits.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace vaekit;

namespace digits {

/// The picture of a number, a character for every second pixel.
std::string drawn(std::string_view text) {
  const Index width = number_width(text) + 2;
  Canvas canvas(digit_height, width);
  draw_number(canvas, 0, 0, text, {0, 0, 0}, 1);
  const Image image = canvas.take();
  std::string out;
  for (Index row = 0; row < digit_height; row += 2) {
    for (Index column = 0; column < width - 2; column += 2) {
      out += image.pixels[static_cast<std::size_t>(3 * (row * width + column))] == 0 ? '#' : ' ';
    }
    out += '\n';
  }
  return out;
}

}  // namespace digits

TEST_CASE("digits: a number is drawn from its parts") {
  CHECK(digits::drawn("\u22122.40") ==
        "    ###     # # ###\n"
        "      #     # # # #\n"
        "### ###     ### # #\n"
        "    #         # # #\n"
        "    ###  #    # ###\n");
  CHECK(number_width("7") == 6);
  CHECK(number_width("\u22121,000") == 46);
}

TEST_CASE("digits: what is no plain number is left out") {
  CHECK(number_width("1e5") == 0);
  CHECK(number_width("") == 0);
  CHECK(digits::drawn("1e5") == "\n\n\n\n\n");
}
