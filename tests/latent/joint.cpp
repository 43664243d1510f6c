// SPDX-License-Identifier: MIT
#include "vaekit/latent/joint.hpp"

#include <doctest/doctest.h>

#include "support/alloc_guard.hpp"
#include "support/posterior_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;
using posterior_suite::random_matrix;
using posterior_suite::same_bytes;

namespace {

struct JointCase {
  template <class T>
  using Prior = JointPrior<T>;
  template <class T>
  static JointLatent<T> make() {
    return JointLatent<T>(
        {.gaussian = {.dim = 3}, .concrete = {.variables = 2, .classes = 4, .temperature = 0.8}});
  }
  template <class T>
  static Prior<T> make_prior(bool learned = true) {
    Prior<T> prior({.dim = 3, .classes = 4, .learned = learned}, 11);
    prior.categorical.logits = random_matrix<T>(2, 4, 9);
    return prior;
  }
};

using JointRun = posterior_suite::Pass<JointLatent<double>, JointPrior<double>>;
using JointKl = KlPair<JointLatent<double>, JointPrior<double>>;

}  // namespace

TEST_CASE("joint: keeps the contract of a posterior") { posterior_suite::check_posterior<JointCase>(); }

TEST_CASE("joint: the numbers are free, the one-hot columns are not") {
  CHECK(free_columns(JointCase::make<float>()) == 3);
  CHECK(free_columns(JointCase::make<float>().gaussian) == 3);
  CHECK(free_columns(JointCase::make<float>().concrete) == 0);
}

TEST_CASE("joint: samples and divergences are those of the parts, side by side") {
  const auto latent = JointCase::make<double>();
  const auto prior = JointCase::make_prior<double>();
  const Matrix<double> params = random_matrix<double>(3, 14, 1, 0.7);
  const Matrix<double> epsilon = posterior_suite::noise(latent, 6);
  for (const std::optional<double> time : {std::optional<double>(0.0), std::optional<double>()}) {
    const JointRun run(latent, prior, params, epsilon, time);
    const posterior_suite::Pass<GaussianLatent<double>, StandardNormal<double>> gaussian(
        latent.gaussian, {}, params.leftCols(6), epsilon.leftCols(3), time);
    const posterior_suite::Pass<ConcreteLatent<double>, CategoricalPrior<double>> concrete(
        latent.concrete, prior.categorical, params.rightCols(8), epsilon.rightCols(8), time);
    CHECK(run.z.leftCols(3) == gaussian.z);
    CHECK(run.z.rightCols(8) == concrete.z);
    CHECK(run.kl.leftCols(3) == gaussian.kl);
    CHECK(run.kl.rightCols(2) == concrete.kl);
    CHECK(run.cache.mean.leftCols(3) == params.leftCols(3));
    CHECK(run.cache.mean.rightCols(8) == concrete.cache.probabilities);
  }
}

TEST_CASE("joint: outside training the density is the product of those of the parts, in training none") {
  const auto latent = JointCase::make<double>();
  CHECK(has_evaluation_density(latent));
  const Matrix<double> params = random_matrix<double>(3, 14, 1, 0.7);
  const Matrix<double> epsilon = posterior_suite::noise(latent, 6);
  JointRun run(latent, JointCase::make_prior<double>(), params, epsilon, std::nullopt);
  Matrix<double> log_q(1, 6), normal(1, 6), categorical(1, 6);
  latent.log_prob(params, epsilon, run.z, run.cache, log_q.span());
  latent.gaussian.log_prob(params.leftCols(6), epsilon.leftCols(3), run.z.leftCols(3), run.cache.gaussian,
                           normal.span());
  latent.concrete.log_prob(params.rightCols(8), epsilon.rightCols(8), run.z.rightCols(8), run.cache.concrete,
                           categorical.span());
  CHECK(log_q == normal + categorical);
  CHECK((categorical.array() < 0).all());
  set_time(latent, 0.0, run.cache);
  latent.log_prob(params, epsilon, run.z, run.cache, log_q.span());
  CHECK(log_q.array().isNaN().all());
}

TEST_CASE("joint: the divergence starts from no old gradient, and reaches the prior's probabilities") {
  const auto latent = JointCase::make<double>();
  auto prior = JointCase::make_prior<double>();
  const Matrix<double> params = random_matrix<double>(3, 14, 1, 0.7);
  JointRun run(latent, prior, params, posterior_suite::noise(latent, 3));
  const Matrix<double> dkl = random_matrix<double>(3, 5, 6);
  auto grad = zeros_like(prior);
  const auto backward = [&] {
    run.cache.dq.mu.setZero();
    run.cache.dq.logvar.setZero();
    JointKl::backward(latent, prior, params, dkl, run.cache, run.prior_cache, grad);
    Matrix<double> dparams(3, 14);
    auto own = latent;
    latent.backward(params, run.z, run.z, Matrix<double>(3, 11), {}, run.cache, dparams, own);
    return dparams;
  };
  const Matrix<double> first = backward();
  const auto prior_gradient = grad;
  CHECK(backward() == first);
  check_parameter_gradients(prior, prior_gradient, [&] {
    JointKl::forward(latent, prior, params, run.cache, run.prior_cache, run.kl);
    return run.kl.cwiseProduct(dkl).sum();
  });
}

TEST_CASE("joint: the prior is a product") {
  auto prior = JointCase::make_prior<double>();
  Matrix<double> z = random_matrix<double>(4, 11, 3);
  auto cache = prior.make_cache(6);
  Matrix<double> out(1, 4), normal(1, 4), categorical(1, 4);
  prior.log_prob(z, cache, out.span());
  prior.gaussian.log_prob(z.leftCols(3), cache.gaussian, normal.span());
  prior.categorical.log_prob(z.rightCols(8), cache.categorical, categorical.span());
  CHECK(out == normal + categorical);
  const Matrix<double> dlog_p = random_matrix<double>(1, 4, 2);
  const auto value = [&] {
    prior.log_prob(z, cache, out.span());
    return out.cwiseProduct(dlog_p).sum();
  };
  Matrix<double> dz(4, 11);
  dz.setOnes();  // added to
  auto grad = zeros_like(prior);
  prior.backward(z, dlog_p.span(), cache, dz, grad);
  dz.array() -= 1;
  check_finite_differences(z.span(), dz.span(), value);
  check_parameter_gradients(prior, grad, value);
}

TEST_CASE("joint: samples of the prior are normals and one-hot vectors, each row's own") {
  constexpr Index count = 20'000;
  const auto prior = JointCase::make_prior<double>();
  auto cache = prior.make_cache(count);
  Matrix<double> z(count, 11), rest(count - 7, 11);
  prior.sample(RandomStream(5, Purpose::prior), 0, 1, cache, z);
  prior.sample(RandomStream(5, Purpose::prior), 7, 1, cache, rest);
  CHECK(rest == z.bottomRows(count - 7));
  for (Index d = 0; d < 3; ++d) {
    CHECK(std::abs(z.col(d).mean()) < 5 / std::sqrt(count));
    CHECK(std::abs(z.col(d).squaredNorm() / count - 1) < 5 * std::sqrt(2.0 / count));
  }
  for (Index v = 0; v < 2; ++v) {
    CHECK((z.middleCols(3 + 4 * v, 4).rowwise().sum().array() == 1).all());
    prior.categorical.find_log_probabilities(cache.categorical);
    for (Index c = 0; c < 4; ++c) {
      const double expected = std::exp(cache.categorical.log_probabilities(v, c));
      CHECK(std::abs(z.col(3 + 4 * v + c).mean() - expected) <
            5 * std::sqrt(expected * (1 - expected) / count));
    }
  }
}

TEST_CASE("joint: latent and prior state the same space, and only then have a closed form") {
  const auto latent = JointCase::make<double>();
  CHECK(latent.space() == "3 real numbers and one-hot vectors of 2 x 4");
  CHECK(JointCase::make_prior<double>().space() == latent.space());
  CHECK(!has_density(latent));
  CHECK(parameter_count(latent) == 0);
  CHECK(parameter_count(JointCase::make_prior<double>()) == 8);
  CHECK(parameter_count(JointCase::make_prior<double>(false)) == 0);
  CHECK(JointKl::closed_form(latent, JointCase::make_prior<double>()));
  const JointPrior<double> other({.dim = 7, .classes = 4}, 11);
  CHECK(other.space() == "7 real numbers and one-hot vectors of 1 x 4");
  CHECK(!JointKl::closed_form(latent, other));
  CHECK(JointLatent<double>({.gaussian = {.dim = 1}, .concrete = {.variables = 1, .classes = 2}}).space() ==
        "1 real number and one-hot vectors of 1 x 2");
}

TEST_CASE("joint: nothing is allocated") {
  const auto latent = JointCase::make<float>();
  const auto prior = JointCase::make_prior<float>();
  const Matrix<float> params = random_matrix<float>(4, 14, 1);
  Matrix<float> epsilon(8, 11), z(8, 11), kl(4, 5), dparams(4, 14), log_p(1, 8);
  auto cache = latent.make_cache(4, 8);
  auto prior_cache = prior.make_cache(8);
  auto prior_grad = zeros_like(prior);
  auto grad = latent;
  using Pair = KlPair<JointLatent<float>, JointPrior<float>>;
  const AllocationCount guard;
  latent.draw_noise(RandomStream(1, Purpose::posterior), 0, epsilon);
  latent.set_time(1.0, cache);
  static_cast<void>(latent.posterior(params, cache));
  latent.reparameterize(params, epsilon, cache, z);
  latent.log_prob(params, epsilon, z, cache, log_p.span());
  Pair::forward(latent, prior, params, cache, prior_cache, kl);
  Pair::backward(latent, prior, params, kl, cache, prior_cache, prior_grad);
  latent.backward(params, epsilon, z, z, {}, cache, dparams, grad);
  prior.log_prob(z, prior_cache, log_p.span());
  prior.sample(RandomStream(1, Purpose::prior), 0, 1, prior_cache, z);
  const std::size_t allocations = guard.count();
  CHECK(allocations == 0);
}

TEST_CASE("joint: numbers are checked") {
  check_throws_with<ConfigError>("gaussian latent: dim is 0, must be in [1, 1000000]",
                                 [] { JointLatent<float>({.gaussian = {.dim = 0}}); });
  check_throws_with<ConfigError>("concrete latent: classes is 1, must be in [2, 100000]",
                                 [] { JointLatent<float>({.concrete = {.classes = 1}}); });
  check_throws_with<ConfigError>("joint prior: classes is 1, must be in [2, 100000]",
                                 [] { JointPrior<float>({.classes = 1}, 20); });
  check_throws_with<ConfigError>(
      "joint prior: 15 latent dimensions, must be 10 (dim) and a multiple of 10 (classes)",
      [] { JointPrior<float>(JointPriorConfig{}, 15); });
  check_throws_with<ConfigError>(
      "joint prior: 10 latent dimensions, must be 10 (dim) and a multiple of 10 (classes)",
      [] { JointPrior<float>(JointPriorConfig{}, 10); });
}
