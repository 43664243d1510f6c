// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vaekit/app/html.hpp"
#include "vaekit/app/page.hpp"
#include "vaekit/app/plot.hpp"
#include "vaekit/evaluate/latent_statistics.hpp"
#include "vaekit/io/json.hpp"
#include "vaekit/train/metrics.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// A picture made after some epoch.
struct ReportPicture {
  std::uint64_t epoch = 0;
  std::string png;  ///< bytes of the file
};

/// A picture of the final model.
struct ReportFigure {
  std::string png;  ///< bytes of the file
  std::string caption;
};

/// Pictures of the final model that belong together.
struct ReportSection {
  std::string title;
  std::vector<ReportFigure> figures;
  std::string note;  ///< how to read them
};

/// What report.html tells about a run.
struct ReportData {
  std::string name;
  std::string notice = {};          ///< of a run that did not end as it should: how it ended
  std::string config;               ///< JSON text
  std::vector<MetricsRow> metrics;  ///< of rows with equal epoch and split the last one counts
  bool posterior_trained = true;    ///< false where the objective trains the means of q(z|x) alone
  std::vector<ReportPicture> samples;
  std::vector<ReportPicture> reconstructions;
  std::vector<ReportSection> sections;  ///< after these
  LatentStatistics latent;              ///< of the final model
  std::string latent_source;            ///< samples it was computed on: "the test set"
  std::string scatter;                  ///< bytes of a PNG of posterior means in the plane; empty: none
  std::string scatter_axes;             ///< what its axes are
  std::vector<std::pair<std::string, std::string>> scatter_labels;  ///< label and colour, "#rrggbb"
  std::vector<std::pair<std::string, std::string>> environment;     ///< name and value: version, threads, ...
};

namespace detail {

struct ReportSplit {
  std::string_view name;
  std::string_view title;
  std::map<std::uint64_t, MetricsRow> rows;  // by epoch
};

/// The splits that have rows, training first.
[[nodiscard]] inline std::vector<ReportSplit> report_splits(const std::vector<MetricsRow>& metrics) {
  std::vector<ReportSplit> splits{
      {"train", "Training", {}}, {"validation", "Validation", {}}, {"test", "Test", {}}};
  for (const MetricsRow& row : metrics) {
    const auto split = std::ranges::find(splits, row.split, &ReportSplit::name);
    if (split != splits.end()) {
      split->rows.insert_or_assign(row.epoch, row);
    }
  }
  std::erase_if(splits, [](const ReportSplit& split) { return split.rows.empty(); });
  return splits;
}

/// Median of the finite speeds, so that an epoch on a busy machine does not count.
[[nodiscard]] inline double typical_speed(const ReportSplit& split) {
  std::vector<double> speeds;
  for (const auto& [epoch, row] : split.rows) {
    if (std::isfinite(row.samples_per_second)) {
      speeds.push_back(row.samples_per_second);
    }
  }
  if (speeds.empty()) {
    return std::nan("");
  }
  const auto middle = speeds.begin() + std::ssize(speeds) / 2;
  std::ranges::nth_element(speeds, middle);
  return *middle;
}

/// Nats beyond the third decimal say nothing.
[[nodiscard]] inline int nats_decimals(double largest) { return std::min(decimals_for(largest), 3); }

/// The ELBO that counts most: of the test set, else the validation set, else the training set.
[[nodiscard]] inline std::string report_tiles(const ReportData& data,
                                              const std::vector<ReportSplit>& splits) {
  std::string out = "<dl class=\"tiles\">\n";
  if (!splits.empty()) {
    const MetricsRow& last = splits.back().rows.rbegin()->second;
    out += page_tile(concat(splits.back().title, " ELBO"), format_fixed(last.elbo, nats_decimals(last.elbo)),
                     "nats");
    out += page_tile("Epochs", format_fixed(static_cast<double>(last.epoch), 0),
                     concat(format_fixed(static_cast<double>(last.step), 0), " steps"));
  }
  if (!splits.empty() && splits.front().name == "train") {
    out += page_tile("Speed", format_fixed(typical_speed(splits.front()), 0), "samples/s");
    out += page_tile("Training time", format_duration(splits.front().rows.rbegin()->second.seconds));
  }
  if (!data.latent.mean_variance.empty()) {
    out += page_tile("Active units", concat(data.latent.active_units),
                     concat("of ", data.latent.mean_variance.size()));
  }
  return out + "</dl>\n";
}

[[nodiscard]] inline std::string report_notice(const ReportData& data) {
  return data.notice.empty() ? "" : concat("<p class=\"notice\">", escape_html(data.notice), "</p>\n");
}

[[nodiscard]] inline std::string report_table(const std::vector<ReportSplit>& splits) {
  if (splits.empty()) {
    return "<p>No epoch was completed.</p>\n";
  }
  std::string out =
      "<div class=\"scroll\"><table>\n<tr><th>Nats a "
      "sample</th><th>ELBO</th><th>Reconstruction</th><th>KL</th>"
      "<th>Loss</th><th>Best ELBO</th><th>in epoch</th></tr>\n";
  double largest = 0;
  for (const ReportSplit& split : splits) {
    const double elbo = std::abs(split.rows.rbegin()->second.elbo);
    largest = std::isfinite(elbo) ? std::max(largest, elbo) : largest;
  }
  const int decimals = nats_decimals(largest);
  for (const ReportSplit& split : splits) {
    const MetricsRow& last = split.rows.rbegin()->second;
    const MetricsRow* best = &split.rows.begin()->second;
    for (const auto& [epoch, row] : split.rows) {
      best = row.elbo > best->elbo || std::isnan(best->elbo) ? &row : best;
    }
    out += concat("<tr><td>", split.title, "</td>");
    const auto cell = [&](double value) { return concat("<td>", format_fixed(value, decimals), "</td>"); };
    out += cell(last.elbo) + cell(last.reconstruction) + cell(last.kl);
    out += split.name == "train" ? cell(last.loss) : std::string("<td></td>");
    out += concat(cell(best->elbo), "<td>", best->epoch, "</td></tr>\n");
  }
  return out + "</table></div>\n";
}

/// One curve for each of the splits, which are not none.
[[nodiscard]] inline LineChart report_chart(std::string_view title, double MetricsRow::*value,
                                            const std::vector<ReportSplit>& splits) {
  LineChart chart{
      .title = std::string(title), .x_label = "epoch", .y_label = "nats", .series = {}, .whole_x = true};
  for (const ReportSplit& split : splits) {
    Series series{.label = std::string(split.name), .x = {}, .y = {}, .style = 0};
    series.style = split.name == "train" ? 0 : split.name == "validation" ? 1 : 2;
    for (const auto& [epoch, row] : split.rows) {
      series.x.push_back(static_cast<double>(epoch));
      series.y.push_back(row.*value);
    }
    chart.series.push_back(std::move(series));
  }
  // The leap of the first epochs would leave the rest of a long run a level line.
  const std::uint64_t epochs = splits.front().rows.rbegin()->first;
  if (constexpr std::uint64_t long_run = 20; epochs >= long_run) {
    chart.y_axis_from = 1 + static_cast<double>(epochs) / 20;
  }
  return chart;
}

[[nodiscard]] inline std::string report_curves(const ReportData& data,
                                               const std::vector<ReportSplit>& splits) {
  if (splits.empty()) {
    return "";
  }
  return concat(
      "<h2>Training curves</h2>\n<div class=\"charts\">\n",
      render_svg(report_chart("ELBO", &MetricsRow::elbo, splits)),
      render_svg(report_chart("Reconstruction", &MetricsRow::reconstruction, splits)),
      render_svg(report_chart("KL", &MetricsRow::kl, splits)),
      render_svg(report_chart("Loss", &MetricsRow::loss, {splits.front()})),
      "</div>\n<p class=\"note\">Training figures are means over an epoch in which the weights change; "
      "the others are evaluated after it. ELBO = reconstruction \u2212 KL, a bound on the log-likelihood: "
      "higher is better. The loss of training is what the optimizer minimises, with the weights of the "
      "objective.",
      data.posterior_trained ? ""
                             : " This one trains no variances of q(z|x): ELBO and KL are those of untrained "
                               "ones.",
      "</p>\n");
}

/// Latent dimensions from the largest KL to the smallest.
[[nodiscard]] inline std::string report_latent(const ReportData& data) {
  const LatentStatistics& latent = data.latent;
  if (latent.kl.empty()) {
    return "";
  }
  BarChart chart{.title = "KL by latent dimension",
                 .x_label = "latent dimension, largest KL first",
                 .y_label = "nats",
                 .bars = {}};
  double total = 0;
  for (const Index dimension : largest_first(latent, std::ssize(latent.kl))) {
    const auto d = static_cast<std::size_t>(dimension);
    const bool active = d >= latent.mean_variance.size() || latent.mean_variance[d] > active_unit_threshold;
    chart.bars.push_back({.value = latent.kl[d], .name = concat(d), .pale = !active});
    total += latent.kl[d];
  }
  const std::string active =
      concat(latent.active_units, " of ", latent.mean_variance.size(),
             " units are active: the mean of their posterior varies over the data by more than ",
             active_unit_threshold, " (the others are pale). ");
  return concat("<h2>Latent space</h2>\n", render_svg(chart), "<p class=\"note\">",
                latent.mean_variance.empty() ? "" : active, "All together ",
                format_fixed(total, nats_decimals(total)), " nats",
                data.latent_source.empty() ? "" : ", on " + escape_html(data.latent_source), ".</p>\n");
}

/// Posterior means in the plane, with the colours of the labels.
[[nodiscard]] inline std::string report_scatter(const ReportData& data) {
  if (data.scatter.empty()) {
    return "";
  }
  std::string legend;
  for (const auto& [label, colour] : data.scatter_labels) {
    legend += concat("<span style=\"color:", colour, "\">\u25cf</span>\u00a0", escape_html(label), " \n");
  }
  return concat(
      "<h2>Posterior means</h2>\n<img class=\"scatter\" alt=\"Posterior means\" src=\"data:image/png;base64,",
      base64(data.scatter), "\">\n<p class=\"note\">", legend, legend.empty() ? "" : "<br>",
      "Axes: ", escape_html(data.scatter_axes), ".</p>\n");
}

[[nodiscard]] inline std::string report_figure(std::string_view alt, std::string_view png,
                                               std::string_view caption) {
  return concat("<figure><img alt=\"", escape_html(alt), "\" src=\"data:image/png;base64,", base64(png),
                "\"><figcaption>", escape_html(caption), "</figcaption></figure>\n");
}

[[nodiscard]] inline std::string report_figures(std::string_view title,
                                                const std::vector<ReportPicture>& pictures) {
  if (pictures.empty()) {
    return "";
  }
  std::string out = concat("<h2>", title, "</h2>\n<div class=\"pictures\">\n");
  for (const ReportPicture& picture : pictures) {
    out += report_figure(concat(title, " after epoch ", picture.epoch), picture.png,
                         concat("epoch ", picture.epoch));
  }
  return out + "</div>\n";
}

/// Pictures of the final model, larger than those of `report_figures`.
[[nodiscard]] inline std::string report_section(const ReportSection& section) {
  std::string out = concat("<h2>", escape_html(section.title), "</h2>\n<div class=\"pictures wide\">\n");
  for (const ReportFigure& figure : section.figures) {
    out += report_figure(concat(section.title, ": ", figure.caption), figure.png, figure.caption);
  }
  return concat(out, "</div>\n<p class=\"note\">", escape_html(section.note), "</p>\n");
}

[[nodiscard]] inline std::string report_sections(const std::vector<ReportSection>& sections) {
  std::string out;
  for (const ReportSection& section : sections) {
    out += report_section(section);
  }
  return out;
}

[[nodiscard]] inline std::string report_environment(const ReportData& data) {
  if (data.environment.empty()) {
    return "";
  }
  std::string out = "<section>\n<h2>Environment</h2>\n<table>\n";
  for (const auto& [name, value] : data.environment) {
    out += concat("<tr><td>", escape_html(name), "</td><td>", escape_html(value), "</td></tr>\n");
  }
  return out + "</table>\n</section>\n";
}

[[nodiscard]] inline std::string report_setup(const ReportData& data) {
  return concat("<div class=\"columns\">\n<section>\n<h2>Configuration</h2>\n<pre>",
                escape_html(dump(parse_json(data.config, "config.json"))), "</pre>\n</section>\n",
                report_environment(data), "</div>\n");
}

}  // namespace detail

/// One self-contained HTML page about a run: key numbers, training curves, latent dimensions, pictures,
/// configuration and environment. It needs no script and nothing from outside.
///
/// Throws ConfigError "config.json:<line>:<column>: ..." when `data.config` is not JSON
[[nodiscard]] inline std::string render_report(const ReportData& data) {
  const std::vector<detail::ReportSplit> splits = detail::report_splits(data.metrics);
  return render_page(data.name, concat(detail::report_notice(data), detail::report_tiles(data, splits),
                                       detail::report_table(splits), detail::report_curves(data, splits),
                                       detail::report_latent(data), detail::report_scatter(data),
                                       detail::report_figures("Samples", data.samples),
                                       detail::report_figures("Reconstructions", data.reconstructions),
                                       detail::report_sections(data.sections), detail::report_setup(data)));
}

}  // namespace vaekit::inline VAEKIT_ABI
