// SPDX-License-Identifier: MIT
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "vaekit/core/reflect.hpp"

/// Central differences of `loss()` over every element of `values`, held against `gradient`:
/// |difference| ≤ 10⁻⁷ max(1, |expected|).
template <class Loss>
void check_finite_differences(std::span<double> values, std::span<const double> gradient, Loss&& loss) {
  constexpr double step = 1e-5;
  constexpr double tolerance = 1e-7;
  REQUIRE(values.size() == gradient.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double kept = values[i];
    values[i] = kept + step;
    const double above = loss();
    values[i] = kept - step;
    const double below = loss();
    values[i] = kept;
    const double expected = (above - below) / (2 * step);
    CHECK_MESSAGE(std::abs(gradient[i] - expected) <= tolerance * std::max(1.0, std::abs(expected)),
                  "element ", i, ": gradient ", gradient[i], ", finite difference ", expected);
  }
}

/// The same for every parameter of `object`, with `grad` an object of its type.
template <vaekit::Reflectable O, class Loss>
void check_parameter_gradients(O& object, const O& grad, Loss&& loss) {
  const auto values = vaekit::parameters(object);
  const auto gradients = vaekit::parameters(grad);
  REQUIRE(values.size() == gradients.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    CAPTURE(values[i].name);
    check_finite_differences(values[i].values, gradients[i].values, loss);
  }
}
