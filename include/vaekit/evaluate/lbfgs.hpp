// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <deque>
#include <utility>

#include "vaekit/core/matrix.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct LbfgsConfig {
  Index iterations = 500;   ///< at most
  Index memory = 10;        ///< pairs of steps and changes of the gradient that are kept
  double tolerance = 1e-6;  ///< largest element of the gradient that ends the search
};

namespace detail {

/// −H g, with H the inverse Hessian that the pairs (step, change of the gradient) suggest.
[[nodiscard]] inline RowVector<double> lbfgs_direction(
    const std::deque<std::pair<RowVector<double>, RowVector<double>>>& pairs,
    const RowVector<double>& gradient) {
  RowVector<double> direction(gradient.cols());
  direction = -gradient;
  std::vector<double> along(pairs.size());
  for (std::size_t i = pairs.size(); i-- > 0;) {
    const auto& [step, change] = pairs[i];
    along[i] = step.dot(direction) / change.dot(step);
    direction -= along[i] * change;
  }
  if (!pairs.empty()) {
    const auto& [step, change] = pairs.back();
    direction *= step.dot(change) / change.squaredNorm();
  }
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto& [step, change] = pairs[i];
    direction += (along[i] - change.dot(direction) / change.dot(step)) * step;
  }
  return direction;
}

}  // namespace detail

/// Minimises a smooth convex function from x on; x becomes the minimum, which is returned.
///
/// `f(x, gradient)` returns the value and sets the gradient. Steps are halved until the value falls by 10⁻⁴
/// of what the slope promises.
///
/// Source  Liu & Nocedal 1989 (Mathematical Programming 45), algorithm 2.1
template <class F>
double minimize_lbfgs(F&& f, RowVector<double>& x, const LbfgsConfig& config = {}) {
  std::deque<std::pair<RowVector<double>, RowVector<double>>> pairs;
  RowVector<double> gradient(x.cols());
  RowVector<double> next(x.cols());
  RowVector<double> next_gradient(x.cols());
  double value = f(std::as_const(x), gradient);
  for (Index i = 0; i < config.iterations && gradient.cwiseAbs().maxCoeff() > config.tolerance; ++i) {
    const RowVector<double> direction = detail::lbfgs_direction(pairs, gradient);
    const double slope = direction.dot(gradient);
    // Without curvature known the first step is of length 1 at most.
    double length = pairs.empty() ? 1 / std::max(1.0, direction.norm()) : 1;
    double next_value = value;
    for (int halving = 0; halving < 50; ++halving, length /= 2) {
      next = x + length * direction;
      next_value = f(std::as_const(next), next_gradient);
      if (next_value <= value + 1e-4 * length * slope) {
        break;
      }
    }
    if (!(next_value < value)) {
      break;  // rounding hides what is left to gain
    }
    std::pair<RowVector<double>, RowVector<double>> pair(next - x, next_gradient - gradient);
    if (pair.first.dot(pair.second) > 1e-12 * pair.second.squaredNorm()) {
      pairs.push_back(std::move(pair));
    }
    if (std::ssize(pairs) > config.memory) {
      pairs.pop_front();
    }
    std::swap(x, next);
    std::swap(gradient, next_gradient);
    value = next_value;
  }
  return value;
}

}  // namespace vaekit::inline VAEKIT_ABI
