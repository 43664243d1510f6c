// SPDX-License-Identifier: MIT
#include "vaekit/model/compatibility.hpp"

#include <doctest/doctest.h>

#include "model/example_models.hpp"
#include "support/throws_with.hpp"
#include "vaekit/objectives/builtin.hpp"

using namespace vaekit;

TEST_CASE("compatible: samples of a learned prior carry no gradient to it") {
  example::Design design;
  const AnyObjective wae(WaeMmdConfig{});
  check_compatible(example::make_any<float>(design), wae);
  design.prior = GaussianMixtureConfig{.components = 3};
  check_throws_with<ConfigError>(
      "objective: wae_mmd compares samples of a prior without parameters, got gaussian_mixture; use a "
      "standard_normal prior",
      [&] { check_compatible(example::make_any<float>(design), wae); });
  check_compatible(example::make_any<float>(design), AnyObjective(IwaeConfig{}));
}

TEST_CASE("compatible: posterior and prior live in the same space") {
  example::Design design;
  design.latent = VonMisesFisherConfig{.dim = 3};
  check_throws_with<ConfigError>(
      "prior: standard_normal is a distribution on all of space, the von_mises_fisher posterior lives on the "
      "unit "
      "sphere",
      [&] { check_compatible(example::make_any<float>(design), AnyObjective()); });
  design.prior = UniformSphereConfig{};
  check_compatible(example::make_any<float>(design), AnyObjective());
  design.latent = PoincareConfig{.dim = 3, .curvature = 2};
  design.prior = WrappedNormalConfig{};
  check_throws_with<ConfigError>(
      "prior: wrapped_normal is a distribution on the Poincare ball of curvature -1, the poincare posterior "
      "lives "
      "on the Poincare ball of curvature -2",
      [&] { check_compatible(example::make_any<float>(design), AnyObjective()); });
}

TEST_CASE("compatible: objectives get what they need of a posterior") {
  example::Design design;
  design.latent = ConcreteConfig{.variables = 2, .classes = 3};
  design.prior = CategoricalPriorConfig{.classes = 3};
  check_throws_with<ConfigError>(
      "objective: iwae weighs samples by the density of the posterior, concrete has none in training",
      [&] { check_compatible(example::make_any<float>(design), AnyObjective(IwaeConfig{})); });
  check_throws_with<ConfigError>(
      "objective: beta_tcvae weighs samples by the density of the posterior, concrete has none in training",
      [&] { check_compatible(example::make_any<float>(design), AnyObjective(BetaTcvaeConfig{})); });
  check_throws_with<ConfigError>("objective: dip_vae needs a diagonal Gaussian posterior, got concrete", [&] {
    check_compatible(example::make_any<float>(design), AnyObjective(DipVaeConfig{}));
  });
  design.latent = VectorQuantizedConfig{.positions = 2, .width = 2, .codes = 3};
  design.prior = CodePriorConfig{};
  check_throws_with<ConfigError>(
      "objective: wae_mmd compares samples of the prior, codes of a vector_quantized posterior are no sample "
      "of one",
      [&] { check_compatible(example::make_any<float>(design), AnyObjective(WaeMmdConfig{})); });
  design.latent = FullGaussianConfig{.dim = 2};
  design.prior = VampPriorConfig{.components = 3};
  check_throws_with<ConfigError>("prior: vamp mixes diagonal Gaussian posteriors, got full_gaussian",
                                 [&] { check_compatible(example::make_any<float>(design), AnyObjective()); });
  design.latent = LadderLatentConfig{.dims = {2, 2}};
  design.prior = StandardNormalConfig{};
  check_throws_with<ConfigError>(
      "objective: the doubly reparameterised gradient of iwae needs a posterior whose density is known at "
      "any z, "
      "got ladder",
      [&] {
        check_compatible(example::make_any<float>(design),
                         AnyObjective(IwaeConfig{.gradient = IwaeGradient::doubly_reparameterized}));
      });
}

TEST_CASE("compatible: a single column is not given its own total") {
  using Columns = ColumnsConfig<PartList<FeatureLikelihoods<>>::ConfigVariant>;
  const PoissonConfig given{.library_size = LibrarySize::observed};
  example::Design design;
  design.likelihood = Columns{{{4, GaussianConfig{}}, {1, given}}};
  check_throws_with<ConfigError>(
      "likelihood: columns gives a single column its own total (library_size), which leaves nothing to tell; "
      "needs at least 2 columns that share one",
      [&] { check_compatible(example::make_any<float>(design), AnyObjective()); });
  design.likelihood = Columns{{{3, GaussianConfig{}}, {2, given}}};
  check_compatible(example::make_any<float>(design), AnyObjective());
}

TEST_CASE("compatible: a codebook is not larger than the data") {
  example::Design design;
  design.latent = VectorQuantizedConfig{.positions = 2, .width = 2, .codes = 12};
  design.prior = CodePriorConfig{};
  const auto model = example::make_any<float>(design);
  check_codebook(model, 6);
  check_throws_with<ConfigError>(
      "latent: codebook has 12 codes, must have at most 10 (training samples x positions)",
      [&] { check_codebook(model, 5); });
}
