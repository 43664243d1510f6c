// SPDX-License-Identifier: MIT
#include "vaekit/kernels/scalar_batch.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>

#include "vaekit/kernels/simd.hpp"

using namespace vaekit;

TEST_CASE("scalar_batch: vectors have one lane where, and only where, they are done without") {
#if defined(VAEKIT_SCALAR)
  CHECK(lanes<float> == 1);
#else
  CHECK(lanes<float> > 1);
  CHECK(std::string_view(instruction_set) != "scalar");
#endif
}

TEST_CASE_TEMPLATE("scalar_batch: loads, stores and calculates as its scalar", T, float, double) {
  using Batch = ScalarBatch<T>;
  static_assert(Batch::size == 1);
  const T source[] = {T{3}, T{7}};
  T target[] = {T{0}, T{-1}};
  Batch::load_unaligned(source).store_unaligned(target);
  CHECK(target[0] == 3);
  Batch::load_aligned(source + 1).store_aligned(target);
  CHECK(target[0] == 7);
  CHECK(target[1] == -1);
  const Batch a(T{6});
  const Batch b(T{-4});
  CHECK((a + b).data == 2);
  CHECK((a - b).data == 10);
  CHECK((a * b).data == -24);
  CHECK((a / b).data == T{-1.5});
  CHECK((-a).data == -6);
  Batch c = a;
  c += b;
  CHECK(c.data == 2);
  c -= a;
  CHECK(c.data == -4);
  c *= b;
  CHECK(c.data == 16);
  c /= b;
  CHECK(c.data == -4);
  CHECK(b == c);
  CHECK(b < a);
  CHECK(a > b);
  CHECK(b <= c);
  CHECK(b >= c);
  CHECK_FALSE(a <= b);
  CHECK_FALSE(b >= a);
}

TEST_CASE("scalar_batch: bits of integers") {
  using Words = ScalarBatch<std::uint64_t>;
  CHECK((Words(0xF0) ^ Words(0xFF)).data == 0x0F);
  CHECK((Words(std::uint64_t{1} << 40) >> 32).data == 256);
}

TEST_CASE_TEMPLATE("scalar_batch: functions of xsimd find it", T, float, double) {
  using Batch = ScalarBatch<T>;
  for (const T x : {T{0.375}, T{1.5}}) {
    const Batch v(x);
    CHECK(xsimd::abs(-v).data == x);
    CHECK(xsimd::copysign(v, Batch(T{-1})).data == -x);
    CHECK(xsimd::erf(v).data == std::erf(x));
    CHECK(xsimd::exp(v).data == std::exp(x));
    CHECK(xsimd::expm1(v).data == std::expm1(x));
    CHECK(xsimd::log(v).data == std::log(x));
    CHECK(xsimd::nearbyint(v).data == std::nearbyint(x));
    CHECK(xsimd::sqrt(v).data == std::sqrt(x));
    CHECK(xsimd::tanh(v).data == std::tanh(x));
    CHECK(xsimd::fma(v, v, Batch(T{2})).data == x * x + 2);
    CHECK(xsimd::fms(v, v, Batch(T{2})).data == x * x - 2);
    CHECK(xsimd::fnma(v, v, Batch(T{2})).data == 2 - x * x);
    CHECK(xsimd::reduce_add(v) == x);
  }
  const Batch one(T{1});
  const Batch two(T{2});
  CHECK(xsimd::max(one, two).data == 2);
  CHECK(xsimd::max(two, one).data == 2);
  CHECK(xsimd::min(one, two).data == 1);
  CHECK(xsimd::min(two, one).data == 1);
  CHECK(xsimd::select(one < two, one, two).data == 1);
  CHECK(xsimd::select(one > two, one, two).data == 2);
  CHECK(xsimd::zip_lo(one, two).data == 1);
  CHECK(xsimd::zip_hi(one, two).data == 2);
}

TEST_CASE_TEMPLATE("scalar_batch: the second operand of max and min stands where one is NaN", T, float,
                   double) {
  const ScalarBatch<T> one(T{1});
  const ScalarBatch<T> nan(std::numeric_limits<T>::quiet_NaN());
  CHECK(xsimd::max(nan, one).data == 1);
  CHECK(std::isnan(xsimd::max(one, nan).data));
  CHECK(xsimd::min(nan, one).data == 1);
  CHECK(std::isnan(xsimd::min(one, nan).data));
}
