// SPDX-License-Identifier: MIT
//
// The typed form of a configuration file. Each struct's `fields()` table is the only place that names its
// keys.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "vaekit/config/scale.hpp"
#include "vaekit/data/transform.hpp"
#include "vaekit/distributions/builtin.hpp"
#include "vaekit/io/load.hpp"
#include "vaekit/latent/builtin.hpp"
#include "vaekit/nn/network.hpp"
#include "vaekit/objectives/builtin.hpp"
#include "vaekit/optim/builtin.hpp"
#include "vaekit/train/trainer.hpp"

namespace vaekit::inline VAEKIT_ABI {

inline constexpr Index most_classes = 100'000;

/// Models are told the labels of the data, one-hot.
struct LabelConditionConfig {
  static constexpr std::string_view kind = "labels";
  static constexpr std::string_view noun = "condition";
  Index classes = 0;
  Index labelled = 0;
  double labelled_share = 0.5;

  static constexpr auto fields() {
    return std::tuple{
        field("classes", &LabelConditionConfig::classes,
              "number of classes, 0 = the largest training label + 1", between(0, most_classes)),
        field("labelled", &LabelConditionConfig::labelled,
              "training samples whose label is known, equally many of each class; 0 = all. "
              "With fewer the model "
              "needs a classifier",
              non_negative),
        field("labelled_share", &LabelConditionConfig::labelled_share,
              "share of labelled samples in an epoch, which repeats them", below_one)};
  }
};

/// Models are told a vector of numbers for each sample.
struct VectorConditionConfig {
  static constexpr std::string_view kind = "vectors";
  DataSource train = {};
  std::optional<DataSource> test = {};
  std::optional<DataSource> validation = {};
  Index columns = 0;

  static constexpr auto fields() {
    return std::tuple{
        required_field("train", &VectorConditionConfig::train, "a row for each sample of data/train"),
        field("test", &VectorConditionConfig::test, "a row for each sample of data/test"),
        field("validation", &VectorConditionConfig::validation, "a row for each sample of data/validation"),
        field("columns", &VectorConditionConfig::columns, "numbers in a row, 0 = as many as there are",
              between(0, size_range.maximum))};
  }
};

using ConditionConfig = std::variant<LabelConditionConfig, VectorConditionConfig>;

/// Columns that a condition adds to a sample, 0 for none; what the configuration leaves open counts as 0.
[[nodiscard]] inline Index condition_columns(const std::optional<ConditionConfig>& config) {
  if (!config) {
    return 0;
  }
  const auto* labels = std::get_if<LabelConditionConfig>(&*config);
  return labels != nullptr ? labels->classes : std::get<VectorConditionConfig>(*config).columns;
}

/// Where samples come from and how they become inputs.
struct DataConfig {
  DataSource train;
  std::optional<DataSource> test;
  std::optional<DataSource> validation;
  double validation_fraction = 0;
  Scale scale;
  Binarize binarize = Binarize::none;
  std::optional<ConditionConfig> condition;

  static constexpr auto fields() {
    return std::tuple{
        required_field("train", &DataConfig::train, "samples to train on"),
        field("test", &DataConfig::test, "samples to evaluate on; never looked at by training decisions"),
        field("validation", &DataConfig::validation,
              "samples for the best checkpoint and early stopping, where they are a set of their own"),
        field("validation_fraction", &DataConfig::validation_fraction,
              "or the share of the training samples that is held out for them", below_one),
        field("scale", &DataConfig::scale, "how stored values become model inputs"),
        field("binarize", &DataConfig::binarize,
              "inputs as 0 or 1: by a threshold of 0.5, or drawn anew each epoch"),
        field(
            "condition", &DataConfig::condition,
            "what a conditional model is told about each sample: encoder, decoder and a conditional prior")};
  }
};

/// Whether training watches a validation set.
///
/// Throws ConfigError when there would be two
[[nodiscard]] inline bool has_validation(const DataConfig& config) {
  if (config.validation && config.validation_fraction > 0) {
    throw ConfigError(concat("config /data/validation_fraction: is ", config.validation_fraction,
                             ", must be 0 where data/validation names the samples"));
  }
  return config.validation || config.validation_fraction > 0;
}

/// The network of q(y|x) of a model that learns from few labels.
struct ClassifierConfig {
  std::vector<LayerConfig<>> layers = {DenseConfig{.units = 400, .activation = Activation::relu}};
  double weight = 50;

  static constexpr auto fields() {
    return std::tuple{
        field("layers", &ClassifierConfig::layers, "layers from the features to the head of q(y|x)"),
        field("weight", &ClassifierConfig::weight, "of the classification loss of labelled samples",
              non_negative)};
  }
};

/// The parts of a model; sizes that follow from the data or from each other are not named.
struct ModelConfig {
  std::vector<LayerConfig<>> encoder = {DenseConfig{.units = 400, .activation = Activation::relu}};
  LatentConfig latent = GaussianLatentConfig{};
  PriorConfig prior = StandardNormalConfig{};
  std::vector<LayerConfig<>> decoder = {DenseConfig{.units = 400, .activation = Activation::relu}};
  LikelihoodConfig likelihood = BernoulliConfig{};
  Initializer head_initializer = Initializer::fan_in_uniform;
  std::optional<ClassifierConfig> classifier;

  static constexpr auto fields() {
    return std::tuple{
        field("encoder", &ModelConfig::encoder, "layers from the data to the head of the posterior"),
        field("latent", &ModelConfig::latent, "posterior q(z|x)"),
        field("prior", &ModelConfig::prior, "p(z)"),
        field("decoder", &ModelConfig::decoder, "layers from z to the head of the likelihood"),
        field("likelihood", &ModelConfig::likelihood, "p(x|z)"),
        field("head_initializer", &ModelConfig::head_initializer, "distribution of the heads' first weights"),
        field("classifier", &ModelConfig::classifier,
              "q(y|x) of a semi-supervised model, whose condition is a label that not all samples have")};
  }
};

enum class Precision { float32, float64 };

[[nodiscard]] constexpr auto enum_names(Precision) {
  return std::array<std::string_view, 2>{"float32", "float64"};
}

/// One experiment, from data to trained model.
struct ExperimentConfig {
  std::string name = "experiment";
  std::uint64_t seed = 1;
  Precision precision = Precision::float32;
  DataConfig data;
  ModelConfig model;
  ObjectiveConfig objective = ElboConfig{};
  OptimizerConfig optimizer = AdamConfig{};
  TrainingConfig training;

  static constexpr auto fields() {
    return std::tuple{
        field("name", &ExperimentConfig::name, "names the run folder: runs/NAME"),
        field("seed", &ExperimentConfig::seed, "of every random number of the run"),
        field("precision", &ExperimentConfig::precision, "scalar type of parameters and arithmetic"),
        required_field("data", &ExperimentConfig::data, "training, validation and test samples"),
        field("model", &ExperimentConfig::model, "the parts of the autoencoder"),
        field("objective", &ExperimentConfig::objective, "what training maximises"),
        field("optimizer", &ExperimentConfig::optimizer, "how weights change"),
        field("training", &ExperimentConfig::training, "the training loop")};
  }
};

/// Calls `f(T{})` with the scalar type of `precision`.
template <class F>
decltype(auto) with_precision(Precision precision, F&& f) {
  return precision == Precision::float64 ? f(double{}) : f(float{});
}

}  // namespace vaekit::inline VAEKIT_ABI
