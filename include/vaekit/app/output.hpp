// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>

#include "vaekit/app/pictures.hpp"
#include "vaekit/data/npy.hpp"
#include "vaekit/io/file.hpp"
#include "vaekit/io/image_grid.hpp"
#include "vaekit/io/png.hpp"

namespace vaekit::inline VAEKIT_ABI {

enum class OutputFormat { png, npy };

/// What `--out` asks for, by its ending.
///
/// Throws UsageError for another ending, or for a picture of samples that are no images
[[nodiscard]] inline OutputFormat output_format(const std::filesystem::path& out, const Shape& shape) {
  if (out.extension() == ".npy") {
    return OutputFormat::npy;
  }
  if (out.extension() != ".png") {
    throw UsageError(concat("--out: is \"", out.string(), "\", must end in .png or .npy"));
  }
  if (!shape.is_image()) {
    throw UsageError(concat("--out: is \"", out.string(), "\", must end in .npy: samples of ", shape.size(),
                            " features are no images"));
  }
  return OutputFormat::png;
}

/// Throws UsageError unless `out` ends in .npy.
inline void require_npy(const std::filesystem::path& out) {
  if (out.extension() != ".npy") {
    throw UsageError(concat("--out: is \"", out.string(), "\", must end in .npy"));
  }
}

/// Throws UsageError unless `out` ends in .png and samples are images.
inline void require_png(const std::filesystem::path& out, const Shape& shape) {
  if (out.extension() != ".png") {
    throw UsageError(concat("--out: is \"", out.string(), "\", must end in .png"));
  }
  static_cast<void>(output_format(out, shape));
}

/// Writes samples [n × features] as a grid of pictures with `columns` columns, or as an array.
template <class T>
void write_samples(const std::filesystem::path& out, const Matrix<T>& samples, const Shape& shape,
                   Index columns) {
  if (output_format(out, shape) == OutputFormat::png) {
    write_png(out, image_grid<T>(samples, shape, grid_options(shape, columns)));
  } else {
    write_file_atomically(out, npy_bytes<T>(samples, shape));
  }
}

}  // namespace vaekit::inline VAEKIT_ABI
