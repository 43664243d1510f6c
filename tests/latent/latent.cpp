// SPDX-License-Identifier: MIT
#include "vaekit/latent/latent.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <initializer_list>
#include <limits>

#include "vaekit/latent/builtin.hpp"

using namespace vaekit;

namespace {

/// A prior that no posterior has a closed form with.
struct Strange : StandardNormal<double> {
  using StandardNormal::StandardNormal;
};

}  // namespace

TEST_CASE("latent: the concepts tell posteriors from priors") {
  static_assert(LatentPosterior<GaussianLatent<float>> && LatentPosterior<AnyLatent<double>>);
  static_assert(LatentPrior<StandardNormal<float>> && LatentPrior<AnyPrior<double>>);
  static_assert(!LatentPosterior<StandardNormal<float>> && !LatentPrior<GaussianLatent<float>>);
  static_assert(HasPathGradient<GaussianLatent<float>>);
  CHECK(has_path_gradient(GaussianLatent<float>({.dim = 2})));
  CHECK(has_path_gradient(AnyLatent<float>(GaussianLatentConfig{.dim = 2})));
}

TEST_CASE("latent: a pair has a closed form only where somebody wrote one") {
  const GaussianLatent<double> latent({.dim = 2});
  CHECK(KlPair<GaussianLatent<double>, StandardNormal<double>>::closed_form(latent, {}));
  CHECK_FALSE(KlPair<GaussianLatent<double>, Strange>::closed_form(latent, {}));
}

TEST_CASE("latent: a point that is not where samples lie is found") {
  const auto outside = [](const AnyLatent<double>& latent, std::initializer_list<double> values) {
    Matrix<double> z(static_cast<Index>(values.size()) / latent.dim, latent.dim);
    std::copy(values.begin(), values.end(), z.data());
    return first_outside(latent, z);
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const AnyLatent<double> gaussian(GaussianLatentConfig{.dim = 2});
  CHECK_FALSE(outside(gaussian, {1e9, -3}));
  const AnyLatent<double> sphere(VonMisesFisherConfig{.dim = 2});
  CHECK_FALSE(outside(sphere, {0.6, 0.8, 0, -1.0005}));
  CHECK(outside(sphere, {0.6, 0.8, 0, 0, 1, 1}) == 1);
  CHECK(outside(sphere, {0.6, nan}) == 0);
  const AnyLatent<double> ball(PoincareConfig{.dim = 2, .curvature = 4});
  CHECK_FALSE(outside(ball, {0, 0, 0.3, 0.39}));
  CHECK(outside(ball, {0, 0, 0, 0, 0.3, 0.4}) == 2);
  const AnyLatent<double> classes(ConcreteConfig{.variables = 2, .classes = 2});
  CHECK_FALSE(outside(classes, {1, 0, 0, 1, 0.25, 0.75, 0.5, 0.5}));
  CHECK(outside(classes, {1, 0, 0, 1, 1, 0, 1, 1}) == 1);
  CHECK(outside(classes, {1, 0, 1.5, -0.5}) == 0);
  const AnyLatent<double> joint(
      JointConfig{.gaussian = {.dim = 1}, .concrete = {.variables = 1, .classes = 2}});
  CHECK_FALSE(outside(joint, {-7, 0, 1}));
  CHECK(outside(joint, {0, -7, 1}) == 0);
}

TEST_CASE("latent: codes are where a vector quantizer's samples lie") {
  VectorQuantizedLatent<float> latent({.positions = 2, .width = 2, .codes = 2});
  latent.codebook << 1, 2, -3, 4;
  Matrix<float> z(2, 4);
  z << 1, 2, -3, 4, -3, 4, 1, 2.0001f;
  CHECK_FALSE(first_outside(latent, MatrixIn<float>(z)));
  z(1, 3) = 2.5f;
  CHECK(first_outside(latent, MatrixIn<float>(z)) == 1);
  z(0, 0) = std::numeric_limits<float>::quiet_NaN();
  CHECK(first_outside(latent, MatrixIn<float>(z)) == 0);
}
