// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>

#include "vaekit/app/canvas.hpp"
#include "vaekit/app/digits.hpp"
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

/// The frame of a chart with room for the numbers of its axes.
[[nodiscard]] inline ChartFrame curve_frame(const LineChart& chart, Index height, Index width) {
  ChartFrame frame{.width = static_cast<double>(width),
                   .height = static_cast<double>(height),
                   .left = 12,
                   .right = 12,
                   .top = 12,
                   .bottom = static_cast<double>(digit_height) + 16};
  static_cast<void>(fit_axes(frame, chart));
  for (const std::string& label : frame.y.labels) {
    frame.left = std::max(frame.left, static_cast<double>(number_width(label) + 10));
  }
  for (const std::string& label : frame.x.labels) {
    frame.right = std::max(frame.right, static_cast<double>(number_width(label) / 2 + 2));
  }
  return frame;
}

/// The axes at the left and the bottom, a pale line at each tick of y, a short one at each tick of x.
inline void draw_axes(Canvas& canvas, const ChartFrame& frame) {
  constexpr Colour black{0, 0, 0};
  constexpr double thin = 0.5;
  constexpr double pale = 0.12;
  constexpr double clear = 0.6;
  constexpr double tick_length = 4;
  const double bottom = frame.height - frame.bottom;
  const double right = frame.width - frame.right;
  const auto pixel = [](double place) { return static_cast<Index>(std::lround(place)); };
  for (std::size_t i = 0; i < frame.y.ticks.size(); ++i) {
    const double y = frame.to_y(frame.y.ticks[i]);
    canvas.stroke({frame.left, y}, {right, y}, thin, black, pale);
    draw_number(canvas, pixel(y) - digit_height / 2, pixel(frame.left) - 6 - number_width(frame.y.labels[i]),
                frame.y.labels[i], black, clear);
  }
  for (std::size_t i = 0; i < frame.x.ticks.size(); ++i) {
    const double x = frame.to_x(frame.x.ticks[i]);
    canvas.stroke({x, bottom}, {x, bottom + tick_length}, thin, black, clear);
    draw_number(canvas, pixel(bottom) + 9, pixel(x) - number_width(frame.x.labels[i]) / 2, frame.x.labels[i],
                black, clear);
  }
  canvas.stroke({frame.left, frame.top}, {frame.left, bottom}, thin, black, clear);
  canvas.stroke({frame.left, bottom}, {right, bottom}, thin, black, clear);
}

}  // namespace detail

/// The curves of a chart without its words: axes with the numbers of their ticks, and each series in the
/// colour of its style, cut off at the frame, but for the radius of a dot.
[[nodiscard]] inline Image curve_picture(const LineChart& chart, Index height = 400, Index width = 720) {
  const detail::ChartFrame frame = detail::curve_frame(chart, height, width);
  constexpr Index margin = 4;
  Canvas canvas(height, width);
  detail::draw_axes(canvas, frame);
  const auto pixel = [](double place) { return static_cast<Index>(std::lround(place)); };
  canvas.clip(pixel(frame.top) - margin, pixel(frame.height - frame.bottom) + margin,
              pixel(frame.left) - margin, pixel(frame.width - frame.right) + margin);
  for (const Series& series : chart.series) {
    detail::draw_series(canvas, frame, series);
  }
  return canvas.take();
}

}  // namespace vaekit::inline VAEKIT_ABI
