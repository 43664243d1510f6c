// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "vaekit/app/canvas.hpp"
#include "vaekit/app/plot.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Colours of the styles of a `Series`, those of `chart_style` on white.
inline constexpr std::array<Colour, detail::series_styles> series_colours{
    {{11, 107, 184}, {208, 122, 0}, {26, 143, 95}}};

namespace detail {

/// Positions far outside the picture are moved to where their differences are exact.
[[nodiscard]] inline CanvasPoint curve_point(const ChartFrame& frame, const Series& series, std::size_t i) {
  return {frame.to_x(series.x[i]), std::clamp(frame.to_y(series.y[i]), -1e6, 1e6)};
}

/// As `svg_series`: interrupted at gaps, dots where there are few points or a point has no neighbour.
inline void draw_series(Canvas& canvas, const ChartFrame& frame, const Series& series) {
  constexpr double line = 1;
  constexpr double dot = 3;
  const Colour& colour =
      series_colours[static_cast<std::size_t>(std::clamp(series.style, 0, series_styles - 1))];
  const std::size_t count = std::min(series.x.size(), series.y.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (!is_point(series, i)) {
      continue;
    }
    const CanvasPoint point = curve_point(frame, series, i);
    const bool joined = i > 0 && is_point(series, i - 1);
    if (joined) {
      canvas.stroke(curve_point(frame, series, i - 1), point, line, colour);
    }
    if (count <= dotted_points || (!joined && !is_point(series, i + 1))) {
      canvas.stroke(point, point, dot, colour);
    }
  }
}

}  // namespace detail

/// The curves of a chart without its words: the axes at the left and the bottom, a pale line at each tick of
/// y, a short one at each tick of x, and each series in the colour of its style.
[[nodiscard]] inline Image curve_picture(const LineChart& chart, Index height = 400, Index width = 720) {
  detail::ChartFrame frame{.width = static_cast<double>(width),
                           .height = static_cast<double>(height),
                           .left = 12,
                           .right = 12,
                           .top = 12,
                           .bottom = 12};
  // Curves that leave the frame are cut off by the rim of the picture.
  static_cast<void>(detail::fit_axes(frame, chart));
  constexpr Colour black{0, 0, 0};
  constexpr double thin = 0.5;
  constexpr double pale = 0.12;
  constexpr double clear = 0.6;
  constexpr double tick_length = 4;
  const double bottom = frame.height - frame.bottom;
  const double right = frame.width - frame.right;
  Canvas canvas(height, width);
  for (const double tick : frame.y.ticks) {
    canvas.stroke({frame.left, frame.to_y(tick)}, {right, frame.to_y(tick)}, thin, black, pale);
  }
  for (const double tick : frame.x.ticks) {
    canvas.stroke({frame.to_x(tick), bottom}, {frame.to_x(tick), bottom + tick_length}, thin, black, clear);
  }
  canvas.stroke({frame.left, frame.top}, {frame.left, bottom}, thin, black, clear);
  canvas.stroke({frame.left, bottom}, {right, bottom}, thin, black, clear);
  for (const Series& series : chart.series) {
    detail::draw_series(canvas, frame, series);
  }
  return canvas.take();
}

}  // namespace vaekit::inline VAEKIT_ABI
