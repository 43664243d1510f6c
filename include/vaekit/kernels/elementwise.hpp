// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <numbers>
#include <span>
#include <string_view>

#include "vaekit/core/parallel.hpp"
#include "vaekit/kernels/math.hpp"

namespace vaekit::inline VAEKIT_ABI {

enum class Activation { identity, relu, leaky_relu, elu, gelu, silu, tanh, sigmoid, softplus };

[[nodiscard]] constexpr auto enum_names(Activation) {
  return std::array<std::string_view, 9>{"identity", "relu", "leaky_relu", "elu",     "gelu",
                                         "silu",     "tanh", "sigmoid",    "softplus"};
}

/// Activation functions on vectors. `derivative(x, y)` takes the input x and the output y = value(x);
/// `needs_input` is false where y alone determines it, so that x need not be kept.
namespace activation {

struct Identity {
  static constexpr bool needs_input = false;
  template <class T>
  static Simd<T> value(const Simd<T>& x) {
    return x;
  }
  template <class T>
  static Simd<T> derivative(const Simd<T>&, const Simd<T>&) {
    return Simd<T>(T{1});
  }
};

/// max(x, 0); derivative 0 at 0, as PyTorch.
struct Relu {
  static constexpr bool needs_input = false;
  template <class T>
  static Simd<T> value(const Simd<T>& x) {
    return xsimd::max(Simd<T>(T{0}), x);  // this order keeps a NaN of x on x86
  }
  template <class T>
  static Simd<T> derivative(const Simd<T>&, const Simd<T>& y) {
    return xsimd::select(y > Simd<T>(T{0}), Simd<T>(T{1}), Simd<T>(T{0}));
  }
};

/// x for x > 0, else 0.01 x.
struct LeakyRelu {
  static constexpr bool needs_input = false;
  static constexpr double slope = 0.01;
  template <class T>
  static Simd<T> value(const Simd<T>& x) {
    return xsimd::max(x, x * Simd<T>(static_cast<T>(slope)));
  }
  template <class T>
  static Simd<T> derivative(const Simd<T>&, const Simd<T>& y) {
    return xsimd::select(y > Simd<T>(T{0}), Simd<T>(T{1}), Simd<T>(static_cast<T>(slope)));
  }
};

/// x for x > 0, else eˣ − 1.
struct Elu {
  static constexpr bool needs_input = false;
  template <class T>
  static Simd<T> value(const Simd<T>& x) {
    return xsimd::select(x > Simd<T>(T{0}), x, math::expm1<T>(x));
  }
  template <class T>
  static Simd<T> derivative(const Simd<T>&, const Simd<T>& y) {
    const Simd<T> one(T{1});
    return xsimd::select(y > Simd<T>(T{0}), one, y + one);
  }
};

/// x Φ(x), with Φ through the error function (not the tanh approximation).
struct Gelu {
  static constexpr bool needs_input = true;
  template <class T>
  static Simd<T> normal_cdf(const Simd<T>& x) {
    const Simd<T> half(T{0.5});
    return half + half * math::erf<T>(x * Simd<T>(static_cast<T>(1 / std::numbers::sqrt2)));
  }
  template <class T>
  static Simd<T> value(const Simd<T>& x) {
    return x * normal_cdf<T>(x);
  }
  template <class T>
  static Simd<T> derivative(const Simd<T>& x, const Simd<T>&) {
    constexpr double inverse_sqrt_two_pi = std::numbers::inv_sqrtpi / std::numbers::sqrt2;
    const Simd<T> density =
        Simd<T>(static_cast<T>(inverse_sqrt_two_pi)) * math::exp<T>(Simd<T>(T{-0.5}) * x * x);
    return normal_cdf<T>(x) + x * density;
  }
};

/// x / (1 + e⁻ˣ).
struct Silu {
  static constexpr bool needs_input = true;
  template <class T>
  static Simd<T> value(const Simd<T>& x) {
    return x * math::sigmoid<T>(x);
  }
  template <class T>
  static Simd<T> derivative(const Simd<T>& x, const Simd<T>& y) {
    const Simd<T> s = math::sigmoid<T>(x);
    return s + y * (Simd<T>(T{1}) - s);
  }
};

struct Tanh {
  static constexpr bool needs_input = false;
  template <class T>
  static Simd<T> value(const Simd<T>& x) {
    return math::tanh<T>(x);
  }
  template <class T>
  static Simd<T> derivative(const Simd<T>&, const Simd<T>& y) {
    return Simd<T>(T{1}) - y * y;
  }
};

struct Sigmoid {
  static constexpr bool needs_input = false;
  template <class T>
  static Simd<T> value(const Simd<T>& x) {
    return math::sigmoid<T>(x);
  }
  template <class T>
  static Simd<T> derivative(const Simd<T>&, const Simd<T>& y) {
    return y * (Simd<T>(T{1}) - y);
  }
};

/// log(1 + eˣ).
struct Softplus {
  static constexpr bool needs_input = true;
  template <class T>
  static Simd<T> value(const Simd<T>& x) {
    return math::softplus<T>(x);
  }
  template <class T>
  static Simd<T> derivative(const Simd<T>& x, const Simd<T>&) {
    return math::sigmoid<T>(x);
  }
};

}  // namespace activation

/// Calls `f` with the function object of `kind`: one switch, outside any loop.
template <class F>
decltype(auto) with_activation(Activation kind, F&& f) {
  switch (kind) {
    case Activation::relu:
      return f(activation::Relu{});
    case Activation::leaky_relu:
      return f(activation::LeakyRelu{});
    case Activation::elu:
      return f(activation::Elu{});
    case Activation::gelu:
      return f(activation::Gelu{});
    case Activation::silu:
      return f(activation::Silu{});
    case Activation::tanh:
      return f(activation::Tanh{});
    case Activation::sigmoid:
      return f(activation::Sigmoid{});
    case Activation::softplus:
      return f(activation::Softplus{});
    case Activation::identity:
      break;
  }
  return f(activation::Identity{});
}

/// True when the derivative needs the input of the activation besides its output.
[[nodiscard]] inline bool needs_input(Activation kind) {
  return with_activation(kind, [](auto function) { return decltype(function)::needs_input; });
}

/// y = act(x), element by element.
template <class T>
void activate(Activation kind, MatrixIn<T> x, MatrixOut<T> y) {
  with_activation(kind, [&](auto function) {
    parallel_for(x.rows(), row_grain(x.cols()), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        const T* source = x.data() + row * x.outerStride();
        T* target = y.data() + row * y.outerStride();
        for_each_vector<T>(x.cols(), [&](Index i, auto which) {
          store(target + i, decltype(function)::template value<T>(load(source + i, which)), which);
        });
      }
    });
  });
}

/// dx = dy ∘ act′, element by element. `x` is looked at only when `needs_input(kind)`; dx may alias dy.
template <class T>
void activation_backward(Activation kind, MatrixIn<T> x, MatrixIn<T> y, MatrixIn<T> dy, MatrixOut<T> dx) {
  with_activation(kind, [&](auto function) {
    using Function = decltype(function);
    parallel_for(dy.rows(), row_grain(dy.cols()), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        const T* output = y.data() + row * y.outerStride();
        const T* input = Function::needs_input ? x.data() + row * x.outerStride() : output;
        const T* upstream = dy.data() + row * dy.outerStride();
        T* target = dx.data() + row * dx.outerStride();
        for_each_vector<T>(dy.cols(), [&](Index i, auto which) {
          const Simd<T> slope =
              Function::template derivative<T>(load(input + i, which), load(output + i, which));
          store(target + i, Simd<T>(load(upstream + i, which) * slope), which);
        });
      }
    });
  });
}

}  // namespace vaekit::inline VAEKIT_ABI
