// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "vaekit/app/pictures.hpp"
#include "vaekit/app/run_folder.hpp"
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
  if (!shape.is_picture()) {
    throw UsageError(concat("--out: is \"", out.string(), "\", must end in .npy: samples of ",
                            to_string(shape),
                            shape.is_image() ? " are neither grey nor RGB" : " features are no images"));
  }
  return OutputFormat::png;
}

/// Throws UsageError unless `out` ends in .npy.
inline void require_npy(const std::filesystem::path& out) {
  if (out.extension() != ".npy") {
    throw UsageError(concat("--out: is \"", out.string(), "\", must end in .npy"));
  }
}

/// Throws UsageError unless samples can be shown and `out` ends in .png.
inline void require_png(const std::filesystem::path& out, const Shape& shape) {
  if (!shape.is_picture()) {
    throw UsageError(concat("--out: samples of ", to_string(shape),
                            shape.is_image() ? " are neither grey nor RGB" : " features are no images",
                            ", must be images for a picture of them"));
  }
  if (out.extension() != ".png") {
    throw UsageError(concat("--out: is \"", out.string(), "\", must end in .png"));
  }
}

/// Throws UsageError with `hint` when a picture of `count` samples in `columns` columns would be too large
inline void check_picture_size(Index count, const Shape& shape, Index columns, std::string_view hint) {
  const GridSize size = grid_size(count, shape, grid_options(shape, columns));
  if (!size.fits()) {
    throw UsageError(concat("--out: picture of ", count, " samples has ", size.width, 'x', size.height,
                            " pixels, must have at most ", image_pixel_limit, "; ", hint));
  }
}

/// Throws UsageError when `out` is one of the files that are read, or of those in which a run folder among
/// them keeps its state: both would be lost.
inline void check_output(const std::filesystem::path& out,
                         std::initializer_list<std::filesystem::path> inputs) {
  for (const std::filesystem::path& input : inputs) {
    std::error_code missing;
    if (std::filesystem::equivalent(input, out, missing) || RunFolder{input}.owns(out)) {
      throw UsageError(concat("--out: is \"", out.string(), "\", which is read, must be another file"));
    }
  }
}

/// Throws NumericError when one of the results [n × width], row by row, is not finite.
template <class T>
void check_results(const std::filesystem::path& out, std::span<const T> results, Index width) {
  const auto bad = std::ranges::find_if_not(results, [](T value) { return std::isfinite(value); });
  if (bad != results.end()) {
    throw NumericError(concat(out.string(), ": not written: the result of sample ",
                              (bad - results.begin()) / width, " is ", *bad,
                              ", must be finite; its input may be out of range"));
  }
}

/// Writes samples [n × features] as a grid of pictures with `columns` columns, or as an array in the model's
/// units.
///
/// Throws NumericError when a value is not finite
template <class T>
void write_samples(const std::filesystem::path& out, const Matrix<T>& samples, const PictureFormat& format,
                   Index columns) {
  check_results<T>(out, samples.span(), samples.cols());
  if (output_format(out, format.shape()) == OutputFormat::png) {
    check_picture_size(samples.rows(), format.shape(), columns, "end --out in .npy");
    write_png(out, sample_grid(format, samples, columns));
  } else {
    write_file_atomically(out, npy_bytes<T>(samples, format.shape()));
  }
}

}  // namespace vaekit::inline VAEKIT_ABI
