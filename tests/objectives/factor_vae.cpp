// SPDX-License-Identifier: MIT
#include "vaekit/objectives/factor_vae.hpp"

#include <doctest/doctest.h>

#include "support/alloc_guard.hpp"
#include "support/golden.hpp"
#include "support/objective_suite.hpp"
#include "support/throws_with.hpp"
#include "vaekit/objectives/builtin.hpp"

using namespace vaekit;
using likelihood_suite::random_matrix;

namespace {

constexpr FactorVaeConfig small{.gamma = 3, .layers = 2, .units = 6, .learning_rate = 0.01};

/// D(z) of a critic with two hidden layers, in plain loops.
double plain_critic(const Critic<double>& critic, const Eigen::VectorXd& z) {
  Eigen::VectorXd h = z;
  for (std::size_t i = 0; i < critic.layers.size(); ++i) {
    h = critic.layers[i].weight * h + critic.layers[i].bias.transpose();
    if (i + 1 < critic.layers.size()) {
      h = h.unaryExpr([](double v) { return v > 0 ? v : 0.01 * v; });
    }
  }
  return h[0];
}

double softplus(double x) { return std::log1p(std::exp(x)); }

}  // namespace

TEST_CASE("factor_vae: the loss is the negative ELBO and gamma times the mean of D(z)") {
  const FactorVae objective(small);
  Critic<double> critic = objective.make_critic<double>(4, 5);
  Terms<double> terms = objective_suite::random_terms<double>(objective, 3, 4);
  terms.critic = &critic;
  Terms<double> gradients = objective_suite::terms_for<double>(objective, 3, 4);
  const ObjectiveValue value = objective.evaluate(terms, 0.0, gradients);
  double expected = -elbo_value(terms).elbo;
  for (Index row = 0; row < 3; ++row) {
    expected += plain_critic(critic, terms.z.row(row).transpose());  // gamma 3 over 3 rows
  }
  CHECK(std::abs(value.loss - expected) < 1e-12);
}

TEST_CASE("factor_vae: gradients are those of finite differences") {
  const FactorVae objective(small);
  for (const Index batch : {1, 3, 8}) {
    Critic<double> critic = objective.make_critic<double>(4, 5);
    Terms<double> terms = objective_suite::random_terms<double>(objective, batch, 4);
    Terms<double> gradients = objective_suite::terms_for<double>(objective, batch, 4);
    Terms<double> unused = gradients;
    terms.critic = &critic;
    objective.evaluate(terms, 0.0, gradients);
    const auto loss = [&] { return objective.evaluate(terms, 0.0, unused).loss; };
    check_finite_differences(terms.log_likelihood.span(), gradients.log_likelihood.span(), loss);
    check_finite_differences(terms.kl.span(), gradients.kl.span(), loss);
    check_finite_differences(terms.z.span(), gradients.z.span(), loss);
  }
}

TEST_CASE("factor_vae: the discriminator takes Adam's step down its logistic loss") {
  const FactorVae objective(small);
  Critic<double> critic = objective.make_critic<double>(3, 5);
  const Critic<double> before = critic;
  Terms<double> terms = objective_suite::random_terms<double>(objective, 7, 3);
  terms.critic = &critic;
  Terms<double> scratch = objective_suite::terms_for<double>(objective, 7, 3);
  const Matrix<double> shuffled =
      Critic<double>(before).shuffled(terms.z, RandomStream(9, Purpose::update, 0).child(100));
  const auto plain_loss = [&](const Critic<double>& c) {
    double loss = 0;
    for (Index row = 0; row < 7; ++row) {
      loss += 0.5 / 7 * softplus(-plain_critic(c, terms.z.row(row).transpose()));
      loss += 0.5 / 7 * softplus(plain_critic(c, shuffled.row(row).transpose()));
    }
    return loss;
  };
  CHECK(std::abs(objective.train_critic(terms, 9, 0, scratch) - plain_loss(before)) < 1e-12);
  // Adam's first step is the learning rate times the sign of the gradient.
  for (Index j = 0; j < 3; ++j) {
    Critic<double> moved = before;
    moved.layers[0].weight(2, j) += 1e-6;
    Critic<double> back = before;
    back.layers[0].weight(2, j) -= 1e-6;
    const double slope = (plain_loss(moved) - plain_loss(back)) / 2e-6;
    const double change = critic.layers[0].weight(2, j) - before.layers[0].weight(2, j);
    CHECK(std::abs(change + 0.01 * slope / (std::abs(slope) + 1e-8)) < 1e-5);
  }
}

TEST_CASE_TEMPLATE("factor_vae: both losses, their gradients and the discriminator's step are PyTorch's", T,
                   float, double) {
  const Golden golden("factor_vae");
  // Without a decay of the mean, Adam's first mean is the gradient.
  const FactorVae objective({.gamma = 3, .layers = 2, .units = 6, .learning_rate = 0.01, .beta1 = 0});
  Critic<T> critic = objective.make_critic<T>(3, 5);
  const auto for_each_part = [&](auto& layers, auto&& body) {
    for (std::size_t i = 0; i < 3; ++i) {
      body(std::to_string(i) + ".weight", layers[i].weight.span());
      body(std::to_string(i) + ".bias", layers[i].bias.span());
    }
  };
  for_each_part(critic.layers, [&](const std::string& name, std::span<T> values) {
    golden.copy_to<T>("discriminator." + name, values);
  });
  Terms<T> terms = objective_suite::terms_for<T>(objective, 5, 3);
  Terms<T> gradients = objective_suite::terms_for<T>(objective, 5, 3);
  terms.critic = &critic;
  terms.log_likelihood = golden.matrix<T>("log_likelihood");
  terms.kl = golden.matrix<T>("kl");
  terms.z = golden.matrix<T>("z");
  const auto check_number = [&](const char* name, double number) {
    const T typed = static_cast<T>(number);
    golden.check<T>(name, std::span(&typed, 1));
  };
  check_number("loss", objective.evaluate(terms, 0.0, gradients).loss);
  golden.check("dlog_likelihood", gradients.log_likelihood);
  golden.check("dkl", gradients.kl);
  golden.check("dz", gradients.z);

  golden.check("shuffled", critic.shuffled(terms.z, RandomStream(9, Purpose::update, 0).child(100)));
  check_number("discriminator.loss", objective.train_critic(terms, 9, 0, gradients));
  for_each_part(critic.mean, [&](const std::string& name, std::span<const T> values) {
    golden.check<T>("discriminator.d" + name, values);
  });
  for_each_part(critic.layers, [&](const std::string& name, std::span<const T> values) {
    golden.check<T>("discriminator.after." + name, values);
  });
}

TEST_CASE("factor_vae: a trained discriminator tells dependent dimensions from independent ones") {
  const FactorVae objective({.layers = 2, .units = 16, .learning_rate = 0.01});
  for (const bool dependent : {true, false}) {
    Critic<float> critic = objective.make_critic<float>(2, 1);
    Terms<float> terms = objective_suite::terms_for<float>(objective, 256, 2);
    Terms<float> scratch = terms;
    terms.critic = &critic;
    double loss = 0;
    for (std::uint64_t step = 0; step < 300; ++step) {
      terms.z = random_matrix<float>(256, 2, step + 1);
      if (dependent) {
        terms.z.col(1) = terms.z.col(0);
      }
      loss = objective.train_critic(terms, 1, step, scratch);
    }
    CHECK((dependent ? loss < 0.4 : loss > 0.65));
  }
}

TEST_CASE("factor_vae: shuffling keeps each column's values") {
  Critic<double> critic = FactorVae(small).make_critic<double>(3, 5);
  const Matrix<double> z = random_matrix<double>(40, 3, 2);
  const Matrix<double> other = critic.shuffled(z, RandomStream(1, Purpose::update));
  CHECK(other != z);
  for (Index j = 0; j < 3; ++j) {
    std::vector<double> a(z.col(j).begin(), z.col(j).end());
    std::vector<double> b(other.col(j).begin(), other.col(j).end());
    CHECK(a != b);
    std::ranges::sort(a);
    std::ranges::sort(b);
    CHECK(a == b);
  }
}

TEST_CASE("factor_vae: nothing allocates after the first step; the critic is state to save") {
  const FactorVae objective(small);
  Critic<float> critic = objective.make_critic<float>(3, 5);
  Terms<float> terms = objective_suite::random_terms<float>(objective, 7, 3);
  Terms<float> gradients = objective_suite::terms_for<float>(objective, 7, 3);
  terms.critic = &critic;
  const auto step = [&](std::uint64_t number) {
    objective.evaluate(terms, 0.0, gradients);
    objective.train_critic(terms, 1, number, gradients);
  };
  step(0);
  AllocationCount guard;
  step(1);
  CHECK(guard.count() == 0);
  CHECK(parameters(critic).size() == 18);
  CHECK(has_critic(objective));
  CHECK(has_critic(AnyObjective(small)));
  CHECK_FALSE(has_critic(AnyObjective(ElboConfig{})));
  CHECK(AnyObjective(ElboConfig{}).make_critic<float>(3, 1).empty());
}

TEST_CASE("factor_vae: numbers out of range are refused") {
  check_throws_with<ConfigError>("factor_vae: gamma is -1, must be >= 0", [] { FactorVae({.gamma = -1}); });
}
