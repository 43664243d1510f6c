// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>

#include "vaekit/config/experiment.hpp"
#include "vaekit/io/file.hpp"
#include "vaekit/model/vae.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// The model that a configuration describes: every part is chosen at run time.
template <class T>
using ConfiguredVae = Vae<Network<T>, GaussianLatent<T>, Network<T>, AnyLikelihood<T>>;

/// Puts the parts together for samples of shape `input`; parameters are zero until `initialize`.
///
/// Throws  ConfigError when a part's numbers are out of range
template <class T>
[[nodiscard]] ConfiguredVae<T> build_model(const ModelConfig& config, const Shape& input) {
  const GaussianLatent<T> latent(std::get<GaussianLatentConfig>(config.latent));
  return ConfiguredVae<T>(Network<T>(config.encoder, input), latent,
                          Network<T>(config.decoder, Shape::flat(latent.dim)),
                          AnyLikelihood<T>(config.likelihood, input.size()), config.head_initializer);
}

/// The name of the configured likelihood, for messages.
[[nodiscard]] inline std::string_view likelihood_name(const ModelConfig& config) {
  return std::visit([](const auto& likelihood) { return likelihood.kind; }, config.likelihood);
}

/// Reads the samples that `source` names.
///
/// Throws  IoError when a file cannot be read, DataError when it is malformed
[[nodiscard]] inline Dataset load_dataset(const SourceConfig& source) {
  const auto name_of = [](const std::string& path) {
    return std::filesystem::path(path).filename().string();
  };
  return std::visit(
      [&]<class C>(const C& config) -> Dataset {
        if constexpr (std::same_as<C, SyntheticConfig>) {
          return make_synthetic(config);
        } else if constexpr (std::same_as<C, CsvConfig>) {
          return parse_csv(read_file(config.path), name_of(config.path), config);
        } else if constexpr (std::same_as<C, IdxConfig>) {
          Dataset dataset = parse_idx(read_file(config.path), name_of(config.path));
          if (!config.labels.empty()) {
            dataset.set_labels(parse_idx_labels(read_file(config.labels), name_of(config.labels)));
          }
          return dataset;
        } else {
          Dataset dataset = parse_npy(read_file(config.path), name_of(config.path));
          if (!config.labels.empty()) {
            dataset.set_labels(parse_npy_labels(read_file(config.labels), name_of(config.labels)));
          }
          return dataset;
        }
      },
      source);
}

}  // namespace vaekit::inline VAEKIT_ABI
