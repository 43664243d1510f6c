// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "vaekit/app/load_run.hpp"
#include "vaekit/core/check.hpp"
#include "vaekit/data/npy.hpp"
#include "vaekit/evaluate/check_support.hpp"
#include "vaekit/evaluate/data_view.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Throws NumericError "<name>: parameter \"decoder.0.weight\" is not finite, all must be".
template <class Model>
void check_finite_parameters(const Model& model, std::string_view name) {
  for (const auto& parameter : state_tensors(model)) {
    if (!all_finite<typename Model::Scalar>(parameter.values)) {
      throw NumericError(concat(name, ": parameter \"", parameter.name, "\" is not finite, all must be"));
    }
  }
}

/// Calls `f(model)` with the trained model of `run`, in the precision it was trained in; averaged weights
/// where the run has them.
///
/// Throws DataError when the checkpoint does not hold this model, NumericError when a parameter is not finite
template <class F>
void with_model(const Run& run, F&& f) {
  with_precision(run.config.precision, [&]<class T>(T) {
    ConfiguredVae<T> model =
        build_model<T>(run.config.model, run.input.shape, condition_columns(run.config.data.condition));
    run.checkpoint.load(run.checkpoint.has_average() ? "average." : "", model);
    check_finite_parameters(model, run.checkpoint.name);
    f(std::as_const(model));
  });
}

namespace detail {

/// Whether 8-bit data are the zeros and ones that `transform` makes of 0 and 255.
[[nodiscard]] inline bool are_scaled_bits(const Transform& transform, const Dataset& data) {
  const bool to_unit = transform.base() == 0 &&
                       std::ranges::all_of(transform.center(), [](double c) { return c == 0; }) &&
                       std::ranges::all_of(transform.scale(), [](double s) { return s * 255 == 1; });
  const auto* bytes = std::get_if<std::vector<std::uint8_t>>(&data.values());
  return to_unit && bytes != nullptr && *std::ranges::max_element(*bytes) == 1;
}

}  // namespace detail

/// The transform for data handed to a trained model. Data of the kind it was trained on go through its
/// scaling; for a model of 8-bit data floating values are taken as scaled already, and so are bytes that are
/// nothing but 0 and 1, as in `Scale`.
[[nodiscard]] inline Transform transform_for(const InputFormat& input, const Dataset& data) {
  if (!input.bytes || (data.is_bytes() && !detail::are_scaled_bits(input.transform, data))) {
    return input.transform;
  }
  const auto n = static_cast<std::size_t>(data.features());
  return {std::vector<double>(n, 0), std::vector<double>(n, 1), 0, input.transform.binarize()};
}

namespace detail {

/// Throws DataError when columns of `data` have other names than in training.
inline void check_column_names(const Dataset& data, const InputFormat& input) {
  const std::vector<std::string>& names = data.column_names();
  if (names.empty() || input.columns.empty()) {
    return;
  }
  const auto [found, expected] = std::ranges::mismatch(names, input.columns);
  if (found != names.end()) {
    throw DataError(concat(data.name(), ": feature ", found - names.begin(), " is the column ",
                           quoted_text(*found), ", must be ", quoted_text(*expected), " as in training"));
  }
}

}  // namespace detail

/// Throws DataError when the samples of `data` have another number of features than the model takes, are
/// images of another shape, or have columns of other names.
inline void check_features(const Dataset& data, const InputFormat& input) {
  if (data.features() != input.shape.size()) {
    throw DataError(concat(data.name(), ": samples have ", data.features(), " features (",
                           to_string(data.shape()), "), must have ", input.shape.size(), " for this model (",
                           to_string(input.shape), ')'));
  }
  if (data.shape().is_image() && input.shape.is_image() && data.shape() != input.shape) {
    throw DataError(concat(data.name(), ": samples are ", to_string(data.shape()), ", must be ",
                           to_string(input.shape), " for this model (height x width x channels)"));
  }
  detail::check_column_names(data, input);
}

/// Samples for a trained model, with everything a DataView refers to.
struct LoadedData {
  Dataset dataset;
  Transform transform;
  std::vector<std::uint32_t> rows;
  std::uint64_t seed;
  Condition condition;

  LoadedData(Dataset data, const InputFormat& input, std::uint64_t binarize_seed)
      : dataset(std::move(data)), rows(all_rows(dataset.size())), seed(binarize_seed) {
    check_features(dataset, input);
    transform = transform_for(input, dataset);
  }

  [[nodiscard]] DataView view() const { return {&dataset, &transform, rows, seed, condition}; }
};

}  // namespace vaekit::inline VAEKIT_ABI
