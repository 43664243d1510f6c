// SPDX-License-Identifier: MIT
//
// Layers one after another: the algorithm that `Sequential` (a tuple) and `Network` (a vector of variants)
// share, so that both give the same bits.
#pragma once

#include <utility>
#include <vector>

#include "vaekit/nn/layer.hpp"

namespace vaekit::inline VAEKIT_ABI::detail {

template <class T>
using ConstView = Eigen::Map<const EigenMatrix<T>, Eigen::Unaligned, Eigen::OuterStride<>>;
template <class T>
using View = Eigen::Map<EigenMatrix<T>, Eigen::Unaligned, Eigen::OuterStride<>>;

template <class T>
[[nodiscard]] ConstView<T> const_view(MatrixIn<T> m) {
  return {m.data(), m.rows(), m.cols(), Eigen::OuterStride<>(m.outerStride())};
}
template <class T>
[[nodiscard]] View<T> view(MatrixOut<T> m) {
  return {m.data(), m.rows(), m.cols(), Eigen::OuterStride<>(m.outerStride())};
}

/// What lies between the layers of a chain of n: element i is at the output of layer i, i < n − 1.
template <class T>
struct ChainBuffers {
  std::vector<Matrix<T>> outputs;    // [batch × width of layer i]
  std::vector<Matrix<T>> gradients;  // same shapes

  void add(Index batch, Index width) {
    outputs.emplace_back(batch, width);
    gradients.emplace_back(batch, width);
  }
};

/// Hands derivatives from layer to layer; `at(i, f)` calls `f(layer i, cache i)`.
template <class At>
void chain_fuse_derivatives(std::size_t layers, At&& at) {
  for (std::size_t i = 0; i + 1 < layers; ++i) {
    Activation kind = Activation::identity;
    at(i, [&](const auto& layer, auto&) { kind = derivative_to_leave(layer); });
    bool taken = false;
    at(i + 1, [&](const auto& layer, auto& cache) {
      taken = kind != Activation::identity && take_derivative(layer, kind, cache);
    });
    at(i, [&](const auto& layer, auto& cache) {
      if (taken) {
        leave_derivative(layer, cache);
      }
    });
  }
}

/// Runs the chain; `at(i, f)` calls `f(layer i, cache i)`. Without layers y = x.
template <class T, class At>
void chain_forward(std::size_t layers, MatrixIn<T> x, MatrixOut<T> y, ChainBuffers<T>& buffers, At&& at) {
  if (layers == 0) {
    y = x;
    return;
  }
  for (std::size_t i = 0; i < layers; ++i) {
    const ConstView<T> in =
        i == 0 ? const_view<T>(x) : const_view<T>(buffers.outputs[i - 1].topRows(x.rows()));
    const View<T> out = i + 1 == layers ? view<T>(y) : view<T>(top(buffers.outputs[i], x.rows()));
    at(i, [&](const auto& layer, auto& cache) { layer.forward(in, out, cache); });
  }
}

/// Runs the chain backwards; `at(i, f)` calls `f(layer i, cache i, gradient of layer i)`.
template <class T, class At>
void chain_backward(std::size_t layers, MatrixIn<T> x, MatrixIn<T> y, MatrixIn<T> dy, MatrixOut<T> dx,
                    ChainBuffers<T>& buffers, At&& at) {
  if (layers == 0) {
    if (dx.size() > 0) {
      dx = dy;
    }
    return;
  }
  for (std::size_t i = layers; i-- > 0;) {
    const bool last = i + 1 == layers;
    const ConstView<T> in =
        i == 0 ? const_view<T>(x) : const_view<T>(buffers.outputs[i - 1].topRows(x.rows()));
    const ConstView<T> out = last ? const_view<T>(y) : const_view<T>(buffers.outputs[i].topRows(x.rows()));
    const ConstView<T> dout =
        last ? const_view<T>(dy) : const_view<T>(buffers.gradients[i].topRows(x.rows()));
    const View<T> din = i == 0 ? view<T>(dx) : view<T>(top(buffers.gradients[i - 1], x.rows()));
    at(i,
       [&](const auto& layer, auto& cache, auto& grad) { layer.backward(in, out, dout, din, cache, grad); });
  }
}

}  // namespace vaekit::inline VAEKIT_ABI::detail
