// SPDX-License-Identifier: MIT
#pragma once

#include "vaekit/config/experiment.hpp"
#include "vaekit/model/vae.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// The model that a configuration describes: every part is chosen at run time.
template <class T>
using ConfiguredVae = Vae<Network<T>, AnyLatent<T>, Network<T>, AnyLikelihood<T>, AnyPrior<T>>;

/// Puts the parts together for samples of shape `input` and a condition of so many columns; parameters are
/// zero until `initialize`.
///
/// Throws  ConfigError when a part's numbers are out of range
template <class T>
[[nodiscard]] ConfiguredVae<T> build_model(const ModelConfig& config, const Shape& input,
                                           Index condition = 0) {
  const AnyLatent<T> latent(config.latent);
  const Shape encoded = condition > 0 ? Shape::flat(input.size() + condition) : input;
  ConfiguredVae<T> model(Network<T>(config.encoder, encoded), latent,
                         Network<T>(config.decoder, Shape::flat(latent.dim + condition)),
                         AnyLikelihood<T>(config.likelihood, input.size()), config.head_initializer,
                         AnyPrior<T>(config.prior, latent.dim, input.size(), condition), condition);
  if (config.classifier) {
    if (condition == 0) {
      throw ConfigError("config /model/classifier: needs data/condition of labels, got none");
    }
    model.set_classifier(Network<T>(config.classifier->layers, input), config.classifier->weight);
  }
  return model;
}

/// The name of the configured likelihood, for messages.
[[nodiscard]] inline std::string_view likelihood_name(const ModelConfig& config) {
  return std::visit([](const auto& likelihood) { return likelihood.kind; }, config.likelihood);
}

}  // namespace vaekit::inline VAEKIT_ABI
