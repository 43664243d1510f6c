// SPDX-License-Identifier: MIT
#include "vaekit/kernels/gemm_task.hpp"

#include <doctest/doctest.h>

using namespace vaekit;
using namespace vaekit::detail;

namespace {

const float* const anywhere = nullptr;

Lines<float> as_rows(Index count, Index stride) { return {anywhere, stride, 1, count}; }
Lines<float> as_columns(Index count, Index stride) { return {anywhere, 1, stride, count}; }

}  // namespace

TEST_CASE("gemm_task: B is packed only where that pays or must be") {
  const Index whole = 4 * lanes<float>;
  // Few rows of A read B as it lies, unless a vector would reach past its rows.
  CHECK(make_plan(40, as_rows(5, 40), as_columns(whole, whole), false).pack_b == PackB::never);
  CHECK(make_plan(40, as_rows(5, 40), as_columns(whole + 1, whole + 1), false).pack_b ==
        (lanes<float> > 1 ? PackB::panels : PackB::never));
  CHECK(make_plan(40, as_rows(5, 40), as_rows(whole, 40), false).pack_b == PackB::panels);
  CHECK(make_plan(40, as_rows(128, 40), as_columns(whole, whole), false).pack_b == PackB::panels);
  CHECK(make_plan(400, as_rows(1000, 400), as_columns(whole, whole), true).pack_b == PackB::prepared);
}

TEST_CASE("gemm_task: A is packed when reading it often as it lies would miss the cache") {
  const Index wide = 8 * GemmTile<float>::cols;
  CHECK(make_plan(1024, as_rows(128, 1024), as_columns(wide, wide), false).pack_a ==
        strides_collide<float>(4096));
  CHECK(make_plan(128, as_columns(400, 400), as_columns(wide, wide), false).pack_a);
  CHECK_FALSE(make_plan(128, as_columns(400, 400), as_columns(lanes<float>, 40), false).pack_a);
  CHECK_FALSE(make_plan(784, as_rows(128, 784), as_columns(wide, wide), false).pack_a);
  CHECK_FALSE(make_plan(1024, as_rows(128, 1024), as_columns(lanes<float>, 40), false).pack_a);
}

TEST_CASE("gemm_task: small products stay on one thread") {
  const ThreadScope scope(2);
  CHECK(make_plan(32, as_rows(32, 32), as_columns(64, 64), false).threads == 1);
  CHECK(make_plan(784, as_rows(128, 784), as_rows(400, 784), false).threads == (has_openmp ? 2 : 1));
}

TEST_CASE("gemm_task: strides collide where more rows of a tile than the cache has ways meet in a set") {
  const bool tall = GemmTile<float>::rows > 8;
  CHECK(strides_collide<float>(4096) == tall);
  CHECK(strides_collide<float>(3 * 4096) == tall);
  CHECK_FALSE(strides_collide<float>(2048));
  CHECK_FALSE(strides_collide<float>(4096 + 64));
  CHECK_FALSE(strides_collide<float>(3136));
}
