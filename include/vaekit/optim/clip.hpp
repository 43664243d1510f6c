// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <vector>

#include "vaekit/kernels/adam_update.hpp"
#include "vaekit/optim/optimizer.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// ‖grad‖₂ over all parameters, in double and in a fixed order. `partials` is caller-owned scratch.
template <class Model>
[[nodiscard]] double global_norm(const Model& grad, std::vector<double>& partials) {
  using T = typename Model::Scalar;
  double sum = 0;
  for_each_tensor(grad, [&](const auto& tensor) {
    sum += sum_of_squares<T>(std::span<const T>(tensor.span()), partials);
  });
  return std::sqrt(sum);
}

/// The factor that brings a gradient of norm `norm` to at most `maximum` (0: no limit).
///
/// Source  Pascanu, Mikolov, Bengio 2013 (arXiv:1211.5063), algorithm 1
[[nodiscard]] inline double clip_factor(double norm, double maximum) {
  return maximum > 0 && norm > maximum ? maximum / norm : 1.0;
}

}  // namespace vaekit::inline VAEKIT_ABI
