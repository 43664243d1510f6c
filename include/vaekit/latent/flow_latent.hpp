// SPDX-License-Identifier: MIT
#pragma once

#include "vaekit/latent/autoregressive_flow.hpp"
#include "vaekit/latent/coupling_flow.hpp"
#include "vaekit/latent/gaussian.hpp"
#include "vaekit/latent/planar_flow.hpp"
#include "vaekit/latent/radial_flow.hpp"
#include "vaekit/latent/sylvester_flow.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// The steps that a posterior can be made of.
template <class T>
using PosteriorFlow = FlowChain<PlanarFlow<T>, RadialFlow<T>, HouseholderFlow<T>, SylvesterFlow<T>,
                                AutoregressiveFlow<T>, CouplingFlow<T>>;

/// Config of any of them.
using FlowConfig = PosteriorFlow<float>::StepConfig;

struct FlowLatentConfig {
  static constexpr std::string_view kind = "flow";
  Index dim = 20;
  Index length = 4;
  FlowConfig flow{};

  static constexpr auto fields() {
    return std::tuple{field("dim", &FlowLatentConfig::dim, "number of latent variables", between(1, 100'000)),
                      field("length", &FlowLatentConfig::length, "number of steps", between(1, 64)),
                      field("flow", &FlowLatentConfig::flow, "what each step does")};
  }
};

/// A posterior q(z|x) made from a diagonal Gaussian by a normalizing flow:
///
///   z₀ = mu + exp(logvar/2) ∘ ε,   z = f_K(... f₁(z₀))
///   log q(z|x) = −½ Σⱼ (εⱼ² + logvarⱼ + log 2π) − Σ_k log |det ∂f_k/∂z_{k−1}|
///
/// The head gives `params` [n × head_size] = mu | raw logvar | numbers of step 1 | of step 2 ...; logvar as
/// in `GaussianLatent`. The moments of z have no closed form: `posterior` and `cache.dq.mu` are about mu, the
/// mean of the base z₀. The image of mu under the flow is what `reparameterize` makes of ε = 0.
///
/// Units    nats
/// Threads  const calls are safe with a cache each; no bit depends on their number
/// Source   Rezende & Mohamed 2015 (arXiv:1505.05770), section 3
template <class T = float>
struct FlowLatent {
  using Scalar = T;
  using Config = FlowLatentConfig;
  struct Cache : GaussianLatent<T>::Cache {
    typename PosteriorFlow<T>::Cache steps;
    Matrix<T> start;      // [rows × dim] z₀
    Matrix<T> gradient;   // [rows × dim] of z, then of z₀
    Matrix<T> log_det;    // [1 × rows]
    Matrix<T> dlog_det;   // [1 × rows]
    Matrix<T> no_values;  // [batch × 0]
  };

  Index dim = 0;
  GaussianLatent<T> base;
  PosteriorFlow<T> flow;

  FlowLatent() = default;
  /// Throws ConfigError when a number is out of range.
  explicit FlowLatent(const Config& config)
      : dim(checked("flow latent", config).dim), base({.dim = dim}), flow(config.flow, dim, config.length) {}

  [[nodiscard]] Index head_size() const { return base.head_size() + flow.parameter_count(); }
  [[nodiscard]] Index noise_size() const { return dim; }
  [[nodiscard]] Index kl_columns() const { return dim; }
  [[nodiscard]] bool reports_mean() const { return false; }
  [[nodiscard]] Cache make_cache(Index batch, Index rows) const {
    Cache cache;
    static_cast<typename GaussianLatent<T>::Cache&>(cache) = base.make_cache(batch, rows);
    cache.steps = flow.make_cache(rows);
    cache.start = Matrix<T>(rows, dim);
    cache.gradient = Matrix<T>(rows, dim);
    cache.log_det = Matrix<T>(1, rows);
    cache.dlog_det = Matrix<T>(1, rows);
    cache.no_values = Matrix<T>(batch, 0);
    return cache;
  }
  void initialize(const RandomStream& stream) { flow.initialize(stream); }

  void draw_noise(const RandomStream& stream, std::uint64_t first, MatrixOut<T> epsilon) const {
    base.draw_noise(stream, first, epsilon);
  }

  /// The mean of the base; no log-variance.
  [[nodiscard]] DiagonalGaussian<T> posterior(MatrixIn<T> params, Cache& cache) const {
    static_cast<void>(base.posterior(params.leftCols(2 * dim), cache));
    return {params.leftCols(dim), cache.no_values.topRows(params.rows())};
  }

  void reparameterize(MatrixIn<T> params, MatrixIn<T> epsilon, Cache& cache, MatrixOut<T> z) const {
    const Index rows = z.rows();
    base.reparameterize(params.leftCols(2 * dim), epsilon, cache, top(cache.start, rows));
    cache.log_det.leftCols(rows).setZero();
    flow.forward(params.rightCols(flow.parameter_count()), cache.start.topRows(rows), z,
                 first(cache.log_det, rows), cache.steps);
  }

  /// log q(z|x) of the samples that were just drawn.
  void log_prob(MatrixIn<T> params, MatrixIn<T> epsilon, MatrixIn<T>, const Cache& cache,
                std::span<T> out) const {
    const Index samples = epsilon.rows() / params.rows();
    parallel_for(epsilon.rows(), row_grain(2 * dim), [&](Index begin, Index end) {
      for (Index s = begin; s < end; ++s) {
        const T* noise = detail::row_of<T>(epsilon, s);
        const T* logvar = cache.logvar.data() + s / samples * dim;
        const T sum = sum_vectors<T>(dim, [&](Index j, auto which) {
          const Simd<T> e = load(noise + j, which);
          return Simd<T>(xsimd::fma(e, e, load(logvar + j, which)));
        });
        out[static_cast<std::size_t>(s)] =
            T{-0.5} * (sum + static_cast<T>(log_two_pi) * static_cast<T>(dim)) - cache.log_det(0, s);
      }
    });
  }

  /// Gradient of the head's outputs, that of the base by way of z₀; see `GaussianLatent::backward`.
  ///
  /// Shapes  dz, epsilon [n·samples × dim]; dlog_q [n·samples] or empty; dparams [n × head_size]
  void backward(MatrixIn<T> params, MatrixIn<T> epsilon, MatrixIn<T> z, MatrixIn<T> dz,
                std::span<const T> dlog_q, Cache& cache, MatrixOut<T> dparams, FlowLatent& grad) const {
    const Index rows = dz.rows();
    const Index flow_columns = flow.parameter_count();
    for (Index s = 0; s < rows; ++s) {
      cache.dlog_det(0, s) = dlog_q.empty() ? T{0} : -dlog_q[static_cast<std::size_t>(s)];
    }
    cache.gradient.topRows(rows) = dz;
    dparams.rightCols(flow_columns).setZero();
    flow.backward(params.rightCols(flow_columns), cache.start.topRows(rows), z, first(cache.dlog_det, rows),
                  cache.steps, top(cache.gradient, rows), dparams.rightCols(flow_columns), grad.flow);
    base.backward(params.leftCols(2 * dim), epsilon, cache.start.topRows(rows), cache.gradient.topRows(rows),
                  dlog_q, cache, dparams.leftCols(2 * dim), grad.base);
  }

  static void reflect(auto& self, auto&& visit) { PosteriorFlow<T>::reflect(self.flow, visit); }

 private:
  [[nodiscard]] static std::span<T> first(Matrix<T>& row, Index count) {
    return row.span().first(static_cast<std::size_t>(count));
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
