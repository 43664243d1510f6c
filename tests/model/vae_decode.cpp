// SPDX-License-Identifier: MIT
#include "vaekit/model/vae_decode.hpp"

#include <doctest/doctest.h>

#include "model/example_models.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;
using example::Design;

TEST_CASE("vae: a reconstruction is the decoded latent without noise, for every kind of posterior") {
  for (const auto& [latent, prior] : std::vector<std::pair<LatentConfig, PriorConfig>>{
           {GaussianLatentConfig{.dim = 4}, StandardNormalConfig{}},
           {FlowLatentConfig{.dim = 4, .length = 2, .flow = PlanarFlowConfig{}}, StandardNormalConfig{}},
           {LadderLatentConfig{.dims = {2, 2}, .hidden = 3}, LadderPriorConfig{.dims = {2, 2}, .hidden = 3}},
           {ConcreteConfig{.variables = 2, .classes = 3}, CategoricalPriorConfig{.classes = 3}},
           {VectorQuantizedConfig{.positions = 2, .width = 2, .codes = 3}, CodePriorConfig{}},
           {VonMisesFisherConfig{.dim = 4}, UniformSphereConfig{}}}) {
    Design design;
    design.latent = latent;
    design.prior = prior;
    const auto model = example::make_any<double>(design);
    const Matrix<double> x = example::data<double>(3, 5);
    auto w = model.make_workspace(3);
    const Matrix<double> z = model.encode_point(x, w);
    Matrix<double> decoded(3, 5);
    model.decode(z, w, decoded);
    Matrix<double> reconstructed(3, 5);
    model.reconstruct(x, w, reconstructed);
    CHECK(decoded == reconstructed);
    model.zero_noise(3, w);
    model.terms(x, w);
    CHECK(z == w.z);
  }
}

TEST_CASE(
    "vae: the point of a Concrete posterior is one-hot, of a von Mises-Fisher posterior on the sphere") {
  Design design;
  design.latent = ConcreteConfig{.variables = 2, .classes = 3};
  design.prior = CategoricalPriorConfig{.classes = 3};
  const Matrix<double> x = example::data<double>(3, 5);
  const auto concrete = example::make_any<double>(design);
  auto w = concrete.make_workspace(3);
  const Matrix<double> z = concrete.encode_point(x, w);
  CHECK((z.array() * (1 - z.array())).isZero(0));
  CHECK(z.sum() == 6);
  design.latent = VonMisesFisherConfig{.dim = 4};
  design.prior = UniformSphereConfig{};
  const auto sphere = example::make_any<double>(design);
  auto other = sphere.make_workspace(3);
  const Matrix<double> direction = sphere.encode_point(x, other);
  CHECK((direction.rowwise().norm().array() - 1).abs().maxCoeff() < 1e-12);
}

TEST_CASE("vae: samples of a vector quantizer are codes, uniformly") {
  Design design;
  design.latent = VectorQuantizedConfig{.positions = 2, .width = 2, .codes = 3};
  design.prior = CodePriorConfig{};
  const auto model = example::make_any<double>(design);
  auto w = model.make_workspace(1);
  Matrix<double> z(3000, 4);
  model.sample_latents(1, 0, 1, w, z);
  const auto& codebook = std::get<VectorQuantizedLatent<double>>(model.latent.chosen).codebook;
  for (Index code = 0; code < 3; ++code) {
    Index uses = 0;
    for (Index row = 0; row < 3000; ++row) {
      uses += z.row(row).head(2) == codebook.row(code) ? 1 : 0;
      uses += z.row(row).tail(2) == codebook.row(code) ? 1 : 0;
    }
    CHECK(std::abs(static_cast<double>(uses) - 2000) < 5 * std::sqrt(6000.0 * 2 / 9));
  }
}

TEST_CASE("vae: decoded parameters are what the likelihood takes the mean of") {
  const auto model = example::make_any<double>(Design{});
  auto w = model.make_workspace(3);
  const Matrix<double> z = example::data<double>(3, model.latent_dim());
  Matrix<double> decoded(3, model.features());
  model.decode(z, w, decoded);
  const Matrix<double> params = model.decode_parameters(z, w);
  CHECK(params.cols() == model.likelihood.head_size());
  Matrix<double> mean(3, model.features());
  model.likelihood.mean(params, mean);
  CHECK(mean == decoded);
  check_throws_with<ShapeError>("Vae::decode: z has 9 columns, must have " +
                                    std::to_string(model.latent_dim()) + " (latent dimensions)",
                                [&] { model.decode_parameters(Matrix<double>(3, 9), w); });
}
