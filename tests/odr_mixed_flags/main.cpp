// SPDX-License-Identifier: MIT
// Translation units built with different flags must not share inline functions: each has to run its own code
// and still agree with the others.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

#include "unit.hpp"

#ifdef VAEKIT_TEST_BASE_SERIAL
Unit run_base_serial;
#endif
#ifdef VAEKIT_TEST_BASE_OPENMP
Unit run_base_openmp;
#endif
#ifdef VAEKIT_TEST_AVX2_SERIAL
Unit run_avx2_serial;
#endif
#ifdef VAEKIT_TEST_AVX2_OPENMP
Unit run_avx2_openmp;
#endif

namespace {

struct Variant {
  const char* name;
  Unit* run;
  bool avx2;
  bool openmp;
};

int failures = 0;

void expect(bool holds, const char* variant, const char* what) {
  if (!holds) {
    std::fprintf(stderr, "%s: %s\n", variant, what);
    ++failures;
  }
}

bool machine_has_avx2() {
#if defined(__x86_64__) || defined(__i386__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

}  // namespace

int main() {
  const std::vector<Variant> variants = {
#ifdef VAEKIT_TEST_AVX2_OPENMP
      {"avx2_openmp", run_avx2_openmp, true, true},
#endif
#ifdef VAEKIT_TEST_AVX2_SERIAL
      {"avx2_serial", run_avx2_serial, true, false},
#endif
#ifdef VAEKIT_TEST_BASE_OPENMP
      {"base_openmp", run_base_openmp, false, true},
#endif
#ifdef VAEKIT_TEST_BASE_SERIAL
      {"base_serial", run_base_serial, false, false},
#endif
  };

  std::vector<float> values(1001, 1.0f);
  float factor = 1;
  UnitResult reference{};
  int ran = 0;
  for (const Variant& variant : variants) {
    if (variant.avx2 && !machine_has_avx2()) {
      std::printf("%s: skipped, this machine has no AVX2\n", variant.name);
      continue;
    }
    const UnitResult result = variant.run(values.data(), values.size());
    std::printf("%s: runs %s, OpenMP %s, sum %.17g\n", variant.name, result.instruction_set,
                result.has_openmp ? "on" : "off", result.sum);
    factor *= 2;
    const bool is_avx2 = std::strcmp(result.instruction_set, "avx2_fma") == 0;
    expect(is_avx2 == variant.avx2, variant.name, "runs another unit's instruction set");
    expect(result.has_openmp == variant.openmp, variant.name, "runs another unit's OpenMP setting");
    expect(result.aligned, variant.name, "a matrix is not on a 64-byte boundary");
    expect(std::ranges::all_of(values, [&](float v) { return v == factor; }), variant.name,
           "a loop missed or repeated elements");
    if (ran++ == 0) {
      reference = result;
    }
    for (int i = 0; i < 16; ++i) {
      const float scale = std::max(1.0f, std::abs(reference.product[i]));
      expect(std::abs(result.normals[i] - reference.normals[i]) <= 1e-6f, variant.name,
             "random numbers differ");
      expect(std::abs(result.product[i] - reference.product[i]) <= 1e-4f * scale, variant.name,
             "products differ");
    }
    expect(std::abs(result.sum - reference.sum) <= 1e-3, variant.name, "sums differ");
  }
  return failures == 0 ? 0 : 1;
}
