// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vaekit/app/canvas.hpp"
#include "vaekit/app/html.hpp"
#include "vaekit/evaluate/data_view.hpp"
#include "vaekit/evaluate/latent_codes.hpp"
#include "vaekit/evaluate/principal_components.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Colour of class `rank` of those that occur: ten that are told apart easily, then ten lighter and ten
/// darker ones, then the same thirty again.
[[nodiscard]] inline Colour class_colour(std::size_t rank) {
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
  Colour colour = colours[rank % colours.size()];
  constexpr std::array<double, 3> targets{0, 255, 0};
  constexpr std::array<double, 3> shares{0, 0.55, 0.5};
  const std::size_t variant = rank / colours.size() % targets.size();
  for (std::uint8_t& value : colour) {
    const double mixed = value + shares[variant] * (targets[variant] - value);
    value = static_cast<std::uint8_t>(std::lround(mixed));
  }
  return colour;
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

/// Points of the plane as dots, coloured by class, on a square picture that holds them all: equal scales of
/// both axes, the second upwards, grey lines where an axis is 0. Points that are not finite are left out.
///
/// Shapes  points [n × 2]; ranks of their classes (`class_colour`) n, or none for one colour
[[nodiscard]] inline Image scatter_picture(MatrixIn<double> points, std::span<const std::size_t> ranks,
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
                    class_colour(ranks.empty() ? 0 : ranks[static_cast<std::size_t>(i)]), opacity);
    }
  }
  return canvas.take();
}

/// Posterior means in the plane.
struct LatentScatter {
  Image picture = {};
  std::map<std::int32_t, Colour> labels = {};  ///< of all samples of the view; none known: empty
  std::string axes;                            ///< what the axes are, in words
};

namespace detail {

/// The rank of each label that occurs in `view`, in their order.
[[nodiscard]] inline std::map<std::int32_t, std::size_t> label_ranks(const DataView& view) {
  std::map<std::int32_t, std::size_t> ranks;
  if (const std::vector<std::int32_t>& labels = view.dataset->labels(); !labels.empty()) {
    for (const std::uint32_t row : view.rows) {
      ranks.emplace(labels[row], 0);
    }
  }
  std::size_t next = 0;
  for (auto& [label, rank] : ranks) {
    rank = next++;
  }
  return ranks;
}

}  // namespace detail

/// The posterior means of at most `limit` samples (`random_rows`): as they are for two latent dimensions,
/// else in the directions of the two principal components.
///
/// Throws UsageError for a model with one latent dimension
template <class Model>
[[nodiscard]] LatentScatter latent_scatter(const Model& model, DataView view, Index limit, Index size = 640) {
  const Index dim = model.latent_dim();
  if (dim < 2) {
    throw UsageError("scatter: the model has 1 latent dimension, must have at least 2");
  }
  const std::map<std::int32_t, std::size_t> rank_of = detail::label_ranks(view);
  const std::vector<std::uint32_t> rows = random_rows(view, limit);
  view.rows = rows;
  Matrix<double> codes(view.size(), dim);
  latent_codes(model, view, codes);
  LatentScatter scatter{.axes = "the two latent dimensions"};
  for (const auto& [label, rank] : rank_of) {
    scatter.labels.emplace(label, class_colour(rank));
  }
  std::vector<std::size_t> ranks;
  for (const std::uint32_t row : rows) {
    if (!rank_of.empty()) {
      ranks.push_back(rank_of.at(view.dataset->labels()[row]));
    }
  }
  if (dim > 2) {
    const PrincipalComponents components = principal_components(codes, 2);
    codes = components.projected;
    scatter.axes = concat("the principal components 1 and 2 of ", dim, " dimensions, with ",
                          format_fixed(100 * components.share(0), 1), " and ",
                          format_fixed(100 * components.share(1), 1), " % of the variance");
  }
  scatter.picture = scatter_picture(codes, ranks, size);
  return scatter;
}

}  // namespace vaekit::inline VAEKIT_ABI
