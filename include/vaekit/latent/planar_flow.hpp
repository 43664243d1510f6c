// SPDX-License-Identifier: MIT
#pragma once

#include "vaekit/latent/flow.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct PlanarFlowConfig {
  static constexpr std::string_view kind = "planar";
  static constexpr std::string_view noun = "flow";
  static constexpr auto fields() { return std::tuple{}; }
};

/// Stretches space along one direction, near one hyperplane:
///
///   f(z) = z + û tanh(wᵀz + b),   log |det| = log (1 + (1 − tanh²(wᵀz + b)) wᵀû)
///   û = u + (m(wᵀu) − wᵀu) w / ‖w‖²,   m(x) = −1 + log(1 + eˣ), so that wᵀû > −1: f is invertible
///
/// ‖w‖² counts as 10⁻¹² where it is less, for û would be infinite at w = 0.
///
/// Shapes   each input gives u | w | b [2 dim + 1]
/// Units    nats
/// Threads  const calls are safe with a cache each; no bit depends on their number
/// Source   Rezende & Mohamed 2015 (arXiv:1505.05770), equations 10 to 12 and appendix A.1
template <class T = float>
struct PlanarFlow {
  using Scalar = T;
  using Config = PlanarFlowConfig;
  struct Cache {
    Matrix<T> direction;  // [rows × dim] û of each input
    Matrix<T> inputs;     // [input_numbers × rows]
    Matrix<T> samples;    // [sample_numbers × rows]
  };

  Index dim = 0;

  PlanarFlow() = default;
  PlanarFlow(const Config&, Index columns, Index) : dim(columns) {}

  [[nodiscard]] Index parameter_count() const { return 2 * dim + 1; }
  [[nodiscard]] Cache make_cache(Index rows) const {
    return {Matrix<T>(rows, dim), Matrix<T>(input_numbers, rows), Matrix<T>(sample_numbers, rows)};
  }
  void initialize(const RandomStream&) {}

  void forward(MatrixIn<T> params, MatrixIn<T> in, MatrixOut<T> out, std::span<T> log_det,
               Cache& cache) const {
    const Index samples = in.rows() / params.rows();
    detail::for_each_input_block(params.rows(), 4 * (samples + 1) * dim, [&](Index first, Index last) {
      find_directions(params, first, last, cache);
      T* const level = cache.samples.row(level_row).data();
      T* const activation = cache.samples.row(activation_row).data();
      for (Index s = first * samples; s < last * samples; ++s) {
        const T* p = detail::row_of<T>(params, s / samples);
        level[s] = cache.inputs(bound_row, s / samples);
        activation[s] = detail::dot(p + dim, detail::row_of<T>(in, s), dim) + p[2 * dim];
      }
      const Index start = first * samples;
      for_each_vector<T>((last - first) * samples, [&](Index i, auto which) {
        const Simd<T> t = math::tanh<T>(load(activation + start + i, which));
        const detail::FlooredLog<T> factor(factor_of(t, load(level + start + i, which)));
        T* const sum = log_det.data() + start + i;
        store(activation + start + i, t, which);
        store(sum, Simd<T>(load(sum, which) + factor.value()), which);
      });
      for (Index s = start; s < last * samples; ++s) {
        const Simd<T> t(activation[s]);
        const T* direction = cache.direction.data() + s / samples * dim;
        const T* z = detail::row_of<T>(in, s);
        T* target = detail::row_of<T>(out, s);
        for_each_vector<T>(dim, [&](Index j, auto which) {
          store(target + j, Simd<T>(xsimd::fma(load(direction + j, which), t, load(z + j, which))), which);
        });
      }
    });
  }

  void backward(MatrixIn<T> params, MatrixIn<T> in, MatrixIn<T>, MatrixIn<T> dout,
                std::span<const T> dlog_det, Cache& cache, MatrixOut<T> din, MatrixOut<T> dparams,
                PlanarFlow&) const {
    const Index samples = in.rows() / params.rows();
    detail::for_each_input_block(params.rows(), 6 * (samples + 1) * dim, [&](Index first, Index last) {
      find_sample_gradients(first * samples, last * samples, samples, dout, dlog_det, cache);
      for (Index i = first; i < last; ++i) {
        add_samples(i, samples, params, in, dout, cache, din, dparams);
      }
      pass_constraint(params, first, last, cache, dparams);
    });
  }

  static void reflect(auto&, auto&&) {}

 private:
  // Numbers of an input: x = wᵀu, ‖w‖², 1 + wᵀû, (m(x) − x) / ‖w‖², and gradients.
  enum InputRow : Index {
    product_row,
    square_row,
    bound_row,
    scale_row,
    dbound_row,
    dscale_row,
    input_numbers
  };
  // Numbers of a sample: 1 + wᵀû, tanh(wᵀz + b), the gradients of 1 + wᵀû and of wᵀz + b.
  enum SampleRow : Index { level_row, activation_row, dlevel_row, dprojection_row, sample_numbers };

  static constexpr double least_square = 1e-12;

  /// 1 + (1 − t²) wᵀû, without a difference of near numbers; `level` = 1 + wᵀû.
  [[nodiscard]] static Simd<T> factor_of(const Simd<T>& t, const Simd<T>& level) {
    const Simd<T> square = t * t;
    return square + (Simd<T>(T{1}) - square) * level;
  }

  void find_directions(MatrixIn<T> params, Index first, Index last, Cache& cache) const {
    T* const product = cache.inputs.row(product_row).data();
    T* const square = cache.inputs.row(square_row).data();
    T* const scale = cache.inputs.row(scale_row).data();
    T* const bound = cache.inputs.row(bound_row).data();
    for (Index i = first; i < last; ++i) {
      const T* u = detail::row_of<T>(params, i);
      product[i] = detail::dot(u, u + dim, dim);
      square[i] = detail::dot(u + dim, u + dim, dim);
    }
    for_each_vector<T>(last - first, [&](Index k, auto which) {
      const Index i = first + k;
      const Simd<T> one(T{1});
      const Simd<T> least(static_cast<T>(least_square));
      const Simd<T> x = load(product + i, which);
      const Simd<T> q = load(square + i, which);
      const Simd<T> rise = math::softplus<T>(-x) - one;  // m(x) − x
      const Simd<T> reached = one + x + q * rise / least;
      store(scale + i, Simd<T>(rise / xsimd::select(q < least, least, q)), which);
      store(bound + i, Simd<T>(xsimd::select(q < least, reached, math::softplus<T>(x))), which);
    });
    for (Index i = first; i < last; ++i) {
      const T* u = detail::row_of<T>(params, i);
      T* direction = cache.direction.data() + i * dim;
      for_each_vector<T>(dim, [&](Index j, auto which) {
        store(direction + j,
              Simd<T>(xsimd::fma(Simd<T>(scale[i]), load(u + dim + j, which), load(u + j, which))), which);
      });
    }
  }

  /// Gradients of 1 + wᵀû and wᵀz + b of each sample.
  void find_sample_gradients(Index start, Index end, Index samples, MatrixIn<T> dout,
                             std::span<const T> dlog_det, Cache& cache) const {
    const T* const level = cache.samples.row(level_row).data();
    const T* const activation = cache.samples.row(activation_row).data();
    T* const dlevel = cache.samples.row(dlevel_row).data();
    T* const dprojection = cache.samples.row(dprojection_row).data();
    for (Index s = start; s < end; ++s) {
      dprojection[s] =
          detail::dot(cache.direction.data() + s / samples * dim, detail::row_of<T>(dout, s), dim);
    }
    for_each_vector<T>(end - start, [&](Index k, auto which) {
      const Index s = start + k;
      const Simd<T> one(T{1});
      const Simd<T> t = load(activation + s, which);
      const Simd<T> a = load(level + s, which);
      const Simd<T> slope = one - t * t;
      const Simd<T> dfactor =
          detail::FlooredLog<T>(factor_of(t, a)).gradient(load(dlog_det.data() + s, which));
      const Simd<T> dt = load(dprojection + s, which) + dfactor * Simd<T>(T{2}) * t * (one - a);
      store(dlevel + s, Simd<T>(dfactor * slope), which);
      store(dprojection + s, Simd<T>(dt * slope), which);
    });
  }

  /// din of the samples of input i; the gradients of û, w at fixed û and b go to those of u, w, b.
  void add_samples(Index i, Index samples, MatrixIn<T> params, MatrixIn<T> in, MatrixIn<T> dout, Cache& cache,
                   MatrixOut<T>& din, MatrixOut<T>& dparams) const {
    const T* w = detail::row_of<T>(params, i) + dim;
    T* const du = detail::row_of<T>(dparams, i);
    T* const ddirection = cache.direction.data() + i * dim;  // û has served
    std::fill_n(ddirection, dim, T{0});
    T dlevel = 0;
    for (Index s = i * samples; s < (i + 1) * samples; ++s) {
      const Simd<T> t(cache.samples(activation_row, s));
      const Simd<T> dprojection(cache.samples(dprojection_row, s));
      const T* z = detail::row_of<T>(in, s);
      const T* upstream = detail::row_of<T>(dout, s);
      T* to_in = detail::row_of<T>(din, s);
      for_each_vector<T>(dim, [&](Index j, auto which) {
        const Simd<T> g = load(upstream + j, which);
        store(ddirection + j, Simd<T>(xsimd::fma(g, t, load(ddirection + j, which))), which);
        store(du + dim + j, Simd<T>(xsimd::fma(load(z + j, which), dprojection, load(du + dim + j, which))),
              which);
        store(to_in + j, Simd<T>(xsimd::fma(load(w + j, which), dprojection, g)), which);
      });
      du[2 * dim] += cache.samples(dprojection_row, s);
      dlevel += cache.samples(dlevel_row, s);
    }
    cache.inputs(dbound_row, i) = dlevel;
    cache.inputs(dscale_row, i) = detail::dot(ddirection, w, dim);
  }

  /// From the gradients of û and 1 + wᵀû to those of u and w.
  void pass_constraint(MatrixIn<T> params, Index first, Index last, Cache& cache,
                       MatrixOut<T>& dparams) const {
    T* const dproduct = cache.inputs.row(dbound_row).data();  // before: the gradient of 1 + wᵀû
    T* const dsquare = cache.inputs.row(dscale_row).data();   // before: that of the scale
    for_each_vector<T>(last - first, [&](Index k, auto which) {
      const Index i = first + k;
      const Simd<T> zero(T{0});
      const Simd<T> one(T{1});
      const Simd<T> least(static_cast<T>(least_square));
      const Simd<T> x = load(cache.inputs.row(product_row).data() + i, which);
      const Simd<T> q = load(cache.inputs.row(square_row).data() + i, which);
      const Simd<T> scale = load(cache.inputs.row(scale_row).data() + i, which);
      const Simd<T> dbound = load(dproduct + i, which);
      const Simd<T> dscale = load(dsquare + i, which);
      const Simd<T> fall = math::sigmoid<T>(-x);  // 1 − m′
      const Simd<T> small_slope = one - q * fall / least;
      const Simd<T> slope = xsimd::select(q < least, small_slope, math::sigmoid<T>(x));
      const Simd<T> divisor = xsimd::select(q < least, least, q);
      store(dproduct + i, Simd<T>(dbound * slope - dscale * fall / divisor), which);
      store(dsquare + i, Simd<T>(xsimd::select(q < least, dbound * scale, zero - dscale * scale / divisor)),
            which);
    });
    for (Index i = first; i < last; ++i) {
      const T* u = detail::row_of<T>(params, i);
      const T* ddirection = cache.direction.data() + i * dim;
      T* const du = detail::row_of<T>(dparams, i);
      const Simd<T> dx(dproduct[i]);
      const Simd<T> two_dq(2 * dsquare[i]);
      const Simd<T> scale(cache.inputs(scale_row, i));
      for_each_vector<T>(dim, [&](Index j, auto which) {
        const Simd<T> g = load(ddirection + j, which);
        const Simd<T> w = load(u + dim + j, which);
        const Simd<T> to_u = g + dx * w;
        const Simd<T> to_w = scale * g + dx * load(u + j, which) + two_dq * w;
        store(du + j, Simd<T>(load(du + j, which) + to_u), which);
        store(du + dim + j, Simd<T>(load(du + dim + j, which) + to_w), which);
      });
    }
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
