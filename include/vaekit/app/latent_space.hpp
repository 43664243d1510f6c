// SPDX-License-Identifier: MIT
//
// Pictures of the latent space: each a grid of decoded means.
#pragma once

#include <algorithm>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "vaekit/app/encode.hpp"
#include "vaekit/app/html.hpp"
#include "vaekit/app/latent_pictures.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// What `vaekit interpolate`, `traverse` and `manifold` are told on their command lines.
struct LatentPictureOptions {
  std::filesystem::path run;
  std::filesystem::path out;
  Index rows = 0;   ///< 0: what suits the picture
  Index steps = 0;  ///< 0: what suits the picture
  double range = 3;
  bool spherical = false;      ///< interpolate along an arc
  std::string condition = {};  ///< of a conditional model, where the picture shows no inputs
  int threads = 0;
};

namespace detail {

/// What a picture shows.
template <class T>
struct LatentGrid {
  Matrix<T> z;              ///< [n × latent columns]
  Index columns = 1;        ///< of the grid
  std::string legend = {};  ///< lines to be printed
};

template <class T>
LatentGrid(Matrix<T>, Index) -> LatentGrid<T>;
template <class T>
LatentGrid(Matrix<T>, Index, std::string) -> LatentGrid<T>;

/// "row 1: dimension 7, KL 2.345 nats", a line for each dimension from the top of the picture.
[[nodiscard]] inline std::string traversal_legend(const std::vector<Index>& dimensions,
                                                  const LatentStatistics& statistics) {
  std::string legend;
  for (std::size_t row = 0; row < dimensions.size(); ++row) {
    const auto d = static_cast<std::size_t>(dimensions[row]);
    legend += concat("row ", row + 1, ": dimension ", d);
    if (d < statistics.kl.size()) {
      legend += concat(", KL ", format_fixed(statistics.kl[d], 3), " nats");
    }
    legend += '\n';
  }
  return legend;
}

/// Runs `make(model, view, config)` → LatentGrid, writes the decoded picture and prints its legend.
template <class Make>
ExitCode write_latent_picture(const LatentPictureOptions& options, std::ostream& out, Make&& make) {
  const ThreadScope threads(options.threads);
  const Run run = load_run(options.run);
  require_png(options.out, run.input.shape);
  const LoadedData data = load_shown(run);
  std::string legend;
  with_model(run, [&](const auto& model) {
    const auto grid = make(model, data.view(), run.config);
    check_picture_size(grid.z.rows(), run.input.shape, grid.columns, "lower --steps");
    write_samples(options.out, decode_all(model, grid.z), run.picture_format(), grid.columns);
    legend = grid.legend;
  });
  out << options.out.string() << '\n' << legend << std::flush;
  return ExitCode::done;
}

/// Throws UsageError "manifold: moves z through all of space, the poincare posterior lives on ..." unless
/// `fits`
template <class Model>
void check_latent_space(std::string_view what, bool fits, const Model& model) {
  if (!fits) {
    throw UsageError(
        concat(what, ", the ", part_name(model.latent), " posterior lives on ", space_of(model.latent)));
  }
}

/// Throws UsageError "--rows: is 9, must be at most 2 (latent dimensions that move)"
inline void check_rows(Index rows, Index most, std::string_view what) {
  if (rows > most) {
    throw UsageError(concat("--rows: is ", rows, ", must be at most ", most, " (", what, ')'));
  }
}

}  // namespace detail

/// `vaekit interpolate`: each row goes from the posterior mean of one input to another's, in a straight line
/// or, `spherical`, on an arc; on a sphere always on an arc, a great circle.
///
/// Throws Error; UsageError where nothing lies between two latents, or an arc leaves the latent space
inline ExitCode run_interpolate(const LatentPictureOptions& options, std::ostream& out) {
  return detail::write_latent_picture(
      options, out, [&](const auto& model, const DataView& view, const ExperimentConfig&) {
        const bool straight = has_straight_ways(model);
        detail::check_latent_space("interpolate: moves z from one latent to another",
                                   straight || has_arcs(model), model);
        if (options.spherical && !has_arcs(model)) {
          throw UsageError(concat("--spherical: an arc around 0 may leave ", space_of(model.latent),
                                  ", must be left out"));
        }
        const Index steps = options.steps > 0 ? options.steps : 10;
        const Index wanted = options.rows > 0 ? options.rows : 8;
        const Index pairs = view.size() / 2;
        if (pairs < 1) {
          throw DataError(
              concat(view.dataset->name(), ": has 1 sample, must have at least 2 to interpolate"));
        }
        detail::check_rows(options.rows, pairs, concat("pairs of ", view.size(), " samples"));
        const auto ends = encode_pairs(model, view, wanted);
        return detail::LatentGrid{interpolation_latents(model, ends, steps, options.spherical || !straight),
                                  steps};
      });
}

/// `vaekit traverse`: each row starts at the posterior mean of the first input and moves one latent dimension
/// through [−range, range]; the dimensions come in the order of `largest_first`, and are printed. Of z with
/// one-hot parts the other dimensions move.
///
/// Throws Error; UsageError where no dimension takes any value
inline ExitCode run_traverse(const LatentPictureOptions& options, std::ostream& out) {
  return detail::write_latent_picture(
      options, out, [&](const auto& model, const DataView& view, const ExperimentConfig& config) {
        detail::check_latent_space("traverse: moves z through all of space", free_columns(model.latent) > 0,
                                   model);
        detail::check_rows(options.rows, free_columns(model.latent), "latent dimensions that move");
        const Index steps = options.steps > 0 ? options.steps : 11;
        const bool trained = !needs_of(AnyObjective(config.objective)).deterministic;
        const LatentStatistics statistics = latent_statistics(model, view).known(trained);
        const std::vector<Index> dimensions =
            traversed_dimensions(model, statistics, options.rows > 0 ? options.rows : 10);
        return detail::LatentGrid{
            traversal_latents(encode_first(model, view, 1), dimensions, steps, options.range), steps,
            detail::traversal_legend(dimensions, statistics)};
      });
}

/// `vaekit manifold`: a two-dimensional latent space, the unit square through the inverse normal distribution
/// function.
///
/// Throws  Error; UsageError when z has another number of dimensions, or does not fill the plane
/// Source  Kingma & Welling 2014, figure 4
inline ExitCode run_manifold(const LatentPictureOptions& options, std::ostream& out) {
  return detail::write_latent_picture(
      options, out, [&](const auto& model, const DataView&, const ExperimentConfig& config) {
        detail::check_latent_space("manifold: moves z through all of space", fills_space(model), model);
        if (model.latent_dim() != 2) {
          throw UsageError(
              concat("manifold: the model has ", model.latent_dim(), " latent dimensions, must have 2"));
        }
        const Index steps = options.steps > 0 ? options.steps : 20;
        const bool by_class =
            config.data.condition && std::holds_alternative<LabelConditionConfig>(*config.data.condition);
        const std::string condition = options.condition.empty() && by_class ? "0" : options.condition;
        auto z = conditioned_latents(model, condition_rows(config, condition, steps * steps), steps * steps);
        place_manifold(z, steps);
        return detail::LatentGrid{std::move(z), steps};
      });
}

}  // namespace vaekit::inline VAEKIT_ABI
