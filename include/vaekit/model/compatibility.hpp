// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "vaekit/core/error.hpp"
#include "vaekit/core/reflect.hpp"
#include "vaekit/distributions/library_size.hpp"
#include "vaekit/latent/latent.hpp"
#include "vaekit/model/part_name.hpp"
#include "vaekit/objectives/objective.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

/// An input without a label is trained under every label, weighed by q(y|x): what cannot weigh is refused.
template <class Model, class Objective>
void check_labels_sum_out(const Model& model, const Objective& objective) {
  const auto refuse = [](std::string_view key, const std::string& part, std::string_view why) {
    throw ConfigError(concat(key, ": ", part, " cannot sum out labels", why));
  };
  if (!weighs_inputs(objective)) {
    refuse("objective", part_name(objective), "; use elbo without free bits");
  }
  if (code_count(model.latent) > 0) {
    refuse("latent", part_name(model.latent),
           ", its codebook would learn from every label of an input alike; use a posterior without codes");
  }
  for_each_buffer(model.likelihood, [&](const auto&) {
    refuse("likelihood", part_name(model.likelihood),
           ", its optimal variance would follow every label of an input alike; use a learned variance");
  });
}

}  // namespace detail

/// Refuses combinations of posterior, prior, likelihood and objective that have no meaning, and says why.
///
/// Throws ConfigError "objective: beta_tcvae needs a diagonal Gaussian posterior, got ..."
template <class Model, class Objective>
void check_compatible(const Model& model, const Objective& objective) {
  const TermNeeds needs = needs_of(objective);
  const std::string latent = part_name(model.latent);
  const std::string prior = part_name(model.prior);
  const std::string name = part_name(objective);
  if (space_of(model.latent) != space_of(model.prior)) {
    throw ConfigError(concat("prior: ", prior, " is a distribution on ", space_of(model.prior), ", the ",
                             latent, " posterior lives on ", space_of(model.latent)));
  }
  if (needs.densities && !has_density(model.latent)) {
    throw ConfigError(concat("objective: ", name, " weighs samples by the density of the posterior, ", latent,
                             " has none", has_evaluation_density(model.latent) ? " in training" : ""));
  }
  if (!has_density(model.latent) && !Model::Divergence::closed_form(model.latent, model.prior)) {
    throw ConfigError(concat("prior: the KL divergence of a ", latent, " posterior from ", prior,
                             " has no closed form, and the posterior has no density to estimate it by"));
  }
  if (has_total_of_one(model.likelihood)) {
    throw ConfigError(concat("likelihood: ", part_name(model.likelihood),
                             " gives a single column its own total (library_size), which leaves nothing to "
                             "tell; needs at least 2 columns that share one"));
  }
  if (model.classifier) {
    detail::check_labels_sum_out(model, objective);
  }
  if (needs.moments && !is_diagonal_gaussian(model.latent)) {
    throw ConfigError(concat("objective: ", name, " needs a diagonal Gaussian posterior, got ", latent));
  }
  if (needs.path_gradient && !has_path_gradient(model.latent)) {
    throw ConfigError(concat("objective: the doubly reparameterised gradient of ", name,
                             " needs a posterior whose density is known at any z, got ", latent));
  }
  if (needs.prior_samples && code_count(model.latent) > 0) {
    throw ConfigError(concat("objective: ", name, " compares samples of the prior, codes of a ", latent,
                             " posterior are no sample of one"));
  }
  if (needs.prior_samples && parameter_count(model.prior) > 0) {
    throw ConfigError(concat("objective: ", name, " compares samples of a prior without parameters, got ",
                             prior, "; use a standard_normal prior"));
  }
  if (pseudo_input_count(model.prior) > 0 && model.condition > 0) {
    throw ConfigError(
        concat("prior: ", prior, " has no condition for its inputs; use a conditional_gaussian prior"));
  }
  if (pseudo_input_count(model.prior) > 0 && !is_diagonal_gaussian(model.latent)) {
    throw ConfigError(concat("prior: ", prior, " mixes diagonal Gaussian posteriors, got ", latent));
  }
}

/// Refuses a codebook that the training data cannot fill.
///
/// Throws ConfigError "latent: codebook has 512 codes, must have at most 100 (training samples x positions)"
template <class Model>
void check_codebook(const Model& model, Index training_samples) {
  const Index codes = code_count(model.latent);
  const Index uses = training_samples * model.latent.kl_columns();
  if (codes > uses) {
    throw ConfigError(concat("latent: codebook has ", codes, " codes, must have at most ", uses,
                             " (training samples x positions)"));
  }
}

}  // namespace vaekit::inline VAEKIT_ABI
