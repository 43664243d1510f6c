// expect: READ_ONLY
// SPDX-License-Identifier: MIT
#include "vaekit/core/matrix.hpp"

void write(vaekit::MatrixOut<float> out) { out.setZero(); }

int main() {
  const vaekit::Matrix<float> constant(2, 2);
  write(constant.topRows(1));
}
