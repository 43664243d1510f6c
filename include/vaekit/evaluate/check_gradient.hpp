// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <concepts>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "vaekit/core/random.hpp"
#include "vaekit/evaluate/finding.hpp"
#include "vaekit/evaluate/objective_probe.hpp"
#include "vaekit/latent/latent.hpp"
#include "vaekit/model/part_name.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Relative error of a directional derivative from which on a gradient counts as wrong.
inline constexpr double gradient_tolerance = 1e-4;

/// A derivative of the loss along a direction inside one tensor.
struct DirectionalError {
  std::string name = "";  ///< of the tensor
  double error = 0;       ///< relative
  double gradient = 0;    ///< as the model has it
  double difference = 0;  ///< as two losses have it
};

namespace detail {

/// |gradient − difference|, relative to the larger one and to what rounding of the losses leaves visible.
[[nodiscard]] inline double relative_error(double gradient, double difference, double rounding) {
  const double largest = std::max(std::abs(gradient), std::abs(difference));
  const double error =
      std::abs(gradient - difference) / std::max(largest + rounding / gradient_tolerance, 1e-300);
  return std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
}

/// Steps of the difference, the best first: a smaller one hardly ever crosses the kink of a relu, a larger
/// one shows more of a small derivative.
inline constexpr std::array<double, 5> difference_steps = {1e-5, 1e-6, 1e-7, 1e-8, 1e-4};

/// `values` moved along random signs; `loss()` reads them.
template <class Loss>
[[nodiscard]] DirectionalError directional_error(std::span<double> values, std::span<const double> gradient,
                                                 const RandomStream& stream, Loss&& loss) {
  const std::vector<double> kept(values.begin(), values.end());
  std::vector<double> direction(values.size());
  DirectionalError result{.error = std::numeric_limits<double>::infinity()};
  for (std::size_t i = 0; i < values.size(); ++i) {
    direction[i] = (stream.words(i / 128)[i / 32 % 4] >> (i % 32) & 1U) != 0 ? 1 : -1;
    result.gradient += gradient[i] * direction[i];
  }
  const auto loss_at = [&](double step) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = kept[i] + step * direction[i];
    }
    return loss();
  };
  for (const double step : difference_steps) {
    const double above = loss_at(step);
    const double below = loss_at(-step);
    const double difference = (above - below) / (2 * step);
    const double rounding = 1e-14 * std::max(1.0, std::abs(above)) / step;
    const double error = relative_error(result.gradient, difference, rounding);
    if (error < result.error) {
      result.error = error;
      result.difference = difference;
    }
    if (error < gradient_tolerance / 100) {
      break;
    }
  }
  std::ranges::copy(kept, values.begin());
  return result;
}

/// Why the gradient that reaches the encoder is not the loss's derivative, by design; empty where it is.
template <class Model>
[[nodiscard]] std::string encoder_exemption(const Model& model, const TermNeeds& needs) {
  if (code_count(model.latent) > 0) {
    return concat("encoder skipped: ", part_name(model.latent),
                  " passes gradients straight through its codes");
  }
  return needs.path_gradient ? "encoder skipped: the doubly reparameterised gradient is another estimator"
                             : std::string();
}

}  // namespace detail

/// Derivatives of the whole composed loss along random signs s inside each parameter tensor θ,
///
///   (L(θ + h s) − L(θ − h s)) / 2h   against   ⟨∂L/∂θ, s⟩,
///
/// with the noise held fixed and h the best of five steps from 10⁻⁴ to 10⁻⁸. Tensors of the encoder and the
/// posterior are left out where their gradient is another estimator by design (codes, path gradients).
///
/// Shapes   x [n × features + condition], a few rows
/// Accuracy smooth models agree to about 1e-8; a kink that a step crosses is left behind by smaller ones
/// Threads  the result does not depend on their number
template <class Model, class ObjectiveType>
[[nodiscard]] std::vector<DirectionalError> directional_errors(Model model, const ObjectiveType& objective,
                                                               MatrixIn<double> x, double time,
                                                               std::uint64_t seed) {
  static_assert(std::same_as<typename Model::Scalar, double>, "finite differences need a model in double");
  ObjectiveProbe<Model, ObjectiveType> probe(model, objective, x.rows(), seed);
  probe(model, x, time);
  const Model gradient = probe.gradient();
  const auto values = parameters(model);
  const auto gradients = parameters(gradient);
  const bool exempt = !detail::encoder_exemption(model, needs_of(objective)).empty();
  std::vector<DirectionalError> errors;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string& name = values[i].name;
    if (exempt && (name.starts_with("encoder.") || name.starts_with("posterior_head.") ||
                   name.starts_with("latent."))) {
      continue;
    }
    const RandomStream stream = RandomStream(seed, Purpose::evaluation).child(500 + i);
    errors.push_back(detail::directional_error(values[i].values, gradients[i].values, stream,
                                               [&] { return probe(model, x, time).loss; }));
    errors.back().name = name;
  }
  return errors;
}

/// "gradient": a fault when a directional derivative is off by more than `gradient_tolerance`.
///
/// Arguments, threads: see `directional_errors`
template <class Model, class ObjectiveType>
[[nodiscard]] std::vector<Finding> check_gradient(const Model& model, const ObjectiveType& objective,
                                                  MatrixIn<double> x, double time, std::uint64_t seed) {
  const std::vector<DirectionalError> errors = directional_errors(model, objective, x, time, seed);
  const std::string exemption = detail::encoder_exemption(model, needs_of(objective));
  if (errors.empty()) {
    return {Finding::skipped("gradient", exemption.empty() ? "the model has no parameters" : exemption)};
  }
  const auto wrong =
      std::ranges::count_if(errors, [](const auto& e) { return !(e.error <= gradient_tolerance); });
  const DirectionalError& worst = *std::ranges::max_element(errors, {}, &DirectionalError::error);
  std::string figure = concat("largest relative error ", rounded(worst.error), " of ", errors.size(),
                              " tensors, of ", worst.name);
  if (wrong == 0) {
    return {Finding::ok("gradient", exemption.empty() ? figure : concat(figure, "; ", exemption))};
  }
  figure += concat(": gradient ", rounded(worst.gradient), ", finite difference ", rounded(worst.difference),
                   "; ", wrong, wrong == 1 ? " tensor is" : " tensors are", " wrong");
  return {
      Finding::fault("gradient", figure,
                     "a derivative between the loss and this tensor is not that of its value: compare "
                     "forward and backward of each part there, evaluate of an objective of your own first")};
}

}  // namespace vaekit::inline VAEKIT_ABI
