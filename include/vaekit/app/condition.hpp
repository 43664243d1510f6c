// SPDX-License-Identifier: MIT
//
// The condition of a conditional model, from a configuration or from the command line.
#pragma once

#include <charconv>
#include <memory>
#include <string>
#include <vector>

#include "vaekit/app/load_run.hpp"
#include "vaekit/data/condition.hpp"
#include "vaekit/data/npy.hpp"
#include "vaekit/evaluate/data_view.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Fills in the numbers that the configuration left to the training data.
///
/// Throws DataError when a label is too large
inline void resolve_condition(std::optional<ConditionConfig>& config, const Dataset& train) {
  if (!config) {
    return;
  }
  if (auto* labels = std::get_if<LabelConditionConfig>(&*config)) {
    if (labels->classes == 0 && !train.labels().empty()) {
      const auto largest = std::ranges::max_element(train.labels());
      if (*largest >= most_classes) {
        throw DataError(concat(train.name(), ": label of sample ", largest - train.labels().begin(), " is ",
                               *largest, ", must be in 0 .. ", most_classes - 1, " for a condition"));
      }
      labels->classes = std::max(Index{*largest} + 1, Index{1});
    }
  } else if (auto& vectors = std::get<VectorConditionConfig>(*config); vectors.columns == 0) {
    vectors.columns = load_dataset(vectors.train).features();
  }
}

/// The condition of the samples of `data`, which are a split with a source of its own.
///
/// Throws DataError, ConfigError when there is none for that source
[[nodiscard]] inline Condition load_condition(const std::optional<ConditionConfig>& config,
                                              const Dataset& data, DataSplit split) {
  if (!config) {
    return {};
  }
  if (const auto* labels = std::get_if<LabelConditionConfig>(&*config)) {
    return Condition::labels(data, labels->classes);
  }
  const auto& vectors = std::get<VectorConditionConfig>(*config);
  const std::optional<DataSource>& source = split == DataSplit::train  ? std::optional(vectors.train)
                                            : split == DataSplit::test ? vectors.test
                                                                       : vectors.validation;
  if (!source) {
    throw ConfigError(concat("config /data/condition/", to_string(split), ": missing key, required for data/",
                             to_string(split)));
  }
  auto values = std::make_shared<const Dataset>(load_dataset(*source));
  if (values->features() != vectors.columns) {
    throw DataError(concat(values->name(), ": conditions have ", values->features(), " numbers, must have ",
                           vectors.columns));
  }
  return Condition::rows(data, std::move(values));
}

namespace detail {

/// "0.5,1,-2" as numbers.
[[nodiscard]] inline std::vector<double> parse_numbers(const std::string& text) {
  std::vector<double> numbers;
  const char* place = text.data();
  const char* const end = text.data() + text.size();
  while (true) {
    double number = 0;
    const auto [next, error] = std::from_chars(place, end, number);
    if (error != std::errc{} || !std::isfinite(number) || (next != end && *next != ',')) {
      throw UsageError(concat("--condition: is \"", text,
                              "\", must be a class, numbers with commas, or a file "
                              "that ends in .npy"));
    }
    numbers.push_back(number);
    if (next == end) {
      return numbers;
    }
    place = next + 1;
  }
}

[[nodiscard]] inline std::vector<double> one_hot(double label, Index classes) {
  if (label != std::floor(label) || label < 0 || label >= static_cast<double>(classes)) {
    throw UsageError(concat("--condition: class is ", label, ", must be in 0 .. ", classes - 1, " (", classes,
                            " classes)"));
  }
  std::vector<double> row(static_cast<std::size_t>(classes), 0);
  row[static_cast<std::size_t>(label)] = 1;
  return row;
}

}  // namespace detail

/// One condition for each of `count` rows, from what a user wrote: nothing (classes in turn), a class,
/// numbers with commas, or an .npy file of labels or rows.
///
/// Throws UsageError, DataError, IoError
[[nodiscard]] inline std::shared_ptr<const Dataset> condition_rows(const ExperimentConfig& config,
                                                                   const std::string& text, Index count) {
  const Index columns = condition_columns(config.data.condition);
  if (columns == 0) {
    if (!text.empty()) {
      throw UsageError("--condition: the model has no condition, must be left out");
    }
    return nullptr;
  }
  const bool labels = std::holds_alternative<LabelConditionConfig>(*config.data.condition);
  std::vector<double> values;
  const auto append = [&](const std::vector<double>& row) {
    if (std::ssize(row) != columns) {
      throw UsageError(concat("--condition: has ", row.size(), " numbers, must have ", columns));
    }
    values.insert(values.end(), row.begin(), row.end());
  };
  if (text.ends_with(".npy")) {
    if (!labels) {
      return std::make_shared<const Dataset>(parse_npy(read_file(text), text));
    }
    for (const std::int32_t label : parse_npy_labels(read_file(text), text)) {
      append(detail::one_hot(label, columns));
    }
  } else if (text.empty() && !labels) {
    throw UsageError("--condition: missing, the model was told a vector of numbers for each sample");
  } else {
    const std::vector<double> numbers = text.empty() ? std::vector<double>{} : detail::parse_numbers(text);
    if (labels && numbers.size() > 1) {
      throw UsageError(concat("--condition: has ", numbers.size(), " numbers, must be one class in 0 .. ",
                              columns - 1, " (", columns, " classes)"));
    }
    for (Index row = 0; row < count; ++row) {
      append(!labels ? numbers
                     : detail::one_hot(numbers.empty() ? static_cast<double>(row % columns) : numbers[0],
                                       columns));
    }
  }
  return std::make_shared<const Dataset>("--condition", Shape::flat(columns), std::move(values));
}

/// Latents [n × dim] with room for the condition, which is filled in from `conditions` (one a row).
///
/// Throws DataError when their numbers differ
template <class Model>
[[nodiscard]] Matrix<typename Model::Scalar> conditioned_latents(
    const Model& model, const std::shared_ptr<const Dataset>& conditions, Index count) {
  using T = typename Model::Scalar;
  Matrix<T> z(count, model.latent_columns());
  if (model.condition > 0) {
    if (conditions->size() != count || conditions->features() != model.condition) {
      throw DataError(concat(conditions->name(), ": has ", conditions->size(), " conditions of ",
                             conditions->features(), " numbers, must have ", count, " of ", model.condition));
    }
    const std::vector<std::uint32_t> rows = all_rows(count);
    Condition::rows(*conditions, conditions).template read<T>(rows, z.rightCols(model.condition));
  }
  return z;
}

/// Conditions to show a model's samples with: each class in turn, or those of the samples of `view`.
template <class Model>
[[nodiscard]] Matrix<typename Model::Scalar> shown_latents(const Model& model, const DataView& view,
                                                           Index count) {
  using T = typename Model::Scalar;
  Matrix<T> z(count, model.latent_columns());
  for (Index row = 0; model.condition > 0 && row < count; ++row) {
    if (view.condition.is_label()) {
      z(row, model.latent_dim() + row % model.condition) = T{1};
    } else {
      const Index sample = row % view.size();
      view.condition.read<T>(view.rows.subspan(static_cast<std::size_t>(sample), 1),
                             z.middleRows(row, 1).rightCols(model.condition));
    }
  }
  return z;
}

}  // namespace vaekit::inline VAEKIT_ABI
