// SPDX-License-Identifier: MIT
#pragma once

#include "vaekit/distributions/standard_normal.hpp"
#include "vaekit/latent/autoregressive_flow.hpp"
#include "vaekit/latent/coupling_flow.hpp"
#include "vaekit/latent/latent.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// The steps that a prior can be made of: those with an inverse to sample by.
template <class T>
using InvertibleFlow = FlowChain<CouplingFlow<T>, AutoregressiveFlow<T>>;

/// Config of any of them.
using InvertibleFlowConfig = InvertibleFlow<float>::StepConfig;

struct FlowPriorConfig {
  static constexpr std::string_view kind = "flow";
  Index length = 4;
  InvertibleFlowConfig flow{};

  static constexpr auto fields() {
    return std::tuple{field("length", &FlowPriorConfig::length, "number of steps", between(1, 64)),
                      field("flow", &FlowPriorConfig::flow, "what each step does")};
  }
};

/// A learned prior that a normalizing flow takes to the standard normal:
///
///   log p(z) = log N(f(z); 0, I) + log |det ∂f/∂z|,   f = f_K ∘ ... ∘ f₁
///   z = f⁻¹(temperature · ε),   ε ~ N(0, I)
///
/// Units    nats
/// Threads  const calls are safe with a cache each; no bit depends on their number
/// Source   Dinh et al. 2017 (arXiv:1605.08803), section 3.1; with autoregressive steps Papamakarios et al.
///          2017 (arXiv:1705.07057)
template <class T = float>
struct FlowPrior {
  using Scalar = T;
  using Config = FlowPriorConfig;
  struct Cache {
    typename InvertibleFlow<T>::Cache steps;
    Matrix<T> base;      // [rows × dim] f(z)
    Matrix<T> gradient;  // [rows × dim]
    Matrix<T> log_det;   // [1 × rows]
  };

  InvertibleFlow<T> flow;
  StandardNormal<T> base;

  FlowPrior() = default;
  /// Throws ConfigError when a number is out of range or the steps want a context.
  FlowPrior(const Config& config, Index dim, Index = 0)
      : flow(checked("flow prior", config).flow, dim, config.length) {
    if (flow.parameter_count() > 0) {
      throw ConfigError(concat("flow prior: context is ", flow.parameter_count() / config.length,
                               ", must be 0: a prior sees no input"));
    }
  }

  [[nodiscard]] Cache make_cache(Index rows) const {
    return {flow.make_cache(rows), Matrix<T>(rows, flow.dim), Matrix<T>(rows, flow.dim), Matrix<T>(1, rows)};
  }
  void initialize(const RandomStream& stream) { flow.initialize(stream); }

  void log_prob(MatrixIn<T> z, Cache& cache, std::span<T> out) const {
    const Index rows = z.rows();
    cache.log_det.leftCols(rows).setZero();
    flow.forward(no_params(), z, top(cache.base, rows), cache.log_det.span().first(out.size()), cache.steps);
    typename StandardNormal<T>::Cache none;
    base.log_prob(cache.base.topRows(rows), none, out);
    for (Index row = 0; row < rows; ++row) {
      out[static_cast<std::size_t>(row)] += cache.log_det(0, row);
    }
  }

  /// dz += dlog_p ∂ log p(z)/∂z
  void backward(MatrixIn<T> z, std::span<const T> dlog_p, Cache& cache, MatrixOut<T> dz,
                FlowPrior& grad) const {
    const Index rows = z.rows();
    typename StandardNormal<T>::Cache none;
    cache.gradient.topRows(rows).setZero();
    base.backward(cache.base.topRows(rows), dlog_p, none, top(cache.gradient, rows), grad.base);
    flow.backward(no_params(), z, cache.base.topRows(rows), dlog_p, cache.steps, top(cache.gradient, rows),
                  no_matrix<T>(), grad.flow);
    for (Index row = 0; row < rows; ++row) {
      detail::add_multiple<T>(T{1}, cache.gradient.data() + row * flow.dim, detail::row_of<T>(dz, row),
                              flow.dim);
    }
  }

  /// Any number of rows, in blocks of those that the cache is made for.
  void sample(const RandomStream& stream, std::uint64_t first, double temperature, Cache& cache,
              MatrixOut<T> z) const {
    typename StandardNormal<T>::Cache none;
    for (Index row = 0; row < z.rows(); row += cache.base.rows()) {
      const Index count = std::min(cache.base.rows(), z.rows() - row);
      base.sample(stream, first + static_cast<std::uint64_t>(row), temperature, none, top(cache.base, count));
      flow.inverse(cache.base.topRows(count), z.middleRows(row, count), cache.steps);
    }
  }

  static void reflect(auto& self, auto&& visit) { InvertibleFlow<T>::reflect(self.flow, visit); }

 private:
  [[nodiscard]] static Eigen::Map<const EigenMatrix<T>> no_params() { return {nullptr, 0, 0}; }
};

}  // namespace vaekit::inline VAEKIT_ABI
