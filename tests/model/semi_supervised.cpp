// SPDX-License-Identifier: MIT
#include "vaekit/model/semi_supervised.hpp"

#include <doctest/doctest.h>

#include "model/example_models.hpp"
#include "support/alloc_guard.hpp"
#include "support/golden.hpp"
#include "support/gradient_check.hpp"
#include "support/same_bits.hpp"
#include "support/throws_with.hpp"
#include "vaekit/model/compatibility.hpp"
#include "vaekit/objectives/builtin.hpp"

using namespace vaekit;

namespace {

constexpr Index semi_features = 4;
constexpr Index semi_classes = 3;

template <class T>
example::AnyVae<T> semi_supervised_vae(const LatentConfig& latent = GaussianLatentConfig{.dim = 2},
                                       const PriorConfig& prior = StandardNormalConfig{},
                                       const LikelihoodConfig& likelihood = BernoulliConfig{}) {
  const std::vector<LayerConfig<>> hidden = {DenseConfig{.units = 3, .activation = Activation::tanh}};
  auto model = example::make_any<T>({.encoder = hidden,
                                     .decoder = hidden,
                                     .likelihood = likelihood,
                                     .prior = prior,
                                     .features = semi_features,
                                     .latent = latent,
                                     .condition = semi_classes});
  model.set_classifier(Network<T>(hidden, Shape::flat(semi_features)), 0.7);
  model.initialize(3);
  return model;
}

/// Row r has label r mod 4, where 3 means none.
template <class T>
Matrix<T> semi_inputs(Index rows) {
  Matrix<T> x(rows, semi_features + semi_classes);
  x.leftCols(semi_features) = example::data<T>(rows, semi_features);
  for (Index row = 0; row < rows; ++row) {
    if (row % 4 != 3) {
      x(row, semi_features + row % 4) = T{1};
    }
  }
  return x;
}

}  // namespace

TEST_CASE("semi-supervised: gradients with and without labels, at any batch") {
  for (const Index batch : {1, 3, 8}) {
    for (const Index first : {0, 3}) {  // all with labels, or one without first
      auto model = semi_supervised_vae<double>();
      const Matrix<double> x = semi_inputs<double>(batch + first).bottomRows(batch);
      const AnyObjective objective(ElboConfig{.beta = 0.7});
      auto w = model.make_workspace(batch);
      auto grad = zeros_like(model);
      auto unused = zeros_like(model);
      const auto loss_and = [&](auto& gradient) {
        model.draw_noise(7, 3, batch, w);
        return model.gradient(x, objective, 0.5, w, gradient).loss;
      };
      loss_and(grad);
      CHECK(squared_norm(*grad.classifier) > 0);
      check_parameter_gradients(model, grad, [&] { return loss_and(unused); });
    }
  }
}

TEST_CASE("semi-supervised: gradients under every other posterior") {
  const std::vector<std::pair<LatentConfig, PriorConfig>> pairs = {
      {FullGaussianConfig{.dim = 2}, StandardNormalConfig{}},
      {GaussianLatentConfig{.dim = 2}, ConditionalGaussianConfig{}},
      {FlowLatentConfig{.dim = 2, .length = 2, .flow = PlanarFlowConfig{}}, StandardNormalConfig{}},
      {LadderLatentConfig{.dims = {2, 2}, .hidden = 3}, LadderPriorConfig{.dims = {2, 2}, .hidden = 3}},
      {ConcreteConfig{.variables = 2, .classes = 2}, CategoricalPriorConfig{.classes = 2}},
      {JointConfig{.gaussian = {.dim = 2}, .concrete = {.variables = 1, .classes = 2}},
       JointPriorConfig{.dim = 2, .classes = 2}},
      {VonMisesFisherConfig{.dim = 3}, UniformSphereConfig{}},
      {PoincareConfig{.dim = 2}, WrappedNormalConfig{}}};
  for (const auto& pair : pairs) {
    auto model = semi_supervised_vae<double>(pair.first, pair.second);
    const AnyObjective objective(ElboConfig{});
    check_compatible(model, objective);
    CAPTURE(part_name(model.latent));
    const Matrix<double> x = semi_inputs<double>(5);
    auto w = model.make_workspace(5);
    auto grad = zeros_like(model);
    auto unused = zeros_like(model);
    const auto loss_and = [&](auto& gradient) {
      model.draw_noise(7, 3, 5, w);
      return model.gradient(x, objective, 0.5, w, gradient).loss;
    };
    loss_and(grad);
    check_parameter_gradients(model, grad, [&] { return loss_and(unused); });
  }
}

TEST_CASE("semi-supervised: an input without a label is the mean over its labels by q(y|x)") {
  const auto model = semi_supervised_vae<double>();
  const Matrix<double> x = semi_inputs<double>(4).bottomRows(1);
  auto w = model.make_workspace(1);
  auto grad = zeros_like(model);
  model.draw_noise(7, 3, 1, w);
  const Matrix<double> epsilon = w.epsilon;
  const ObjectiveValue value = model.gradient(x, Elbo(), 0.0, w, grad);
  auto cache = model.classifier->make_cache(1);
  model.classifier->forward(x.leftCols(semi_features), cache);
  CHECK(std::abs(cache.log_q.array().exp().sum() - 1) < 1e-12);
  double expected = 0;
  auto plain = model.make_inference_workspace(1);
  for (Index y = 0; y < semi_classes; ++y) {
    Matrix<double> labelled = x;
    labelled(0, semi_features + y) = 1;
    model.zero_noise(1, plain);
    plain.epsilon.row(0) = epsilon.row(y);
    const Terms<double>& terms = model.terms(labelled, plain);
    const double q = std::exp(cache.log_q(0, y));
    expected += q * (terms.kl.sum() - terms.log_likelihood(0, 0) + std::log(3.0) + std::log(q));
  }
  CHECK(std::abs(value.loss - expected) < 1e-12 * std::abs(expected));
  CHECK(std::abs(value.elbo + expected) < 1e-12 * std::abs(expected));
}

TEST_CASE("semi-supervised: an input with a label adds log C and the classification loss") {
  const auto model = semi_supervised_vae<double>();
  const Matrix<double> x = semi_inputs<double>(2);
  auto w = model.make_workspace(2);
  auto grad = zeros_like(model);
  model.draw_noise(7, 3, 2, w);
  const Matrix<double> epsilon = w.epsilon;
  const ObjectiveValue value = model.gradient(x, Elbo(), 0.0, w, grad);
  auto cache = model.classifier->make_cache(2);
  model.classifier->forward(x.leftCols(semi_features), cache);
  auto plain = model.make_inference_workspace(2);
  model.zero_noise(2, plain);
  plain.epsilon = epsilon.topRows(2);
  const Terms<double>& terms = model.terms(x, plain);
  const double bound = (terms.log_likelihood.sum() - terms.kl.sum()) / 2 - std::log(3.0);
  CHECK(std::abs(value.elbo - bound) < 1e-12 * std::abs(bound));
  const double classification = -(cache.log_q(0, 0) + cache.log_q(1, 1)) / 2;
  CHECK(std::abs(value.loss - (0.7 * classification - bound)) < 1e-12 * std::abs(bound));
}

TEST_CASE_TEMPLATE("semi-supervised: losses and every gradient are PyTorch's, with labels and without", T,
                   float, double) {
  const Golden golden("semi_supervised");
  auto model = semi_supervised_vae<T>();
  for (const auto& parameter : parameters(model)) {
    golden.copy_to<T>("weights." + parameter.name, parameter.values);
  }
  for (const std::string name : {"labelled", "unlabelled", "both"}) {
    const Matrix<T> x = golden.matrix<T>(name + ".x");
    const Matrix<T> epsilon = golden.matrix<T>(name + ".epsilon");
    auto w = model.make_workspace(x.rows());
    model.draw_noise(1, 1, x.rows(), w);
    w.epsilon.topRows(epsilon.rows()) = epsilon;
    auto grad = zeros_like(model);
    const ObjectiveValue value = model.gradient(x, Elbo(), 0.0, w, grad);
    const auto loss = static_cast<T>(value.loss);
    const auto elbo = static_cast<T>(value.elbo);
    golden.check<T>(name + ".loss", std::span(&loss, 1));
    golden.check<T>(name + ".elbo", std::span(&elbo, 1));
    for (const auto& parameter : parameters(std::as_const(grad))) {
      golden.check<T>(name + ".grad." + parameter.name, parameter.values);
    }
  }
}

TEST_CASE("semi-supervised: the same bits on any number of threads, no allocation after the first step") {
  const auto model = semi_supervised_vae<float>();
  const Matrix<float> x = semi_inputs<float>(40);
  const auto run = [&](int threads) {
    const ThreadScope scope(threads);
    auto w = model.make_workspace(40);
    auto grad = zeros_like(model);
    model.draw_noise(1, 1, 40, w);
    model.gradient(x, Elbo(), 0.0, w, grad);
    AllocationCount guard;
    model.draw_noise(1, 1, 30, w);
    model.gradient(x.topRows(30), Elbo(), 0.0, w, grad);
    CHECK(guard.count() == 0);
    return grad;
  };
  const auto expected = run(1);
  CHECK(same_parameters(run(2), expected));
  CHECK(same_parameters(run(3), expected));
}

TEST_CASE("semi-supervised: what cannot weigh labels is refused") {
  const auto model = semi_supervised_vae<float>();
  check_compatible(model, AnyObjective(ElboConfig{}));
  check_throws_with<ConfigError>("objective: iwae cannot sum out labels; use elbo without free bits",
                                 [&] { check_compatible(model, AnyObjective(IwaeConfig{})); });
  check_throws_with<ConfigError>("objective: elbo cannot sum out labels; use elbo without free bits",
                                 [&] { check_compatible(model, AnyObjective(ElboConfig{.free_bits = 1})); });
  check_throws_with<ConfigError>(
      "latent: vector_quantized cannot sum out labels, its codebook would learn from every label of an input "
      "alike; use a posterior without codes",
      [] {
        check_compatible(
            semi_supervised_vae<float>(VectorQuantizedConfig{.positions = 2, .width = 2, .codes = 3},
                                       CodePriorConfig{}),
            AnyObjective(ElboConfig{}));
      });
  check_throws_with<ConfigError>(
      "likelihood: gaussian cannot sum out labels, its optimal variance would follow every label of an input "
      "alike; use a learned variance",
      [] {
        check_compatible(semi_supervised_vae<float>(GaussianLatentConfig{.dim = 2}, StandardNormalConfig{},
                                                    GaussianConfig{.variance = VarianceSource::optimal}),
                         AnyObjective(ElboConfig{}));
      });
  check_compatible(semi_supervised_vae<float>(GaussianLatentConfig{.dim = 2}, StandardNormalConfig{},
                                              GaussianConfig{.variance = VarianceSource::learned}),
                   AnyObjective(ElboConfig{}));
  auto other = model;
  check_throws_with<ShapeError>("Vae::set_classifier: layers has 5 columns, must have 4 (features)", [&] {
    other.set_classifier(Network<float>(std::vector<LayerConfig<>>{DenseConfig{.units = 3}}, Shape::flat(5)),
                         1);
  });
}
