// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vaekit/app/evaluate.hpp"
#include "vaekit/app/quality.hpp"
#include "vaekit/evaluate/attribute_predictability.hpp"
#include "vaekit/evaluate/beta_vae_score.hpp"
#include "vaekit/evaluate/dci.hpp"
#include "vaekit/evaluate/factor_vae_score.hpp"
#include "vaekit/evaluate/latent_codes.hpp"
#include "vaekit/evaluate/linear_probe.hpp"
#include "vaekit/evaluate/modularity.hpp"
#include "vaekit/evaluate/mutual_information_gap.hpp"
#include "vaekit/evaluate/nearest_neighbours.hpp"
#include "vaekit/evaluate/outlier_detection.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// What `vaekit metrics` is told on its command line.
struct MetricsOptions {
  std::filesystem::path run;
  std::vector<std::string> overrides = {};
  bool disentanglement = false;
  bool probe = false;
  bool quality = false;                 ///< none of these, no outliers: all that data and model allow
  std::filesystem::path features = {};  ///< of a feature classifier, for distances of samples from data
  Sampler sampler = Sampler::prior;     ///< of these samples
  Index components = 10;                ///< of a fitted mixture
  std::filesystem::path outliers = {};  ///< an array of samples that should score higher than the data
  std::string condition = {};           ///< of the outliers, for a conditional model: see `condition_rows`
  Index importance_samples = 0;         ///< of their scores, which are −ELBO without
  Index samples = 10'000;               ///< at most
  Index neighbours = 5;                 ///< that vote on a label
  int threads = 0;
  bool json = false;
};

namespace detail {

/// Fewer combinations of factors give scores of chance.
inline constexpr Index least_combinations = 100;

/// Throws DataError, UsageError when factors are not known, samples are too few or the model needs a
/// condition.
template <class Model>
void check_factors(const Model& model, const Dataset& data, Index samples) {
  if (data.generated() == nullptr) {
    throw DataError(concat(data.name(),
                           ": has no known factors, needs a generated source (synthetic sprites) for "
                           "--disentanglement"));
  }
  if (model.condition > 0) {
    throw UsageError("--disentanglement: the model is conditional, must be left out");
  }
  if (samples < least_combinations) {
    throw UsageError(concat("--samples: is ", samples, ", must be at least ", least_combinations,
                            " for --disentanglement"));
  }
}

/// All disentanglement metrics, from `samples` combinations of factors and groups in proportion.
template <class Model>
[[nodiscard]] Json disentanglement_metrics(const Model& model, const LoadedData& data, Index samples) {
  check_factors(model, data.dataset, samples);
  const Factors& factors = data.dataset.generated()->factors;
  LatentRepresentation<Model> represent(model, data.dataset, data.transform, data.seed);
  const std::vector<std::uint32_t> combinations = draw_combinations(factors, samples, data.seed);
  const Matrix<std::int32_t> values = factor_values(factors, combinations);
  Matrix<double> codes(samples, model.latent_dim());
  represent(combinations, codes);
  represent.silence_dead_codes(codes);
  const MutualInformation information = mutual_information(discretize(codes), values);
  const std::vector<double> gaps = mutual_information_gaps(information);
  const AttributePredictability sap = attribute_predictability(codes, values, factors);
  const Dci dci = dci_lasso(codes, values, factors);
  const Index votes = std::max<Index>(samples * 2 / 25, 10);
  const Index points = std::max<Index>(samples / 20, 10);
  Json mig_of_factor = Json::object();
  Json sap_of_factor = Json::object();
  for (Index k = 0; k < factors.size(); ++k) {
    mig_of_factor[factors[k].name] = gaps[static_cast<std::size_t>(k)];
    sap_of_factor[factors[k].name] = sap.gaps[static_cast<std::size_t>(k)];
  }
  return {{"samples", samples},
          {"mig", mutual_information_gap(information)},
          {"mig_of_factor", mig_of_factor},
          {"sap", sap.sap},
          {"sap_of_factor", sap_of_factor},
          {"modularity", factors.size() > 1 ? Json(modularity(information)) : Json()},
          {"dci_disentanglement", dci.disentanglement},
          {"dci_completeness", dci.completeness},
          {"dci_informativeness", dci.informativeness},
          {"factor_vae_score",
           factor_vae_score(factors, model.latent_dim(), represent, data.seed,
                            {.variance_samples = samples, .votes = votes, .test_votes = votes})},
          {"beta_vae_score", beta_vae_score(factors, model.latent_dim(), represent, data.seed,
                                            {.train_points = 2 * points, .test_points = points})}};
}

struct LabelledCodes {
  Matrix<double> codes;
  std::vector<std::int32_t> labels;
};

/// A probe holds a number for each class and sample.
inline constexpr Index most_probe_classes = 10'000;

/// What keeps the labels of `view` from a probe, empty where nothing does. Those that it is fitted to must
/// not be all the same.
[[nodiscard]] inline std::string probe_obstacle(const DataView& view, bool is_fitted) {
  const std::string& name = view.dataset->name();
  const std::vector<std::int32_t>& labels = view.dataset->labels();
  if (labels.empty()) {
    return concat(name, ": has no labels, needs them for --probe");
  }
  for (const std::uint32_t row : view.rows) {
    if (labels[row] < 0 || labels[row] >= most_probe_classes) {
      return concat(name, ": label of sample ", row, " is ", labels[row], ", must be in 0 .. ",
                    most_probe_classes - 1, " for --probe");
    }
  }
  const std::int32_t first = labels[view.rows.front()];
  if (is_fitted && std::ranges::all_of(view.rows, [&](std::uint32_t row) { return labels[row] == first; })) {
    return concat(name, ": has label ", first, " alone, needs at least 2 labels for --probe");
  }
  return "";
}

template <class Model>
[[nodiscard]] LabelledCodes labelled_codes(const Model& model, const DataView& view) {
  LabelledCodes result{Matrix<double>(view.size(), model.latent_dim()), {}};
  latent_codes(model, view, result.codes);
  for (const std::uint32_t row : view.rows) {
    result.labels.push_back(view.dataset->labels()[row]);
  }
  return result;
}

/// What a linear classifier and nearest neighbours tell of the labels from codes, of views without a
/// `probe_obstacle`.
template <class Model>
[[nodiscard]] Json probe_metrics(const Model& model, const DataView& train_view, const DataView& test_view,
                                 Index neighbours) {
  const LabelledCodes train = labelled_codes(model, train_view);
  const LabelledCodes test = labelled_codes(model, test_view);
  const Index classes = std::max(std::ranges::max(train.labels), std::ranges::max(test.labels)) + 1;
  const LinearProbe probe(train.codes, train.labels, classes);
  const Index k = std::min(neighbours, train.codes.rows());
  const std::vector<std::int32_t> guesses =
      classify_by_neighbours(train.codes, train.labels, classes, test.codes, k);
  std::vector<Index> counts(static_cast<std::size_t>(classes));
  for (const std::int32_t label : test.labels) {
    ++counts[static_cast<std::size_t>(label)];
  }
  return {{"train_samples", train.codes.rows()},
          {"test_samples", test.codes.rows()},
          {"linear_accuracy", probe.accuracy(test.codes, test.labels)},
          {"linear_train_accuracy", probe.accuracy(train.codes, train.labels)},
          {"neighbours", k},
          {"neighbour_accuracy", agreement(guesses, test.labels)},
          {"most_frequent_label",
           static_cast<double>(std::ranges::max(counts)) / static_cast<double>(test.labels.size())}};
}

/// Adds `probe_metrics` of some samples to `report`; unless `options.probe` asks for them, where their labels
/// allow it.
///
/// Throws ConfigError, DataError, IoError
template <class Model>
void add_probe(const Model& model, const Run& run, const MetricsOptions& options, Json& report) {
  const LoadedData train_data = load_split(run, DataSplit::train);
  const LoadedData test_data = load_split(run, DataSplit::test);
  const SomeSamples train(train_data, options.samples);
  const SomeSamples test(test_data, options.samples);
  std::string obstacle = probe_obstacle(train.view(), true);
  if (obstacle.empty()) {
    obstacle = probe_obstacle(test.view(), false);
  }
  if (obstacle.empty()) {
    report["probe"] = probe_metrics(model, train.view(), test.view(), options.neighbours);
  } else if (options.probe) {
    throw DataError(obstacle);
  }
}

/// How well −ELBO, or −log p(x), tells the samples of `outliers` from those of the data.
template <class Model>
[[nodiscard]] Json outlier_metrics(const Model& model, const Run& run, const LoadedData& data,
                                   const LoadedData& outliers, const MetricsOptions& options) {
  const auto scores_of = [&](const LoadedData& all) {
    const SomeSamples some(all, options.samples);
    return options.importance_samples > 0
               ? negative_log_likelihoods(model, run, some.view(), options.importance_samples, [](Index) {})
               : negative_elbos(model, run, some.view());
  };
  std::vector<double> scores = scores_of(data);
  const std::vector<double> strange = scores_of(outliers);
  std::vector<bool> is_outlier(scores.size(), false);
  is_outlier.resize(scores.size() + strange.size(), true);
  scores.insert(scores.end(), strange.begin(), strange.end());
  return {{"samples", scores.size() - strange.size()},
          {"outliers", strange.size()},
          {"score", options.importance_samples > 0 ? "log likelihood" : "elbo"},
          {"auroc", auroc<double>(scores, is_outlier)},
          {"average_precision", average_precision<double>(scores, is_outlier)}};
}

/// A section of results a line: names padded, numbers with four digits.
inline void print_metrics(const Json& report, std::ostream& out) {
  const auto print = [&](const std::string& name, const Json& value) {
    if (!value.is_null()) {
      out << "  " << name << std::string(name.size() < 28 ? 28 - name.size() : 1, ' ')
          << (value.is_number_float() ? fixed(value.get<double>(), 4)
              : value.is_string()     ? value.get<std::string>()
                                      : dump(value))
          << '\n';
    }
  };
  for (const auto& [section, values] : report.items()) {
    out << section << '\n';
    for (const auto& [name, value] : values.items()) {
      if (!value.is_object()) {
        print(name, value);
        continue;
      }
      for (const auto& [part, number] : value.items()) {
        print(concat(name, ' ', part), number);
      }
    }
  }
  out << std::flush;
}

}  // namespace detail

/// `vaekit metrics`: disentanglement of a run's codes, what a probe tells from them, quality of
/// reconstructions and samples, how well −ELBO or −log p(x) finds outliers.
///
/// Throws UsageError, ConfigError, DataError, NumericError, IoError
inline ExitCode run_metrics(const MetricsOptions& options, std::ostream& out) {
  const ThreadScope threads(options.threads);
  const Run run = load_run(options.run, options.overrides);
  const LoadedData data = load_shown(run);
  std::optional<LoadedData> outliers;
  if (!options.outliers.empty()) {
    outliers = load_input(run, options.outliers, options.condition);
  }
  const bool all = !options.disentanglement && !options.probe && !options.quality && !outliers;
  Json report = Json::object();
  with_model(run, [&]<class Model>(const Model& model) {
    check_support(data.view(), model.likelihood, likelihood_name(run.config.model));
    const bool factors = data.dataset.generated() != nullptr && model.condition == 0 &&
                         options.samples >= detail::least_combinations;
    if (options.disentanglement || (all && factors)) {
      report["disentanglement"] = detail::disentanglement_metrics(model, data, options.samples);
    }
    if (options.probe || (all && run.config.data.test && !data.dataset.labels().empty())) {
      detail::add_probe(model, run, options, report);
    }
    const bool quality = options.quality || !options.features.empty();
    if (quality || (all && has_comparable_columns(run.config.model.likelihood, model.likelihood))) {
      report["quality"] = quality_metrics(
          model, run, data, {options.samples, options.features, options.sampler, options.components});
    }
    if (outliers) {
      report["outliers"] = detail::outlier_metrics(model, run, data, *outliers, options);
    }
  });
  if (report.empty()) {
    throw UsageError(
        "metrics: nothing to measure for this model and data, must be given --outliers; --disentanglement, "
        "--probe and --quality say what they lack");
  }
  if (options.json) {
    out << dump(report) << std::endl;
  } else {
    detail::print_metrics(report, out);
  }
  return ExitCode::done;
}

}  // namespace vaekit::inline VAEKIT_ABI
