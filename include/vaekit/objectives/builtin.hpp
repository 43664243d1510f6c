// SPDX-License-Identifier: MIT
//
// The objectives that a configuration can name: the one list.
#pragma once

#include <tuple>

#include "vaekit/objectives/any_objective.hpp"
#include "vaekit/objectives/beta_tcvae.hpp"
#include "vaekit/objectives/capacity.hpp"
#include "vaekit/objectives/dip_vae.hpp"
#include "vaekit/objectives/elbo.hpp"
#include "vaekit/objectives/factor_vae.hpp"
#include "vaekit/objectives/importance_weighted.hpp"
#include "vaekit/objectives/maximum_mean_discrepancy.hpp"
#include "vaekit/objectives/rae.hpp"

namespace vaekit::inline VAEKIT_ABI {

using BuiltinObjectives =
    std::tuple<Elbo, Capacity, Iwae, Miwae, Ciwae, Renyi, BetaTcvae, DipVae, InfoVae, WaeMmd, Rae, FactorVae>;

/// Config of any built-in objective.
using ObjectiveConfig = detail::ObjectiveList<BuiltinObjectives>::ConfigVariant;

/// Any built-in objective.
using AnyObjective = AnyObjectiveOf<BuiltinObjectives>;

}  // namespace vaekit::inline VAEKIT_ABI
