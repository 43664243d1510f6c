// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "vaekit/app/curve_picture.hpp"
#include "vaekit/app/latent_pictures.hpp"
#include "vaekit/app/report.hpp"
#include "vaekit/app/run_folder.hpp"
#include "vaekit/app/scatter_picture.hpp"
#include "vaekit/config/experiment.hpp"
#include "vaekit/config/json.hpp"
#include "vaekit/evaluate/latent_statistics.hpp"
#include "vaekit/io/file.hpp"
#include "vaekit/io/png.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

/// At most `limit` of the epochs, evenly spread, first and last included.
[[nodiscard]] inline std::vector<std::uint64_t> spread(const std::vector<std::uint64_t>& epochs,
                                                       std::size_t limit) {
  if (epochs.size() <= limit) {
    return epochs;
  }
  std::vector<std::uint64_t> chosen;
  for (std::size_t i = 0; i < limit; ++i) {
    chosen.push_back(epochs[i * (epochs.size() - 1) / (limit - 1)]);
  }
  return chosen;
}

/// The pictures of one kind that the run folder holds, by epoch.
[[nodiscard]] inline std::vector<ReportPicture> report_pictures(const RunFolder& folder,
                                                                const std::string& kind,
                                                                std::uint64_t last_epoch) {
  constexpr std::size_t shown = 5;
  std::vector<std::uint64_t> epochs;
  for (std::uint64_t epoch = 1; epoch <= last_epoch; ++epoch) {
    if (std::filesystem::exists(folder.image(kind, epoch))) {
      epochs.push_back(epoch);
    }
  }
  std::vector<ReportPicture> pictures;
  for (const std::uint64_t epoch : spread(epochs, shown)) {
    pictures.push_back({epoch, std::string(text_of(read_file(folder.image(kind, epoch))))});
  }
  return pictures;
}

/// The picture of the latent space, where it has a plane.
template <class Model>
void add_scatter(const Model& model, const DataView& view, ReportData& data) {
  constexpr Index shown = 2000;
  if (model.latent_dim() < 2) {
    return;
  }
  const LatentScatter scatter = latent_scatter(model, view, shown, 480);
  data.scatter = std::string(text_of(png_bytes(scatter.picture)));
  data.scatter_axes = scatter.axes;
  for (const auto& [label, colour] : scatter.labels) {
    data.scatter_labels.emplace_back(std::to_string(label), colour_name(colour));
  }
}

[[nodiscard]] inline ReportFigure report_picture(const Image& image, std::string caption) {
  return {std::string(text_of(png_bytes(image))), std::move(caption)};
}

/// Latent dimensions, each moved alone.
template <class Model>
void add_traversals(const Model& model, const PictureFormat& format, const DataView& view, ReportData& data) {
  constexpr Index shown = 8;
  constexpr Index steps = 9;
  constexpr double range = 3;
  const std::vector<Index> dimensions = traversed_dimensions(model, data.latent, shown);
  if (dimensions.empty()) {
    return;
  }
  std::string caption = dimensions.size() == 1 ? "dimension" : "dimensions";
  for (const Index d : dimensions) {
    caption += concat(d == dimensions.front() ? " " : ", ", d);
  }
  const auto z = traversal_latents(encode_first(model, view, 1), dimensions, steps, range);
  data.sections.push_back(
      {"Latent traversals",
       {report_picture(latent_picture(model, format, z, steps), std::move(caption))},
       concat("In each row one latent dimension goes from \u2212", range, " to ", range,
              ", the others stay at the posterior mean of the first sample. ",
              data.latent.kl.empty() ? "Largest variance of means first." : "Largest KL first.")});
}

/// Ways between posterior means.
template <class Model>
void add_interpolations(const Model& model, const PictureFormat& format, const DataView& view,
                        ReportData& data) {
  constexpr Index shown = 6;
  constexpr Index steps = 9;
  ReportSection section{
      "Interpolations", {}, "Each row goes from the posterior mean of one sample to that of another."};
  if (view.size() < 2) {
    return;
  }
  const auto ends = encode_pairs(model, view, shown);
  const auto add = [&](bool spherical, const char* caption) {
    const auto z = interpolation_latents(model, ends, steps, spherical);
    section.figures.push_back(report_picture(latent_picture(model, format, z, steps), caption));
  };
  if (has_straight_ways(model)) {
    add(false, "linear");
  }
  if (has_arcs(model)) {
    add(true, "spherical");
  }
  if (!section.figures.empty()) {
    data.sections.push_back(std::move(section));
  }
}

/// The plane that a two-dimensional z fills; of a conditional model for the condition of the first sample.
template <class Model>
void add_manifold(const Model& model, const PictureFormat& format, const DataView& view, ReportData& data) {
  constexpr Index steps = 15;
  if (!fills_space(model) || model.latent_dim() != 2) {
    return;
  }
  Matrix<typename Model::Scalar> z = encode_first(model, view, 1).row(0).replicate(steps * steps, 1);
  place_manifold(z, steps);
  data.sections.push_back(
      {"Manifold",
       {report_picture(latent_picture(model, format, z, steps), "dimension 0 to the right, 1 upwards")},
       concat("Means of p(x|z) for z at evenly spaced quantiles of N(0, 1) in both dimensions",
              model.condition > 0 ? ", with the condition of the first sample." : ".")});
}

/// Samples of the prior with less noise and with all of it, where its noise has a size.
template <class Model>
void add_temperatures(const Model& model, const PictureFormat& format, const DataView& view,
                      std::uint64_t seed, ReportData& data) {
  constexpr Index shown = 36;
  if (!has_straight_ways(model) && free_columns(model.latent) == 0) {
    return;
  }
  ReportSection section{"Samples at temperatures",
                        {},
                        "The noise of the prior is multiplied by the temperature; the same noise in each "
                        "picture."};
  for (const double temperature : {0.5, 0.7, 1.0}) {
    section.figures.push_back(report_picture(sample_picture(model, format, seed, view, shown, temperature),
                                             concat("temperature ", format_fixed(temperature, 1))));
  }
  data.sections.push_back(std::move(section));
}

[[nodiscard]] inline std::string compiler_name() {
#if defined(__clang__)
  return concat("clang ", __clang_major__, '.', __clang_minor__);
#elif defined(__GNUC__)
  return concat("gcc ", __GNUC__, '.', __GNUC_MINOR__);
#else
  return "unknown";
#endif
}

/// What the run folder holds, for a report of a run that ended with `notice`.
[[nodiscard]] inline ReportData run_report_data(const RunFolder& folder, const ExperimentConfig& config,
                                                std::string notice) {
  ReportData data;
  data.name = config.name;
  data.notice = std::move(notice);
  data.config = dump(write_json(config));
  if (std::filesystem::exists(folder.metrics())) {
    data.metrics = parse_metrics(read_text_file(folder.metrics()), folder.metrics().string());
  }
  const std::uint64_t epochs = data.metrics.empty() ? 0 : data.metrics.back().epoch;
  data.posterior_trained = !needs_of(AnyObjective(config.objective)).deterministic;
  data.samples = report_pictures(folder, "samples", epochs);
  data.reconstructions = report_pictures(folder, "reconstructions", epochs);
  data.environment = {{"vaekit", version},
                      {"instruction set", instruction_set},
                      {"threads", std::to_string(thread_count())},
                      {"OpenMP", has_openmp ? "on" : "off"},
                      {"precision", std::string(to_string(config.precision))},
                      {"compiler", compiler_name()}};
  return data;
}

inline void write_report_files(const RunFolder& folder, const ReportData& data) {
  if (const auto splits = report_splits(data.metrics); !splits.empty()) {
    write_png(folder.curves(), curve_picture(report_chart("ELBO", &MetricsRow::elbo, splits)));
  }
  write_file_atomically(folder.report(), render_report(data));
}

}  // namespace detail

/// Writes report.html and images/curves.png from what the run folder holds, and nothing of a model: of a run
/// that ended with `notice`, in weights that may not be finite.
///
/// Throws IoError, DataError
inline void write_run_report(const RunFolder& folder, const ExperimentConfig& config, std::string notice) {
  detail::write_report_files(folder, detail::run_report_data(folder, config, std::move(notice)));
}

/// Writes report.html and images/curves.png from what the run folder holds, the final model's latent
/// statistics on `view` and, for images that are to be pictured, pictures of its latent space. `notice` says
/// how a run ended that is not complete.
///
/// Throws IoError, DataError
template <class Model>
void write_run_report(const RunFolder& folder, const ExperimentConfig& config, const InputFormat& input,
                      const Model& model, const DataView& view, std::string latent_source,
                      std::string notice = {}) {
  ReportData data = detail::run_report_data(folder, config, std::move(notice));
  data.latent = latent_statistics(model, view).known(data.posterior_trained);
  data.latent_source = std::move(latent_source);
  detail::add_scatter(model, view, data);
  const PictureFormat format{input, config.data.scale};
  if (format.shape().is_picture() && config.training.images_every > 0) {
    detail::add_traversals(model, format, view, data);
    detail::add_interpolations(model, format, view, data);
    detail::add_manifold(model, format, view, data);
    if (!std::holds_alternative<RaeConfig>(config.objective)) {  // it trains no prior
      detail::add_temperatures(model, format, view, config.seed, data);
    }
  }
  detail::write_report_files(folder, data);
}

}  // namespace vaekit::inline VAEKIT_ABI
