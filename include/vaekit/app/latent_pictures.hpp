// SPDX-License-Identifier: MIT
//
// Latents of pictures that show a latent space, row after row of their grids, and where each makes sense.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

#include "vaekit/app/pictures.hpp"
#include "vaekit/distributions/standard_normal.hpp"
#include "vaekit/evaluate/latent_statistics.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// The means of p(x|z) for the rows of `z`, as a grid.
template <class Model>
[[nodiscard]] Image latent_picture(const Model& model, const PictureFormat& format,
                                   const Matrix<typename Model::Scalar>& z, Index columns) {
  return sample_grid(format, decode_all(model, z), columns);
}

/// Latents without noise of the first `count` samples, and their conditions. [count × latent columns]
template <class Model>
[[nodiscard]] Matrix<typename Model::Scalar> encode_first(const Model& model, DataView view, Index count) {
  using T = typename Model::Scalar;
  count = std::min(count, view.size());
  view.rows = view.rows.first(static_cast<std::size_t>(count));
  typename Model::Workspace w = model.make_inference_workspace(count);
  Matrix<T> x(count, model.input_columns());
  for_each_batch<T>(view, x, [](Index, MatrixIn<T>) {});
  Matrix<T> z(count, model.latent_columns());
  z.leftCols(model.latent_dim()) = model.encode_point(x, w);
  z.rightCols(model.condition) = x.rightCols(model.condition);
  return z;
}

/// Latents of `pairs` pairs of samples, fewer where there are not so many. The halves of `random_rows` are
/// paired: data are often sorted, and neighbours alike. [2 pairs × latent columns]
template <class Model>
[[nodiscard]] Matrix<typename Model::Scalar> encode_pairs(const Model& model, DataView view, Index pairs) {
  pairs = std::min(pairs, view.size() / 2);
  const std::vector<std::uint32_t> rows = random_rows(view, 2 * pairs);
  std::vector<std::uint32_t> ends;
  for (std::size_t i = 0; i < static_cast<std::size_t>(pairs); ++i) {
    ends.push_back(rows[i]);
    ends.push_back(rows[i + static_cast<std::size_t>(pairs)]);
  }
  view.rows = ends;
  return encode_first(model, view, view.size());
}

/// Whether every point of ℝ^dim is a latent.
template <class Model>
[[nodiscard]] bool fills_space(const Model& model) {
  return free_columns(model.latent) == model.latent_dim();
}

/// Whether what lies straight between two latents is a latent.
template <class Model>
[[nodiscard]] bool has_straight_ways(const Model& model) {
  return fills_space(model) || space_of(model.latent).starts_with("the Poincare ball");
}

/// Whether what lies between two latents on an arc around 0 is a latent.
template <class Model>
[[nodiscard]] bool has_arcs(const Model& model) {
  return fills_space(model) || space_of(model.latent) == "the unit sphere";
}

namespace detail {

/// (1 − t) a + t b for rows `first` and `first + 1` of `ends`.
template <class T>
[[nodiscard]] RowVector<T> linear_mix(const Matrix<T>& ends, Index first, T t) {
  return (1 - t) * ends.row(first) + t * ends.row(first + 1);
}

/// (sin((1 − t) θ) a + sin(t θ) b) / sin θ, with the angle θ between a and b, for the first `dim` columns;
/// linear for the others, and where a and b lie on one line through 0.
///
/// Source  Shoemake 1985 (doi:10.1145/325165.325242); White 2016 (arXiv:1609.04468)
template <class T>
[[nodiscard]] RowVector<T> spherical_mix(const Matrix<T>& ends, Index first, T t, Index dim) {
  RowVector<T> mixed = linear_mix<T>(ends, first, t);
  const Eigen::RowVectorXd a = ends.row(first).leftCols(dim).template cast<double>();
  const Eigen::RowVectorXd b = ends.row(first + 1).leftCols(dim).template cast<double>();
  const double angle = std::acos(std::clamp(a.dot(b) / (a.norm() * b.norm()), -1.0, 1.0));
  const double sine = std::sin(angle);
  if (sine > 1e-6) {
    const double share = static_cast<double>(t);
    mixed.leftCols(dim) =
        (std::sin((1 - share) * angle) / sine * a + std::sin(share * angle) / sine * b).template cast<T>();
  }
  return mixed;
}

/// Where step `s` of `steps` is on the way from 0 to 1; `alone` where it is the only one.
[[nodiscard]] inline double share_of(Index s, Index steps, double alone) {
  return steps > 1 ? static_cast<double>(s) / static_cast<double>(steps - 1) : alone;
}

}  // namespace detail

/// From one latent to the next in `steps`, for each pair of rows of `ends` [2 pairs × latent columns]: in a
/// straight line, or on an arc around 0. [pairs · steps × latent columns]
template <class Model>
[[nodiscard]] Matrix<typename Model::Scalar> interpolation_latents(const Model& model,
                                                                   const Matrix<typename Model::Scalar>& ends,
                                                                   Index steps, bool spherical) {
  using T = typename Model::Scalar;
  const Index pairs = ends.rows() / 2;
  Matrix<T> z(pairs * steps, ends.cols());
  for (Index pair = 0; pair < pairs; ++pair) {
    for (Index s = 0; s < steps; ++s) {
      const auto share = static_cast<T>(detail::share_of(s, steps, 0));
      z.row(pair * steps + s) = spherical
                                    ? detail::spherical_mix<T>(ends, 2 * pair, share, model.latent_dim())
                                    : detail::linear_mix<T>(ends, 2 * pair, share);
    }
  }
  return z;
}

/// Each of `dimensions` in turn moves from −range to range, the others stay as in `start`
/// [1 × latent columns]. [dimensions · steps × latent columns]
template <class T>
[[nodiscard]] Matrix<T> traversal_latents(const Matrix<T>& start, const std::vector<Index>& dimensions,
                                          Index steps, double range) {
  Matrix<T> z(std::ssize(dimensions) * steps, start.cols());
  for (Index row = 0; row < z.rows(); ++row) {
    z.row(row) = start.row(0);
    z(row, dimensions[static_cast<std::size_t>(row / steps)]) =
        static_cast<T>((2 * detail::share_of(row % steps, steps, 0.5) - 1) * range);
  }
  return z;
}

/// The free dimensions that `traverse` shows: at most `limit`, see `largest_first`.
template <class Model>
[[nodiscard]] std::vector<Index> traversed_dimensions(const Model& model, const LatentStatistics& statistics,
                                                      Index limit) {
  std::vector<Index> order = largest_first(statistics, free_columns(model.latent));
  order.resize(static_cast<std::size_t>(std::min(limit, std::ssize(order))));
  return order;
}

/// Sets the first two columns of `z` [steps² × latent columns] to the middles of the cells of the unit square
/// through the inverse normal distribution function, the second dimension upwards.
///
/// Source  Kingma & Welling 2014, figure 4
template <class T>
void place_manifold(Matrix<T>& z, Index steps) {
  const auto quantile = [&](Index i) {
    return static_cast<T>(inverse_normal_cdf((static_cast<double>(i) + 0.5) / static_cast<double>(steps)));
  };
  for (Index row = 0; row < steps; ++row) {
    for (Index column = 0; column < steps; ++column) {
      z(row * steps + column, 0) = quantile(column);
      z(row * steps + column, 1) = quantile(steps - 1 - row);
    }
  }
}

}  // namespace vaekit::inline VAEKIT_ABI
