// SPDX-License-Identifier: MIT
//
// One forward and backward pass against tests/golden/vae_*.safetensors, which PyTorch made.
#include <doctest/doctest.h>

#include "model/example_models.hpp"
#include "support/golden.hpp"
#include "vaekit/objectives/elbo.hpp"

using namespace vaekit;
using example::dense;
using example::Design;

namespace {

template <class T, class Model>
void check_golden(const Golden& golden, Model model, const ElboConfig& config) {
  for (const auto& parameter : parameters(model)) {
    const Matrix<T> values = golden.matrix<T>("weights." + parameter.name);
    REQUIRE(values.span().size() == parameter.values.size());
    std::ranges::copy(values.span(), parameter.values.begin());
  }
  const Matrix<T> x = golden.matrix<T>("x");
  auto w = model.make_workspace(x.rows(), config.samples);
  w.epsilon = golden.matrix<T>("epsilon");
  Model grad = zeros_like(model);
  const ObjectiveValue value = model.gradient(x, Elbo(config), 0.0, w, grad);
  const auto check_number = [&](const char* name, double number) {
    // Sums of values of type T: the tolerance is that of T.
    const T typed = static_cast<T>(number);
    golden.check<T>(name, std::span(&typed, 1));
  };
  check_number("loss", value.loss);
  check_number("reconstruction", value.reconstruction);
  check_number("total_kl", value.kl);
  golden.check<T>("mu", Matrix<T>(w.posterior.leftCols(model.latent_dim())).span());
  golden.check<T>("logvar", Matrix<T>(model.latent.posterior(w.posterior, w.latent).logvar).span());
  golden.check<T>("z", w.z.span());
  golden.check<T>("log_likelihood", w.terms.log_likelihood.span());
  golden.check<T>("kl", w.terms.kl.span());
  for (const auto& parameter : parameters(std::as_const(grad))) {
    golden.check<T>("grad." + parameter.name, parameter.values);
  }
  Matrix<T> mean(x.rows(), x.cols());
  model.reconstruct(x, w, mean);
  golden.check<T>("mean", mean.span());
}

}  // namespace

TEST_CASE_TEMPLATE("vae: loss, terms and every gradient are PyTorch's, Bernoulli", T, float, double) {
  const Golden golden("vae_bernoulli");
  const Design design{.encoder = {dense(7, Activation::relu)},
                      .decoder = {dense(6, Activation::relu)},
                      .features = 9,
                      .dim = 3};
  check_golden<T>(golden, example::make_any<T>(design), {});
  Vae typed(Sequential(Dense<T>(dense(7, Activation::relu), Shape::flat(9))), GaussianLatent<T>({.dim = 3}),
            Sequential(Dense<T>(dense(6, Activation::relu), Shape::flat(3))), Bernoulli<T>({}, 9));
  check_golden<T>(golden, typed, {});
}

TEST_CASE_TEMPLATE(
    "vae: loss, terms and every gradient are PyTorch's, deep with a Gaussian and three samples", T, float,
    double) {
  const Design design{.encoder = {dense(8, Activation::tanh), LayerNormConfig{}, dense(6, Activation::gelu)},
                      .decoder = {dense(6, Activation::silu), dense(5, Activation::softplus)},
                      .likelihood = GaussianConfig{.deviation = 0.5},
                      .features = 9,
                      .dim = 3};
  check_golden<T>(Golden("vae_gaussian"), example::make_any<T>(design), {.beta = 0.7, .samples = 3});
}

TEST_CASE_TEMPLATE(
    "vae: loss, terms and every gradient are PyTorch's, learned variance, free bits and a clamped "
    "log-variance",
    T, float, double) {
  const Design design{.encoder = {dense(7, Activation::elu)},
                      .decoder = {dense(6, Activation::leaky_relu)},
                      .likelihood = GaussianConfig{.variance = VarianceSource::learned},
                      .features = 9,
                      .dim = 3};
  check_golden<T>(Golden("vae_gaussian_learned"), example::make_any<T>(design),
                  {.beta = 4, .free_bits = 5, .samples = 2});
}
