// SPDX-License-Identifier: MIT
//
// The contract of a likelihood p(x|z). It sees the outputs of the decoder's head, `params`, one row for each
// latent sample, and the data x, one row for each `samples` rows of params (row r of params belongs to row
// r / samples of x, samples = params.rows() / x.rows()).
//
//   Likelihood(config, features)
//   head_size()                how many outputs the head needs
//   feature_count()            columns of x
//   support(feature)           the values of x with a density
//   make_cache(rows)
//   log_prob(params, x, out)   log p(x|z) of each row, in nats, summed over features
//   forward(params, x, out, cache)   the same, and keeps what backward needs
//   backward(dout, cache, grad)      cache.gradient [rows × head_size] = Σ dout ∂out/∂params; `grad` (an
//   object
//                              of the likelihood's own type) += the gradient of its own parameters
//   mean(params, out)          E[x|z]
//   sample(params, stream, out)
//   reflect(self, visit)       its own parameters (a learned variance)
//
// One that follows the data in another way than by gradients also has
//   update(stream, rows, cache)      after an optimizer step, from what forward left: changes its buffers
#pragma once

#include <cmath>
#include <concepts>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include "vaekit/core/error.hpp"
#include "vaekit/core/fields.hpp"
#include "vaekit/core/random.hpp"
#include "vaekit/core/reflect.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// The values of a feature that a likelihood gives a density to: a closed interval, or the integers in it.
struct Support {
  double minimum = std::numeric_limits<double>::lowest();
  double maximum = std::numeric_limits<double>::max();
  bool integer = false;

  [[nodiscard]] bool contains(double x) const {
    return x >= minimum && x <= maximum && (!integer || x == std::floor(x));
  }
  [[nodiscard]] bool operator==(const Support&) const = default;
};

/// "in [0, 1]", "an integer >= 0", "finite".
[[nodiscard]] inline std::string to_string(const Support& support) {
  const bool above = support.minimum > std::numeric_limits<double>::lowest();
  const bool below = support.maximum < std::numeric_limits<double>::max();
  const std::string_view kind = support.integer ? "an integer " : "";
  if (above && below) {
    return concat(kind, "in [", support.minimum, ", ", support.maximum, ']');
  }
  if (above) {
    return concat(kind, ">= ", support.minimum);
  }
  return below ? concat(kind, "<= ", support.maximum)
               : std::string(support.integer ? "an integer" : "finite");
}

template <class L>
concept Likelihood = std::copyable<L> && Reflectable<L> && requires(
    const L& likelihood, L& grad, typename L::Cache& cache,
    const Eigen::Ref<const EigenMatrix<typename L::Scalar>, Eigen::Unaligned, Eigen::OuterStride<>>& in,
    MatrixOut<typename L::Scalar> out, std::span<typename L::Scalar> values,
    std::span<const typename L::Scalar> dvalues, RandomStream stream) {
  { likelihood.head_size() } -> std::convertible_to<Index>;
  { likelihood.feature_count() } -> std::convertible_to<Index>;
  { likelihood.support(Index{}) } -> std::same_as<Support>;
  { likelihood.make_cache(Index{}) } -> std::same_as<typename L::Cache>;
  likelihood.log_prob(in, in, values);
  likelihood.forward(in, in, values, cache);
  likelihood.backward(dvalues, cache, grad);
  likelihood.mean(in, out);
  likelihood.sample(in, stream, out);
  grad.initialize();
};

}  // namespace vaekit::inline VAEKIT_ABI
