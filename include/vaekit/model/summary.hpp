// SPDX-License-Identifier: MIT
#pragma once

#include <iomanip>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include "vaekit/core/reflect.hpp"
#include "vaekit/core/shape.hpp"
#include "vaekit/model/part_name.hpp"
#include "vaekit/model/vae.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// One layer of a model.
struct SummaryRow {
  std::string name;  ///< as its parameters are called: "encoder.0"
  std::string kind;  ///< as a configuration calls it: "dense"
  Shape output;
  Index parameters = 0;
  double multiply_adds = 0;  ///< of one forward pass, per input
};

/// What a model is made of and what training it costs.
struct ModelSummary {
  std::vector<SummaryRow> rows;
  Index parameters = 0;      ///< the sum of the rows
  double multiply_adds = 0;  ///< of one forward pass, per input
  Index batch = 0;
  double weight_bytes = 0;
  double gradient_bytes = 0;
  double optimizer_bytes = 0;
  double workspace_bytes = 0;  ///< all that `make_workspace` allocates for the batch
  double training_bytes = 0;   ///< the sum of the four
};

namespace detail {

template <class L>
void add_summary_rows(const std::string& name, const L& layer, double evaluations,
                      std::vector<SummaryRow>& rows) {
  if constexpr (requires { layer.for_each([](std::size_t, const auto&) {}); }) {
    layer.for_each([&](std::size_t i, const auto& part) {
      add_summary_rows(name + '.' + std::to_string(i), part, evaluations, rows);
    });
  } else {
    rows.push_back({name, part_name(layer), layer.output_shape(), parameter_count(layer),
                    evaluations * layer.multiply_adds()});
  }
}

/// Bytes of the workspace. It grows by the same amount for each input, so that two small ones tell the size
/// of one that may not fit into memory.
template <class Model>
[[nodiscard]] double workspace_bytes(const Model& model, Index batch, Index samples) {
  const auto measure = [&](Index inputs) {
    const std::ptrdiff_t before = allocated_bytes();
    const typename Model::Workspace w = model.make_workspace(inputs, samples);
    return static_cast<double>(allocated_bytes() - before);
  };
  const double one = measure(1);
  return one + static_cast<double>(batch - 1) * (measure(2) - one);
}

/// "1.2 MB"
[[nodiscard]] inline std::string size_text(double bytes) {
  std::ostringstream out;
  const bool large = bytes >= 1e6;
  out << std::fixed << std::setprecision(1) << bytes / (large ? 1e6 : 1e3) << (large ? " MB" : " kB");
  return out.str();
}

/// 652824 as "652,824".
[[nodiscard]] inline std::string count_text(double count) {
  std::ostringstream plain;
  plain << std::fixed << std::setprecision(0) << count;
  std::string digits = plain.str();
  for (std::size_t i = digits.size(); i > 3; i -= 3) {
    digits.insert(i - 3, ",");
  }
  return digits;
}

}  // namespace detail

/// Layers, sizes and costs of a model that is trained with batches of `batch` inputs and `samples` latent
/// samples each, by an optimizer that keeps `moments` numbers for each parameter (Adam 2, SGD 1; an average
/// of the weights is one more).
///
/// Not counted: the data, the critic of a FactorVAE, and the packing buffers of matrix products, a few MB a
/// thread.
/// Throws ConfigError when `batch` or `samples` is below 1.
template <class Model>
[[nodiscard]] ModelSummary summary(const Model& model, Index batch, Index samples = 1, Index moments = 2) {
  if (batch < 1 || samples < 1) {
    throw ConfigError(concat("summary: ", batch < 1 ? "batch is " : "samples is ",
                             batch < 1 ? batch : samples, ", must be >= 1"));
  }
  const auto draws = static_cast<double>(samples);
  ModelSummary result;
  result.batch = batch;
  detail::add_summary_rows("encoder", model.encoder, 1, result.rows);
  detail::add_summary_rows("posterior_head", model.posterior_head, 1, result.rows);
  result.rows.push_back({"latent", part_name(model.latent), Shape::flat(model.latent_dim()),
                         parameter_count(model.latent) + parameter_count(model.prior), 0});
  detail::add_summary_rows("decoder", model.decoder, draws, result.rows);
  detail::add_summary_rows("likelihood_head", model.likelihood_head, draws, result.rows);
  result.rows.push_back({"likelihood", part_name(model.likelihood),
                         model.condition > 0 ? Shape::flat(model.features()) : model.encoder.input_shape(),
                         parameter_count(model.likelihood), 0});
  if (model.classifier) {
    detail::add_summary_rows("classifier", model.classifier->network, 1, result.rows);
    detail::add_summary_rows("classifier_head", model.classifier->head, 1, result.rows);
  }
  for (const SummaryRow& row : result.rows) {
    result.parameters += row.parameters;
    result.multiply_adds += row.multiply_adds;
  }
  result.weight_bytes =
      static_cast<double>(sizeof(typename Model::Scalar)) * static_cast<double>(result.parameters);
  result.gradient_bytes = result.weight_bytes;
  result.optimizer_bytes = static_cast<double>(moments) * result.weight_bytes;
  result.workspace_bytes = detail::workspace_bytes(model, batch, samples);
  result.training_bytes =
      result.weight_bytes + result.gradient_bytes + result.optimizer_bytes + result.workspace_bytes;
  return result;
}

/// The summary as a table.
[[nodiscard]] inline std::string to_string(const ModelSummary& summary) {
  std::ostringstream out;
  const auto line = [&](const std::string& name, const std::string& kind, const std::string& output,
                        const std::string& parameters, const std::string& multiply_adds) {
    out << std::left << std::setw(18) << name << std::setw(12) << kind << std::right << std::setw(10)
        << output << std::setw(14) << parameters << std::setw(16) << multiply_adds << '\n';
  };
  line("layer", "type", "output", "parameters", "multiply-adds");
  for (const SummaryRow& row : summary.rows) {
    line(row.name, row.kind, to_string(row.output), detail::count_text(static_cast<double>(row.parameters)),
         detail::count_text(row.multiply_adds));
  }
  line("total", "", "", detail::count_text(static_cast<double>(summary.parameters)),
       detail::count_text(summary.multiply_adds));
  out << "training at batch " << summary.batch << ": weights " << detail::size_text(summary.weight_bytes)
      << ", gradient " << detail::size_text(summary.gradient_bytes) << ", optimizer "
      << detail::size_text(summary.optimizer_bytes) << ", workspace "
      << detail::size_text(summary.workspace_bytes) << ", together "
      << detail::size_text(summary.training_bytes) << " besides the data\n";
  return out.str();
}

}  // namespace vaekit::inline VAEKIT_ABI
