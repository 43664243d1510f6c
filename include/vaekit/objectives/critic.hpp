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
  }

  [[nodiscard]] bool empty() const { return layers.empty(); }

  /// The critic's number for each row of z, in the first rows. [n × 1 or more]
  const Matrix<T>& forward(MatrixIn<T> z) {
    provide(z.rows());
    rows_ = 0;
    sloped_rows_ = 0;
    return append(z);
  }

  /// Puts as many rows at most below those of `forward`; what follows is about both.
  const Matrix<T>& append(MatrixIn<T> z) {
    const Index first = rows_;
    rows_ += z.rows();
    inputs_.middleRows(first, z.rows()) = z;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const Matrix<T>& x = i == 0 ? inputs_ : outputs_[i - 1];
      layers[i].forward(x.middleRows(first, z.rows()), outputs_[i].middleRows(first, z.rows()), caches_[i]);
    }
    return outputs_.back();
  }

  /// Whether the last `forward` was of this z, and no `step` followed. Whoever changes layers otherwise calls
  /// `forward` again.
  [[nodiscard]] bool holds(MatrixIn<T> z) const {
    return rows_ == z.rows() && inputs_.cols() == z.cols() && inputs_.topRows(rows_) == z;
  }

  /// dz = the gradient of factor · Σ D(z) over the rows so far.
  void input_gradient(T factor, MatrixOut<T> dz) {
    find_slopes();
    const Matrix<T>& weight = layers.front().weight;
    gemm<T>(as_is<T>(slopes_.front().topRows(rows_)), as_is<T>(weight), weight.rows(), dz, Store::overwrite);
    dz *= factor;
  }

  /// Adam step number `number` (from 0) with the gradient of Σ_b dout_b D(z_b) over the rows so far, dout
  /// [rows]: each layer moves as soon as its own gradient is there, which stays in the cache until then.
  void step(std::span<const T> dout, double learning_rate, double beta1, double beta2, std::uint64_t number) {
    find_slopes();
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
      scale_rows<T>(dout, top(slopes_[i], rows_));
      Dense<T>& layer = layers[i];
      weight_gradient_.resize(layer.weight.rows(), layer.weight.cols());
      bias_gradient_.resize(1, layer.bias.size());
      bias_gradient_.setZero();
      gemm_with_column_sums<T>(slopes_[i].topRows(rows_), (i == 0 ? inputs_ : outputs_[i - 1]).topRows(rows_),
                               weight_gradient_, Store::overwrite, bias_gradient_.span());
      adam_update<T>(numbers, layer.weight.span(), weight_gradient_.span(), mean[i].weight.span(),
                     square[i].weight.span());
      adam_update<T>(numbers, layer.bias.span(), bias_gradient_.span(), mean[i].bias.span(),
                     square[i].bias.span());
    }
    rows_ = 0;
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

  /// ∂D/∂ the argument of each layer's activation, of the rows that do not have it yet. A row's gradient for
  /// any loss is a multiple, so that the model and the critic share one pass.
  void find_slopes() {
    const Index first = sloped_rows_;
    const Index count = rows_ - first;
    sloped_rows_ = rows_;
    if (count == 0) {
      return;
    }
    slopes_.back().middleRows(first, count).setOnes();
    for (std::size_t i = layers.size(); i-- > 1;) {
      const Matrix<T>& weight = layers[i].weight;
      const Index units = weight.cols();
      gemm<T>(as_is<T>(slopes_[i].middleRows(first, count)), as_is<T>(weight), weight.rows(),
              slopes_[i - 1].middleRows(first, count), Store::overwrite,
              detail::DerivativeEpilogue<T>{layers[i - 1].activation, outputs_[i - 1].data() + first * units,
                                            units});
    }
  }

  /// Room for twice n rows; allocates only for more than ever before.
  void provide(Index n) {
    if (!outputs_.empty() && outputs_.front().rows() >= 2 * n) {
      return;
    }
    outputs_.clear();
    slopes_.clear();
    caches_.clear();
    inputs_ = Matrix<T>(2 * n, layers.front().weight.cols());
    for (const Dense<T>& layer : layers) {
      outputs_.emplace_back(2 * n, layer.weight.rows());
      slopes_.emplace_back(2 * n, layer.weight.rows());
      caches_.push_back(layer.make_cache(2 * n));
    }
  }

  Index rows_ = 0;                  // since `forward`
  Index sloped_rows_ = 0;           // of them have slopes
  Matrix<T> inputs_;                // [2n × dim]
  std::vector<Matrix<T>> outputs_;  // [2n × units] of each layer
  std::vector<Matrix<T>> slopes_;   // [2n × units]
  std::vector<typename Dense<T>::Cache> caches_;
  Matrix<T> weight_gradient_;  // of one layer
  Matrix<T> bias_gradient_;
  Matrix<T> shuffled_;  // [n × dim]
  std::vector<std::uint32_t> order_;
};

}  // namespace vaekit::inline VAEKIT_ABI
