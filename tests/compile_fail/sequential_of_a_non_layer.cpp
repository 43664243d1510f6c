// expect: (constraints not satisfied|constraint failure).*(Sequential|Layer)
// SPDX-License-Identifier: MIT
#include "vaekit/nn/sequential.hpp"

struct NotALayer {
  using Scalar = float;
  void forward(vaekit::MatrixIn<float>, vaekit::MatrixOut<float>) const {}
};

int main() { const vaekit::Sequential<NotALayer> network; }
