// SPDX-License-Identifier: MIT
#pragma once

#include "vaekit/latent/flow.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

/// z − 2 v (vᵀz) / ‖v‖², the reflection of z in the hyperplane across v; a v too small to have a direction
/// changes nothing, as a constant.
template <class T>
struct Reflection {
  const T* v;
  Index dim;
  T scale;  // 2 / ‖v‖²

  Reflection(const T* vector, Index count) : v(vector), dim(count) {
    const T square = dot(v, v, dim);
    scale = square < least_square ? T{0} : T{2} / square;
  }

  /// Its own inverse and transpose; `to` may be `from`.
  void apply(const T* from, T* to) const {
    const Simd<T> factor(scale * dot(v, from, dim));
    for_each_vector<T>(dim, [&](Index j, auto which) {
      store(to + j, Simd<T>(load(from + j, which) - factor * load(v + j, which)), which);
    });
  }

  /// dv += the gradient of v, from that of the result.
  void add_gradient(const T* from, const T* dto, T* dv) const {
    const Simd<T> along(scale * dot(v, from, dim));
    const Simd<T> slope(scale * dot(v, dto, dim));
    for_each_vector<T>(dim, [&](Index j, auto which) {
      const Simd<T> sum =
          along * (slope * load(v + j, which) - load(dto + j, which)) - slope * load(from + j, which);
      store(dv + j, Simd<T>(load(dv + j, which) + sum), which);
    });
  }

 private:
  /// Below it 1 / ‖v‖² or its products with v would overflow.
  static constexpr T least_square = static_cast<T>(1e-30);
};

}  // namespace detail

struct HouseholderFlowConfig {
  static constexpr std::string_view kind = "householder";
  static constexpr std::string_view noun = "flow";
  static constexpr auto fields() { return std::tuple{}; }
};

/// A reflection, f(z) = z − 2 v vᵀz / ‖v‖², log |det| = 0: turns a diagonal Gaussian into one with a full
/// covariance. v with ‖v‖² < 10⁻³⁰ counts as none.
///
/// Shapes   each input gives v [dim]
/// Threads  const calls are safe with a cache each; no bit depends on their number
/// Source   Tomczak & Welling 2016 (arXiv:1611.09630), equation 7
template <class T = float>
struct HouseholderFlow {
  using Scalar = T;
  using Config = HouseholderFlowConfig;
  struct Cache {};

  Index dim = 0;

  HouseholderFlow() = default;
  HouseholderFlow(const Config&, Index columns, Index) : dim(columns) {}

  [[nodiscard]] Index parameter_count() const { return dim; }
  [[nodiscard]] Cache make_cache(Index) const { return {}; }
  void initialize(const RandomStream&) {}

  void forward(MatrixIn<T> params, MatrixIn<T> in, MatrixOut<T> out, std::span<T>, Cache&) const {
    const Index samples = in.rows() / params.rows();
    parallel_for(params.rows(), row_grain(2 * (samples + 1) * dim), [&](Index first, Index last) {
      for (Index i = first; i < last; ++i) {
        const detail::Reflection<T> reflection(detail::row_of<T>(params, i), dim);
        for (Index s = i * samples; s < (i + 1) * samples; ++s) {
          reflection.apply(detail::row_of<T>(in, s), detail::row_of<T>(out, s));
        }
      }
    });
  }

  void backward(MatrixIn<T> params, MatrixIn<T> in, MatrixIn<T>, MatrixIn<T> dout, std::span<const T>, Cache&,
                MatrixOut<T> din, MatrixOut<T> dparams, HouseholderFlow&) const {
    const Index samples = in.rows() / params.rows();
    parallel_for(params.rows(), row_grain(4 * (samples + 1) * dim), [&](Index first, Index last) {
      for (Index i = first; i < last; ++i) {
        const detail::Reflection<T> reflection(detail::row_of<T>(params, i), dim);
        for (Index s = i * samples; s < (i + 1) * samples; ++s) {
          const T* upstream = detail::row_of<T>(dout, s);
          reflection.add_gradient(detail::row_of<T>(in, s), upstream, detail::row_of<T>(dparams, i));
          reflection.apply(upstream, detail::row_of<T>(din, s));
        }
      }
    });
  }

  static void reflect(auto&, auto&&) {}
};

}  // namespace vaekit::inline VAEKIT_ABI
