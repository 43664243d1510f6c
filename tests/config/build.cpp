// SPDX-License-Identifier: MIT
#include "vaekit/config/build.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/throws_with.hpp"

using namespace vaekit;

TEST_CASE("build: heads and sizes follow from the parts") {
  ModelConfig config;
  config.encoder = {DenseConfig{.units = 7}, DenseConfig{.units = 5}};
  config.latent = GaussianLatentConfig{.dim = 3};
  config.decoder = {DenseConfig{.units = 4}};
  const ConfiguredVae<float> model = build_model<float>(config, Shape{2, 6, 1});
  std::vector<std::string> shapes;
  for (const auto& parameter : parameters(model)) {
    if (!parameter.is_vector) {
      shapes.push_back(concat(parameter.name, ' ', parameter.rows, 'x', parameter.cols));
    }
  }
  CHECK(shapes == std::vector<std::string>{"encoder.0.weight 7x12", "encoder.1.weight 5x7",
                                           "posterior_head.weight 6x5", "decoder.0.weight 4x3",
                                           "likelihood_head.weight 12x4"});
  CHECK(model.features() == 12);
  CHECK(model.latent_dim() == 3);
}

TEST_CASE("build: without layers the heads meet; parameters are zero until they are initialised") {
  ModelConfig config;
  config.encoder.clear();
  config.decoder.clear();
  config.latent = GaussianLatentConfig{.dim = 2};
  ConfiguredVae<double> model = build_model<double>(config, Shape::flat(5));
  CHECK(model.posterior_head.weight.rows() == 4);
  CHECK(model.posterior_head.weight.cols() == 5);
  CHECK(model.likelihood_head.weight.cols() == 2);
  const auto all_zero = [&] {
    return std::ranges::all_of(parameters(model), [](const auto& parameter) {
      return std::ranges::all_of(parameter.values, [](double value) { return value == 0; });
    });
  };
  CHECK(all_zero());
  model.initialize(1);
  CHECK_FALSE(all_zero());
}

TEST_CASE("build: the configured initializer of the heads is the one used") {
  ModelConfig config;
  config.head_initializer = Initializer::zeros;
  ConfiguredVae<float> model = build_model<float>(config, Shape::flat(5));
  model.initialize(1);
  CHECK(model.posterior_head.weight.isZero(0));
  CHECK(model.likelihood_head.weight.isZero(0));
}

TEST_CASE("build: names of likelihoods, and numbers out of range") {
  ModelConfig config;
  CHECK(likelihood_name(config) == "bernoulli");
  config.likelihood = GaussianConfig{};
  CHECK(likelihood_name(config) == "gaussian");
  config.latent = GaussianLatentConfig{.dim = 0};
  check_throws_with<ConfigError>("gaussian latent: dim is 0, must be in [1, 1000000]",
                                 [&] { static_cast<void>(build_model<float>(config, Shape::flat(5))); });
}
