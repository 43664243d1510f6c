// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "vaekit/kernels/adam_update.hpp"
#include "vaekit/nn/dense.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// A network z → one number that an objective trains beside the model, with an Adam of its own. Part of the
/// state of training: checkpoints hold it. Empty for objectives that need none.
///
/// Hidden layers are leaky_relu.
/// Threads  a critic is used by one call at a time: it holds what its calls write
template <class T>
struct Critic {
  using Scalar = T;
  using Layers = std::vector<Dense<T>>;

  Layers layers;
  Layers mean;    // first moments of Adam
  Layers square;  // second moments

  Critic() = default;
  /// `depth` hidden layers of `units` each, for z [batch × dim].
  Critic(Index dim, Index depth, Index units, const RandomStream& stream) {
    for (Index i = 0; i <= depth; ++i) {
      const bool last = i == depth;
      layers.emplace_back(DenseConfig{.units = last ? 1 : units,
                                      .activation = last ? Activation::identity : Activation::leaky_relu},
                          Shape::flat(i == 0 ? dim : units));
      layers.back().initialize(stream.child(static_cast<std::uint64_t>(i)));
    }
    mean = zeros();
    square = zeros();
    gradient_ = zeros();
  }

  [[nodiscard]] bool empty() const { return layers.empty(); }

  /// The critic's number for each row of z. [n × 1]
  [[nodiscard]] const Matrix<T>& forward(MatrixIn<T> z) {
    provide(z.rows());
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (i == 0) {
        layers[i].forward(z, top(outputs_[i], z.rows()), caches_[i]);
      } else {
        layers[i].forward(outputs_[i - 1].topRows(z.rows()), top(outputs_[i], z.rows()), caches_[i]);
      }
    }
    return outputs_.back();
  }

  /// With the z of the last `forward` and the gradient dout [n × 1] of its numbers: dz = theirs with respect
  /// to z, unless dz is empty; the parameters' is added to what `step` uses.
  void backward(MatrixIn<T> z, MatrixIn<T> dout, MatrixOut<T> dz) {
    const Index n = z.rows();
    top(gradients_.back(), n) = dout;
    for (std::size_t i = layers.size(); i-- > 0;) {
      const auto x = i == 0 ? z.topRows(n) : MatrixIn<T>(outputs_[i - 1].topRows(n));
      layers[i].backward(x, outputs_[i].topRows(n), gradients_[i].topRows(n),
                         i == 0 ? dz : top(gradients_[i - 1], n), caches_[i], gradient_[i]);
    }
  }

  void clear_gradient() {
    for (Dense<T>& layer : gradient_) {
      set_zero(layer);
    }
  }

  /// Adam step number `step` (from 0) with the gradient collected since `clear_gradient`.
  void step(double learning_rate, double beta1, double beta2, std::uint64_t number) {
    const auto t = static_cast<double>(number + 1);
    const AdamStep numbers{.beta1 = beta1,
                           .beta2 = beta2,
                           .step_size = learning_rate / (1 - std::pow(beta1, t)),
                           .inverse_root_bias = 1 / std::sqrt(1 - std::pow(beta2, t)),
                           .epsilon = 1e-8,
                           .shrink = 1,
                           .l2 = 0,
                           .grad_scale = 1};
    for (std::size_t i = 0; i < layers.size(); ++i) {
      adam_update<T>(numbers, layers[i].weight.span(), gradient_[i].weight.span(), mean[i].weight.span(),
                     square[i].weight.span());
      adam_update<T>(numbers, layers[i].bias.span(), gradient_[i].bias.span(), mean[i].bias.span(),
                     square[i].bias.span());
    }
  }

  static void reflect(auto& self, auto&& visit) {
    for (std::size_t i = 0; i < self.layers.size(); ++i) {
      const std::string name = std::to_string(i);
      visit(name, self.layers[i]);
      visit("mean." + name, self.mean[i]);
      visit("square." + name, self.square[i]);
    }
  }

  /// z with each column shuffled among the rows of its own: a draw from the product of the marginals.
  [[nodiscard]] const Matrix<T>& shuffled(MatrixIn<T> z, const RandomStream& stream) {
    shuffled_.resize(z.rows(), z.cols());
    order_.resize(static_cast<std::size_t>(z.rows()));
    for (Index j = 0; j < z.cols(); ++j) {
      fill_permutation(order_, stream.child(static_cast<std::uint64_t>(j)));
      for (Index row = 0; row < z.rows(); ++row) {
        shuffled_(row, j) = z(static_cast<Index>(order_[static_cast<std::size_t>(row)]), j);
      }
    }
    return shuffled_;
  }

 private:
  [[nodiscard]] Layers zeros() const {
    Layers list = layers;
    for (Dense<T>& layer : list) {
      set_zero(layer);
    }
    return list;
  }

  /// Room for n rows; allocates only for more than ever before.
  void provide(Index n) {
    if (!outputs_.empty() && outputs_.front().rows() >= n) {
      return;
    }
    outputs_.clear();
    gradients_.clear();
    caches_.clear();
    for (const Dense<T>& layer : layers) {
      outputs_.emplace_back(n, layer.weight.rows());
      gradients_.emplace_back(n, layer.weight.rows());
      caches_.push_back(layer.make_cache(n));
    }
  }

  Layers gradient_;
  std::vector<Matrix<T>> outputs_;    // [n × units] of each layer
  std::vector<Matrix<T>> gradients_;  // theirs
  std::vector<typename Dense<T>::Cache> caches_;
  Matrix<T> shuffled_;  // [n × dim]
  std::vector<std::uint32_t> order_;
};

}  // namespace vaekit::inline VAEKIT_ABI
