// SPDX-License-Identifier: MIT
//
// Every likelihood, prior and objective of the built-in lists together: the gradient of the whole model is
// that of finite differences, or the combination is refused.
#include <doctest/doctest.h>

#include "model/example_models.hpp"
#include "support/alloc_guard.hpp"
#include "support/distribution_suite.hpp"
#include "support/gradient_check.hpp"
#include "support/same_bits.hpp"
#include "vaekit/model/compatibility.hpp"
#include "vaekit/objectives/builtin.hpp"

using namespace vaekit;
using example::Design;

namespace {

/// A default configuration of every alternative of a variant.
template <class Variant, std::size_t... I>
std::vector<Variant> every_alternative(std::index_sequence<I...>) {
  return {Variant(std::variant_alternative_t<I, Variant>{})...};
}
template <class Variant>
std::vector<Variant> every_alternative() {
  return every_alternative<Variant>(std::make_index_sequence<std::variant_size_v<Variant>>{});
}

/// Every objective; a loss of thousands of nats would drown finite differences in rounding.
std::vector<ObjectiveConfig> every_objective() {
  std::vector<ObjectiveConfig> list = every_alternative<ObjectiveConfig>();
  for (ObjectiveConfig& config : list) {
    if (auto* capacity = std::get_if<CapacityConfig>(&config)) {
      capacity->gamma = 5;
    }
    if (auto* factor = std::get_if<FactorVaeConfig>(&config)) {
      *factor = {.gamma = 5, .layers = 1, .units = 4};
    }
  }
  return list;
}

std::vector<PriorConfig> small_priors() {
  return {StandardNormalConfig{},
          GaussianMixtureConfig{.components = 3},
          VampPriorConfig{.components = 4},
          FlowPriorConfig{.length = 2, .flow = CouplingFlowConfig{.hidden = 3}},
          ConditionalGaussianConfig{},
          LadderPriorConfig{.dims = {2, 2}, .hidden = 3},
          CategoricalPriorConfig{.classes = 2, .learned = true},
          CodePriorConfig{},
          JointPriorConfig{.dim = 2, .classes = 2},
          UniformSphereConfig{},
          WrappedNormalConfig{}};
}

std::vector<LatentConfig> small_latents() {
  return {GaussianLatentConfig{.dim = 4},
          FullGaussianConfig{.dim = 4},
          FlowLatentConfig{.dim = 4, .length = 2, .flow = PlanarFlowConfig{}},
          LadderLatentConfig{.dims = {2, 2}, .hidden = 3},
          ConcreteConfig{.variables = 2, .classes = 2},
          VectorQuantizedConfig{.positions = 2, .width = 2, .codes = 3},
          JointConfig{.gaussian = {.dim = 2}, .concrete = {.variables = 1, .classes = 2}},
          VonMisesFisherConfig{.dim = 4},
          PoincareConfig{.dim = 4}};
}

template <class Model>
bool is_compatible(const Model& model, const AnyObjective& objective) {
  try {
    check_compatible(model, objective);
    return true;
  } catch (const ConfigError&) {
    return false;
  }
}

/// Data that every likelihood takes.
Matrix<double> binary_data(Index rows, Index features) {
  Matrix<double> x = example::data<double>(rows, features);
  for (double& value : x.span()) {
    value = value > 0.5 ? 1 : 0;
  }
  return x;
}

/// Whether there is such a combination.
bool check_combination(const Design& design, const AnyObjective& objective, Index batch) {
  auto model = example::make_any<double>(design);
  if (!is_compatible(model, objective)) {
    return false;
  }
  const Matrix<double> x = binary_data(batch, design.features + design.condition);
  auto w = model.make_workspace(batch, objective.samples());
  Critic<double> critic = objective.make_critic<double>(model.latent_dim(), 1);
  w.terms.critic = &critic;
  auto grad = zeros_like(model);
  auto unused = zeros_like(model);
  const auto loss_and = [&](auto& gradient) {
    model.draw_noise(7, 3, batch, w);
    return model.gradient(x, objective, 0.5, w, gradient).loss;
  };
  CHECK(std::isfinite(loss_and(grad)));
  check_parameter_gradients(model, grad, [&] { return loss_and(unused); });
  return true;
}

Design tiny() {
  Design design;
  design.encoder = {DenseConfig{.units = 2, .activation = Activation::tanh}};
  design.decoder = {DenseConfig{.units = 2, .activation = Activation::tanh}};
  design.features = 3;
  return design;
}

}  // namespace

TEST_CASE("vae: gradients of every prior under every objective, at any batch") {
  for (const PriorConfig& prior : small_priors()) {
    for (const ObjectiveConfig& config : every_objective()) {
      for (const Index batch : {1, 3, 8}) {
        Design design = tiny();
        design.prior = prior;
        design.condition = std::holds_alternative<ConditionalGaussianConfig>(prior) ? 2 : 0;
        design.dim = 4;
        const AnyObjective objective(config);
        CAPTURE(part_name(objective));
        check_combination(design, objective, batch);
      }
    }
  }
}

TEST_CASE("vae: gradients of every posterior with every prior under every objective") {
  int combinations = 0;
  for (const LatentConfig& latent : small_latents()) {
    if (std::holds_alternative<VectorQuantizedConfig>(latent)) {
      continue;  // its gradient is straight-through by design
    }
    for (const PriorConfig& prior : small_priors()) {
      for (const ObjectiveConfig& config : every_objective()) {
        Design design = tiny();
        design.latent = latent;
        design.prior = prior;
        design.condition = std::holds_alternative<ConditionalGaussianConfig>(prior) ? 2 : 0;
        const AnyObjective objective(config);
        CAPTURE(part_name(objective));
        CAPTURE(part_name(AnyLatent<double>(latent)));
        CAPTURE(part_name(AnyPrior<double>(prior, 4, 3, design.condition)));
        combinations += check_combination(design, objective, 3) ? 1 : 0;
      }
    }
  }
  CHECK(combinations > 150);
}

TEST_CASE("vae: every compatible combination trains two steps") {
  for (const LatentConfig& latent : small_latents()) {
    for (const PriorConfig& prior : small_priors()) {
      for (const ObjectiveConfig& config : every_objective()) {
        Design design = tiny();
        design.latent = latent;
        design.prior = prior;
        design.condition = std::holds_alternative<ConditionalGaussianConfig>(prior) ? 2 : 0;
        auto model = example::make_any<float>(design);
        const AnyObjective objective(config);
        if (!is_compatible(model, objective)) {
          continue;
        }
        Matrix<float> x(8, design.features + design.condition);
        x.setOnes();
        auto w = model.make_workspace(8, objective.samples());
        Critic<float> critic = objective.make_critic<float>(model.latent_dim(), 1);
        w.terms.critic = &critic;
        auto grad = zeros_like(model);
        for (std::uint64_t step = 0; step < 2; ++step) {
          model.draw_noise(1, step, 8, w);
          CHECK(std::isfinite(model.gradient(x, objective, 0.0, w, grad).loss));
          add_scaled(-0.01F, grad, model);
          model.update(1, step, w);
          objective.train_critic(w.terms, 1, step, w.dterms);
        }
        for (const auto& tensor : state_tensors(model)) {
          CHECK(std::ranges::all_of(tensor.values, [](float v) { return std::isfinite(v); }));
        }
      }
    }
  }
}

TEST_CASE("vae: gradients of every likelihood under every objective") {
  for (const LikelihoodConfig& likelihood : every_alternative<LikelihoodConfig>()) {
    for (const ObjectiveConfig& config : every_objective()) {
      Design design = tiny();
      design.likelihood = example::fitted(likelihood, design.features);
      const AnyObjective objective(config);
      CAPTURE(part_name(objective));
      CAPTURE(part_name(AnyLikelihood<double>(design.likelihood, design.features)));
      check_combination(design, objective, 3);
    }
  }
}

TEST_CASE("vae: every list has a small one for this test") {
  CHECK(small_priors().size() == std::variant_size_v<PriorConfig>);
  CHECK(small_latents().size() == std::variant_size_v<LatentConfig>);
}

TEST_CASE("vae: the doubly reparameterised gradient has the mean of the standard one, and less spread") {
  const auto model = example::make_any<double>(tiny());
  const Matrix<double> x = binary_data(2, 3);
  constexpr int draws = 4000;
  const auto moments = [&](IwaeGradient kind) {
    const Iwae objective({.samples = 3, .gradient = kind});
    auto w = model.make_workspace(2, 3);
    auto grad = zeros_like(model);
    Eigen::ArrayXd sum = Eigen::ArrayXd::Zero(grad.posterior_head.weight.size());
    Eigen::ArrayXd squares = sum;
    for (int step = 0; step < draws; ++step) {
      model.draw_noise(3, static_cast<std::uint64_t>(step), 2, w);
      model.gradient(x, objective, 0.0, w, grad);
      const Eigen::Map<const Eigen::ArrayXd> values(grad.posterior_head.weight.data(), sum.size());
      sum += values;
      squares += values.square();
    }
    const Eigen::ArrayXd mean = sum / draws;
    return std::pair<Eigen::ArrayXd, Eigen::ArrayXd>(mean, squares / draws - mean.square());
  };
  const auto [standard, standard_variance] = moments(IwaeGradient::standard);
  const auto [twice, twice_variance] = moments(IwaeGradient::doubly_reparameterized);
  for (Index i = 0; i < standard.size(); ++i) {
    const double spread = std::sqrt((standard_variance[i] + twice_variance[i]) / draws);
    CHECK(std::abs(standard[i] - twice[i]) < 5 * spread);
  }
  CHECK(twice_variance.sum() < standard_variance.sum());
}

TEST_CASE("vae: no combination allocates after the first step") {
  const auto check_steps = [](const Design& design, const AnyObjective& objective) {
    const auto model = example::make_any<float>(design);
    if (!is_compatible(model, objective)) {
      return;
    }
    Matrix<float> x(6, design.features + design.condition);
    x.setOnes();
    auto w = model.make_workspace(6, objective.samples());
    Critic<float> critic = objective.make_critic<float>(model.latent_dim(), 1);
    w.terms.critic = &critic;
    auto grad = zeros_like(model);
    const auto step = [&](std::uint64_t number, Index batch) {
      model.draw_noise(1, number, batch, w);
      model.gradient(x.topRows(batch), objective, 0.0, w, grad);
    };
    step(0, 6);
    AllocationCount guard;
    step(1, 6);
    step(2, 4);
    step(3, 6);
    const std::size_t allocations = guard.count();
    CAPTURE(part_name(objective));
    CAPTURE(part_name(model.prior));
    CAPTURE(part_name(model.likelihood));
    CHECK(allocations == 0);
  };
  for (const ObjectiveConfig& config : every_objective()) {
    for (const PriorConfig& prior : small_priors()) {
      for (const LatentConfig& latent : small_latents()) {
        Design design = tiny();
        design.prior = prior;
        design.latent = latent;
        design.condition = std::holds_alternative<ConditionalGaussianConfig>(prior) ? 2 : 0;
        check_steps(design, AnyObjective(config));
      }
    }
  }
  for (const LikelihoodConfig& likelihood : every_alternative<LikelihoodConfig>()) {
    Design design = tiny();
    design.likelihood = example::fitted(likelihood, design.features);
    check_steps(design, AnyObjective());
  }
}

TEST_CASE("vae: combinations give equal bits on any number of threads") {
  const auto check_bits = [](const Design& design, const AnyObjective& objective) {
    const auto model = example::make_any<float>(design);
    if (!is_compatible(model, objective)) {
      return;
    }
    const Matrix<float> x = example::data<float>(40, 5 + design.condition);
    const auto run = [&](int threads) {
      const ThreadScope scope(threads);
      auto w = model.make_workspace(40, objective.samples());
      Critic<float> critic = objective.make_critic<float>(model.latent_dim(), 1);
      w.terms.critic = &critic;
      auto grad = zeros_like(model);
      model.draw_noise(1, 1, 40, w);
      model.gradient(x, objective, 0.0, w, grad);
      return grad;
    };
    const auto expected = run(1);
    CHECK(same_parameters(run(2), expected));
    CHECK(same_parameters(run(3), expected));
  };
  for (const PriorConfig& prior : small_priors()) {
    for (const LatentConfig& latent : small_latents()) {
      for (const ObjectiveConfig& config : every_objective()) {
        // Each objective with the first posterior, each posterior under the first objective.
        if (std::holds_alternative<GaussianLatentConfig>(latent) ||
            std::holds_alternative<ElboConfig>(config)) {
          Design design;
          design.prior = prior;
          design.latent = latent;
          design.condition = std::holds_alternative<ConditionalGaussianConfig>(prior) ? 2 : 0;
          check_bits(design, AnyObjective(config));
        }
      }
    }
  }
}
