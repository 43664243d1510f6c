// SPDX-License-Identifier: MIT
#include "vaekit/model/classifier.hpp"

#include <doctest/doctest.h>

#include "support/distribution_suite.hpp"
#include "support/gradient_check.hpp"
#include "vaekit/nn/sequential.hpp"

using namespace vaekit;
using likelihood_suite::random_matrix;

TEST_CASE("classifier: log q(y|x) and its gradients") {
  Classifier model(Sequential(Dense<double>({.units = 5, .activation = Activation::tanh}, Shape::flat(4))), 3,
                   1.0);
  model.initialize(RandomStream(1, Purpose::initialize));
  for (const Index batch : {1, 3, 8}) {
    const Matrix<double> x = random_matrix<double>(batch, 4, 1, 3);
    const Matrix<double> weights = random_matrix<double>(batch, 3, 2);
    auto cache = model.make_cache(batch);
    const auto value = [&] {
      model.forward(x, cache);
      return cache.log_q.cwiseProduct(weights).sum();
    };
    value();
    for (Index row = 0; row < batch; ++row) {
      CHECK(std::abs(cache.log_q.row(row).array().exp().sum() - 1) < 1e-12);
    }
    for (Index row = 0; row < batch; ++row) {
      cache.dlogits.row(row).array() =
          weights.row(row).array() - weights.row(row).sum() * cache.log_q.row(row).array().exp();
    }
    auto grad = model;
    model.backward(batch, cache, grad);
    const auto own = parameters(model);
    const auto own_gradient = parameters(grad);
    for (std::size_t i = 0; i < own.size(); ++i) {
      check_finite_differences(own[i].values, own_gradient[i].values, value);
    }
  }
}
