// SPDX-License-Identifier: MIT
//
// The latents and priors that a configuration can name: the one list of each.
#pragma once

#include <variant>

#include "vaekit/latent/gaussian.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Config of any posterior q(z|x).
using LatentConfig = std::variant<GaussianLatentConfig>;

/// Config of any prior p(z).
using PriorConfig = std::variant<StandardNormalConfig>;

}  // namespace vaekit::inline VAEKIT_ABI
