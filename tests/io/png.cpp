// SPDX-License-Identifier: MIT
#include "vaekit/io/png.hpp"

#include <doctest/doctest.h>

#include <string>

#include "io/temporary_folder.hpp"
#include "support/throws_with.hpp"

using vaekit::Bytes;
using vaekit::Image;

namespace {

Image gradient(vaekit::Index channels) {
  Image image{3, 5, channels, {}};
  for (vaekit::Index i = 0; i < 15 * channels; ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>(i * 5));
  }
  return image;
}

void check_refused(const Bytes& file, const std::string& message) {
  check_throws_with<vaekit::DataError>(message, [&] { static_cast<void>(vaekit::parse_png(file, "a.png")); });
}

void check_not_written(const Image& image, const std::string& got) {
  check_throws_with<vaekit::ShapeError>(
      "png_bytes: image is " + got + ", must be height x width x 1 or 3 of at most 268435456 pixels",
      [&] { static_cast<void>(vaekit::png_bytes(image)); });
}

}  // namespace

TEST_CASE("png: grey and RGB pictures are written and read back to the bit") {
  const TemporaryFolder folder("png");
  for (const vaekit::Index channels : {1, 3}) {
    const Image image = gradient(channels);
    CHECK(vaekit::parse_png(vaekit::png_bytes(image), "a.png") == image);
    vaekit::write_png(folder / "a.png", image);
    CHECK(vaekit::read_png(folder / "a.png") == image);
  }
  const Bytes file = vaekit::png_bytes(gradient(1));
  CHECK(vaekit::text_of(file).starts_with("\x89PNG\r\n\x1A\n"));
}

TEST_CASE("png: pictures of other channels or with missing pixels are refused") {
  check_not_written(Image{}, "0x0x1 with 0 values");
  check_not_written(Image{2, 2, 2, Bytes(8)}, "2x2x2 with 8 values");
  check_not_written(Image{2, 2, 1, Bytes(3)}, "2x2x1 with 3 values");
}

TEST_CASE("png: broken files are refused") {
  const Bytes whole = vaekit::png_bytes(gradient(3));
  check_refused({}, "a.png: is not a readable PNG file: png_image_begin_read_from_memory: invalid argument");
  check_refused(Bytes(100, 'x'), "a.png: is not a readable PNG file: Not a PNG file");
  for (std::size_t size = 8; size < whole.size() - 16; ++size) {
    CHECK_THROWS_AS(static_cast<void>(vaekit::parse_png({whole.data(), size}, "a.png")), vaekit::DataError);
  }
  Bytes broken = whole;
  broken[vaekit::text_of(whole).find("IDAT") + 10] ^= 0xFF;
  CHECK_THROWS_AS(static_cast<void>(vaekit::parse_png(broken, "a.png")), vaekit::DataError);
}

TEST_CASE("png: a header of absurd size is refused before memory is asked for") {
  Bytes file = vaekit::png_bytes(gradient(1));
  for (const std::size_t place : {16U, 20U}) {
    vaekit::store(std::uint32_t{500000}, file.data() + place, std::endian::big);
  }
  const auto crc = static_cast<std::uint32_t>(crc32(0, file.data() + 12, 17));
  vaekit::store(crc, file.data() + 29, std::endian::big);
  check_refused(file, "a.png: is 500000x500000 pixels, must have at most 268435456");
}
