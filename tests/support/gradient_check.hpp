// SPDX-License-Identifier: MIT
//
// Gradients against central finite differences, in double.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>

#include "vaekit/core/reflect.hpp"

/// Where a gradient is furthest from the finite difference.
struct GradientError {
  double error = 0;  ///< |gradient − difference| / max(1, |difference|); infinite when either is NaN
  std::string name = "";
  std::size_t element = 0;
  double gradient = 0;
  double difference = 0;
};

/// The worst element of `values`, whose derivatives of `loss()` are claimed to be `gradient`. `loss` must
/// recompute everything from `values`, with the same noise each time.
template <class Loss>
[[nodiscard]] GradientError worst_gradient_error(const std::string& name, std::span<double> values,
                                                 std::span<const double> gradient, Loss&& loss) {
  constexpr double step = 1e-5;
  GradientError worst{.name = name};
  REQUIRE(values.size() == gradient.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double kept = values[i];
    values[i] = kept + step;
    const double above = loss();
    values[i] = kept - step;
    const double below = loss();
    values[i] = kept;
    const double difference = (above - below) / (2 * step);
    double error = std::abs(gradient[i] - difference) / std::max(1.0, std::abs(difference));
    error = std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
    if (error > worst.error) {
      worst = {error, name, i, gradient[i], difference};
    }
  }
  return worst;
}

/// The worst element of any parameter of `object`, with `grad` an object of its type.
template <vaekit::Reflectable O, class Loss>
[[nodiscard]] GradientError worst_gradient_error(O& object, const O& grad, Loss&& loss) {
  const auto values = vaekit::parameters(object);
  const auto gradients = vaekit::parameters(grad);
  REQUIRE(values.size() == gradients.size());
  GradientError worst;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const GradientError error =
        worst_gradient_error(values[i].name, values[i].values, gradients[i].values, loss);
    worst = error.error > worst.error ? error : worst;
  }
  return worst;
}

inline void check_gradient_error(const GradientError& worst) {
  CHECK_MESSAGE(worst.error <= 1e-7, worst.name, '[', worst.element, "]: gradient ", worst.gradient,
                ", finite difference ", worst.difference);
}

/// Fails, and names the worst element, unless `gradient` is the derivative of `loss()` by `values`.
template <class Loss>
void check_finite_differences(std::span<double> values, std::span<const double> gradient, Loss&& loss) {
  check_gradient_error(worst_gradient_error("value", values, gradient, loss));
}

/// The same for every parameter of `object`, with `grad` an object of its type.
template <vaekit::Reflectable O, class Loss>
void check_parameter_gradients(O& object, const O& grad, Loss&& loss) {
  check_gradient_error(worst_gradient_error(object, grad, loss));
}
