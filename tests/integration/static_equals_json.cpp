// SPDX-License-Identifier: MIT
//
// A model composed at compile time and the same model built from JSON are one model: same parameters under
// the same names, same bits in every pass and after every step.
#include <doctest/doctest.h>

#include <string_view>

#include "support/layer_suite.hpp"
#include "vaekit/config/build.hpp"
#include "vaekit/config/read_json.hpp"
#include "vaekit/kernels/random.hpp"
#include "vaekit/objectives/elbo.hpp"
#include "vaekit/optim/adam.hpp"

using namespace vaekit;

namespace {

constexpr std::string_view every_layer = R"([
  {"type": "dense", "units": 13, "activation": "relu"},
  {"type": "layer_norm", "epsilon": 0.001},
  {"type": "dropout", "rate": 0.25},
  {"type": "relu"}, {"type": "dense", "units": 12, "bias": false},
  {"type": "leaky_relu"}, {"type": "elu"}, {"type": "gelu"}, {"type": "silu"},
  {"type": "dense", "units": 11, "initializer": "xavier_normal"},
  {"type": "tanh"}, {"type": "sigmoid"}, {"type": "softplus"},
  {"type": "dense", "units": 10, "activation": "softplus"}
])";

template <class T>
auto static_chain(Index features) {
  const Shape a = Shape::flat(13), b = Shape::flat(12), c = Shape::flat(11);
  return Sequential(
      Dense<T>({.units = 13, .activation = Activation::relu}, Shape::flat(features)),
      LayerNorm<T>({.epsilon = 0.001}, a), Dropout<T>({.rate = 0.25}, a), Relu<T>({}, a),
      Dense<T>({.units = 12, .bias = false}, a), LeakyRelu<T>({}, b), Elu<T>({}, b), Gelu<T>({}, b),
      Silu<T>({}, b), Dense<T>({.units = 11, .initializer = Initializer::xavier_normal}, b), Tanh<T>({}, c),
      Sigmoid<T>({}, c), Softplus<T>({}, c), Dense<T>({.units = 10, .activation = Activation::softplus}, c));
}

constexpr std::string_view model_text = R"({
  "encoder": [{"type": "dense", "units": 9, "activation": "gelu"}, {"type": "dropout", "rate": 0.2}],
  "latent": {"type": "gaussian", "dim": 3},
  "decoder": [{"type": "layer_norm"}, {"type": "dense", "units": 8, "activation": "tanh"}],
  "likelihood": {"type": "bernoulli"}
})";

template <class T>
auto static_model(Index features) {
  const Shape latent = Shape::flat(3);
  return Vae(
      Sequential(Dense<T>({.units = 9, .activation = Activation::gelu}, Shape::flat(features)),
                 Dropout<T>({.rate = 0.2}, Shape::flat(9))),
      GaussianLatent<T>({.dim = 3}),
      Sequential(LayerNorm<T>({}, latent), Dense<T>({.units = 8, .activation = Activation::tanh}, latent)),
      Bernoulli<T>({}, features));
}

/// Gradients and parameters of three Adam steps.
template <class Model>
struct Training {
  Model model;
  Model grad;

  Training(Model start, const Matrix<typename Model::Scalar>& x)
      : model(std::move(start)), grad(zeros_like(model)) {
    model.initialize(5);
    const Elbo objective(ElboConfig{});
    const Adam adam(AdamConfig{.learning_rate = 0.01});
    auto state = adam.make_state(model);
    auto workspace = model.make_workspace(x.rows(), 1);
    for (std::uint64_t step = 0; step < 3; ++step) {
      model.draw_noise(5, step, x.rows(), workspace);
      model.gradient(x, objective, 0.0, workspace, grad);
      adam.step(adam.learning_rate(0), grad, 1.0, model, state);
    }
  }
};

}  // namespace

TEST_CASE_TEMPLATE("static = JSON: a chain of every layer, forwards and backwards", T, float, double) {
  const auto configs = read_json<std::vector<LayerConfig<>>>(Json::parse(every_layer));
  Network<T> network(configs, Shape::flat(17));
  auto chain = static_chain<T>(17);
  network.initialize(RandomStream(1, Purpose::initialize));
  chain.initialize(RandomStream(1, Purpose::initialize));
  CHECK(same_parameters(network, chain));
  for (const Index batch : {1, 3, 8, 200}) {
    layer_suite::Pass a(network, batch);
    layer_suite::Pass b(chain, batch);
    a.run();
    b.run();
    CHECK(same_bits(a.y, b.y));
    CHECK(same_bits(a.dx, b.dx));
    CHECK(same_parameters(a.grad, b.grad));
  }
}

TEST_CASE_TEMPLATE("static = JSON: a whole model, its gradient and three steps of Adam", T, float, double) {
  const auto config = read_json<ModelConfig>(Json::parse(model_text));
  Matrix<T> x(20, 14);
  fill_uniform(x.span(), RandomStream(1, Purpose::synthetic));
  const Training configured(build_model<T>(config, Shape::flat(14)), x);
  const Training typed(static_model<T>(14), x);
  CHECK(same_parameters(configured.grad, typed.grad));
  CHECK(same_parameters(configured.model, typed.model));
  CHECK(squared_norm(typed.grad) > 0);
}
