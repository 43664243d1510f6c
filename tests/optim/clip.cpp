// SPDX-License-Identifier: MIT
#include "vaekit/optim/clip.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "support/alloc_guard.hpp"
#include "vaekit/nn/dense.hpp"

using namespace vaekit;

TEST_CASE("clip: the global norm is that of all tensors together") {
  Dense<float> grad({.units = 2}, Shape::flat(2));
  grad.weight << 1, 2, 2, 4;
  grad.bias << 0, 12;
  std::vector<double> partials;
  CHECK(global_norm(grad, partials) == 13);
}

TEST_CASE("clip: only a norm beyond the limit is brought to it, and 0 is no limit") {
  CHECK(clip_factor(5, 10) == 1);
  CHECK(clip_factor(10, 10) == 1);
  CHECK(clip_factor(20, 10) == 0.5);
  CHECK(clip_factor(1e30, 0) == 1);
  CHECK(clip_factor(0, 1) == 1);
}

TEST_CASE("clip: a norm that is no number is not hidden") {
  Dense<float> grad({.units = 2}, Shape::flat(2));
  grad.bias[1] = std::numeric_limits<float>::quiet_NaN();
  std::vector<double> partials;
  CHECK(std::isnan(global_norm(grad, partials)));
  CHECK(clip_factor(std::nan(""), 1) == 1);
}

TEST_CASE_TEMPLATE(
    "clip: the norm of a large gradient is exact, allocates once, and no bit depends on threads", T, float,
    double) {
  Dense<T> grad({.units = 301}, Shape::flat(333));
  grad.initialize(RandomStream(1, Purpose::initialize));
  std::vector<double> partials;
  const auto norm_with = [&](int threads) {
    const ThreadScope scope(threads);
    return global_norm(grad, partials);
  };
  const double expected = norm_with(1);
  CHECK(expected == doctest::Approx(std::sqrt(squared_norm(grad))).epsilon(1e-13));
  CHECK(norm_with(2) == expected);
  CHECK(norm_with(3) == expected);
  std::size_t allocations = 0;
  {
    const AllocationCount guard;
    (void)global_norm(grad, partials);
    allocations = guard.count();
  }
  CHECK(allocations == 0);
}
