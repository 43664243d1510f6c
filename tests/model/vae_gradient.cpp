// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "model/example_models.hpp"
#include "support/distribution_suite.hpp"
#include "support/gradient_check.hpp"
#include "support/same_bits.hpp"
#include "support/throws_with.hpp"
#include "vaekit/core/check.hpp"
#include "vaekit/objectives/elbo.hpp"

using namespace vaekit;
using example::Design;

namespace {

/// Every parameter against central differences of the loss, with the same noise.
template <class Model>
void check_gradient(Model& model, Index batch, const ElboConfig& config) {
  const Elbo objective(config);
  const Matrix<double> x = example::data<double>(batch, model.features());
  // A workspace for more inputs than there are: rows beyond the batch must not count.
  typename Model::Workspace w = model.make_workspace(batch + 1, objective.samples());
  model.draw_noise(7, 3, batch, w);
  Model grad = zeros_like(model);
  const ObjectiveValue value = model.gradient(x, objective, 0.0, w, grad);
  Terms<double> scratch(batch, objective.samples(), model.latent_dim());
  const auto loss = [&] { return objective.evaluate(model.terms(x, w), 0.0, scratch).loss; };
  CHECK(value.loss == doctest::Approx(loss()).epsilon(1e-13));
  check_parameter_gradients(model, grad, loss);
}

void check_design(const Design& design, const ElboConfig& config = {}) {
  auto model = example::make_any<double>(design);
  check_gradient(model, 3, config);
}

}  // namespace

TEST_CASE("vae: every gradient is that of finite differences, for any batch, samples, beta and free bits") {
  auto any = example::make_any<double>({});
  auto typed = example::make_static<double>(5, 4, 2, 1, Activation::tanh);
  for (const Index batch : {1, 3, 8}) {
    for (const Index samples : {1, 3}) {
      for (const double beta : {0.0, 0.7, 4.0}) {
        for (const double free_bits : {0.0, 0.03}) {
          CAPTURE(batch);
          CAPTURE(samples);
          CAPTURE(beta);
          CAPTURE(free_bits);
          const ElboConfig config{.beta = beta, .free_bits = free_bits, .samples = samples};
          check_gradient(any, batch, config);
          check_gradient(typed, batch, config);
        }
      }
    }
  }
}

TEST_CASE("vae: gradients through every activation, fused and on its own") {
  for (std::size_t i = 0; i < enum_names(Activation{}).size(); ++i) {
    const auto kind = static_cast<Activation>(i);
    CAPTURE(i);
    Design design;
    design.encoder = {DenseConfig{.units = 4, .activation = kind}};
    design.decoder = {DenseConfig{.units = 4, .activation = kind}};
    check_design(design);
  }
  const std::vector<LayerConfig<>> alone = {
      ActivationConfig<Activation::relu>{},    ActivationConfig<Activation::leaky_relu>{},
      ActivationConfig<Activation::elu>{},     ActivationConfig<Activation::gelu>{},
      ActivationConfig<Activation::silu>{},    ActivationConfig<Activation::tanh>{},
      ActivationConfig<Activation::sigmoid>{}, ActivationConfig<Activation::softplus>{}};
  for (const LayerConfig<>& layer : alone) {
    Design design;
    design.encoder = {DenseConfig{.units = 4}, layer};
    design.decoder = {layer, DenseConfig{.units = 4}};
    check_design(design);
  }
}

TEST_CASE("vae: gradients through several layers, normalisation, dropout, no bias and no layers at all") {
  const LayerConfig<> dense = DenseConfig{.units = 4, .activation = Activation::silu};
  const LayerConfig<> plain = DenseConfig{.units = 3, .activation = Activation::elu, .bias = false};
  Design design;
  for (const auto& layers :
       std::vector<std::vector<LayerConfig<>>>{{dense, plain, dense},
                                               {dense, LayerNormConfig{}, plain},
                                               {LayerNormConfig{.epsilon = 0.1}, dense},
                                               {dense, DropoutConfig{.rate = 0.4}, plain},
                                               {DropoutConfig{.rate = 0.4}, dense},
                                               {}}) {
    design.encoder = layers;
    design.decoder = layers;
    check_design(design, {.samples = 3});
  }
}

TEST_CASE("vae: gradients under each likelihood") {
  for (const LikelihoodConfig& likelihood :
       std::vector<LikelihoodConfig>{BernoulliConfig{}, GaussianConfig{.deviation = 0.6},
                                     GaussianConfig{.variance = VarianceSource::learned, .deviation = 0.6}}) {
    for (const Index samples : {1, 3}) {
      Design design;
      design.likelihood = likelihood;
      check_design(design, {.beta = 0.7, .samples = samples});
    }
  }
}

TEST_CASE("vae: gradients with a prior whose pseudo-inputs are data, and no answer without them") {
  example::Design design;
  design.likelihood = GaussianConfig{};
  design.prior = VampPriorConfig{.components = 3, .pseudo_inputs = PseudoInputs::data};
  auto model = example::make_any<double>(design);
  const Matrix<double> x = example::data<double>(3, 5);
  auto w = model.make_workspace(3);
  auto grad = zeros_like(model);
  model.draw_noise(1, 1, 3, w);
  check_throws_with<DataError>(
      "vamp prior: pseudo-inputs are not set, must be samples of the training data; use choose_pseudo_inputs",
      [&] { model.gradient(x, Elbo(), 0.0, w, grad); });
  Matrix<double> data = example::data<double>(3, 5, 2);
  data.array() *= 5;
  model.prior.set_pseudo_inputs(data);
  auto unused = zeros_like(model);
  const auto loss_and = [&](auto& gradient) {
    model.draw_noise(7, 3, 3, w);
    return model.gradient(x, Elbo(), 0.0, w, gradient).loss;
  };
  CHECK(std::isfinite(loss_and(grad)));
  check_parameter_gradients(model, grad, [&] { return loss_and(unused); });
  auto more = model.make_workspace(3);
  model.update(1, 1, more);
  Matrix<double> kept(3, 5);
  model.prior.pseudo_inputs(kept);
  CHECK(kept == data);
}

TEST_CASE("vae: free bits leave a dimension without a gradient of its own") {
  auto model = example::make_any<double>({});
  const Matrix<double> x = example::data<double>(8, 5);
  auto w = model.make_workspace(8);
  model.zero_noise(8, w);
  auto grad = zeros_like(model);
  // At epsilon = 0 the log-variance reaches the loss through the KL alone.
  model.gradient(x, Elbo({.free_bits = 100}), 0.0, w, grad);
  CHECK(grad.posterior_head.weight.bottomRows(2).isZero(0));
  CHECK(grad.posterior_head.bias.rightCols(2).isZero(0));
  CHECK(!grad.posterior_head.weight.topRows(2).isZero(0));
  model.gradient(x, Elbo(), 0.0, w, grad);
  CHECK(!grad.posterior_head.weight.bottomRows(2).isZero(0));
}

TEST_CASE_TEMPLATE("vae: the gradient takes the place of what is there", T, float, double) {
  Design design;
  design.likelihood = GaussianConfig{.variance = VarianceSource::learned};
  design.encoder.emplace_back(LayerNormConfig{});
  const auto model = example::make_any<T>(design);
  const Matrix<T> x = example::data<T>(3, 5);
  auto w = model.make_workspace(3);
  model.draw_noise(1, 1, 3, w);
  auto expected = zeros_like(model);
  model.gradient(x, Elbo(), 0.0, w, expected);
  auto got = model;
  for_each_tensor(got, [](auto& tensor) { tensor.setConstant(std::numeric_limits<T>::quiet_NaN()); });
  for (int time = 0; time < 2; ++time) {
    model.gradient(x, Elbo(), 0.0, w, got);
    CHECK(same_parameters(got, expected));
  }
}

TEST_CASE_TEMPLATE("vae: log-variances beyond their range give a finite loss and no gradient there", T, float,
                   double) {
  for (const double bias : {-1e4, 1e4}) {
    auto model = example::make_any<T>({});
    model.posterior_head.bias.rightCols(2).setConstant(static_cast<T>(bias));
    const Matrix<T> x = example::data<T>(4, 5);
    auto w = model.make_workspace(4);
    model.draw_noise(1, 1, 4, w);
    auto grad = zeros_like(model);
    const ObjectiveValue value = model.gradient(x, Elbo(), 0.0, w, grad);
    CHECK(std::isfinite(value.loss));
    const double limit = bias < 0 ? minimum_logvar : maximum_logvar;
    const double spread = 2 * 0.5 * (std::exp(limit) - 1 - limit);
    CHECK(value.kl >= spread * (1 - 1e-6));
    CHECK(value.kl < spread * (1 + 1e-6) + 10);
    for (const auto& parameter : parameters(grad)) {
      CHECK(all_finite(std::span<const T>(parameter.values)));
    }
    CHECK(grad.posterior_head.weight.bottomRows(2).isZero(0));
    CHECK(grad.posterior_head.bias.rightCols(2).isZero(0));
    CHECK(!grad.posterior_head.weight.topRows(2).isZero(0));
  }
}

TEST_CASE_TEMPLATE("vae: a NaN in the data or in a parameter reaches the loss", T, float, double) {
  const auto model =
      example::make_any<T>({.encoder = {DenseConfig{.units = 4, .activation = Activation::relu}},
                            .decoder = {DenseConfig{.units = 3, .activation = Activation::relu}}});
  const Matrix<T> x = example::data<T>(3, 5);
  auto w = model.make_workspace(3);
  model.draw_noise(1, 1, 3, w);
  auto grad = zeros_like(model);
  Matrix<T> broken = x;
  broken(1, 2) = std::numeric_limits<T>::quiet_NaN();
  CHECK(std::isnan(model.gradient(broken, Elbo(), 0.0, w, grad).loss));
  auto broken_model = model;
  for (const auto& parameter : parameters(broken_model)) {
    CAPTURE(parameter.name);
    const T kept = parameter.values[0];
    parameter.values[0] = std::numeric_limits<T>::quiet_NaN();
    CHECK(std::isnan(broken_model.gradient(x, Elbo(), 0.0, w, grad).loss));
    parameter.values[0] = kept;
  }
  CHECK(std::isfinite(broken_model.gradient(x, Elbo(), 0.0, w, grad).loss));
}
