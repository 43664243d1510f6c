// SPDX-License-Identifier: MIT
#pragma once

#include <iomanip>
#include <sstream>
#include <string>
#include <vector>

#include "vaekit/core/reflect.hpp"
#include "vaekit/core/shape.hpp"
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
  Index parameters = 0;
  double multiply_adds = 0;  ///< of one forward pass, per input
  double weight_bytes = 0;
  double training_bytes = 0;  ///< weights, gradient, two moments and the workspace of a batch
  Index batch = 0;
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
    std::string kind = "layer";
    if constexpr (requires { L::Config::kind; }) {
      kind = L::Config::kind;
    }
    rows.push_back(
        {name, kind, layer.output_shape(), parameter_count(layer), evaluations * layer.multiply_adds()});
  }
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
/// samples each. The workspace counts every matrix between layers with its gradient.
template <class Model>
[[nodiscard]] ModelSummary summary(const Model& model, Index batch, Index samples = 1) {
  const auto draws = static_cast<double>(samples);
  ModelSummary result;
  result.batch = batch;
  detail::add_summary_rows("encoder", model.encoder, 1, result.rows);
  detail::add_summary_rows("posterior_head", model.posterior_head, 1, result.rows);
  detail::add_summary_rows("decoder", model.decoder, draws, result.rows);
  detail::add_summary_rows("likelihood_head", model.likelihood_head, draws, result.rows);
  double values = static_cast<double>(model.features() + 6 * model.latent_dim()) +
                  draws * 4 * static_cast<double>(model.latent_dim());
  for (const SummaryRow& row : result.rows) {
    const bool decoding = row.name.starts_with("decoder") || row.name.starts_with("likelihood");
    values += (decoding ? draws : 1) * 2 * static_cast<double>(row.output.size());
    result.multiply_adds += row.multiply_adds;
  }
  result.parameters = parameter_count(model);
  constexpr auto scalar = static_cast<double>(sizeof(typename Model::Scalar));
  result.weight_bytes = scalar * static_cast<double>(result.parameters);
  result.training_bytes = 4 * result.weight_bytes + scalar * values * static_cast<double>(batch);
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
  out << "weights " << detail::size_text(summary.weight_bytes) << ", peak memory of training at batch "
      << summary.batch << " about " << detail::size_text(summary.training_bytes) << " besides the data\n";
  return out.str();
}

}  // namespace vaekit::inline VAEKIT_ABI
