// SPDX-License-Identifier: MIT
//
// Models that are told a condition: rows of x are [features | c], rows of z that are decoded [z | c].
#include <doctest/doctest.h>

#include "model/example_models.hpp"
#include "support/distribution_suite.hpp"
#include "support/gradient_check.hpp"
#include "support/throws_with.hpp"
#include "vaekit/evaluate/log_likelihood.hpp"
#include "vaekit/model/compatibility.hpp"
#include "vaekit/objectives/builtin.hpp"

using namespace vaekit;
using likelihood_suite::random_matrix;

namespace {

constexpr Index told_features = 4;
constexpr Index told_columns = 3;

template <class T>
example::AnyVae<T> conditional_vae(const PriorConfig& prior) {
  const std::vector<LayerConfig<>> hidden = {DenseConfig{.units = 3, .activation = Activation::tanh}};
  example::AnyVae<T> model(Network<T>(hidden, Shape::flat(told_features + told_columns)),
                           AnyLatent<T>(GaussianLatentConfig{.dim = 2}),
                           Network<T>(hidden, Shape::flat(2 + told_columns)),
                           AnyLikelihood<T>(BernoulliConfig{}, told_features), Initializer::fan_in_uniform,
                           AnyPrior<T>(prior, 2, told_features, told_columns), told_columns);
  model.initialize(3);
  for (auto& parameter : parameters(model.prior)) {
    for (std::size_t i = 0; i < parameter.values.size(); ++i) {
      parameter.values[i] = static_cast<T>(0.1 * static_cast<double>(i % 5) - 0.2);
    }
  }
  return model;
}

Matrix<double> told_inputs(Index rows) {
  Matrix<double> x(rows, told_features + told_columns);
  x.leftCols(told_features) = example::data<double>(rows, told_features);
  x.rightCols(told_columns) = random_matrix<double>(rows, told_columns, 9);
  return x;
}

}  // namespace

TEST_CASE("conditional vae: gradients under both priors, one and many samples") {
  for (const PriorConfig& prior :
       {PriorConfig(StandardNormalConfig{}), PriorConfig(ConditionalGaussianConfig{})}) {
    for (const ObjectiveConfig& config :
         {ObjectiveConfig(ElboConfig{.beta = 0.7}), ObjectiveConfig(IwaeConfig{.samples = 3})}) {
      for (const Index batch : {1, 3, 8}) {
        auto model = conditional_vae<double>(prior);
        const AnyObjective objective(config);
        const Matrix<double> x = told_inputs(batch);
        auto w = model.make_workspace(batch, objective.samples());
        auto grad = zeros_like(model);
        auto unused = zeros_like(model);
        const auto loss_and = [&](auto& gradient) {
          model.draw_noise(7, 3, batch, w);
          return model.gradient(x, objective, 0.5, w, gradient).loss;
        };
        CHECK(std::isfinite(loss_and(grad)));
        check_parameter_gradients(model, grad, [&] { return loss_and(unused); });
      }
    }
  }
}

TEST_CASE("conditional vae: encoder, decoder and prior see the condition, the likelihood does not") {
  const auto model = conditional_vae<double>(ConditionalGaussianConfig{});
  CHECK(model.features() == told_features);
  CHECK(model.input_columns() == told_features + told_columns);
  CHECK(model.latent_columns() == 2 + told_columns);
  const Matrix<double> x = told_inputs(2);
  Matrix<double> other = x;
  other.rightCols(told_columns).array() += 1;
  auto w = model.make_workspace(2);
  model.zero_noise(2, w);
  const Matrix<double> mean = model.encode(x, w).mu;
  CHECK(mean != Matrix<double>(model.encode(other, w).mu));
  Matrix<double> reconstructed(2, told_features);
  model.reconstruct(x, w, reconstructed);
  Matrix<double> z(2, model.latent_columns());
  z.leftCols(2) = mean;
  z.rightCols(told_columns) = x.rightCols(told_columns);
  Matrix<double> decoded(2, told_features);
  model.decode(z, w, decoded);
  CHECK(decoded == reconstructed);
  model.sample_latents(1, 0, 1.0, w, z);
  const Matrix<double> drawn = z.leftCols(2);
  z.rightCols(told_columns).array() += 1;
  model.sample_latents(1, 0, 1.0, w, z);
  CHECK(drawn != Matrix<double>(z.leftCols(2)));
}

TEST_CASE("conditional vae: importance sampling agrees with the bound's direction and with K = 1") {
  const auto model = conditional_vae<double>(ConditionalGaussianConfig{});
  const Matrix<double> x = told_inputs(1);
  ImportanceSampler<std::remove_const_t<decltype(model)>> one(model, 1);
  auto w = model.make_workspace(1);
  model.draw_evaluation_noise(5, 0, 1, w);
  const double single = one.log_likelihood(x, 5, 0);
  const auto& terms = model.terms(x, w);
  auto prior_cache = model.prior.make_cache(1);
  model.prior.set_condition(x.rightCols(told_columns), prior_cache);
  Matrix<double> log_p(1, 1);
  Matrix<double> log_q(1, 1);
  model.prior.log_prob(w.z, prior_cache, log_p.span());
  model.latent.log_prob(w.posterior, w.epsilon, w.z, w.latent, log_q.span());
  CHECK(std::abs(single - (terms.log_likelihood(0, 0) + log_p(0, 0) - log_q(0, 0))) < 1e-10);
}

TEST_CASE("conditional vae: sizes that do not fit are refused") {
  const std::vector<LayerConfig<>> hidden = {DenseConfig{.units = 3}};
  const auto make = [&](Index encoder, Index decoder) {
    return example::AnyVae<float>(
        Network<float>(hidden, Shape::flat(encoder)), AnyLatent<float>(GaussianLatentConfig{.dim = 2}),
        Network<float>(hidden, Shape::flat(decoder)), AnyLikelihood<float>(BernoulliConfig{}, told_features),
        Initializer::fan_in_uniform, AnyPrior<float>(StandardNormalConfig{}, 2, told_features, told_columns),
        told_columns);
  };
  check_throws_with<ShapeError>(
      "Vae: decoder takes 2 features, must take 5 (latent dimensions and condition)",
      [&] { make(told_features + told_columns, 2); });
  check_throws_with<ShapeError>(
      "Vae: likelihood has 4 features, must have 1 (features of the encoder without the condition)",
      [&] { make(told_features, 2 + told_columns); });
  check_throws_with<ConfigError>(
      "prior: vamp has no condition for its inputs; use a conditional_gaussian prior",
      [&] { check_compatible(conditional_vae<float>(VampPriorConfig{.components = 2}), Elbo()); });
}
