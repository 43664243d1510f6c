// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/check_support.hpp"

#include <doctest/doctest.h>

#include "support/throws_with.hpp"
#include "vaekit/distributions/bernoulli.hpp"

using namespace vaekit;

TEST_CASE("check_support: the first value outside the likelihood's support is named") {
  const Dataset dataset("x.npy", Shape::flat(2), std::vector<float>{0, 1, 0.5F, 0, 1, 1.5F, -1, 0});
  const Transform transform({0, 0}, {1, 1}, 0, Binarize::none);
  const std::vector<std::uint32_t> good{0, 1};
  const std::vector<std::uint32_t> bad{1, 0, 2, 3};
  check_support({&dataset, &transform, good, 1}, Bernoulli<float>({}, 2), "bernoulli");
  check_throws_with<DataError>(
      "x.npy: sample 2, feature 1 is 1.5 after scaling, must be in [0, 1] for a bernoulli likelihood; hint: "
      "set "
      "data/scale to [0, 1] or use a gaussian likelihood",
      [&] {
        check_support({&dataset, &transform, bad, 1}, Bernoulli<float>({}, 2), "bernoulli");
      });
  const Transform halved({0, 0}, {0.5, 0.5}, 0.5, Binarize::none);
  check_throws_with<DataError>(
      "x.npy: sample 2, feature 1 is 1.25 after scaling, must be in [0, 1] for a bernoulli likelihood; hint: "
      "set "
      "data/scale to [0, 1] or use a gaussian likelihood",
      [&] {
        check_support({&dataset, &halved, std::span(bad).subspan(2), 1}, Bernoulli<float>({}, 2),
                      "bernoulli");
      });
}

TEST_CASE("check_support: each feature has its own") {
  const std::vector<Support> supports = feature_supports(Bernoulli<float>({}, 3));
  CHECK(supports == std::vector<Support>(3, Support{0, 1}));
}
