// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <numeric>
#include <utility>
#include <variant>
#include <vector>

#include "vaekit/app/feature_classifier.hpp"
#include "vaekit/app/fitted_sampler.hpp"
#include "vaekit/app/pictures.hpp"
#include "vaekit/evaluate/frechet_distance.hpp"
#include "vaekit/evaluate/image_quality.hpp"
#include "vaekit/evaluate/kernel_distance.hpp"
#include "vaekit/evaluate/precision_recall.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// What reconstructions and samples are measured on; the samples' part is for `features` alone.
struct QualityOptions {
  Index samples = 10'000;               ///< at most
  std::filesystem::path features = {};  ///< of a feature classifier, for distances of samples from data
  Sampler sampler = Sampler::prior;     ///< of these samples
  Index components = 10;                ///< of a fitted mixture
};

namespace detail {

/// At most `limit` samples of a split (`random_rows`).
class SomeSamples {
 public:
  SomeSamples(const LoadedData& data, Index limit) : view_(data.view()), rows_(random_rows(view_, limit)) {}

  [[nodiscard]] DataView view() const {
    DataView view = view_;
    view.rows = rows_;
    return view;
  }

 private:
  DataView view_;
  std::vector<std::uint32_t> rows_;
};

[[nodiscard]] inline double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// The samples of a view, scaled as for the model but never binarised. [n × features]
[[nodiscard]] inline Matrix<double> scaled_samples(const DataView& view) {
  Matrix<double> x(view.size(), view.dataset->features());
  read_rows<double>(*view.dataset, view.rows, view.transform->without_binarization(), 0, 0, x);
  return x;
}

/// Whether levels are those of pictures, up to rounding.
[[nodiscard]] inline bool are_pictures(const Matrix<double>& levels) {
  return levels.minCoeff() >= -1e-6 && levels.maxCoeff() <= 1 + 1e-6;
}

/// Reconstructions or samples as pictures show them.
[[nodiscard]] inline Matrix<double> shown(const PictureFormat& format, const Matrix<double>& samples) {
  Matrix<double> levels = picture_levels(format, samples);
  levels = levels.cwiseMax(0).cwiseMin(1);
  return levels;
}

/// Distances of new samples from the data, `real` as pictures, in the features of a trained classifier.
template <class Model>
void add_feature_metrics(const Model& model, const Run& run, const DataView& view, const Matrix<double>& real,
                         const QualityOptions& options, Json& json) {
  using T = typename Model::Scalar;
  const FeatureClassifier features = read_feature_classifier(options.features);
  if (!are_pictures(real) || features.shape != run.input.shape) {
    throw DataError(concat(view.dataset->name(), ": samples are ", to_string(run.input.shape), " in [",
                           real.minCoeff(), ", ", real.maxCoeff(), "], must be ", to_string(features.shape),
                           " in [0, 1] for the features of ", features.name));
  }
  const Index units = features.features();
  if (view.size() <= units) {
    throw DataError(concat(view.dataset->name(), ": has ", view.size(),
                           view.size() == 1 ? " sample" : " samples", ", needs more than the ", units,
                           " features of ", features.name));
  }
  // For the conditions of the data, so that a conditional model is not judged by how often each occurs.
  Matrix<T> latents(view.size(), model.latent_columns());
  if (model.condition > 0) {
    view.condition.template read<T>(view.rows, latents.rightCols(model.condition));
  }
  const Matrix<T> samples =
      sample_means(model, run, options.sampler, options.components, 1.0, run.config.seed, std::move(latents));
  const Matrix<double> x = features(real);
  const Matrix<double> y = features(shown(run.picture_format(), samples.template cast<double>()));
  const Index neighbours = std::min<Index>(3, view.size() - 1);
  const PrecisionRecall covered = precision_recall(x, y, neighbours);
  json["features"] = features.name + " features";
  json["sampler"] = std::string(to_string(options.sampler));
  json["frechet_distance"] = frechet_distance(x, y);
  json["kernel_distance"] = kernel_distance(x, y);
  json["precision"] = covered.precision;
  json["recall"] = covered.recall;
  json["precision_neighbours"] = neighbours;
}

/// Gives each row of `made` the total of its row of `real`, of which the likelihood tells the shares alone.
inline void take_totals(const Matrix<double>& real, Matrix<double>& made) {
  for (Index row = 0; row < made.rows(); ++row) {
    const double total = made.row(row).sum();
    made.row(row) *= total > 0 ? real.row(row).sum() / total : 0;
  }
}

/// Whether a reconstruction is the most probable class of each feature, by its number.
template <class LikelihoodConfigs>
[[nodiscard]] bool predicts_classes(const LikelihoodConfigs& likelihood) {
  const auto* categorical = std::get_if<CategoricalConfig>(&likelihood);
  return categorical != nullptr && categorical->encoding == CategoricalEncoding::index;
}

}  // namespace detail

/// Whether differences of reconstructions and data can be added up over columns: not where numbers of classes
/// stand beside values, or counts whose shares alone are predicted.
template <class LikelihoodType>
[[nodiscard]] bool has_comparable_columns(const LikelihoodConfig& config, const LikelihoodType& likelihood) {
  using TableConfig = ColumnsConfig<PartList<FeatureLikelihoods<>>::ConfigVariant>;
  const auto* columns = std::get_if<TableConfig>(&config);
  return columns == nullptr ||
         (is_density_of_draws(likelihood) && std::ranges::none_of(columns->groups, [](const auto& group) {
            return detail::predicts_classes(group.likelihood);
          }));
}

/// How close reconstructions are to the images, and samples to the data.
///
/// Decoder means are grey, so they are compared with what pixels are before a run makes them black or white:
/// the noise of that is no error of the model. Class numbers have an error rate in place of distances; counts
/// that are given their total (`library_size`) are compared at that total.
///
/// Throws UsageError when columns are not comparable, DataError, ConfigError, IoError
template <class Model>
[[nodiscard]] Json quality_metrics(const Model& model, const Run& run, const LoadedData& data,
                                   const QualityOptions& options) {
  if (!has_comparable_columns(run.config.model.likelihood, model.likelihood)) {
    throw UsageError(
        "--quality: differences of columns that are class numbers (categorical, index) or have a "
        "library_size cannot be added to others, must be left out");
  }
  const detail::SomeSamples some(data, options.samples);
  const DataView view = some.view();
  const Matrix<double> real = detail::scaled_samples(view);
  Matrix<double> made = reconstruct_all(model, view).template cast<double>();
  if (detail::predicts_classes(run.config.model.likelihood)) {
    const auto wrong = static_cast<double>((real.array() != made.array()).count());
    return {{"samples", view.size()}, {"error_rate", wrong / static_cast<double>(real.size())}};
  }
  if (!is_density_of_draws(model.likelihood)) {
    detail::take_totals(real, made);
  }
  Json json = {{"samples", view.size()},
               {"mean_squared_error", detail::mean_of(mean_squared_errors(real, made))}};
  const Shape& shape = run.input.shape;
  // Grey values of binarised data are at their scale still, reconstructions between 0 and 1.
  const PictureFormat grey{
      {shape, run.input.bytes, run.input.transform.without_binarization(), run.input.binary},
      run.config.data.scale};
  const Matrix<double> pictures = picture_levels(grey, real);
  if (shape.is_image() && detail::are_pictures(pictures)) {
    const Matrix<double> shown = detail::shown(run.picture_format(), made);
    json["psnr_decibels"] = mean_peak_signal_to_noise(mean_squared_errors(pictures, shown));
    if (std::min(shape.height, shape.width) >= detail::ssim_window) {
      json["ssim"] = detail::mean_of(structural_similarities(pictures, shown, shape));
    }
  }
  if (!options.features.empty()) {
    detail::add_feature_metrics(model, run, view, pictures, options, json);
  }
  return json;
}

}  // namespace vaekit::inline VAEKIT_ABI
