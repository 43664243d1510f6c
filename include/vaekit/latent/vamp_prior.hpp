// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <string_view>

#include "vaekit/core/check.hpp"
#include "vaekit/kernels/elementwise.hpp"
#include "vaekit/latent/gaussian_mixture.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// What the pseudo-inputs of a `VampPrior` are: parameters in (0, 1), or samples of the training data.
enum class PseudoInputs { learned, data };

[[nodiscard]] constexpr auto enum_names(PseudoInputs) {
  return std::array<std::string_view, 2>{"learned", "data"};
}

struct VampPriorConfig {
  static constexpr std::string_view kind = "vamp";
  Index components = 500;
  PseudoInputs pseudo_inputs = PseudoInputs::learned;

  static constexpr auto fields() {
    using C = VampPriorConfig;
    return std::tuple{field("components", &C::components, "pseudo-inputs, C", between(1, 100'000)),
                      field("pseudo_inputs", &C::pseudo_inputs,
                            "learned: parameters between 0 and 1; data: samples of the training set")};
  }
};

/// The variational mixture of posteriors: p(z) = 1/C Σ_c q(z|u_c) for pseudo-inputs u_c.
///
/// The model runs its encoder on `pseudo_inputs` once a step and hands the posteriors to the cache
/// (`set_components`), and takes their gradient from there back through the encoder. The posterior must be a
/// diagonal Gaussian. Learned pseudo-inputs are sigmoid(`pseudo_logits`), so they stay in (0, 1). Those from
/// the data are a buffer that `set_pseudo_inputs` fills once, and may be any numbers.
///
/// Units    nats
/// Threads  const calls are safe with a cache each
/// Source   Tomczak & Welling 2018 (arXiv:1705.07120) eq. 9 and 10; from the data: section 5, "VampPrior
/// data"
template <class T = float>
struct VampPrior {
  using Scalar = T;
  using Config = VampPriorConfig;
  struct Cache {
    MixtureCache<T> mixture;
    Matrix<T> mu, logvar;        // [C × dim] posteriors of the pseudo-inputs
    MomentGradient<T> gradient;  // theirs, which `backward` sets
  };

  Matrix<T> pseudo_logits;  // [C × features] of learned pseudo-inputs, else [0 × features]
  Matrix<T> data_inputs;    // [C × features] of those from the data, else [0 × features]; NaN until set
  Index dim = 0;

  VampPrior() = default;
  /// Throws ConfigError when `components` is out of range.
  VampPrior(const Config& config, Index latent_dim, Index features)
      : pseudo_logits(learned(checked("vamp prior", config)) ? config.components : 0, features),
        data_inputs(learned(config) ? 0 : config.components, features),
        dim(latent_dim) {
    data_inputs.setConstant(std::numeric_limits<T>::quiet_NaN());
  }

  [[nodiscard]] Cache make_cache(Index rows) const {
    const Index count = pseudo_input_count();
    Cache cache{
        {rows, count, dim}, Matrix<T>(count, dim), Matrix<T>(count, dim), MomentGradient<T>(count, dim)};
    cache.mixture.log_weights.setConstant(
        static_cast<T>(-std::log(static_cast<double>(std::max<Index>(count, 1)))));
    return cache;
  }
  /// Logits from N(0, 1): learned pseudo-inputs around 1/2.
  void initialize(const RandomStream& stream) { fill_normal(pseudo_logits.span(), stream); }

  [[nodiscard]] Index pseudo_input_count() const { return pseudo_logits.rows() + data_inputs.rows(); }
  [[nodiscard]] bool needs_pseudo_inputs() const {
    return data_inputs.size() > 0 && std::isnan(data_inputs(0, 0));
  }
  /// Throws ShapeError unless x is [C × features]
  void set_pseudo_inputs(MatrixIn<T> x) {
    check_rows("vamp prior", "x", x, data_inputs.rows(), "components");
    check_columns("vamp prior", "x", x, data_inputs.cols(), "features");
    data_inputs = x;
  }
  /// Throws DataError when they come from the data and were never set
  void pseudo_inputs(MatrixOut<T> out) const {
    if (needs_pseudo_inputs()) {
      throw DataError(
          "vamp prior: pseudo-inputs are not set, must be samples of the training data; use "
          "choose_pseudo_inputs");
    }
    if (data_inputs.size() > 0) {
      out = data_inputs;
    } else {
      activate<T>(Activation::sigmoid, pseudo_logits, out);
    }
  }
  /// grad += the gradient of the logits from that of the learned pseudo-inputs u: du ∘ u (1 − u).
  void pseudo_backward(MatrixIn<T> u, MatrixIn<T> du, VampPrior& grad) const {
    parallel_for(pseudo_logits.rows(), row_grain(4 * u.cols()), [&](Index first, Index last) {
      grad.pseudo_logits.middleRows(first, last - first).array() +=
          du.middleRows(first, last - first).array() * u.middleRows(first, last - first).array() *
          (T{1} - u.middleRows(first, last - first).array());
    });
  }
  void set_components(const DiagonalGaussian<T>& q, Cache& cache) const {
    cache.mu = q.mu;
    cache.logvar = q.logvar;
  }
  void component_gradient(const Cache& cache, MomentGradient<T>& out) const {
    out.mu = cache.gradient.mu;
    out.logvar = cache.gradient.logvar;
  }

  void log_prob(MatrixIn<T> z, Cache& cache, std::span<T> out) const {
    view(cache).log_prob(z, cache.mixture, out);
  }
  void backward(MatrixIn<T> z, std::span<const T> dlog_p, Cache& cache, MatrixOut<T> dz, VampPrior&) const {
    cache.gradient.mu.setZero();
    cache.gradient.logvar.setZero();
    view(cache).backward(z, dlog_p, cache.mixture, dz, cache.gradient.mu, cache.gradient.logvar);
  }
  void sample(const RandomStream& stream, std::uint64_t first, double temperature, Cache& cache,
              MatrixOut<T> z) const {
    view(cache).sample(stream, first, temperature, cache.mixture.log_weights, z);
  }

  static void reflect(auto& self, auto&& visit) {
    if (self.data_inputs.size() > 0) {
      visit_buffer(visit, "pseudo_inputs", self.data_inputs);
    } else {
      visit("pseudo_logits", self.pseudo_logits);
    }
  }

 private:
  [[nodiscard]] static bool learned(const Config& config) {
    return config.pseudo_inputs == PseudoInputs::learned;
  }
  [[nodiscard]] static MixtureView<T> view(const Cache& cache) { return {cache.mu, cache.logvar}; }
};

}  // namespace vaekit::inline VAEKIT_ABI
