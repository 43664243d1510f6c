// SPDX-License-Identifier: MIT
//
// The likelihoods that a configuration can name: the one list. Append your own type and hand the longer tuple
// to `AnyOf`.
#pragma once

#include <tuple>

#include "vaekit/distributions/any_likelihood.hpp"
#include "vaekit/distributions/bernoulli.hpp"
#include "vaekit/distributions/categorical.hpp"
#include "vaekit/distributions/columns.hpp"
#include "vaekit/distributions/continuous_bernoulli.hpp"
#include "vaekit/distributions/discretized_logistic.hpp"
#include "vaekit/distributions/discretized_logistic_mixture.hpp"
#include "vaekit/distributions/gaussian.hpp"
#include "vaekit/distributions/laplace.hpp"
#include "vaekit/distributions/negative_binomial.hpp"
#include "vaekit/distributions/poisson.hpp"
#include "vaekit/distributions/student_t.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// What a group of columns can be.
template <class T = float>
using FeatureLikelihoods = std::tuple<Bernoulli<T>, Gaussian<T>, ContinuousBernoulli<T>, Laplace<T>,
                                      StudentT<T>, DiscretizedLogistic<T>, DiscretizedLogisticMixture<T>,
                                      Poisson<T>, NegativeBinomial<T>, Categorical<T>>;

template <class T = float>
using BuiltinLikelihoods = decltype(std::tuple_cat(
    std::declval<FeatureLikelihoods<T>>(), std::declval<std::tuple<Columns<FeatureLikelihoods<T>>>>()));

/// Config of any built-in likelihood.
using LikelihoodConfig = PartList<BuiltinLikelihoods<>>::ConfigVariant;

/// Any built-in likelihood.
template <class T = float>
using AnyLikelihood = AnyOf<BuiltinLikelihoods<T>>;

}  // namespace vaekit::inline VAEKIT_ABI
