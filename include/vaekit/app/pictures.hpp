// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "vaekit/app/condition.hpp"
#include "vaekit/app/picture_format.hpp"
#include "vaekit/core/random.hpp"
#include "vaekit/evaluate/data_view.hpp"
#include "vaekit/io/png.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Columns that make `count` pictures a grid about as wide as high.
[[nodiscard]] inline Index square_columns(Index count) {
  return static_cast<Index>(std::ceil(std::sqrt(static_cast<double>(count))));
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

/// New samples for the conditions in `z` [n × latent columns]: z ~ p(z|c), its noise multiplied by
/// `temperature`, then the mean of p(x|z, c). [n × features]
template <class Model>
[[nodiscard]] Matrix<typename Model::Scalar> sample_all(const Model& model, std::uint64_t seed,
                                                        Matrix<typename Model::Scalar> z,
                                                        double temperature) {
  // A workspace has a row for each condition of a call.
  const Index block = model.condition > 0 ? std::min<Index>(256, z.rows()) : z.rows();
  typename Model::Workspace w = model.make_inference_workspace(model.condition > 0 ? block : 1);
  for (Index first = 0; first < z.rows(); first += block) {
    const Index n = std::min(block, z.rows() - first);
    model.sample_latents(seed, static_cast<std::uint64_t>(first), temperature, w, z.middleRows(first, n));
  }
  return decode_all(model, z);
}

/// `count` new samples of a model without a condition. [count × features]
template <class Model>
[[nodiscard]] Matrix<typename Model::Scalar> sample_all(const Model& model, std::uint64_t seed, Index count,
                                                        double temperature) {
  return sample_all(model, seed, Matrix<typename Model::Scalar>(count, model.latent_columns()), temperature);
}

/// Columns of a grid of `count` samples: one a class where a model is told classes, if there are not too
/// many.
template <class Model>
[[nodiscard]] Index sample_columns(const Model& model, bool by_class, Index count) {
  return by_class && model.condition > 1 && model.condition <= 20 ? model.condition : square_columns(count);
}

/// Means of p(x|z) at the posterior mean of each sample. [n × features]
template <class Model>
[[nodiscard]] Matrix<typename Model::Scalar> reconstruct_all(const Model& model, const DataView& view) {
  using T = typename Model::Scalar;
  const Index batch = std::min<Index>(256, view.size());
  typename Model::Workspace w = model.make_inference_workspace(batch);
  Matrix<T> buffer(batch, model.input_columns());
  Matrix<T> out(view.size(), model.features());
  for_each_batch<T>(view, buffer, [&](Index first, MatrixIn<T> x) {
    model.reconstruct(x, w, out.middleRows(first, x.rows()));
  });
  return out;
}

/// About `count` new samples; of a conditional model for the classes, or for conditions of `random_rows`.
template <class Model>
[[nodiscard]] Image sample_picture(const Model& model, const PictureFormat& format, std::uint64_t seed,
                                   DataView view, Index count, double temperature) {
  const Index columns = sample_columns(model, view.condition.is_label(), count);
  if (view.condition.is_label()) {
    count -= count % columns;  // whole lines of all classes
  }
  const std::vector<std::uint32_t> rows = random_rows(view, count);
  view.rows = rows;
  return sample_grid(format, sample_all(model, seed, shown_latents(model, view, count), temperature),
                     columns);
}

/// Columns of the picture of `count` inputs above their reconstructions.
[[nodiscard]] inline Index reconstruction_columns(Index count) { return std::min<Index>(count, 8); }

/// Its places: two lines of columns for every `reconstruction_columns` inputs.
[[nodiscard]] inline Index reconstruction_tiles(Index count) {
  const Index columns = reconstruction_columns(count);
  return 2 * ((count + columns - 1) / columns) * columns;
}

/// The samples of `view` (upper row of each pair) above their reconstructions.
template <class Model>
[[nodiscard]] Image reconstruction_picture(const Model& model, const PictureFormat& format,
                                           const DataView& view) {
  using T = typename Model::Scalar;
  const Index count = view.size();
  Matrix<T> x(count, model.input_columns());
  for_each_batch<T>(view, x, [](Index, MatrixIn<T>) {});
  const Matrix<T> reconstructed = reconstruct_all(model, view);
  const Index columns = reconstruction_columns(count);
  Matrix<T> tiles(reconstruction_tiles(count), model.features());
  for (Index i = 0; i < count; ++i) {
    const Index tile = i / columns * 2 * columns + i % columns;
    tiles.row(tile) = x.row(i).head(model.features());
    tiles.row(tile + columns) = reconstructed.row(i);
  }
  return sample_grid(format, tiles, columns);
}

}  // namespace vaekit::inline VAEKIT_ABI
