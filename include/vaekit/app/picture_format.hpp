// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "vaekit/data/transform.hpp"
#include "vaekit/io/image_grid.hpp"
#include "vaekit/train/checkpoint.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// How samples as a model has them become pictures.
struct PictureFormat {
  InputFormat input;
  Scale scale = {};  ///< that `input.transform` was fitted with

  [[nodiscard]] const Shape& shape() const { return input.shape; }
};

/// Levels from 0 to 1 of samples in the model's units: the scaling of the data is undone, and what they may
/// hold becomes 0 .. 1. Of bytes that is 0 .. 255, or 0 .. 1 where they are binary; of floating data
/// low .. high where they were scaled so, else 0 .. 1. Binarised data are 0 and 1 for the model, and stay so.
///
/// Shapes  samples [n × shape.size()]
/// Throws  ShapeError
template <class T>
[[nodiscard]] Matrix<double> picture_levels(const PictureFormat& format, const Matrix<T>& samples) {
  Matrix<double> levels(samples.template cast<double>());
  const Transform& transform = format.input.transform;
  const Scale& scale = format.scale;
  if (transform.binarize() != Binarize::none || scale.kind == ScaleKind::automatic) {
    return levels;
  }
  if (scale.kind == ScaleKind::range) {
    levels = (levels.array() - scale.low) / (scale.high - scale.low);
    return levels;
  }
  transform.inverse<double>(levels);
  if (format.input.bytes && !format.input.binary) {
    levels /= 255;
  }
  return levels;
}

/// A grid with `columns` columns whose small pictures are enlarged to about 64 pixels.
[[nodiscard]] inline GridOptions grid_options(const Shape& shape, Index columns) {
  return {.columns = columns, .upscale = std::max<Index>(1, 64 / std::max(shape.height, shape.width))};
}

/// Samples in the model's units [n × shape.size()] as a grid of pictures with `columns` columns.
///
/// Throws  ShapeError, ConfigError as `image_grid`
template <class T>
[[nodiscard]] Image sample_grid(const PictureFormat& format, const Matrix<T>& samples, Index columns) {
  return image_grid<double>(picture_levels(format, samples), format.shape(),
                            grid_options(format.shape(), columns));
}

}  // namespace vaekit::inline VAEKIT_ABI
