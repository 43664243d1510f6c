// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>

#include "vaekit/core/random.hpp"
#include "vaekit/evaluate/data_view.hpp"
#include "vaekit/io/image_grid.hpp"
#include "vaekit/io/png.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Columns that make `count` pictures a grid about as wide as high.
[[nodiscard]] inline Index square_columns(Index count) {
  return static_cast<Index>(std::ceil(std::sqrt(static_cast<double>(count))));
}

/// A grid with `columns` columns whose small pictures are enlarged to about 64 pixels.
[[nodiscard]] inline GridOptions grid_options(const Shape& shape, Index columns) {
  return {.columns = columns, .upscale = std::max<Index>(1, 64 / std::max(shape.height, shape.width))};
}

/// Means of p(x|z) for the rows of `z`, [n × features].
template <class Model>
[[nodiscard]] Matrix<typename Model::Scalar> decode_all(const Model& model,
                                                        const Matrix<typename Model::Scalar>& z) {
  using T = typename Model::Scalar;
  constexpr Index batch = 256;
  typename Model::Workspace w = model.make_inference_workspace(std::min(batch, std::max<Index>(z.rows(), 1)));
  Matrix<T> out(z.rows(), model.features());
  for (Index first = 0; first < z.rows(); first += batch) {
    const Index n = std::min(batch, z.rows() - first);
    model.decode(z.middleRows(first, n), w, out.middleRows(first, n));
  }
  return out;
}

/// `count` new samples: z ~ p(z), its noise multiplied by `temperature`, then the mean of p(x|z). [count ×
/// features]
template <class Model>
[[nodiscard]] Matrix<typename Model::Scalar> sample_all(const Model& model, std::uint64_t seed, Index count,
                                                        double temperature) {
  using T = typename Model::Scalar;
  Matrix<T> z(count, model.latent_dim());
  typename Model::Workspace w = model.make_inference_workspace(1);
  model.sample_latents(seed, 0, temperature, w, z);
  return decode_all(model, z);
}

/// Means of p(x|z) at the posterior mean of each sample. [n × features]
template <class Model>
[[nodiscard]] Matrix<typename Model::Scalar> reconstruct_all(const Model& model, const DataView& view) {
  using T = typename Model::Scalar;
  const Index batch = std::min<Index>(256, view.size());
  typename Model::Workspace w = model.make_inference_workspace(batch);
  Matrix<T> buffer(batch, model.features());
  Matrix<T> out(view.size(), model.features());
  for_each_batch<T>(view, buffer, [&](Index first, MatrixIn<T> x) {
    model.reconstruct(x, w, out.middleRows(first, x.rows()));
  });
  return out;
}

template <class Model>
[[nodiscard]] Image sample_picture(const Model& model, const Shape& shape, std::uint64_t seed, Index count,
                                   double temperature) {
  return image_grid<typename Model::Scalar>(sample_all(model, seed, count, temperature), shape,
                                            grid_options(shape, square_columns(count)));
}

/// Inputs (upper row of each pair) above their reconstructions, for the first `count` samples of `view`.
template <class Model>
[[nodiscard]] Image reconstruction_picture(const Model& model, const Shape& shape, DataView view,
                                           Index count) {
  using T = typename Model::Scalar;
  count = std::min(count, view.size());
  view.rows = view.rows.first(static_cast<std::size_t>(count));
  Matrix<T> x(count, model.features());
  for_each_batch<T>(view, x, [](Index, MatrixIn<T>) {});
  const Matrix<T> reconstructed = reconstruct_all(model, view);
  const Index columns = std::min<Index>(count, 8);
  const Index lines = (count + columns - 1) / columns;
  Matrix<T> tiles(2 * lines * columns, model.features());
  for (Index i = 0; i < count; ++i) {
    const Index tile = i / columns * 2 * columns + i % columns;
    tiles.row(tile) = x.row(i);
    tiles.row(tile + columns) = reconstructed.row(i);
  }
  return image_grid<T>(tiles, shape, grid_options(shape, columns));
}

}  // namespace vaekit::inline VAEKIT_ABI
