// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cmath>
#include <string_view>

#include "vaekit/kernels/random.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// How a layer's weights start. With fan_in inputs and fan_out outputs of one unit:
///
///   fan_in_uniform    U(−1/√fan_in, 1/√fan_in), biases too    PyTorch's default for Linear
///   kaiming_uniform   U(−√(6/fan_in), √(6/fan_in))            He et al. 2015 (arXiv:1502.01852), for ReLU
///   kaiming_normal    N(0, 2/fan_in)                          same
///   xavier_uniform    U(±√(6/(fan_in + fan_out)))             Glorot & Bengio 2010
///   xavier_normal     N(0, 2/(fan_in + fan_out))              same
///   small_normal      N(0, 0.01²), biases too                 Kingma & Welling 2014
///   zeros             0
///
/// Biases are zero unless stated.
enum class Initializer {
  fan_in_uniform,
  kaiming_uniform,
  kaiming_normal,
  xavier_uniform,
  xavier_normal,
  small_normal,
  zeros
};

[[nodiscard]] constexpr auto enum_names(Initializer) {
  return std::array<std::string_view, 7>{"fan_in_uniform", "kaiming_uniform", "kaiming_normal",
                                         "xavier_uniform", "xavier_normal",   "small_normal",
                                         "zeros"};
}

namespace detail {
template <class T>
void fill_scaled_uniform(std::span<T> values, const RandomStream& stream, double bound) {
  fill_uniform(values, stream);
  for (T& value : values) {
    value = static_cast<T>(bound * (2 * static_cast<double>(value) - 1));
  }
}

template <class T>
void fill_scaled_normal(std::span<T> values, const RandomStream& stream, double deviation) {
  fill_normal(values, stream);
  for (T& value : values) {
    value = static_cast<T>(deviation * static_cast<double>(value));
  }
}
}  // namespace detail

/// Fills `weight` (stream child 0) and `bias` (child 1) as `kind` says.
template <class T>
void initialize(Initializer kind, Index fan_in, Index fan_out, std::span<T> weight, std::span<T> bias,
                const RandomStream& stream) {
  const auto in = static_cast<double>(fan_in);
  const auto both = static_cast<double>(fan_in + fan_out);
  std::ranges::fill(bias, T{0});
  switch (kind) {
    case Initializer::fan_in_uniform:
      detail::fill_scaled_uniform(weight, stream.child(0), 1 / std::sqrt(in));
      detail::fill_scaled_uniform(bias, stream.child(1), 1 / std::sqrt(in));
      break;
    case Initializer::kaiming_uniform:
      detail::fill_scaled_uniform(weight, stream.child(0), std::sqrt(6 / in));
      break;
    case Initializer::kaiming_normal:
      detail::fill_scaled_normal(weight, stream.child(0), std::sqrt(2 / in));
      break;
    case Initializer::xavier_uniform:
      detail::fill_scaled_uniform(weight, stream.child(0), std::sqrt(6 / both));
      break;
    case Initializer::xavier_normal:
      detail::fill_scaled_normal(weight, stream.child(0), std::sqrt(2 / both));
      break;
    case Initializer::small_normal:
      detail::fill_scaled_normal(weight, stream.child(0), 0.01);
      detail::fill_scaled_normal(bias, stream.child(1), 0.01);
      break;
    case Initializer::zeros:
      std::ranges::fill(weight, T{0});
      break;
  }
}

}  // namespace vaekit::inline VAEKIT_ABI
