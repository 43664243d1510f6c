// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "vaekit/core/reflect.hpp"
#include "vaekit/objectives/critic.hpp"
#include "vaekit/objectives/objective.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Gradients of an objective outside training, with all that they need: a workspace, room for the gradient,
/// and the objective's critic as it is at the start.
///
/// Threads  one probe is used by one thread
template <class Model, class ObjectiveType>
class ObjectiveProbe {
 public:
  using T = typename Model::Scalar;

  /// For up to `batch` inputs; noise and critic are drawn from `seed`.
  ObjectiveProbe(const Model& model, const ObjectiveType& objective, Index batch, std::uint64_t seed)
      : objective_(objective),
        seed_(seed),
        workspace_(model.make_workspace(batch, objective.samples())),
        gradient_(zeros_like(model)) {
    if constexpr (requires { objective.template make_critic<T>(Index{}, std::uint64_t{}); }) {
      critic_ = objective.template make_critic<T>(model.latent_dim(), seed);
    }
    workspace_.terms.critic = &critic_;
  }
  ObjectiveProbe(const ObjectiveProbe&) = delete;
  ObjectiveProbe& operator=(const ObjectiveProbe&) = delete;

  /// Value of the objective on x at training time `time`; the noise is that of `step`, whatever the
  /// parameters.
  ObjectiveValue operator()(const Model& model, MatrixIn<T> x, double time, std::uint64_t step = 0) {
    model.draw_noise(seed_, step, x.rows(), workspace_);
    return model.gradient(x, objective_, time, workspace_, gradient_);
  }

  /// What the last call left.
  [[nodiscard]] const Model& gradient() const { return gradient_; }
  [[nodiscard]] const typename Model::Workspace& workspace() const { return workspace_; }

 private:
  const ObjectiveType& objective_;
  std::uint64_t seed_;
  Critic<T> critic_;
  typename Model::Workspace workspace_;
  Model gradient_;
};

}  // namespace vaekit::inline VAEKIT_ABI
