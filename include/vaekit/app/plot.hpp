// SPDX-License-Identifier: MIT
//
// Line and bar charts as SVG elements to be put into an HTML page together with `chart_style`.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "vaekit/app/axis.hpp"
#include "vaekit/app/html.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// One curve. A point whose x or y is not finite is a gap.
struct Series {
  std::string label;
  std::vector<double> x;
  std::vector<double> y;
  int style = 0;  ///< colour and dashes: 0, 1 or 2
};

struct LineChart {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<Series> series;
  bool whole_x = false;  ///< ticks of x only at whole numbers
  /// The y axis is made for points from here on; earlier ones may lie outside the frame, which is then said.
  double y_axis_from = -std::numeric_limits<double>::infinity();
};

struct Bar {
  double value = 0;  ///< not finite: no bar
  std::string name;  ///< shown under the bar if there is room
  bool pale = false;
};

struct BarChart {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<Bar> bars;  ///< from left to right
};

/// Style of the charts; follows the reader's light or dark preference through the page's `color-scheme`.
inline constexpr std::string_view chart_style = R"css(
:root { --ink: #1c2430; --faint: #5d6675; --grid: #e4e7ec; --s0: #0b6bb8; --s1: #d07a00; --s2: #1a8f5f; --pale: #b9c1cd; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ebf0; --faint: #9ba5b4; --grid: #2b323c; --s0: #5eb3f5; --s1: #f0a63c; --s2: #4cc996; --pale: #4a5462; }
}
.chart { display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif; fill: var(--faint); }
.chart .title { font-size: 14px; font-weight: 600; fill: var(--ink); }
.chart .number { font-variant-numeric: tabular-nums; }
.chart .middle { text-anchor: middle; }
.chart .end { text-anchor: end; }
.chart .grid { stroke: var(--grid); }
.chart .axis { stroke: var(--faint); }
.chart .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.chart .line.s0 { stroke: var(--s0); }
.chart .line.s1 { stroke: var(--s1); stroke-dasharray: 7 4; }
.chart .line.s2 { stroke: var(--s2); stroke-dasharray: 1.5 4; stroke-width: 2.5; }
.chart .dot.s0, .chart .bar { fill: var(--s0); }
.chart .dot.s1 { fill: var(--s1); }
.chart .dot.s2 { fill: var(--s2); }
.chart .bar.pale { fill: var(--pale); }
)css";

namespace detail {

inline constexpr int series_styles = 3;
/// Curves with more points are drawn without dots.
inline constexpr std::size_t dotted_points = 50;

/// A position in user units: two decimals, no trailing zeros.
[[nodiscard]] inline std::string svg_number(double value) {
  std::string text = number_text(std::clamp(value, -1e6, 1e6), std::chars_format::fixed, 2);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) {
    text.pop_back();
  }
  return text == "-0" ? "0" : text;
}

/// Characters of UTF-8 text.
[[nodiscard]] inline double letter_count(std::string_view text) {
  return static_cast<double>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

/// The rectangle of a chart that its axes span, in user units, y downwards.
struct ChartFrame {
  double width = 0;   // of the whole picture
  double height = 0;  // same
  double left = 56;
  double right = 16;
  double top = 38;
  double bottom = 48;
  Axis x = {};
  Axis y = {};

  /// Room for the numbers of the y axis.
  void fit_left() {
    for (const std::string& label : y.labels) {
      left = std::max(left, 7.0 * letter_count(label) + 12);  // 7: the width of a digit
    }
  }

  [[nodiscard]] double to_x(double value) const { return left + x.place(value) * (width - left - right); }
  [[nodiscard]] double to_y(double value) const {
    return height - bottom - y.place(value) * (height - top - bottom);
  }
};

[[nodiscard]] inline std::string svg_text(std::string_view css_class, double x, double y,
                                          std::string_view text) {
  return concat("<text class=\"", css_class, "\" x=\"", svg_number(x), "\" y=\"", svg_number(y), "\">",
                escape_html(text), "</text>\n");
}

[[nodiscard]] inline std::string svg_line(std::string_view css_class, double x1, double y1, double x2,
                                          double y2) {
  return concat("<line class=\"", css_class, "\" x1=\"", svg_number(x1), "\" y1=\"", svg_number(y1),
                "\" x2=\"", svg_number(x2), "\" y2=\"", svg_number(y2), "\"/>\n");
}

/// Opens the picture and writes its title, followed by the name of the y axis.
[[nodiscard]] inline std::string svg_begin(const ChartFrame& frame, std::string_view title,
                                           std::string_view y_name) {
  return concat("<svg class=\"chart\" viewBox=\"0 0 ", frame.width, ' ', frame.height,
                "\" role=\"img\" aria-label=\"", escape_html(title),
                "\">\n<text x=\"0\" y=\"18\"><tspan class=\"title\">", escape_html(title), "</tspan> ",
                escape_html(y_name), "</text>\n");
}

/// Grid lines and numbers of the y axis.
[[nodiscard]] inline std::string svg_y_axis(const ChartFrame& frame) {
  std::string out;
  for (std::size_t i = 0; i < frame.y.ticks.size(); ++i) {
    const double y = frame.to_y(frame.y.ticks[i]);
    out += svg_line("grid", frame.left, y, frame.width - frame.right, y);
    out += svg_text("number end", frame.left - 8, y + 4, frame.y.labels[i]);
  }
  return out;
}

[[nodiscard]] inline std::string svg_x_axis(const ChartFrame& frame, std::string_view name) {
  const double y = frame.height - frame.bottom;
  std::string out = svg_line("axis", frame.left, y, frame.width - frame.right, y);
  for (std::size_t i = 0; i < frame.x.ticks.size(); ++i) {
    const double x = frame.to_x(frame.x.ticks[i]);
    out += svg_line("axis", x, y, x, y + 4);
    out += svg_text("number middle", x, y + 18, frame.x.labels[i]);
  }
  return out + svg_text("name middle", (frame.left + frame.width - frame.right) / 2, y + 38, name);
}

struct ValueRange {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

[[nodiscard]] inline bool is_point(const Series& series, std::size_t i) {
  return i < std::min(series.x.size(), series.y.size()) && std::isfinite(series.x[i]) &&
         std::isfinite(series.y[i]);
}

[[nodiscard]] inline std::string series_class(const Series& series) {
  return concat('s', std::clamp(series.style, 0, series_styles - 1));
}

/// The curve, interrupted at gaps; dots where there are few points, and where a point has no neighbour.
[[nodiscard]] inline std::string svg_series(const ChartFrame& frame, const Series& series) {
  std::string path;
  std::string dots;
  const std::size_t count = std::min(series.x.size(), series.y.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (!is_point(series, i)) {
      continue;
    }
    const bool joined = i > 0 && is_point(series, i - 1);
    const std::string x = svg_number(frame.to_x(series.x[i]));
    const std::string y = svg_number(frame.to_y(series.y[i]));
    path += concat(joined ? 'L' : 'M', x, ' ', y);
    if (count <= dotted_points || (!joined && !is_point(series, i + 1))) {
      dots += concat("<circle class=\"dot ", series_class(series), "\" cx=\"", x, "\" cy=\"", y,
                     "\" r=\"3\"><title>", escape_html(series.label), ", ", format_general(series.x[i], 7),
                     ": ", format_fixed(series.y[i], decimals_for(series.y[i])), "</title></circle>\n");
    }
  }
  return path.empty() ? path
                      : concat("<path class=\"line ", series_class(series), "\" d=\"", path, "\"/>\n", dots);
}

/// Line samples and labels, at the right end of the title's line.
[[nodiscard]] inline std::string svg_legend(const ChartFrame& frame, const std::vector<Series>& series) {
  constexpr double letter = 6.5;  // a wide guess: the reader's font is not known
  std::string out;
  double x = frame.width - frame.right;
  for (std::size_t i = series.size(); i-- > 0;) {
    x -= letter * letter_count(series[i].label);
    out += svg_text("name", x, 18, series[i].label);
    out += svg_line("line " + series_class(series[i]), x - 30, 14, x - 8, 14);
    x -= 46;
  }
  return out;
}

[[nodiscard]] inline std::string svg_no_data(const ChartFrame& frame) {
  return svg_text("middle", (frame.left + frame.width - frame.right) / 2,
                  (frame.top + frame.height - frame.bottom) / 2, "no data");
}

}  // namespace detail

namespace detail {

struct ChartRange {
  ValueRange x;
  ValueRange y;        // all values
  ValueRange y_later;  // from `y_axis_from` on
};

[[nodiscard]] inline ChartRange chart_range(const LineChart& chart) {
  ChartRange range;
  for (const Series& series : chart.series) {
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      if (is_point(series, i)) {
        range.x.add(series.x[i]);
        range.y.add(series.y[i]);
        if (series.x[i] >= chart.y_axis_from) {
          range.y_later.add(series.y[i]);
        }
      }
    }
  }
  return range;
}

/// Gives the frame the axes of a chart; true when a curve leaves it.
[[nodiscard]] inline bool fit_axes(ChartFrame& frame, const LineChart& chart) {
  const ChartRange range = chart_range(chart);
  const ValueRange& y = std::isfinite(range.y_later.low) ? range.y_later : range.y;
  frame.x =
      round_axis(range.x.low, range.x.high,
                 {.intervals = 10, .extend_to_tick = false, .smallest_step = chart.whole_x ? 1.0 : 0.0});
  frame.y = round_axis(y.low, y.high);
  return std::isfinite(range.x.low) && (range.y.low < frame.y.low || range.y.high > frame.y.high);
}

/// All curves; cut off at the frame, but for the radius of a dot, when asked.
[[nodiscard]] inline std::string svg_curves(const ChartFrame& frame, const LineChart& chart, bool cut) {
  std::string out;
  if (cut) {
    constexpr double margin = 4;
    const std::string x = svg_number(frame.left - margin);
    const std::string y = svg_number(frame.top - margin);
    const std::string width = svg_number(frame.width - frame.left - frame.right + 2 * margin);
    const std::string height = svg_number(frame.height - frame.top - frame.bottom + 2 * margin);
    out += concat("<svg x=\"", x, "\" y=\"", y, "\" width=\"", width, "\" height=\"", height, "\" viewBox=\"",
                  x, ' ', y, ' ', width, ' ', height, "\">\n");
  }
  for (const Series& series : chart.series) {
    out += svg_series(frame, series);
  }
  return cut ? out + "</svg>\n" : out;
}

}  // namespace detail

/// The chart as an `<svg>` element of 540 × 300 user units that grows with its container.
///
/// Equal values, single points and gaps are drawn; without any point the chart says "no data".
[[nodiscard]] inline std::string render_svg(const LineChart& chart) {
  detail::ChartFrame frame{.width = 540, .height = 300};
  const bool cut = detail::fit_axes(frame, chart);
  frame.fit_left();
  const bool any = std::isfinite(detail::chart_range(chart).x.low);
  return concat(
      detail::svg_begin(frame, chart.title, chart.y_label), detail::svg_y_axis(frame),
      detail::svg_x_axis(frame, chart.x_label + (cut ? " (the curves begin outside the frame)" : "")),
      detail::svg_curves(frame, chart, cut),
      any ? detail::svg_legend(frame, chart.series) : detail::svg_no_data(frame), "</svg>\n");
}

namespace detail {

/// Bars from 0 to their values, at least a hair high; names under them where they fit.
[[nodiscard]] inline std::string svg_bars(const ChartFrame& frame, const BarChart& chart) {
  const double slot = (frame.width - frame.left - frame.right) / static_cast<double>(chart.bars.size());
  const double width = std::min(slot - (slot > 4 ? std::min(0.25 * slot, 6.0) : 0.0), 72.0);
  const double zero = frame.to_y(0);
  std::string out;
  for (std::size_t i = 0; i < chart.bars.size(); ++i) {
    const Bar& bar = chart.bars[i];
    const double middle = frame.left + slot * (static_cast<double>(i) + 0.5);
    if (std::isfinite(bar.value)) {
      const double end = frame.to_y(bar.value);
      const double height = std::max(std::abs(end - zero), bar.value == 0 ? 0.0 : 2.0);
      out +=
          concat("<rect class=\"bar", bar.pale ? " pale" : "", "\" x=\"", svg_number(middle - width / 2),
                 "\" y=\"", svg_number(bar.value > 0 ? zero - height : zero), "\" width=\"",
                 svg_number(width), "\" height=\"", svg_number(height), "\"><title>", escape_html(bar.name),
                 ": ", format_fixed(bar.value, decimals_for(bar.value)), "</title></rect>\n");
    }
    if (slot >= 7.0 * letter_count(bar.name) + 4) {
      out += svg_text("number middle", middle, frame.height - frame.bottom + 18, bar.name);
    }
  }
  return out;
}

}  // namespace detail

/// The chart as an `<svg>` element of 1100 × 280 user units that grows with its container. The y axis
/// includes 0.
[[nodiscard]] inline std::string render_svg(const BarChart& chart) {
  detail::ValueRange y;
  for (const Bar& bar : chart.bars) {
    if (std::isfinite(bar.value)) {
      y.add(bar.value);
    }
  }
  const bool any = std::isfinite(y.low);
  if (any) {
    y.add(0);
    if (y.low == y.high) {
      y.add(1);
    }
  }
  detail::ChartFrame frame{.width = 1100, .height = 280};
  frame.y = round_axis(y.low, y.high);
  frame.fit_left();
  frame.x = {0, 1, {}, {}};
  std::string out = detail::svg_begin(frame, chart.title, chart.y_label) + detail::svg_y_axis(frame);
  const double zero = frame.to_y(0);
  out += detail::svg_line("axis", frame.left, zero, frame.width - frame.right, zero);
  out += any ? detail::svg_bars(frame, chart) : detail::svg_no_data(frame);
  out += detail::svg_text("name middle", (frame.left + frame.width - frame.right) / 2, frame.height - 10,
                          chart.x_label);
  return out + "</svg>\n";
}

}  // namespace vaekit::inline VAEKIT_ABI
