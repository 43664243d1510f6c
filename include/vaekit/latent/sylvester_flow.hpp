// SPDX-License-Identifier: MIT
#pragma once

#include "vaekit/latent/householder_flow.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct SylvesterFlowConfig {
  static constexpr std::string_view kind = "sylvester";
  static constexpr std::string_view noun = "flow";
  Index reflections = 8;

  static constexpr auto fields() {
    return std::tuple{field("reflections", &SylvesterFlowConfig::reflections,
                            "Householder matrices whose product is the orthogonal matrix", between(1, 512))};
  }
};

/// dim planar flows at once, made invertible by triangular matrices in an orthogonal basis:
///
///   f(z) = z + Q R tanh(R̃ Qᵀ z + b),   log |det| = Σᵢ log (1 + (1 − tanh²ᵢ) Rᵢᵢ R̃ᵢᵢ)
///   Q = H₁ H₂ ... a product of reflections H = I − 2 v vᵀ / ‖v‖²,
///   R, R̃ upper triangular, their diagonals tanh of what the input gives: Rᵢᵢ R̃ᵢᵢ > −1
///
/// Shapes   each input gives diagonal of R | of R̃ | b | rows of R, then of R̃, above the diagonal | v₁ v₂ ...
///          [2 dim + dim² + reflections · dim]
/// Units    nats
/// Threads  const calls are safe with a cache each; no bit depends on their number
/// Source   van den Berg et al. 2018 (arXiv:1803.05649), sections 3.1 to 3.3 (Householder)
template <class T = float>
struct SylvesterFlow {
  using Scalar = T;
  using Config = SylvesterFlowConfig;
  struct Cache {
    Matrix<T> diagonals;  // [rows × 2 dim] of R | R̃, of each input
    Matrix<T> rotated;    // [rows × dim] Qᵀz
    Matrix<T> units;      // [rows × dim] tanh(R̃ Qᵀz + b)
    Matrix<T> scratch;    // [rows × 2 dim]
  };

  Index dim = 0;
  Index reflections = 1;

  SylvesterFlow() = default;
  /// Throws ConfigError when a number is out of range.
  SylvesterFlow(const Config& config, Index columns, Index)
      : dim(columns), reflections(checked("sylvester flow", config).reflections) {}

  [[nodiscard]] Index parameter_count() const { return (2 + dim + reflections) * dim; }
  [[nodiscard]] Cache make_cache(Index rows) const {
    return {Matrix<T>(rows, 2 * dim), Matrix<T>(rows, dim), Matrix<T>(rows, dim), Matrix<T>(rows, 2 * dim)};
  }
  void initialize(const RandomStream&) {}

  void forward(MatrixIn<T> params, MatrixIn<T> in, MatrixOut<T> out, std::span<T> log_det,
               Cache& cache) const {
    const Index samples = in.rows() / params.rows();
    parallel_for(params.rows(), row_grain(samples * row_work()), [&](Index first, Index last) {
      for (Index i = first; i < last; ++i) {
        find_diagonals(params, i, cache);
        for (Index s = i * samples; s < (i + 1) * samples; ++s) {
          log_det[static_cast<std::size_t>(s)] += forward_row(
              View(*this, params, i, cache), detail::row_of<T>(in, s), detail::row_of<T>(out, s), s, cache);
        }
      }
    });
  }

  void backward(MatrixIn<T> params, MatrixIn<T> in, MatrixIn<T>, MatrixIn<T> dout,
                std::span<const T> dlog_det, Cache& cache, MatrixOut<T> din, MatrixOut<T> dparams,
                SylvesterFlow&) const {
    const Index samples = in.rows() / params.rows();
    parallel_for(params.rows(), row_grain(3 * samples * row_work()), [&](Index first, Index last) {
      for (Index i = first; i < last; ++i) {
        const View view(*this, params, i, cache);
        T* const gradient = detail::row_of<T>(dparams, i);
        for (Index s = i * samples; s < (i + 1) * samples; ++s) {
          T* const dunits = cache.scratch.data() + s * 2 * dim;  // then the gradient of Qᵀz
          T* const dmixed = dunits + dim;                        // of R tanh(...) in the basis of Q
          std::copy_n(detail::row_of<T>(dout, s), dim, dmixed);
          rotate(view, dmixed);
          mix_backward(view, s, dlog_det[static_cast<std::size_t>(s)], dmixed, dunits, gradient, cache);
          rotate_backward(view, s, dmixed, dunits, detail::row_of<T>(dout, s), detail::row_of<T>(din, s),
                          gradient, cache);
        }
      }
    });
  }

  static void reflect(auto&, auto&&) {}

 private:
  /// The numbers that input i gives.
  struct View {
    Index dim;
    const T* raw;
    const T* diagonals;

    View(const SylvesterFlow& step, MatrixIn<T> params, Index i, const Cache& cache)
        : dim(step.dim), raw(detail::row_of<T>(params, i)), diagonals(cache.diagonals.data() + i * 2 * dim) {}

    [[nodiscard]] const T* bias() const { return raw + 2 * dim; }
    [[nodiscard]] const T* vector(Index k) const { return raw + (2 + dim + k) * dim; }
  };

  [[nodiscard]] Index row_work() const { return dim * (dim + 4 * reflections + 8); }
  /// Column among an input's numbers of the first element of row `row` of R (`which` 0) or R̃ (1) right of the
  /// diagonal.
  [[nodiscard]] Index above(Index which, Index row) const {
    return 3 * dim + which * (dim * (dim - 1) / 2) + row * (2 * dim - row - 1) / 2;
  }

  void find_diagonals(MatrixIn<T> params, Index i, Cache& cache) const {
    const T* raw = detail::row_of<T>(params, i);
    T* const diagonals = cache.diagonals.data() + i * 2 * dim;
    for_each_vector<T>(2 * dim, [&](Index j, auto which) {
      store(diagonals + j, math::tanh<T>(load(raw + j, which)), which);
    });
  }

  /// x becomes Qᵀx = ... H₂ H₁ x.
  void rotate(const View& view, T* x) const {
    for (Index k = 0; k < reflections; ++k) {
      detail::Reflection<T>(view.vector(k), dim).apply(x, x);
    }
  }

  /// Returns log |det|.
  [[nodiscard]] T forward_row(const View& view, const T* z, T* out, Index s, Cache& cache) const {
    T* const rotated = cache.rotated.data() + s * dim;
    T* const units = cache.units.data() + s * dim;
    T* const mixed = cache.scratch.data() + s * 2 * dim;
    std::copy_n(z, dim, rotated);
    rotate(view, rotated);
    for (Index i = 0; i < dim; ++i) {
      units[i] = view.bias()[i] + view.diagonals[dim + i] * rotated[i] +
                 detail::dot(view.raw + above(1, i), rotated + i + 1, dim - i - 1);
    }
    const T log_det = sum_vectors<T>(dim, [&](Index i, auto which) {
      const Simd<T> t = math::tanh<T>(load(units + i, which));
      store(units + i, t, which);
      return detail::FlooredLog<T>(factor_of(t, level_of(view, i, which))).value();
    });
    for (Index i = 0; i < dim; ++i) {
      mixed[i] =
          view.diagonals[i] * units[i] + detail::dot(view.raw + above(0, i), units + i + 1, dim - i - 1);
    }
    for (Index k = reflections; k-- > 0;) {
      detail::Reflection<T>(view.vector(k), dim).apply(mixed, mixed);
    }
    for_each_vector<T>(dim, [&](Index j, auto which) {
      store(out + j, Simd<T>(load(z + j, which) + load(mixed + j, which)), which);
    });
    return log_det;
  }

  template <class Which>
  [[nodiscard]] Simd<T> level_of(const View& view, Index i, Which which) const {
    return xsimd::fma(load(view.diagonals + i, which), load(view.diagonals + dim + i, which), Simd<T>(T{1}));
  }
  /// 1 + (1 − t²) Rᵢᵢ R̃ᵢᵢ, without a difference of near numbers; `level` = 1 + Rᵢᵢ R̃ᵢᵢ.
  [[nodiscard]] static Simd<T> factor_of(const Simd<T>& t, const Simd<T>& level) {
    const Simd<T> square = t * t;
    return square + (Simd<T>(T{1}) - square) * level;
  }

  /// From the gradient of R tanh(R̃ y + b), and that of log |det|, to those of R, R̃, b and, in `dunits`, of y.
  void mix_backward(const View& view, Index s, T dlog_det, const T* dmixed, T* dunits, T* gradient,
                    const Cache& cache) const {
    const T* rotated = cache.rotated.data() + s * dim;
    const T* units = cache.units.data() + s * dim;
    std::fill_n(dunits, dim, T{0});
    for (Index i = 0; i < dim; ++i) {
      dunits[i] += dmixed[i] * view.diagonals[i];
      detail::add_multiple(dmixed[i], view.raw + above(0, i), dunits + i + 1, dim - i - 1);
      detail::add_multiple(dmixed[i], units + i + 1, gradient + above(0, i), dim - i - 1);
    }
    T* const dactivation = dunits;
    for_each_vector<T>(dim, [&](Index i, auto which) {
      const Simd<T> one(T{1});
      const Simd<T> t = load(units + i, which);
      const Simd<T> r = load(view.diagonals + i, which);
      const Simd<T> r2 = load(view.diagonals + dim + i, which);
      const Simd<T> level = level_of(view, i, which);
      const Simd<T> slope = one - t * t;
      const Simd<T> dfactor = detail::FlooredLog<T>(factor_of(t, level)).gradient(Simd<T>(dlog_det));
      const Simd<T> dt = load(dunits + i, which) + dfactor * Simd<T>(T{2}) * t * (one - level);
      const Simd<T> da = dt * slope;
      const Simd<T> dproduct = dfactor * slope;
      const Simd<T> dr = xsimd::fma(load(dmixed + i, which), t, Simd<T>(dproduct * r2));
      const Simd<T> dr2 = xsimd::fma(da, load(rotated + i, which), Simd<T>(dproduct * r));
      const auto add = [&](T* target, const Simd<T>& value) {
        store(target + i, Simd<T>(load(target + i, which) + value), which);
      };
      add(gradient, dr * (one - r * r));
      add(gradient + dim, dr2 * (one - r2 * r2));
      add(gradient + 2 * dim, da);
      store(dactivation + i, da, which);
    });
    // R̃ᵀ in place: row i adds to later elements only, so from the last row upwards each is read before that.
    for (Index i = dim - 1; i >= 0; --i) {
      const T da = dactivation[i];
      detail::add_multiple(da, rotated + i + 1, gradient + above(1, i), dim - i - 1);
      dunits[i] = da * view.diagonals[dim + i];
      detail::add_multiple(da, view.raw + above(1, i), dunits + i + 1, dim - i - 1);
    }
  }

  /// din = dout + Q dy, and the gradients of the reflections: y = Qᵀz, whose gradient is dy, and Q x, x =
  /// R tanh(...), with the gradient dout, which is Q of `dmixed`.
  void rotate_backward(const View& view, Index s, T* dmixed, T* dy, const T* dout, T* din, T* gradient,
                       Cache& cache) const {
    T* const value = cache.rotated.data() + s * dim;  // y, then back to z
    T* const mixed = cache.units.data() + s * dim;    // x
    for (Index i = 0; i < dim; ++i) {
      mixed[i] =
          view.diagonals[i] * mixed[i] + detail::dot(view.raw + above(0, i), mixed + i + 1, dim - i - 1);
    }
    for (Index k = reflections; k-- > 0;) {
      const detail::Reflection<T> reflection(view.vector(k), dim);
      T* const dv = gradient + (2 + dim + k) * dim;
      reflection.apply(value, value);  // the argument follows from the result
      reflection.add_gradient(value, dy, dv);
      reflection.apply(dy, dy);
      reflection.apply(dmixed, dmixed);
      reflection.add_gradient(mixed, dmixed, dv);
      reflection.apply(mixed, mixed);
    }
    for_each_vector<T>(dim, [&](Index j, auto which) {
      store(din + j, Simd<T>(load(dout + j, which) + load(dy + j, which)), which);
    });
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
