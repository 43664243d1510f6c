// SPDX-License-Identifier: MIT
#pragma once

#include <png.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "vaekit/core/error.hpp"
#include "vaekit/core/matrix.hpp"
#include "vaekit/data/bytes.hpp"
#include "vaekit/io/file.hpp"
#include "vaekit/io/image.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

/// libpng's handle of one picture; its "simplified" interface reports errors without longjmp.
struct PngHandle {
  png_image value{};
  PngHandle() { value.version = PNG_IMAGE_VERSION; }
  ~PngHandle() { png_image_free(&value); }
  PngHandle(const PngHandle&) = delete;
  PngHandle& operator=(const PngHandle&) = delete;
};

}  // namespace detail

/// A PNG file of an 8-bit grey or RGB picture (sRGB).
///
/// Throws ShapeError for no pixels, other channel numbers, or a pixel buffer of another size.
[[nodiscard]] inline Bytes png_bytes(const Image& image) {
  if (image.height < 1 || image.width < 1 || (image.channels != 1 && image.channels != 3) ||
      image.height > image_pixel_limit / image.width ||
      std::ssize(image.pixels) != image.height * image.width * image.channels) {
    throw ShapeError(concat("png_bytes: image is ", image.height, 'x', image.width, 'x', image.channels,
                            " with ", image.pixels.size(),
                            " values, must be height x width x 1 or 3 of at most ", image_pixel_limit,
                            " pixels"));
  }
  detail::PngHandle png;
  png.value.width = static_cast<png_uint_32>(image.width);
  png.value.height = static_cast<png_uint_32>(image.height);
  png.value.format = image.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(png.value);
  Bytes bytes(size);
  if (png_image_write_to_memory(&png.value, bytes.data(), &size, 0, image.pixels.data(), 0, nullptr) == 0) {
    throw IoError(concat("png_bytes: cannot write: ", png.value.message));
  }
  bytes.resize(size);
  return bytes;
}

/// The picture of a PNG file that is in memory, as 8-bit grey or RGB; transparent parts on black.
///
/// Throws DataError "<name>: ..." for a broken or too large file.
[[nodiscard]] inline Image parse_png(ByteView file, std::string_view name) {
  detail::PngHandle png;
  const auto check = [&](int ok) {
    if (ok == 0) {
      throw DataError(concat(name, ": is not a readable PNG file: ", png.value.message));
    }
  };
  check(png_image_begin_read_from_memory(&png.value, file.data(), file.size()));
  Image image{png.value.height, png.value.width, (png.value.format & PNG_FORMAT_FLAG_COLOR) != 0 ? 3 : 1, {}};
  if (image.height > image_pixel_limit / image.width) {
    throw DataError(concat(name, ": is ", image.width, 'x', image.height, " pixels, must have at most ",
                           image_pixel_limit));
  }
  png.value.format = image.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  image.pixels.resize(static_cast<std::size_t>(image.height * image.width * image.channels));
  const png_color black{0, 0, 0};
  check(png_image_finish_read(&png.value, &black, image.pixels.data(), 0, nullptr));
  return image;
}

/// Throws IoError when the file cannot be written, ShapeError as `png_bytes` does.
inline void write_png(const std::filesystem::path& path, const Image& image) {
  write_file_atomically(path, png_bytes(image));
}

/// Throws IoError when the file cannot be opened, DataError as `parse_png` does.
[[nodiscard]] inline Image read_png(const std::filesystem::path& path) {
  return parse_png(read_file(path), path.filename().string());
}

}  // namespace vaekit::inline VAEKIT_ABI
