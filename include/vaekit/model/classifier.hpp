// SPDX-License-Identifier: MIT
#pragma once

#include "vaekit/kernels/log_softmax.hpp"
#include "vaekit/nn/dense.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// q(y|x), the part of a semi-supervised model that guesses the label of an input without one: layers from
/// the features, and a dense head with an output for each class.
///
/// Threads  const calls are safe with a cache each
/// Source   Kingma, Mohamed, Rezende, Welling 2014 (arXiv:1406.5298), section 3
template <class Network>
struct Classifier {
  using Scalar = typename Network::Scalar;
  using T = Scalar;
  struct Cache {
    typename Network::Cache network;
    typename Dense<T>::Cache head;
    Matrix<T> features;  // [n × features]
    Matrix<T> hidden, dhidden;
    Matrix<T> log_q, dlogits;  // [n × classes]
  };

  Network network;
  Dense<T> head;
  double weight = 1;  // of the classification loss of inputs that have a label

  Classifier() = default;
  Classifier(Network layers, Index classes, double loss_weight)
      : network(std::move(layers)), head({.units = classes}, network.output_shape()), weight(loss_weight) {}

  [[nodiscard]] Index classes() const { return head.weight.rows(); }
  [[nodiscard]] Cache make_cache(Index batch) const {
    const Index hidden = network.output_shape().size();
    return {
        network.make_cache(batch),  head.make_cache(batch),   Matrix<T>(batch, network.input_shape().size()),
        Matrix<T>(batch, hidden),   Matrix<T>(batch, hidden), Matrix<T>(batch, classes()),
        Matrix<T>(batch, classes())};
  }
  void initialize(const RandomStream& stream) {
    network.initialize(stream.child(0));
    head.initialize(stream.child(1));
  }

  /// log q(y|x) of the rows of x go to cache.log_q.
  void forward(MatrixIn<T> x, Cache& cache) const {
    const Index n = x.rows();
    top(cache.features, n) = x;
    network.forward(cache.features.topRows(n), top(cache.hidden, n), cache.network);
    head.forward(cache.hidden.topRows(n), top(cache.log_q, n), cache.head);
    for (Index row = 0; row < n; ++row) {
      const T largest = cache.log_q.row(row).maxCoeff();
      const T total = largest + std::log((cache.log_q.row(row).array() - largest).exp().sum());
      cache.log_q.row(row).array() -= total;
    }
  }

  /// From cache.dlogits of the n rows of the last `forward`, sets the gradient of the parameters.
  void backward(Index n, Cache& cache, Classifier& grad) const {
    clear_gradient(network, cache.network, grad.network);
    vaekit::clear_gradient(head, cache.head, grad.head);
    head.backward(cache.hidden.topRows(n), cache.log_q.topRows(n), cache.dlogits.topRows(n),
                  top(cache.dhidden, n), cache.head, grad.head);
    network.backward(cache.features.topRows(n), cache.hidden.topRows(n), cache.dhidden.topRows(n),
                     no_matrix<T>(), cache.network, grad.network);
  }

  static void reflect(auto& self, auto&& visit) {
    visit("network", self.network);
    visit("head", self.head);
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
