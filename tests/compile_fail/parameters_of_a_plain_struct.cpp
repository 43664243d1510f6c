// expect: (constraints not satisfied|no matching function for call to 'parameters')
// SPDX-License-Identifier: MIT
#include "vaekit/core/reflect.hpp"

struct NotAModel {
  vaekit::Matrix<float> weight;
};

int main() {
  NotAModel object;
  return static_cast<int>(vaekit::parameters(object).size());
}
