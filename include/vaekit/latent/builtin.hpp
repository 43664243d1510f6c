// SPDX-License-Identifier: MIT
//
// The posteriors and priors that a configuration can name: the one list of each.
#pragma once

#include <tuple>

#include "vaekit/latent/any_latent.hpp"
#include "vaekit/latent/categorical_prior.hpp"
#include "vaekit/latent/code_prior.hpp"
#include "vaekit/latent/concrete.hpp"
#include "vaekit/latent/conditional_gaussian.hpp"
#include "vaekit/latent/flow_latent.hpp"
#include "vaekit/latent/flow_prior.hpp"
#include "vaekit/latent/full_gaussian.hpp"
#include "vaekit/latent/gaussian.hpp"
#include "vaekit/latent/gaussian_mixture.hpp"
#include "vaekit/latent/joint.hpp"
#include "vaekit/latent/ladder.hpp"
#include "vaekit/latent/ladder_prior.hpp"
#include "vaekit/latent/poincare.hpp"
#include "vaekit/latent/sphere_prior.hpp"
#include "vaekit/latent/vamp_prior.hpp"
#include "vaekit/latent/vector_quantized.hpp"
#include "vaekit/latent/von_mises_fisher.hpp"
#include "vaekit/latent/wrapped_normal_prior.hpp"

namespace vaekit::inline VAEKIT_ABI {

template <class T = float>
using BuiltinLatents =
    std::tuple<GaussianLatent<T>, FullGaussianLatent<T>, FlowLatent<T>, LadderLatent<T>, ConcreteLatent<T>,
               VectorQuantizedLatent<T>, JointLatent<T>, VonMisesFisherLatent<T>, PoincareLatent<T>>;

template <class T = float>
using BuiltinPriors = std::tuple<StandardNormal<T>, GaussianMixture<T>, VampPrior<T>, FlowPrior<T>,
                                 ConditionalGaussian<T>, LadderPrior<T>, CategoricalPrior<T>, CodePrior<T>,
                                 JointPrior<T>, UniformSphere<T>, WrappedNormal<T>>;

/// Config of any built-in posterior q(z|x).
using LatentConfig = PartList<BuiltinLatents<>>::ConfigVariant;

/// Config of any built-in prior p(z).
using PriorConfig = PartList<BuiltinPriors<>>::ConfigVariant;

/// Any built-in posterior.
template <class T = float>
using AnyLatent = AnyLatentOf<BuiltinLatents<T>>;

/// Any built-in prior.
template <class T = float>
using AnyPrior = AnyPriorOf<BuiltinPriors<T>>;

}  // namespace vaekit::inline VAEKIT_ABI
