// SPDX-License-Identifier: MIT
//
// The contract of a likelihood p(x|z). It sees the outputs of the decoder's head, `params`, one row for each
// latent sample, and the data x, one row for each `samples` rows of params (row r of params belongs to row
// r / samples of x, samples = params.rows() / x.rows()).
//
//   Likelihood(config, features)
//   head_size()                how many outputs the head needs
//   feature_count()            columns of x
//   support()                  the interval of x with a density
//   make_cache(rows)
//   log_prob(params, x, out)   log p(x|z) of each row, in nats, summed over features
//   forward(params, x, out, cache)   the same, and keeps what backward needs
//   backward(dout, cache, grad)      cache.gradient [rows × head_size] = Σ dout ∂out/∂params; `grad` (an
//   object
//                              of the likelihood's own type) += the gradient of its own parameters
//   mean(params, out)          E[x|z]
//   sample(params, stream, out)
//   reflect(self, visit)       its own parameters (a learned variance)
#pragma once

#include <concepts>
#include <span>
#include <string_view>

#include "vaekit/core/fields.hpp"
#include "vaekit/core/random.hpp"
#include "vaekit/core/reflect.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// The closed interval of values that a likelihood gives a density to.
struct Support {
  double minimum = 0;
  double maximum = 0;
};

template <class L>
concept Likelihood = std::copyable<L> && Reflectable<L> && requires(
    const L& likelihood, L& grad, typename L::Cache& cache,
    const Eigen::Ref<const EigenMatrix<typename L::Scalar>, Eigen::Unaligned, Eigen::OuterStride<>>& in,
    MatrixOut<typename L::Scalar> out, std::span<typename L::Scalar> values,
    std::span<const typename L::Scalar> dvalues, RandomStream stream) {
  { likelihood.head_size() } -> std::convertible_to<Index>;
  { likelihood.feature_count() } -> std::convertible_to<Index>;
  { likelihood.support() } -> std::same_as<Support>;
  { likelihood.make_cache(Index{}) } -> std::same_as<typename L::Cache>;
  likelihood.log_prob(in, in, values);
  likelihood.forward(in, in, values, cache);
  likelihood.backward(dvalues, cache, grad);
  likelihood.mean(in, out);
  likelihood.sample(in, stream, out);
  grad.initialize();
};

}  // namespace vaekit::inline VAEKIT_ABI
