// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "vaekit/core/reflect.hpp"
#include "vaekit/distributions/any_likelihood.hpp"
#include "vaekit/distributions/gaussian.hpp"
#include "vaekit/evaluate/finding.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Share of log-variances at a limit from which on they count as saturated.
inline constexpr double saturated_share = 0.01;

namespace detail {

[[nodiscard]] inline bool at_logvar_limit(double value) {
  return value <= minimum_logvar || value >= maximum_logvar;
}

/// Of values that are log-variances.
template <class Values>
[[nodiscard]] Index count_at_logvar_limit(const Values& values) {
  Index count = 0;
  for (Index row = 0; row < values.rows(); ++row) {
    for (Index j = 0; j < values.cols(); ++j) {
      count += at_logvar_limit(static_cast<double>(values(row, j))) ? 1 : 0;
    }
  }
  return count;
}

/// Which outputs of the decoder's head log p(x|z) follows for one of the inputs at least [outputs].
template <class LikelihoodType, class T = typename LikelihoodType::Scalar>
[[nodiscard]] std::vector<bool> followed_outputs(const LikelihoodType& likelihood, MatrixIn<T> params,
                                                 MatrixIn<T> x) {
  auto cache = likelihood.make_cache(params.rows());
  LikelihoodType unused = likelihood;
  std::vector<T> values(static_cast<std::size_t>(params.rows()));
  likelihood.forward(params, x, values, cache);
  std::ranges::fill(values, T{1});
  likelihood.backward(values, cache, unused);
  const auto gradient = head_gradient(cache).topRows(params.rows());
  std::vector<bool> followed(static_cast<std::size_t>(gradient.cols()));
  for (Index j = 0; j < gradient.cols(); ++j) {
    followed[static_cast<std::size_t>(j)] = (gradient.col(j).array() != T{0}).any();
  }
  return followed;
}

/// Outputs of the decoder's head that log p(x|z) follows neither for the inputs nor for others, drawn from
/// the likelihood at parameters of zero: an output that predicts its constant feature to the last bit is no
/// fault.
template <class LikelihoodType, class T = typename LikelihoodType::Scalar>
[[nodiscard]] Index count_deaf_outputs(const LikelihoodType& likelihood, MatrixIn<T> params, MatrixIn<T> x,
                                       std::uint64_t seed) {
  std::vector<bool> followed = followed_outputs(likelihood, params, x);
  if (!std::ranges::count(followed, false)) {
    return 0;
  }
  const Matrix<T> zero = Matrix<T>::Zero(params.rows(), params.cols());
  Matrix<T> other(x.rows(), x.cols());
  likelihood.sample(zero, RandomStream(seed, Purpose::likelihood), other);
  const std::vector<bool> elsewhere = followed_outputs<LikelihoodType, T>(likelihood, params, other);
  Index deaf = 0;
  for (std::size_t j = 0; j < followed.size(); ++j) {
    deaf += !followed[j] && !elsewhere[j] ? 1 : 0;
  }
  return deaf;
}

}  // namespace detail

/// "log-variance": a fault when a hundredth of the posterior's log-variances, or any learned one of the
/// likelihood, is at the limits of −30 and 20, where it has no gradient; or when a hundredth of the outputs
/// of the decoder's head have no gradient for any input, as those of a predicted log-variance beyond them.
///
/// Shapes   x [n × features + condition]
/// Threads  the result does not depend on their number
template <class Model>
[[nodiscard]] std::vector<Finding> check_log_variance(const Model& model, MatrixIn<typename Model::Scalar> x,
                                                      std::uint64_t seed) {
  using T = typename Model::Scalar;
  constexpr std::string_view check = "log-variance";
  const std::string limits = concat(minimum_logvar, " or ", maximum_logvar);
  const std::string advice =
      "a log-variance there has no gradient: scale the data, lower the learning rate, clip gradients; a "
      "density "
      "that grows without bound (constant or binary features) wants a fixed variance or another likelihood";
  const Index n = x.rows();
  typename Model::Workspace w = model.make_inference_workspace(n);
  model.draw_evaluation_noise(seed, 0, n, w);
  model.terms(x, w);
  std::vector<Finding> findings;
  const MatrixOut<T> params = top(w.params, n);
  const Index outputs = params.cols();
  const Index deaf = detail::count_deaf_outputs(model.likelihood, params, x.leftCols(model.features()), seed);
  if (static_cast<double>(deaf) > saturated_share * static_cast<double>(outputs)) {
    findings.push_back(
        Finding::fault(check,
                       concat(deaf, " of ", outputs,
                              " parameters of the likelihood have no gradient for any of ", n, " inputs"),
                       advice));
  }
  for (const auto& tensor : state_tensors(model.likelihood)) {
    const auto stuck = std::ranges::count_if(
        tensor.values, [](T value) { return detail::at_logvar_limit(static_cast<double>(value)); });
    if (tensor.name.ends_with("logvar") && stuck > 0) {
      findings.push_back(Finding::fault(check,
                                        concat(stuck, " of ", tensor.values.size(), " values of likelihood.",
                                               tensor.name, " are at ", limits),
                                        advice));
    }
  }
  const Matrix<T> logvar = model.encode(x, w).logvar;
  const double share = logvar.size() > 0 ? static_cast<double>(detail::count_at_logvar_limit(logvar)) /
                                               static_cast<double>(logvar.size())
                                         : 0.0;
  if (share > saturated_share) {
    findings.push_back(Finding::fault(
        check, concat(rounded(100 * share), " % of the posterior's log-variances are at ", limits), advice));
  }
  if (findings.empty()) {
    findings.push_back(Finding::ok(
        check, logvar.size() > 0 ? concat(rounded(100 * share), " % of the posterior's are at ", limits,
                                          ", from ", rounded(static_cast<double>(logvar.minCoeff())), " to ",
                                          rounded(static_cast<double>(logvar.maxCoeff())))
                                 : concat("all ", outputs, " parameters of the likelihood have a gradient")));
  }
  return findings;
}

}  // namespace vaekit::inline VAEKIT_ABI
