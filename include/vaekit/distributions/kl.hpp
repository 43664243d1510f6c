// SPDX-License-Identifier: MIT
//
// Kullback-Leibler divergences, one overload a pair (q, p). A pair without an overload has no closed form.
#pragma once

#include "vaekit/distributions/diagonal_gaussian.hpp"
#include "vaekit/distributions/standard_normal.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// KL(N(mu, exp(logvar)) ‖ N(0, 1)) of each sample and dimension:
///
///   kl = ½ (μ² + exp(logvar) − 1 − logvar)
///
/// Shapes    mu, logvar [n × dim] → kl [n × dim]
/// Units     nats; not reduced
/// Threads   pure
/// Source    Kingma & Welling 2014, appendix B (arXiv:1312.6114)
template <class T>
void kl_divergence(const DiagonalGaussian<T>& q, const StandardNormal<T>&, MatrixOut<T> kl) {
  const Simd<T> half(T{0.5});
  const Simd<T> one(T{1});
  parallel_for(kl.rows(), row_grain(4 * kl.cols()), [&](Index first, Index last) {
    for (Index row = first; row < last; ++row) {
      const T* mu = q.mu.data() + row * q.mu.outerStride();
      const T* logvar = q.logvar.data() + row * q.logvar.outerStride();
      T* target = kl.data() + row * kl.outerStride();
      for_each_vector<T>(kl.cols(), [&](Index j, auto which) {
        const Simd<T> m = load(mu + j, which);
        const Simd<T> lv = load(logvar + j, which);
        store(target + j, Simd<T>(half * (m * m + (math::expm1<T>(lv) - lv))), which);
      });
    }
  });
}

/// Gradient of the divergence above: dmu = dkl ∘ μ, dlogvar = dkl ∘ ½ (exp(logvar) − 1).
///
/// Shapes   dkl, dmu, dlogvar [n × dim]; the outputs are added to
template <class T>
void kl_divergence_backward(const DiagonalGaussian<T>& q, const StandardNormal<T>&, MatrixIn<T> dkl,
                            MatrixOut<T> dmu, MatrixOut<T> dlogvar) {
  const Simd<T> half(T{0.5});
  parallel_for(dkl.rows(), row_grain(4 * dkl.cols()), [&](Index first, Index last) {
    for (Index row = first; row < last; ++row) {
      const T* mu = q.mu.data() + row * q.mu.outerStride();
      const T* logvar = q.logvar.data() + row * q.logvar.outerStride();
      const T* upstream = dkl.data() + row * dkl.outerStride();
      T* to_mu = dmu.data() + row * dmu.outerStride();
      T* to_logvar = dlogvar.data() + row * dlogvar.outerStride();
      for_each_vector<T>(dkl.cols(), [&](Index j, auto which) {
        const Simd<T> d = load(upstream + j, which);
        store(to_mu + j, Simd<T>(load(to_mu + j, which) + d * load(mu + j, which)), which);
        const Simd<T> slope = half * math::expm1<T>(load(logvar + j, which));
        store(to_logvar + j, Simd<T>(load(to_logvar + j, which) + d * slope), which);
      });
    }
  });
}

/// KL(N(mu, exp(logvar)) ‖ N(m, exp(s))) of each sample and dimension:
///
///   kl = ½ ((μ − m)² exp(−s) + exp(logvar − s) − 1 − (logvar − s))
///
/// Shapes    of q and p [n × dim] → kl [n × dim]
/// Units     nats; not reduced
/// Threads   pure
template <class T>
void kl_divergence(const DiagonalGaussian<T>& q, const DiagonalGaussian<T>& p, MatrixOut<T> kl) {
  const Simd<T> half(T{0.5});
  for (Index row = 0; row < kl.rows(); ++row) {
    const T* mu = q.mu.data() + row * q.mu.outerStride();
    const T* logvar = q.logvar.data() + row * q.logvar.outerStride();
    const T* other_mu = p.mu.data() + row * p.mu.outerStride();
    const T* other_logvar = p.logvar.data() + row * p.logvar.outerStride();
    T* target = kl.data() + row * kl.outerStride();
    for_each_vector<T>(kl.cols(), [&](Index j, auto which) {
      const Simd<T> s = load(other_logvar + j, which);
      const Simd<T> deviation = load(mu + j, which) - load(other_mu + j, which);
      const Simd<T> ratio = load(logvar + j, which) - s;
      const Simd<T> square = deviation * deviation * math::exp<T>(-s);
      store(target + j, Simd<T>(half * (square + (math::expm1<T>(ratio) - ratio))), which);
    });
  }
}

/// Gradient of the divergence above with respect to both Gaussians.
///
/// Shapes   all [n × dim]; the outputs are added to
template <class T>
void kl_divergence_backward(const DiagonalGaussian<T>& q, const DiagonalGaussian<T>& p, MatrixIn<T> dkl,
                            MatrixOut<T> dmu, MatrixOut<T> dlogvar, MatrixOut<T> dother_mu,
                            MatrixOut<T> dother_logvar) {
  const Simd<T> half(T{0.5});
  const auto add = [](T* target, const Simd<T>& value, auto which) {
    store(target, Simd<T>(load(target, which) + value), which);
  };
  for (Index row = 0; row < dkl.rows(); ++row) {
    const T* mu = q.mu.data() + row * q.mu.outerStride();
    const T* logvar = q.logvar.data() + row * q.logvar.outerStride();
    const T* other_mu = p.mu.data() + row * p.mu.outerStride();
    const T* other_logvar = p.logvar.data() + row * p.logvar.outerStride();
    for_each_vector<T>(dkl.cols(), [&](Index j, auto which) {
      const Simd<T> d = load(dkl.data() + row * dkl.outerStride() + j, which);
      const Simd<T> s = load(other_logvar + j, which);
      const Simd<T> deviation = load(mu + j, which) - load(other_mu + j, which);
      const Simd<T> slope = d * deviation * math::exp<T>(-s);
      const Simd<T> growth = d * half * math::expm1<T>(load(logvar + j, which) - s);
      add(dmu.data() + row * dmu.outerStride() + j, slope, which);
      add(dlogvar.data() + row * dlogvar.outerStride() + j, growth, which);
      add(dother_mu.data() + row * dother_mu.outerStride() + j, Simd<T>(-slope), which);
      add(dother_logvar.data() + row * dother_logvar.outerStride() + j,
          Simd<T>(-growth - half * slope * deviation), which);
    });
  }
}

/// A pair whose divergence has a closed form.
template <class Q, class P, class T>
concept ClosedFormKl = requires(const Q& q, const P& p, MatrixOut<T> kl) {
  kl_divergence(q, p, kl);
};

}  // namespace vaekit::inline VAEKIT_ABI
