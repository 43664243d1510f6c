// SPDX-License-Identifier: MIT
#pragma once

#include "vaekit/latent/flow.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct RadialFlowConfig {
  static constexpr std::string_view kind = "radial";
  static constexpr std::string_view noun = "flow";
  static constexpr auto fields() { return std::tuple{}; }
};

/// Draws space towards a point or pushes it away, near that point, with r = ‖z − z₀‖:
///
///   f(z) = z + (γ − α) / (α + r) (z − z₀)
///   log |det| = (dim − 1) log ((r + γ) / (r + α)) + log ((r² + 2 α r + α γ) / (r + α)²)
///   α = softplus(a) + 10⁻¹²,   γ = α + β = softplus(c) + 10⁻¹²
///
/// which are the paper's with β = −α + m(c), m = softplus: invertible for any a and c. All terms are
/// positive.
///
/// Shapes   each input gives z₀ | a | c [dim + 2]
/// Units    nats
/// Threads  const calls are safe with a cache each; no bit depends on their number
/// Source   Rezende & Mohamed 2015 (arXiv:1505.05770), equations 13, 14 and appendix A.2
template <class T = float>
struct RadialFlow {
  using Scalar = T;
  using Config = RadialFlowConfig;
  struct Cache {
    Matrix<T> samples;  // [sample_numbers × rows]
  };

  Index dim = 0;

  RadialFlow() = default;
  RadialFlow(const Config&, Index columns, Index) : dim(columns) {}

  [[nodiscard]] Index parameter_count() const { return dim + 2; }
  [[nodiscard]] Cache make_cache(Index rows) const { return {Matrix<T>(sample_numbers, rows)}; }
  void initialize(const RandomStream&) {}

  void forward(MatrixIn<T> params, MatrixIn<T> in, MatrixOut<T> out, std::span<T> log_det,
               Cache& cache) const {
    const Index samples = in.rows() / params.rows();
    detail::for_each_input_block(params.rows(), 6 * samples * (dim + 2), [&](Index first, Index last) {
      const Index start = first * samples;
      const Index end = last * samples;
      find_radii(params, in, start, end, samples, cache);
      for_each_vector<T>(end - start, [&](Index k, auto which) {
        const Terms terms(cache, start + k, which);
        T* const sum = log_det.data() + start + k;
        const Simd<T> log_far = math::log<T>(terms.far);
        const Simd<T> log_p =
            Simd<T>(static_cast<T>(dim - 1)) * (math::log<T>(terms.r + terms.gamma) - log_far) +
            (math::log<T>(terms.numerator) - log_far - log_far);
        store(cache.samples.row(factor_row).data() + start + k, terms.factor, which);
        store(sum, Simd<T>(load(sum, which) + log_p), which);
      });
      for (Index s = start; s < end; ++s) {
        const Simd<T> factor(cache.samples(factor_row, s));
        const T* centre = detail::row_of<T>(params, s / samples);
        const T* z = detail::row_of<T>(in, s);
        T* target = detail::row_of<T>(out, s);
        for_each_vector<T>(dim, [&](Index j, auto which) {
          const Simd<T> value = load(z + j, which);
          store(target + j, Simd<T>(xsimd::fma(factor, value - load(centre + j, which), value)), which);
        });
      }
    });
  }

  void backward(MatrixIn<T> params, MatrixIn<T> in, MatrixIn<T>, MatrixIn<T> dout,
                std::span<const T> dlog_det, Cache& cache, MatrixOut<T> din, MatrixOut<T> dparams,
                RadialFlow&) const {
    const Index samples = in.rows() / params.rows();
    detail::for_each_input_block(params.rows(), 8 * samples * (dim + 2), [&](Index first, Index last) {
      const Index start = first * samples;
      for (Index s = start; s < last * samples; ++s) {
        const T* centre = detail::row_of<T>(params, s / samples);
        const T* z = detail::row_of<T>(in, s);
        const T* upstream = detail::row_of<T>(dout, s);
        cache.samples(dfactor_row, s) = sum_vectors<T>(dim, [&](Index j, auto which) {
          return Simd<T>(load(upstream + j, which) * (load(z + j, which) - load(centre + j, which)));
        });
      }
      for_each_vector<T>((last - first) * samples, [&](Index k, auto which) {
        find_number_gradients(start + k, load(dlog_det.data() + start + k, which), cache, which);
      });
      for (Index i = first; i < last; ++i) {
        add_samples(i, samples, params, in, dout, cache, din, dparams);
      }
    });
  }

  static void reflect(auto&, auto&&) {}

 private:
  // Numbers of a sample: r, a, c, (γ − α) / (α + r), and gradients, that of r divided by r.
  enum SampleRow : Index {
    radius_row,
    alpha_row,
    gamma_row,
    factor_row,
    dfactor_row,
    dalpha_row,
    dgamma_row,
    dradius_row,
    sample_numbers
  };

  /// What value and gradients share, of a vector of samples.
  struct Terms {
    Simd<T> r, alpha, gamma, far, factor, numerator;

    template <class Which>
    Terms(Cache& cache, Index s, Which which) {
      const Simd<T> least(static_cast<T>(1e-12));
      r = load(cache.samples.row(radius_row).data() + s, which);
      alpha = math::softplus<T>(load(cache.samples.row(alpha_row).data() + s, which)) + least;
      gamma = math::softplus<T>(load(cache.samples.row(gamma_row).data() + s, which)) + least;
      far = r + alpha;
      factor = (gamma - alpha) / far;
      numerator = r * (r + alpha + alpha) + alpha * gamma;
    }
  };

  void find_radii(MatrixIn<T> params, MatrixIn<T> in, Index start, Index end, Index samples,
                  Cache& cache) const {
    for (Index s = start; s < end; ++s) {
      const T* centre = detail::row_of<T>(params, s / samples);
      const T* z = detail::row_of<T>(in, s);
      cache.samples(radius_row, s) = std::sqrt(sum_vectors<T>(dim, [&](Index j, auto which) {
        const Simd<T> difference = load(z + j, which) - load(centre + j, which);
        return Simd<T>(difference * difference);
      }));
      cache.samples(alpha_row, s) = centre[dim];
      cache.samples(gamma_row, s) = centre[dim + 1];
    }
  }

  template <class Which>
  void find_number_gradients(Index s, const Simd<T>& dlog_det, Cache& cache, Which which) const {
    const Terms terms(cache, s, which);
    const Simd<T> zero(T{0});
    const Simd<T> two(T{2});
    const Simd<T> others(static_cast<T>(dim - 1));
    const Simd<T> dfactor = load(cache.samples.row(dfactor_row).data() + s, which) / terms.far;
    const Simd<T> near = dlog_det * others / (terms.r + terms.gamma);
    const Simd<T> inner = dlog_det / terms.numerator;
    // Of α + r wherever it divides.
    const Simd<T> dfar = zero - dfactor * terms.factor - dlog_det * (others + two) / terms.far;
    const Simd<T> dr = dfar + near + inner * two * terms.far;
    const Simd<T> dalpha = dfar - dfactor + inner * (two * terms.r + terms.gamma);
    const Simd<T> dgamma = dfactor + near + inner * terms.alpha;
    const Simd<T> a = load(cache.samples.row(alpha_row).data() + s, which);
    const Simd<T> c = load(cache.samples.row(gamma_row).data() + s, which);
    store(cache.samples.row(dalpha_row).data() + s, Simd<T>(dalpha * math::sigmoid<T>(a)), which);
    store(cache.samples.row(dgamma_row).data() + s, Simd<T>(dgamma * math::sigmoid<T>(c)), which);
    // At the centre r has no gradient; 0 is in the subdifferential.
    store(cache.samples.row(dradius_row).data() + s,
          Simd<T>(xsimd::select(terms.r == zero, zero, Simd<T>(dr / terms.r))), which);
  }

  /// d(z − z₀) = dout (γ − α) / (α + r) + dr (z − z₀) / r,  din = dout + d(z − z₀),  dz₀ −= d(z − z₀).
  void add_samples(Index i, Index samples, MatrixIn<T> params, MatrixIn<T> in, MatrixIn<T> dout, Cache& cache,
                   MatrixOut<T>& din, MatrixOut<T>& dparams) const {
    const T* centre = detail::row_of<T>(params, i);
    T* const dcentre = detail::row_of<T>(dparams, i);
    for (Index s = i * samples; s < (i + 1) * samples; ++s) {
      const Simd<T> factor(cache.samples(factor_row, s));
      const Simd<T> dradius(cache.samples(dradius_row, s));
      const T* z = detail::row_of<T>(in, s);
      const T* upstream = detail::row_of<T>(dout, s);
      T* to_in = detail::row_of<T>(din, s);
      for_each_vector<T>(dim, [&](Index j, auto which) {
        const Simd<T> g = load(upstream + j, which);
        const Simd<T> slope =
            xsimd::fma(dradius, Simd<T>(load(z + j, which) - load(centre + j, which)), Simd<T>(factor * g));
        store(to_in + j, Simd<T>(g + slope), which);
        store(dcentre + j, Simd<T>(load(dcentre + j, which) - slope), which);
      });
      dcentre[dim] += cache.samples(dalpha_row, s);
      dcentre[dim + 1] += cache.samples(dgamma_row, s);
    }
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
