// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vaekit/app/canvas.hpp"
#include "vaekit/app/html.hpp"
#include "vaekit/evaluate/latent_codes.hpp"
#include "vaekit/evaluate/principal_components.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Colours of labels: ten that are told apart easily, then the same ones again.
[[nodiscard]] inline Colour label_colour(std::int32_t label) {
  static constexpr std::array<Colour, 10> colours{{{0, 114, 178},
                                                   {230, 120, 0},
                                                   {0, 158, 115},
                                                   {204, 51, 51},
                                                   {136, 84, 208},
                                                   {140, 86, 75},
                                                   {227, 119, 194},
                                                   {110, 110, 110},
                                                   {170, 170, 20},
                                                   {60, 190, 220}}};
  const auto count = static_cast<std::int32_t>(colours.size());
  return colours[static_cast<std::size_t>((label % count + count) % count)];
}

/// "#0072b2"
[[nodiscard]] inline std::string colour_name(const Colour& colour) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string name = "#";
  for (const std::uint8_t value : colour) {
    name += digits[value >> 4U];
    name += digits[value & 15U];
  }
  return name;
}

/// Points of the plane as dots, coloured by label, on a square picture that holds them all: equal scales of
/// both axes, the second upwards, grey lines where an axis is 0. Points that are not finite are left out.
///
/// Shapes  points [n × 2]; labels n, or none for one colour
[[nodiscard]] inline Image scatter_picture(MatrixIn<double> points, std::span<const std::int32_t> labels,
                                           Index size = 640) {
  check_columns("scatter_picture", "points", points, 2, "the plane");
  double low[2] = {0, 0};
  double high[2] = {0, 0};
  bool any = false;
  const auto is_shown = [&](Index i) { return std::isfinite(points(i, 0)) && std::isfinite(points(i, 1)); };
  for (Index i = 0; i < points.rows(); ++i) {
    if (is_shown(i)) {
      for (Index axis = 0; axis < 2; ++axis) {
        low[axis] = any ? std::min(low[axis], points(i, axis)) : points(i, axis);
        high[axis] = any ? std::max(high[axis], points(i, axis)) : points(i, axis);
      }
      any = true;
    }
  }
  const double reach = std::max({high[0] - low[0], high[1] - low[1], 1e-12}) / 2;
  const double middle = static_cast<double>(size - 1) / 2;
  const double scale = 0.95 * middle / reach;
  const auto place = [&](Index axis, double value) {
    return middle + (value - (low[axis] + high[axis]) / 2) * scale;
  };
  constexpr double radius = 2.2;
  constexpr double opacity = 0.7;
  Canvas canvas(size, size);
  const auto zero = [&](Index axis) {
    return static_cast<Index>(std::lround(std::clamp(place(axis, 0), -1.0, static_cast<double>(size))));
  };
  for (Index i = 0; i < size; ++i) {
    canvas.blend(i, zero(0), {0, 0, 0}, 0.15);
    canvas.blend(size - 1 - zero(1), i, {0, 0, 0}, 0.15);
  }
  for (Index i = 0; i < points.rows(); ++i) {
    if (is_shown(i)) {
      const CanvasPoint point{place(0, points(i, 0)), static_cast<double>(size - 1) - place(1, points(i, 1))};
      canvas.stroke(point, point, radius,
                    label_colour(labels.empty() ? 0 : labels[static_cast<std::size_t>(i)]), opacity);
    }
  }
  return canvas.take();
}

/// Posterior means in the plane.
struct LatentScatter {
  Image picture = {};
  std::vector<std::int32_t> labels = {};  ///< that occur, in order; none known: empty
  std::string axes;                       ///< what the axes are, in words
};

/// The posterior means of the first `limit` samples: as they are for two latent dimensions, else in the
/// directions of the two principal components.
///
/// Throws UsageError for a model with one latent dimension
template <class Model>
[[nodiscard]] LatentScatter latent_scatter(const Model& model, DataView view, Index limit, Index size = 640) {
  const Index dim = model.latent_dim();
  if (dim < 2) {
    throw UsageError("scatter: the model has 1 latent dimension, must have at least 2");
  }
  view.rows = view.rows.first(static_cast<std::size_t>(std::min(limit, view.size())));
  Matrix<double> codes(view.size(), dim);
  latent_codes(model, view, codes);
  LatentScatter scatter{.axes = "the two latent dimensions"};
  std::vector<std::int32_t> labels;
  if (const std::vector<std::int32_t>& all = view.dataset->labels(); !all.empty()) {
    for (const std::uint32_t row : view.rows) {
      labels.push_back(all[row]);
    }
    const std::set<std::int32_t> distinct(labels.begin(), labels.end());
    scatter.labels.assign(distinct.begin(), distinct.end());
  }
  if (dim > 2) {
    const PrincipalComponents components = principal_components(codes, 2);
    codes = components.projected;
    scatter.axes = concat("the principal components 1 and 2 of ", dim, " dimensions, with ",
                          format_fixed(100 * components.share(0), 1), " and ",
                          format_fixed(100 * components.share(1), 1), " % of the variance");
  }
  scatter.picture = scatter_picture(codes, labels, size);
  return scatter;
}

}  // namespace vaekit::inline VAEKIT_ABI
