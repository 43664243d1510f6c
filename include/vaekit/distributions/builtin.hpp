// SPDX-License-Identifier: MIT
//
// The likelihoods that a configuration can name: the one list. Append your own type and hand the longer tuple
// to `AnyOf`.
#pragma once

#include <tuple>

#include "vaekit/distributions/any_likelihood.hpp"
#include "vaekit/distributions/bernoulli.hpp"
#include "vaekit/distributions/gaussian.hpp"

namespace vaekit::inline VAEKIT_ABI {

template <class T = float>
using BuiltinLikelihoods = std::tuple<Bernoulli<T>, Gaussian<T>>;

/// Config of any built-in likelihood.
using LikelihoodConfig = detail::LikelihoodList<BuiltinLikelihoods<>>::ConfigVariant;

/// Any built-in likelihood.
template <class T = float>
using AnyLikelihood = AnyOf<BuiltinLikelihoods<T>>;

}  // namespace vaekit::inline VAEKIT_ABI
