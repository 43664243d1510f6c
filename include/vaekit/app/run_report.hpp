// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>
#include <vector>

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
  constexpr std::size_t shown = 6;
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
  for (const std::int32_t label : scatter.labels) {
    data.scatter_labels.emplace_back(std::to_string(label), colour_name(label_colour(label)));
  }
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

}  // namespace detail

/// Writes report.html from what the run folder holds and the final model's latent statistics on `view`.
///
/// Throws IoError, DataError
template <class Model>
void write_run_report(const RunFolder& folder, const ExperimentConfig& config, const Model& model,
                      const DataView& view, std::string latent_source) {
  ReportData data;
  data.name = config.name;
  data.config = dump(write_json(config));
  if (std::filesystem::exists(folder.metrics())) {
    data.metrics = parse_metrics(read_text_file(folder.metrics()), folder.metrics().string());
  }
  const std::uint64_t epochs = data.metrics.empty() ? 0 : data.metrics.back().epoch;
  data.samples = detail::report_pictures(folder, "samples", epochs);
  data.reconstructions = detail::report_pictures(folder, "reconstructions", epochs);
  data.latent = latent_statistics(model, view);
  data.latent_source = std::move(latent_source);
  detail::add_scatter(model, view, data);
  data.environment = {{"vaekit", version},
                      {"instruction set", instruction_set},
                      {"threads", std::to_string(thread_count())},
                      {"OpenMP", has_openmp ? "on" : "off"},
                      {"precision", std::string(to_string(config.precision))},
                      {"compiler", detail::compiler_name()}};
  write_file_atomically(folder.report(), render_report(data));
}

}  // namespace vaekit::inline VAEKIT_ABI
