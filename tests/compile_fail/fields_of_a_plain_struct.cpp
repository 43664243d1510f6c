// expect: (constraints not satisfied|no matching function for call to 'check_fields')
// SPDX-License-Identifier: MIT
#include "vaekit/core/fields.hpp"

struct NotAConfig {
  double rate = 0.5;
};

int main() { vaekit::check_fields("main", NotAConfig{}); }
