// SPDX-License-Identifier: MIT
//
// Layers against PyTorch: outputs and every gradient.
#include "support/golden.hpp"

#include <doctest/doctest.h>

#include <string>

#include "vaekit/nn/builtin.hpp"

using namespace vaekit;

namespace {

/// Runs `layer` on x and dy of the file, and holds y, dx and the parameters' gradients against `prefix`.y,
/// ...
template <class L>
void check_layer_against(const Golden& golden, const std::string& prefix, L layer) {
  using T = typename L::Scalar;
  CAPTURE(prefix);
  for (const auto& parameter : parameters(layer)) {
    golden.copy_to<T>(parameter.name, parameter.values);
  }
  const Matrix<T> x = golden.matrix<T>("x");
  const Matrix<T> dy = golden.matrix<T>("dy");
  Matrix<T> y(x.rows(), layer.output_shape().size());
  Matrix<T> dx(x.rows(), x.cols());
  typename L::Cache cache = layer.make_cache(x.rows());
  L grad = zeros_like(layer);
  layer.forward(x, y, cache);
  layer.backward(x, y, dy, dx, cache, grad);
  golden.check(prefix + ".y", y);
  golden.check(prefix + ".dx", dx);
  for (const auto& parameter : parameters(std::as_const(grad))) {
    golden.check<T>(prefix + ".d" + parameter.name, parameter.values);
  }
  if (parameter_count(layer) == 0) {
    // Small values must be right too; slopes less small ones, where they come from 1 − y.
    golden.check_each<T>(prefix + ".y", y.span(), 1e-3);
    golden.check_each<T>(prefix + ".dx", dx.span(), 0.05);
  }
}

template <class T, Activation Kind>
void check_activation(const Golden& golden) {
  check_layer_against(golden, std::string(to_string(Kind)), ActivationLayer<T, Kind>({}, Shape::flat(43)));
}

}  // namespace

TEST_CASE_TEMPLATE("dense: with every activation, outputs and gradients are PyTorch's", T, float, double) {
  const Golden golden("dense");
  for (std::size_t i = 0; i < enum_names(Activation{}).size(); ++i) {
    const auto activation = static_cast<Activation>(i);
    check_layer_against(golden, std::string(to_string(activation)),
                        Dense<T>({.units = 6, .activation = activation}, Shape::flat(7)));
  }
  check_layer_against(golden, "without_bias",
                      Dense<T>({.units = 6, .activation = Activation::tanh, .bias = false}, Shape::flat(7)));
}

TEST_CASE_TEMPLATE("activation: outputs and gradients are PyTorch's", T, float, double) {
  const Golden golden("activations");
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (check_activation<T, static_cast<Activation>(I)>(golden), ...);
  }
  (std::make_index_sequence<enum_names(Activation{}).size()>{});
}

TEST_CASE_TEMPLATE("layer_norm: outputs and gradients are PyTorch's", T, float, double) {
  const Golden golden("layer_norm");
  check_layer_against(golden, "default", LayerNorm<T>({}, Shape::flat(13)));
  check_layer_against(golden, "large_epsilon", LayerNorm<T>({.epsilon = 0.5}, Shape::flat(13)));
}
