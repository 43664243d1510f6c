// SPDX-License-Identifier: MIT
#include "vaekit/app/plot.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "support/count_text.hpp"

using namespace vaekit;

namespace {

const double not_a_number = std::nan("");

LineChart chart_of(std::vector<double> x, std::vector<double> y) {
  return {.title = "ELBO",
          .x_label = "epoch",
          .y_label = "nats",
          .series = {{.label = "train", .x = std::move(x), .y = std::move(y), .style = 0}},
          .whole_x = true};
}

}  // namespace

TEST_CASE("plot: points are where the axes say") {
  // Axes: x from 1 to 3 over 56..524, y from 0 to 10 over 252..38 units.
  const std::string svg = render_svg(chart_of({1, 2, 3}, {0, 5, 10}));
  CHECK(svg.starts_with("<svg class=\"chart\" viewBox=\"0 0 540 300\" role=\"img\" aria-label=\"ELBO\">"));
  CHECK(svg.ends_with("</svg>\n"));
  CHECK(contains(svg, "<path class=\"line s0\" d=\"M56 252L290 145L524 38\"/>"));
  CHECK(contains(svg,
                 "<circle class=\"dot s0\" cx=\"290\" cy=\"145\" r=\"3\"><title>train, 2: 5.0000</title>"));
  CHECK(contains(svg, "<text class=\"number end\" x=\"48\" y=\"256\">0</text>"));
  CHECK(contains(svg, "<text class=\"number end\" x=\"48\" y=\"42\">10</text>"));
  CHECK(contains(svg, "<text class=\"number middle\" x=\"524\" y=\"270\">3</text>"));
  CHECK(contains(svg, ">epoch</text>"));
  CHECK(count(svg, "class=\"grid\"") == 6);
}

TEST_CASE("plot: each series has its style and its entry in the legend") {
  LineChart chart = chart_of({1, 2}, {-3, -1});
  chart.series.push_back({.label = "test", .x = {1, 2}, .y = {-2, -2}, .style = 2});
  const std::string svg = render_svg(chart);
  CHECK(count(svg, "<path class=\"line s0\"") == 1);
  CHECK(count(svg, "<path class=\"line s2\"") == 1);
  CHECK(count(svg, "<line class=\"line s2\"") == 1);
  CHECK(contains(svg, ">train</text>"));
  CHECK(contains(svg, ">test</text>"));
  CHECK(contains(svg, "M56 145L524 145"));
}

TEST_CASE("plot: values that are not finite are gaps, lonely points are dots") {
  const std::string svg = render_svg(chart_of({1, 2, 3, 4, 5}, {0, 10, not_a_number, 5, not_a_number}));
  CHECK(contains(svg, "d=\"M56 252L212 38M524 145\""));
  CHECK(count(svg, "<circle") == 3);
  CHECK_FALSE(contains(svg, "nan"));
  std::vector<double> x(60);
  std::vector<double> y(60);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<double>(i);
    y[i] = i == 30 || i == 32 ? std::numeric_limits<double>::infinity() : x[i];
  }
  CHECK(count(render_svg(chart_of(x, y)), "<circle") == 1);
}

TEST_CASE("plot: one point is in the middle, equal values are a level line") {
  CHECK(contains(render_svg(chart_of({1}, {-0.9})), "d=\"M290 145\""));
  CHECK(contains(render_svg(chart_of({1, 2}, {0, 0})), "d=\"M56 145L524 145\""));
}

TEST_CASE("plot: long numbers get their room") {
  const std::string svg = render_svg(chart_of({1, 2}, {0, -1.5e-7}));
  CHECK(contains(svg, "<text class=\"number end\" x=\"60\" y=\"256\">\u22121.5e\u221207</text>"));
}

TEST_CASE(
    "plot: the y axis can be made for later points; earlier ones are cut off at the frame, which is said") {
  LineChart chart = chart_of({1, 2, 3}, {-100, 0, 10});
  chart.y_axis_from = 2;
  const std::string svg = render_svg(chart);
  CHECK(contains(svg,
                 "<svg x=\"52\" y=\"34\" width=\"476\" height=\"222\" viewBox=\"52 34 476 222\">\n"
                 "<path class=\"line s0\" d=\"M56 2392L290 252L524 38\"/>"));
  CHECK(contains(svg, ">epoch (the curves begin outside the frame)</text>"));
  CHECK(count(svg, "<svg") == count(svg, "</svg>"));
  chart.series[0].y[0] = 5;
  CHECK(contains(render_svg(chart), ">epoch</text>"));
  CHECK(count(render_svg(chart), "<svg") == 1);
  chart.y_axis_from = 4;  // no such point: the axis is for all
  CHECK(contains(render_svg(chart), "d=\"M56 145L290 252L524 38\""));
}

TEST_CASE("plot: without a point the chart says so") {
  for (const LineChart& chart :
       {chart_of({}, {}), chart_of({1, 2}, {not_a_number, not_a_number}), chart_of({1}, {})}) {
    const std::string svg = render_svg(chart);
    CHECK(contains(svg, ">no data</text>"));
    CHECK_FALSE(contains(svg, "<path"));
  }
  LineChart none;
  CHECK(contains(render_svg(none), ">no data</text>"));
}

TEST_CASE("plot: bars start at zero, downwards for negative values") {
  // y from -2 to 4 over 232..38 units: zero at 167.33.
  const BarChart chart{
      .title = "KL",
      .x_label = "dimension",
      .y_label = "nats",
      .bars = {{4, "7", false}, {-2, "3", true}, {not_a_number, "1", false}, {0, "2", false}}};
  const std::string svg = render_svg(chart);
  CHECK(contains(svg,
                 "<rect class=\"bar\" x=\"148.5\" y=\"38\" width=\"72\" height=\"129.33\">"
                 "<title>7: 4.0000</title></rect>"));
  CHECK(contains(svg,
                 "<rect class=\"bar pale\" x=\"405.5\" y=\"167.33\" width=\"72\" height=\"64.67\">"
                 "<title>3: \u22122.0000</title></rect>"));
  CHECK(contains(svg, "height=\"0\"><title>2: 0.00</title>"));
  CHECK(count(svg, "<rect") == 3);
  CHECK(contains(svg, "<line class=\"axis\" x1=\"56\" y1=\"167.33\" x2=\"1084\" y2=\"167.33\"/>"));
  CHECK(contains(svg, "<text class=\"number middle\" x=\"441.5\" y=\"250\">3</text>"));
}

TEST_CASE("plot: a small value is still seen; many bars go unnamed") {
  BarChart chart;
  chart.bars.assign(200, {1e-9, "123", false});
  chart.bars.front().value = 1;
  const std::string svg = render_svg(chart);
  CHECK(count(svg, "height=\"2\"><title>123: 0.000000</title>") == 199);
  CHECK_FALSE(contains(svg, "number middle"));
  chart.bars.assign(2, {0, "1", false});
  CHECK(count(render_svg(chart), "<rect") == 2);
  chart.bars.clear();
  CHECK(contains(render_svg(chart), ">no data</text>"));
}

TEST_CASE("plot: texts are escaped") {
  LineChart lines = chart_of({1}, {1});
  lines.title = "a<b";
  lines.x_label = "&x";
  lines.y_label = "\"y\"";
  lines.series[0].label = "<i>";
  const std::string svg = render_svg(lines);
  CHECK(contains(svg, "aria-label=\"a&lt;b\""));
  CHECK(contains(svg, "<tspan class=\"title\">a&lt;b</tspan> &quot;y&quot;</text>"));
  CHECK(contains(svg, ">&amp;x</text>"));
  CHECK(count(svg, "&lt;i&gt;") == 2);
  const BarChart bars{.title = "", .x_label = "", .y_label = "", .bars = {{1, "<b>", false}}};
  CHECK(count(render_svg(bars), "&lt;b&gt;") == 2);
}
