// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "vaekit/core/error.hpp"
#include "vaekit/core/reflect.hpp"
#include "vaekit/latent/latent.hpp"
#include "vaekit/model/part_name.hpp"
#include "vaekit/objectives/objective.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Refuses combinations of posterior, prior and objective that have no meaning.
///
/// Throws ConfigError "objective: beta_tcvae needs a diagonal Gaussian posterior, got ..."
template <class Model, class Objective>
void check_compatible(const Model& model, const Objective& objective) {
  const TermNeeds needs = needs_of(objective);
  const std::string latent = part_name(model.latent);
  const std::string prior = part_name(model.prior);
  const std::string name = part_name(objective);
  if (needs.moments && !is_diagonal_gaussian(model.latent)) {
    throw ConfigError(concat("objective: ", name, " needs a diagonal Gaussian posterior, got ", latent));
  }
  if (needs.path_gradient && !has_path_gradient(model.latent)) {
    throw ConfigError(concat("objective: the doubly reparameterised gradient of ", name,
                             " needs a posterior whose density is known at any z, got ", latent));
  }
  if (needs.prior_samples && parameter_count(model.prior) > 0) {
    throw ConfigError(concat("objective: ", name, " compares samples of a prior without parameters, got ",
                             prior, "; use a standard_normal prior"));
  }
  if (pseudo_input_count(model.prior) > 0 && !is_diagonal_gaussian(model.latent)) {
    throw ConfigError(concat("prior: ", prior, " mixes diagonal Gaussian posteriors, got ", latent));
  }
}

}  // namespace vaekit::inline VAEKIT_ABI
