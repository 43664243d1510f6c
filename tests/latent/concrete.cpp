// SPDX-License-Identifier: MIT
#include "vaekit/latent/concrete.hpp"

#include <doctest/doctest.h>

#include <numbers>

#include "support/alloc_guard.hpp"
#include "support/golden.hpp"
#include "support/posterior_suite.hpp"
#include "support/throws_with.hpp"
#include "vaekit/latent/categorical_prior.hpp"

using namespace vaekit;
using posterior_suite::random_matrix;

namespace {

template <Index Variables, Index Classes, bool Learned>
struct ConcreteCase {
  template <class T>
  using Prior = CategoricalPrior<T>;
  template <class T>
  static ConcreteLatent<T> make() {
    return ConcreteLatent<T>({.variables = Variables, .classes = Classes, .temperature = 0.8});
  }
  template <class T>
  static Prior<T> make_prior() {
    Prior<T> prior({.classes = Classes, .learned = Learned}, Variables * Classes);
    prior.logits = random_matrix<T>(Variables, Classes, 9);
    return prior;
  }
};

template <class T>
using ConcreteRun = posterior_suite::Pass<ConcreteLatent<T>, CategoricalPrior<T>>;

/// softmax(logits) of one variable, plainly.
std::vector<double> concrete_softmax(const double* logits, Index classes) {
  std::vector<double> p(logits, logits + classes);
  double total = 0;
  for (double& value : p) {
    value = std::exp(value);
    total += value;
  }
  for (double& value : p) {
    value /= total;
  }
  return p;
}

}  // namespace

TEST_CASE("concrete: keeps the contract of a posterior") {
  SUBCASE("fewer classes than lanes") { posterior_suite::check_posterior<ConcreteCase<2, 3, false>>(); }
  SUBCASE("more classes than lanes") { posterior_suite::check_posterior<ConcreteCase<2, 19, true>>(); }
}

TEST_CASE_TEMPLATE("concrete: noise is Gumbel", T, float, double) {
  constexpr Index count = 200'000;
  Matrix<T> g(1, count);
  fill_gumbel(g.span(), RandomStream(1, Purpose::posterior));
  const Eigen::ArrayXd values = g.template cast<double>().transpose().array();
  const double mean = values.mean();
  const double variance = (values - mean).square().mean();
  constexpr double expected = std::numbers::pi * std::numbers::pi / 6;
  CHECK(std::abs(mean - std::numbers::egamma) < 5 * std::sqrt(expected / count));
  // The fourth central moment of a Gumbel variable is 5.4 σ⁴.
  CHECK(std::abs(variance - expected) < 5 * expected * std::sqrt(4.4 / count));
  std::vector<double> uniform(count);
  fill_uniform<double>(uniform, RandomStream(1, Purpose::posterior));
  double worst = 0;
  for (Index i = 0; i < count; ++i) {
    const double u = uniform[static_cast<std::size_t>(i)];
    // Near 1 a float u has lost the digits of the smallest values.
    worst = std::max(worst, u < 0.999 ? std::abs(values[i] + std::log(-std::log1p(-u))) : 0.0);
  }
  CHECK(worst < (std::is_same_v<T, float> ? 1e-5 : 1e-14));
}

TEST_CASE("concrete: in training z is the softmax of perturbed logits over the temperature") {
  const ConcreteLatent<double> latent({.variables = 3, .classes = 4, .temperature = 0.7});
  const Matrix<double> params = random_matrix<double>(2, 12, 1, 2);
  const Matrix<double> g = posterior_suite::noise(latent, 4);
  const ConcreteRun<double> run(latent, CategoricalPrior<double>({.classes = 4}, 12), params, g, 1.0);
  for (Index row = 0; row < 4; ++row) {
    for (Index v = 0; v < 3; ++v) {
      Matrix<double> y(1, 4);
      y = (params.row(row / 2).segment(4 * v, 4) + g.row(row).segment(4 * v, 4)) / 0.7;
      const std::vector<double> expected = concrete_softmax(y.data(), 4);
      for (Index c = 0; c < 4; ++c) {
        CHECK(std::abs(run.z(row, 4 * v + c) - expected[static_cast<std::size_t>(c)]) < 1e-14);
      }
    }
  }
}

TEST_CASE("concrete: the temperature follows its schedule down to the minimum") {
  const ConcreteLatent<double> latent;
  const ConcreteLatent<double> falling(ConcreteConfig{});
  auto cache = falling.make_cache(1, 1);
  CHECK(cache.temperature == 0);
  falling.set_time(0.0, cache);
  CHECK(cache.temperature == 1);
  falling.set_time(2.0, cache);
  CHECK(std::abs(cache.temperature - 0.95 * 0.95) < 1e-15);
  falling.set_time(100.0, cache);
  CHECK(cache.temperature == 0.5);
  falling.set_time(std::nullopt, cache);
  CHECK(cache.temperature == 0);
}

TEST_CASE_TEMPLATE("concrete: outside training samples are one-hot with the posterior's frequencies", T,
                   float, double) {
  constexpr Index samples = 40'000;
  const ConcreteLatent<T> latent({.variables = 2, .classes = 5});
  const Matrix<T> params = random_matrix<T>(1, 10, 3);
  Matrix<T> dparams(1, 10);
  ConcreteRun<T> run(latent, CategoricalPrior<T>({.classes = 5}, 10), params,
                     posterior_suite::noise(latent, samples), std::nullopt);
  CHECK(((run.z.array() == T{0}) || (run.z.array() == T{1})).all());
  Matrix<double> logits(1, 10);
  logits = params.template cast<double>();
  for (Index v = 0; v < 2; ++v) {
    CHECK((run.z.middleCols(5 * v, 5).rowwise().sum().array() == T{1}).all());
    const std::vector<double> p = concrete_softmax(logits.data() + 5 * v, 5);
    for (Index c = 0; c < 5; ++c) {
      const double expected = p[static_cast<std::size_t>(c)];
      const double measured = run.z.col(5 * v + c).template cast<double>().mean();
      CHECK(std::abs(measured - expected) < 5 * std::sqrt(expected * (1 - expected) / samples));
      CHECK(std::abs(static_cast<double>(run.cache.probabilities(0, 5 * v + c)) - expected) < 1e-6);
    }
  }
  ConcreteLatent<T> grad = latent;
  latent.backward(params, run.z, run.z, run.z, {}, run.cache, dparams, grad);
  CHECK((dparams.array() == T{0}).all());
}

TEST_CASE("concrete: of equals the first class is chosen, and NaN stays with its variable") {
  const ConcreteLatent<float> latent({.variables = 2, .classes = 3});
  Matrix<float> params(2, 6);
  params.row(1) << 0, std::numeric_limits<float>::quiet_NaN(), 0, 0, 5,
      -std::numeric_limits<float>::infinity();
  auto cache = latent.make_cache(2, 2);
  static_cast<void>(latent.posterior(params, cache));
  Matrix<float> z(2, 6);
  latent.reparameterize(params, Matrix<float>(2, 6), cache, z);
  Matrix<float> expected(1, 6);
  expected << 1, 0, 0, 1, 0, 0;
  CHECK(z.row(0) == expected);
  CHECK(z.row(1).head(3).array().isNaN().all());
  expected << 0, 0, 0, 0, 1, 0;
  CHECK(z.row(1).tail(3) == expected.row(0).tail(3));
}

TEST_CASE("concrete: the posterior has probabilities and no log-variance") {
  const ConcreteLatent<double> latent({.variables = 2, .classes = 3});
  const Matrix<double> params = random_matrix<double>(2, 6, 1);
  auto cache = latent.make_cache(5, 5);
  const DiagonalGaussian<double> q = latent.posterior(params, cache);
  CHECK(q.mu.rows() == 2);
  CHECK(q.logvar.rows() == 2);
  CHECK(q.logvar.cols() == 0);
  CHECK(std::abs(q.mu.sum() - 4) < 1e-14);
  CHECK(latent.space() == "one-hot vectors of 2 x 3");
  CHECK(!has_density(latent));
}

TEST_CASE_TEMPLATE("concrete: outside training a sample has a probability, in training none", T, float,
                   double) {
  const ConcreteLatent<T> latent({.variables = 2, .classes = 3});
  CHECK(has_evaluation_density(latent));
  Matrix<T> params = random_matrix<T>(2, 6, 1);
  params(1, 0) = -std::numeric_limits<T>::infinity();
  ConcreteRun<T> run(latent, CategoricalPrior<T>({.classes = 3}, 6), params,
                     posterior_suite::noise(latent, 40), std::nullopt);
  Matrix<T> log_q(1, 40);
  latent.log_prob(params, params, run.z, run.cache, log_q.span());
  for (Index s = 0; s < 40; ++s) {
    Matrix<double> logits(1, 6);
    logits = params.row(s / 20).template cast<double>();
    double expected = 0;
    for (Index v = 0; v < 2; ++v) {
      Index drawn = 0;
      run.z.row(s).segment(3 * v, 3).maxCoeff(&drawn);
      expected += std::log(concrete_softmax(logits.data() + 3 * v, 3)[static_cast<std::size_t>(drawn)]);
    }
    CHECK(std::abs(static_cast<double>(log_q(0, s)) - expected) < 1e-6);
  }
  latent.set_time(0.0, run.cache);
  latent.log_prob(params, params, run.z, run.cache, log_q.span());
  CHECK(log_q.array().isNaN().all());
}

TEST_CASE_TEMPLATE("concrete: PyTorch computes the same", T, float, double) {
  const Golden golden("discrete");
  const ConcreteLatent<T> latent({.variables = 3, .classes = 4, .temperature = 0.7});
  CategoricalPrior<T> prior({.classes = 4, .learned = true}, 12);
  golden.copy_to<T>("concrete.prior_logits", prior.logits.span());
  const Matrix<T> params = golden.matrix<T>("concrete.logits");
  const Matrix<T> g = golden.matrix<T>("concrete.gumbel");
  ConcreteRun<T> run(latent, prior, params, g);
  golden.check("concrete.z", run.z);
  golden.check("concrete.kl", run.kl);
  auto prior_grad = zeros_like(prior);
  auto grad = latent;
  KlPair<ConcreteLatent<T>, CategoricalPrior<T>>::backward(
      latent, prior, params, golden.matrix<T>("concrete.dkl"), run.cache, run.prior_cache, prior_grad);
  Matrix<T> dparams(params.rows(), params.cols());
  latent.backward(params, g, run.z, golden.matrix<T>("concrete.dz"), {}, run.cache, dparams, grad);
  golden.check("concrete.logits_gradient", dparams);
  golden.check("concrete.prior_logits_gradient", prior_grad.logits);
  Matrix<T> log_p(1, run.z.rows());
  prior.log_prob(run.z, run.prior_cache, log_p.span());
  golden.check("concrete.log_p", log_p);
}

TEST_CASE("concrete: nothing is allocated") {
  const ConcreteLatent<float> latent(ConcreteConfig{});
  const CategoricalPrior<float> prior({.learned = true}, 200);
  const Matrix<float> params = random_matrix<float>(4, 200, 1);
  Matrix<float> epsilon(8, 200), z(8, 200), kl(4, 20), dparams(4, 200), log_q(1, 8);
  auto cache = latent.make_cache(4, 8);
  auto prior_cache = prior.make_cache(8);
  auto prior_grad = zeros_like(prior);
  auto grad = latent;
  using Divergence = KlPair<ConcreteLatent<float>, CategoricalPrior<float>>;
  const AllocationCount guard;
  for (const std::optional<double> time : {std::optional<double>(3.0), std::optional<double>()}) {
    latent.draw_noise(RandomStream(1, Purpose::posterior), 0, epsilon);
    latent.set_time(time, cache);
    static_cast<void>(latent.posterior(params, cache));
    latent.reparameterize(params, epsilon, cache, z);
    latent.log_prob(params, epsilon, z, cache, log_q.span());
    Divergence::forward(latent, prior, params, cache, prior_cache, kl);
    Divergence::backward(latent, prior, params, kl, cache, prior_cache, prior_grad);
    latent.backward(params, epsilon, z, z, {}, cache, dparams, grad);
  }
  const std::size_t allocations = guard.count();
  CHECK(allocations == 0);
}

TEST_CASE("concrete: numbers are checked") {
  check_throws_with<ConfigError>("concrete latent: classes is 1, must be in [2, 100000]",
                                 [] { ConcreteLatent<float>({.classes = 1}); });
  check_throws_with<ConfigError>("concrete latent: variables is 0, must be in [1, 100000]",
                                 [] { ConcreteLatent<float>({.variables = 0}); });
  check_throws_with<ConfigError>("concrete latent: temperature is 0, must be > 0",
                                 [] { ConcreteLatent<float>({.temperature = 0.0}); });
  check_throws_with<ConfigError>("concrete latent: minimum_temperature is -1, must be > 0",
                                 [] { ConcreteLatent<float>({.minimum_temperature = -1}); });
  check_throws_with<ConfigError>("concrete latent: temperature/from is -2, must be > 0", [] {
    ConcreteConfig config;
    config.temperature.from = -2;
    ConcreteLatent<float>{config};
  });
}
