// SPDX-License-Identifier: MIT
#pragma once

#include <tuple>

#include "vaekit/nn/activation.hpp"
#include "vaekit/nn/dense.hpp"
#include "vaekit/nn/dropout.hpp"
#include "vaekit/nn/gated_dense.hpp"
#include "vaekit/nn/layer_norm.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// The layers that a configuration can name: the one list. Append your own type and hand the longer tuple to
/// `Network` (examples/custom_layer.cpp).
template <class T = float>
using BuiltinLayers = std::tuple<Dense<T>, GatedDense<T>, LayerNorm<T>, Dropout<T>, Relu<T>, LeakyRelu<T>,
                                 Elu<T>, Gelu<T>, Silu<T>, Tanh<T>, Sigmoid<T>, Softplus<T>>;

}  // namespace vaekit::inline VAEKIT_ABI
