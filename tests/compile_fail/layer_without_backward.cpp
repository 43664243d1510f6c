// expect: (satisfaction of .*Layer<|does not satisfy 'Layer')
// SPDX-License-Identifier: MIT
#include "vaekit/nn/sequential.hpp"

/// y = factor · x, but nobody wrote `backward`.
struct Scale {
  using Scalar = float;
  struct Cache {};

  vaekit::RowVector<float> factor;  // [1]

  vaekit::Shape input_shape() const { return vaekit::Shape::flat(1); }
  vaekit::Shape output_shape() const { return vaekit::Shape::flat(1); }
  double multiply_adds() const { return 1; }
  void initialize(const vaekit::RandomStream&) {}
  Cache make_cache(vaekit::Index) const { return {}; }
  void forward(vaekit::MatrixIn<float> x, vaekit::MatrixOut<float> y, Cache&) const { y = factor[0] * x; }
  static void reflect(auto& self, auto&& visit) { visit("factor", self.factor); }
};

int main() { vaekit::Sequential<Scale> chain; }
