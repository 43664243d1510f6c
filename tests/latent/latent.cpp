// SPDX-License-Identifier: MIT
#include "vaekit/latent/latent.hpp"

#include <doctest/doctest.h>

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
