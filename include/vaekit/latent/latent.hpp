// SPDX-License-Identifier: MIT
//
// The contracts of a posterior family q(z|x), of a prior p(z), and of a pair of them.
//
// A posterior sees the outputs of the encoder's head, `params` [n × head_size], and noise drawn for it,
// `epsilon` [n·K × noise_size], K samples of one input in consecutive rows.
//
//   Latent(config)
//   dim                                   columns of z
//   head_size(), noise_size(), kl_columns()
//   make_cache(batch, rows)               rows = n·K
//   draw_noise(stream, first, epsilon)    row r of epsilon depends on first + r alone
//   posterior(params, cache)              mean (or another point estimate) and log-variance of each
//                                         dimension, views; the log-variance has no columns where the family
//                                         has none. Comes before all that follows.
//   reparameterize(params, epsilon, cache, z)
//   log_prob(params, epsilon, z, cache, out)    log q(z|x) of the samples that were just drawn
//   backward(params, epsilon, z, dz, dlog_q, cache, dparams, grad)
//                                         dparams = Σ ∂/∂params of z, of log q(z|x) where dlog_q is not empty
//                                         (z as a function of params and epsilon), and of what `cache.dq`
//                                         holds; `grad` += the gradient of the latent's own parameters
//   cache.dq                              gradient with respect to the numbers of the distribution, {mu,
//                                         logvar} [n × dim] or what the family wants, which divergences and
//                                         objectives add to; zeros before the backward pass
//   add_path_gradient(params, epsilon, z, dlog_q, cache, dz)
//                                         dz += dlog_q ∂ log q(z|x)/∂z at fixed params; where there is such a
//                                         form
//   initialize(stream), reflect(self, visit)    its own parameters
//
// It may also have
//
//   has_density()                         false: no log_prob in training; divergences must be of closed form
//   has_evaluation_density()              whether log_prob is known outside of training; has_density() unless
//                                         it is said
//   space()                               where z lives, unless in all of ℝ^dim; the prior's must be the same
//   reports_mean()                        false: what `posterior` reports is not E_q[z]
//   point_log_prob(params, points, out)   of a Gaussian with any covariance: log q(z|x) of one input, params
//                                         [1 × head_size], at the columns of `points` [dim × m], which are
//                                         written over
//   free_columns()                        leading columns of z that take any value, where only some do
//   set_time(time, cache)                 training time in epochs of the calls that follow; none: not in
//                                         training
//   auxiliary_loss(params, z, cache)      mean over inputs, which joins the loss; `backward` includes its
//                                         gradient
//   update(stream, inputs, cache)         after an optimizer step on so many inputs: changes buffers
//
// A prior:
//
//   Prior(config, dim, features)          or (config, dim, features, condition columns)
//   make_cache(rows)
//   log_prob(z, cache, out)
//   backward(z, dlog_p, cache, dz, grad)  dz += dlog_p ∂ log p(z)/∂z; `grad` += that of its own parameters
//   sample(stream, first, temperature, cache, z)   row r depends on first + r alone
//   initialize(stream), reflect(self, visit)
//   space()                               where z lives, unless in all of ℝ^dim
//
// A prior that depends on a condition also has
//
//   condition_columns()                   more than 0
//   set_condition(c, cache)               c [m × condition columns] of the rows that follow, m a divisor of
//                                         their number; comes before all that depends on it
//
// A posterior whose samples do not fill all of space has space(), its name, and holds(z), whether one point
// lies there. One that can put any point where its samples lie has project(z). One that alone knows what its
// prior is uniform over (codes) has sample_codes(stream, first, z), code_count(), and
// add_code_usage(cache, usage), which adds how often the last pass chose each.
//
// A prior made of the posteriors of pseudo-inputs also has
//
//   pseudo_input_count()
//   pseudo_inputs(out)                    [count × features]
//   set_components(q, cache)              their posteriors, before log_prob and sample
//   component_gradient(cache, out)        {mu, logvar} [count × dim], after backward
//   pseudo_backward(u, du, grad)          `grad` += from the gradient of the pseudo-inputs; never called for
//                                         a prior without parameters
//
// and where they are samples of the training data
//
//   needs_pseudo_inputs()                 they are not there yet
//   set_pseudo_inputs(x)                  [count × features]
//
// A pair with a closed-form divergence specialises `KlPair`; every other pair is estimated from the samples,
// mean_k log q(z_k|x) − log p(z_k).
#pragma once

#include <concepts>
#include <optional>
#include <span>
#include <string_view>

#include "vaekit/core/random.hpp"
#include "vaekit/core/reflect.hpp"
#include "vaekit/distributions/diagonal_gaussian.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Gradient with respect to mean and log-variance of each dimension of a posterior.
template <class T>
struct MomentGradient {
  Matrix<T> mu;      // [n × dim]
  Matrix<T> logvar;  // [n × dim]

  MomentGradient() = default;
  MomentGradient(Index batch, Index dim) : mu(batch, dim), logvar(batch, dim) {}
};

/// A posterior family, see the top of this file.
template <class L>
concept LatentPosterior = std::copyable<L> && Reflectable<L> && requires(
    const L& latent, L& grad, typename L::Cache& cache, std::span<typename L::Scalar> values,
    std::span<const typename L::Scalar> dvalues, RandomStream stream,
    const Eigen::Ref<const EigenMatrix<typename L::Scalar>, Eigen::Unaligned, Eigen::OuterStride<>>& in,
    MatrixOut<typename L::Scalar> out) {
  { latent.head_size() } -> std::convertible_to<Index>;
  { latent.noise_size() } -> std::convertible_to<Index>;
  { latent.kl_columns() } -> std::convertible_to<Index>;
  { latent.make_cache(Index{}, Index{}) } -> std::same_as<typename L::Cache>;
  { latent.posterior(in, cache) } -> std::same_as<DiagonalGaussian<typename L::Scalar>>;
  latent.draw_noise(stream, std::uint64_t{}, out);
  latent.reparameterize(in, in, cache, out);
  latent.log_prob(in, in, in, cache, values);
  latent.backward(in, in, in, in, dvalues, cache, out, grad);
};

/// A posterior whose log-density has a gradient with respect to z alone.
template <class L>
concept HasPathGradient = requires(
    const L& latent, typename L::Cache& cache, std::span<const typename L::Scalar> dvalues,
    const Eigen::Ref<const EigenMatrix<typename L::Scalar>, Eigen::Unaligned, Eigen::OuterStride<>>& in,
    MatrixOut<typename L::Scalar> out) {
  latent.add_path_gradient(in, in, in, dvalues, cache, out);
};

/// A Gaussian posterior with any covariance, whose density is known at every point.
template <class L>
concept HasPointDensity = requires(
    const L& latent, std::span<typename L::Scalar> values,
    const Eigen::Ref<const EigenMatrix<typename L::Scalar>, Eigen::Unaligned, Eigen::OuterStride<>>& in,
    MatrixOut<typename L::Scalar> out) {
  latent.point_log_prob(in, out, values);
};

/// A prior, see the top of this file.
template <class P>
concept LatentPrior = std::copyable<P> && Reflectable<P> && requires(
    const P& prior, P& grad, typename P::Cache& cache, std::span<typename P::Scalar> values,
    std::span<const typename P::Scalar> dvalues, RandomStream stream,
    const Eigen::Ref<const EigenMatrix<typename P::Scalar>, Eigen::Unaligned, Eigen::OuterStride<>>& in,
    MatrixOut<typename P::Scalar> out) {
  { prior.make_cache(Index{}) } -> std::same_as<typename P::Cache>;
  prior.log_prob(in, cache, values);
  prior.backward(in, dvalues, cache, out, grad);
  prior.sample(stream, std::uint64_t{}, double{}, cache, out);
};

/// KL(q(z|x) ‖ p(z)) of a pair of a posterior and a prior. A specialisation has
///
///   static bool closed_form(latent, prior)
///   static void forward(latent, prior, params, cache, prior_cache, kl)     kl [n × latent.kl_columns()]
///   static void backward(latent, prior, params, dkl, cache, prior_cache, grad)
///                                              adds to cache.dq and to the prior's `grad`
///
/// This one, of any other pair, has no closed form.
template <class Latent, class Prior>
struct KlPair {
  using T = typename Latent::Scalar;
  static bool closed_form(const Latent&, const Prior&) { return false; }
  static void forward(const Latent&, const Prior&, MatrixIn<T>, typename Latent::Cache&,
                      typename Prior::Cache&, MatrixOut<T>) {}
  static void backward(const Latent&, const Prior&, MatrixIn<T>, MatrixIn<T>, typename Latent::Cache&,
                       typename Prior::Cache&, Prior&) {}
};

/// `cache.dq` of a family, also of one that was chosen at run time.
template <class Latent>
[[nodiscard]] MomentGradient<typename Latent::Scalar>& moment_gradient(const Latent& latent,
                                                                       typename Latent::Cache& cache) {
  if constexpr (requires { latent.moment_gradient(cache); }) {
    return latent.moment_gradient(cache);
  } else {
    return cache.dq;
  }
}

/// Whether `add_path_gradient` can be called, also for a family that was chosen at run time.
template <class Latent>
[[nodiscard]] bool has_path_gradient(const Latent& latent) {
  if constexpr (requires { latent.has_path_gradient(); }) {
    return latent.has_path_gradient();
  } else {
    return HasPathGradient<Latent>;
  }
}

/// Whether `point_log_prob` can be called, also for a family that was chosen at run time.
template <class Latent>
[[nodiscard]] bool has_point_density(const Latent& latent) {
  if constexpr (requires { latent.has_point_density(); }) {
    return latent.has_point_density();
  } else {
    return HasPointDensity<Latent>;
  }
}

/// Whether `log_prob` can be called in training, also for a family that was chosen at run time.
template <class Latent>
[[nodiscard]] bool has_density(const Latent& latent) {
  if constexpr (requires { latent.has_density(); }) {
    return latent.has_density();
  } else {
    return true;
  }
}

/// Whether `log_prob` can be called of samples drawn outside of training, also for a family that was chosen
/// at run time. The two differ where training relaxes the samples.
template <class Latent>
[[nodiscard]] bool has_evaluation_density(const Latent& latent) {
  if constexpr (requires { latent.has_evaluation_density(); }) {
    return latent.has_evaluation_density();
  } else {
    return has_density(latent);
  }
}

/// Where the latent variables of a posterior or a prior live, for messages and to tell which of them go
/// together.
template <class Part>
[[nodiscard]] std::string_view space_of(const Part& part) {
  if constexpr (requires { part.space(); }) {
    return part.space();
  } else {
    return "all of space";
  }
}

/// The first row of z [n × dim] that is not where samples of the posterior lie, up to rounding; nothing where
/// all are. Also for a family that was chosen at run time.
template <class Latent>
[[nodiscard]] std::optional<Index> first_outside(const Latent& latent, MatrixIn<typename Latent::Scalar> z) {
  if constexpr (requires { latent.holds(z.data()); }) {
    for (Index row = 0; row < z.rows(); ++row) {
      if (!latent.holds(z.data() + row * z.outerStride())) {
        return row;
      }
    }
  }
  return std::nullopt;
}

/// Whether the means that `posterior` reports are E_q[z] (of one-hot vectors, their probabilities), also for
/// a family that was chosen at run time.
template <class Latent>
[[nodiscard]] bool reports_mean(const Latent& latent) {
  if constexpr (requires { latent.reports_mean(); }) {
    return latent.reports_mean();
  } else {
    return true;
  }
}

/// Leading columns of z that take any value, each whatever the others are; also for a family that was chosen
/// at run time.
template <class Latent>
[[nodiscard]] Index free_columns(const Latent& latent) {
  if constexpr (requires { latent.free_columns(); }) {
    return latent.free_columns();
  } else {
    return space_of(latent) == "all of space" ? latent.dim : 0;
  }
}

/// Tells a family the training time; nothing for one that does not ask.
template <class Latent>
void set_time(const Latent& latent, std::optional<double> time, typename Latent::Cache& cache) {
  if constexpr (requires { latent.set_time(time, cache); }) {
    latent.set_time(time, cache);
  }
}

/// What a family adds to the loss.
template <class Latent>
[[nodiscard]] double auxiliary_loss(const Latent& latent, MatrixIn<typename Latent::Scalar> params,
                                    MatrixIn<typename Latent::Scalar> z, typename Latent::Cache& cache) {
  if constexpr (requires { latent.auxiliary_loss(params, z, cache); }) {
    return latent.auxiliary_loss(params, z, cache);
  } else {
    return 0;
  }
}

/// Tells a prior the conditions of the rows that follow; nothing for one that does not ask.
template <class Prior>
void set_prior_condition(const Prior& prior, MatrixIn<typename Prior::Scalar> c,
                         typename Prior::Cache& cache) {
  if constexpr (requires { prior.set_condition(c, cache); }) {
    prior.set_condition(c, cache);
  }
}

/// Columns of the condition that a prior depends on; 0 for one that does not.
template <class Prior>
[[nodiscard]] Index condition_columns(const Prior& prior) {
  if constexpr (requires { prior.condition_columns(); }) {
    return prior.condition_columns();
  } else {
    return 0;
  }
}

/// Whether `project_latents` does anything, also for a family that was chosen at run time.
template <class Latent>
[[nodiscard]] bool can_project(const Latent& latent) {
  if constexpr (requires { latent.can_project(); }) {
    return latent.can_project();
  } else {
    return requires(MatrixOut<typename Latent::Scalar> z) { latent.project(z); };
  }
}

/// Vectors of a posterior's codebook; 0 for one that has none.
template <class Latent>
[[nodiscard]] Index code_count(const Latent& latent) {
  if constexpr (requires { latent.code_count(); }) {
    return latent.code_count();
  } else {
    return 0;
  }
}

/// usage[k] += how often the last pass chose code k; nothing for a posterior without codes.
template <class Latent>
void add_code_usage(const Latent& latent, const typename Latent::Cache& cache, std::span<double> usage) {
  if constexpr (requires { latent.add_code_usage(cache, usage); }) {
    latent.add_code_usage(cache, usage);
  }
}

/// Puts points where the posterior's samples lie.
template <class Latent>
void project_latents(const Latent& latent, MatrixOut<typename Latent::Scalar> z) {
  if constexpr (requires { latent.project(z); }) {
    latent.project(z);
  }
}

/// Lets a posterior or a likelihood change its buffers after a step; nothing for one that has none.
template <class Latent>
void update_buffers(Latent& latent, const RandomStream& stream, Index inputs,
                    const typename Latent::Cache& cache) {
  if constexpr (requires { latent.update(stream, inputs, cache); }) {
    latent.update(stream, inputs, cache);
  }
}

/// Pseudo-inputs of a prior; 0 for one that has none.
template <class Prior>
[[nodiscard]] Index pseudo_input_count(const Prior& prior) {
  if constexpr (requires { prior.pseudo_input_count(); }) {
    return prior.pseudo_input_count();
  } else {
    return 0;
  }
}

/// Whether a prior waits for pseudo-inputs from the training data.
template <class Prior>
[[nodiscard]] bool needs_pseudo_inputs(const Prior& prior) {
  if constexpr (requires { prior.needs_pseudo_inputs(); }) {
    return prior.needs_pseudo_inputs();
  } else {
    return false;
  }
}

/// Whether mean and log-variance of each dimension say everything about the posterior.
template <class Latent>
[[nodiscard]] bool is_diagonal_gaussian(const Latent& latent) {
  if constexpr (requires { latent.is_diagonal_gaussian(); }) {
    return latent.is_diagonal_gaussian();
  } else {
    return false;
  }
}

}  // namespace vaekit::inline VAEKIT_ABI
