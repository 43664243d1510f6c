// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "vaekit/evaluate/code_usage.hpp"
#include "vaekit/evaluate/finding.hpp"
#include "vaekit/evaluate/objective_probe.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Share of a layer's units from which on dead ones are a fault. Half is usual: inputs that are all positive
/// leave a relu of random weights on one side.
inline constexpr double dead_unit_share = 0.9;
/// Share of the codes from which on unused ones are.
inline constexpr double dead_code_share = 0.5;

/// Units of a layer whose weights have a gradient of exactly 0.
struct DeadUnits {
  std::string name;  ///< of the weight
  Index dead = 0;
  Index units = 0;

  [[nodiscard]] double share() const { return static_cast<double>(dead) / static_cast<double>(units); }
};

namespace detail {

/// Weights of hidden layers, of which a row belongs to a unit.
[[nodiscard]] inline bool is_hidden_weight(std::string_view name) {
  return name.ends_with("weight") &&
         (name.starts_with("encoder.") || name.starts_with("decoder.") || name.starts_with("classifier."));
}

}  // namespace detail

/// For each weight of the encoder, the decoder and the classifier, the rows whose gradient is 0 in every
/// element for every batch of the view: such a unit cannot learn any more.
///
/// Threads  the result does not depend on their number
template <class Model, class ObjectiveType>
[[nodiscard]] std::vector<DeadUnits> dead_units(const Model& model, const ObjectiveType& objective,
                                                const DataView& view, double time, std::uint64_t seed,
                                                Index batch = 100) {
  using T = typename Model::Scalar;
  batch = std::min(batch, view.size());
  ObjectiveProbe<Model, ObjectiveType> probe(model, objective, batch, seed);
  Matrix<T> buffer(batch, model.input_columns());
  std::vector<std::vector<bool>> alive;
  std::vector<DeadUnits> result;
  for_each_batch<T>(view, buffer, [&](Index first, MatrixIn<T> x) {
    probe(model, x, time, static_cast<std::uint64_t>(first));
    std::size_t layer = 0;
    for (const auto& tensor : parameters(probe.gradient())) {
      if (tensor.is_vector || !detail::is_hidden_weight(tensor.name)) {
        continue;
      }
      if (first == 0) {
        result.push_back({tensor.name, 0, tensor.rows});
        alive.emplace_back(static_cast<std::size_t>(tensor.rows), false);
      }
      for (Index row = 0; row < tensor.rows; ++row) {
        const auto values = tensor.values.subspan(static_cast<std::size_t>(row * tensor.cols),
                                                  static_cast<std::size_t>(tensor.cols));
        if (std::ranges::any_of(values, [](T value) { return value != T{0}; })) {
          alive[layer][static_cast<std::size_t>(row)] = true;
        }
      }
      ++layer;
    }
  });
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i].dead = std::ranges::count(alive[i], false);
  }
  return result;
}

/// "units": a fault for each layer of which nine tenths of the units, or more, are dead (see `dead_units`).
///
/// Looks at 500 samples of the view.
/// Threads  the result does not depend on their number
/// Source   dying ReLU: Lu et al. 2020 (arXiv:1903.06733)
template <class Model, class ObjectiveType>
[[nodiscard]] std::vector<Finding> check_units(const Model& model, const ObjectiveType& objective,
                                               const DataView& view, double time, std::uint64_t seed) {
  constexpr std::string_view check = "units";
  const std::vector<std::uint32_t> rows = random_rows(view, 500);
  DataView some = view;
  some.rows = rows;
  const std::vector<DeadUnits> layers = dead_units(model, objective, some, time, seed);
  if (layers.empty()) {
    return {Finding::skipped(check, "the model has no hidden layers")};
  }
  std::vector<Finding> findings;
  const auto text = [](const DeadUnits& layer) {
    return concat(layer.dead, " of ", layer.units, " units of ", layer.name);
  };
  for (const DeadUnits& layer : layers) {
    if (layer.share() >= dead_unit_share) {
      findings.push_back(Finding::fault(
          check, concat(text(layer), " have no gradient for any of ", some.size(), " inputs"),
          "lower the learning rate or scale the data; leaky_relu, elu or layer_norm keep units alive"));
    }
  }
  if (findings.empty()) {
    const DeadUnits& worst = *std::ranges::max_element(layers, {}, &DeadUnits::share);
    findings.push_back(Finding::ok(
        check, worst.dead > 0 ? concat(text(worst), " have no gradient") : "all units have a gradient"));
  }
  return findings;
}

/// "codes": a fault when half of the codes, or more, describe none of up to 2000 samples, which have at least
/// ten positions for each code.
///
/// Threads  the result does not depend on their number
template <class Model>
[[nodiscard]] std::vector<Finding> check_codes(const Model& model, const DataView& view) {
  constexpr std::string_view check = "codes";
  const Index codes = code_count(model.latent);
  if (codes == 0) {
    return {Finding::skipped(check, "the posterior has no codes")};
  }
  const std::vector<std::uint32_t> rows = random_rows(view, 2000);
  DataView some = view;
  some.rows = rows;
  if (some.size() * model.latent.kl_columns() < 10 * codes) {
    return {Finding::skipped(check, concat(some.size(), " samples are too few for ", codes, " codes"))};
  }
  const CodeUsage usage = code_usage(model, some);
  const std::string figure = concat(usage.used(), " of ", codes, " codes in use, perplexity ",
                                    rounded(usage.perplexity()), ", over ", some.size(), " samples");
  if (static_cast<double>(codes - usage.used()) < dead_code_share * static_cast<double>(codes)) {
    return {Finding::ok(check, figure)};
  }
  return {Finding::fault(check, figure,
                         "take fewer codes, or revive unused ones: latent/revive_below 1, decay 0.99")};
}

}  // namespace vaekit::inline VAEKIT_ABI
