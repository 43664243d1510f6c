// SPDX-License-Identifier: MIT
#include "vaekit/latent/ladder.hpp"

#include <doctest/doctest.h>

#include "support/alloc_guard.hpp"
#include "support/golden.hpp"
#include "support/posterior_suite.hpp"
#include "support/throws_with.hpp"
#include "vaekit/distributions/bernoulli.hpp"
#include "vaekit/model/vae.hpp"
#include "vaekit/nn/sequential.hpp"
#include "vaekit/objectives/elbo.hpp"

using namespace vaekit;
using posterior_suite::noise;
using posterior_suite::Pass;
using posterior_suite::random_matrix;

namespace {

/// Random weights also where an initialised network has zeros.
template <class Part>
Part with_random_weights(Part part, std::uint64_t seed, double scale) {
  using T = typename Part::Scalar;
  for (const auto& parameter : parameters(part)) {
    const Matrix<T> values = random_matrix<T>(1, static_cast<Index>(parameter.values.size()), ++seed, scale);
    std::ranges::copy(values.span(), parameter.values.begin());
  }
  return part;
}

template <class T>
LadderLatent<T> make_latent(const std::vector<Index>& dims, Activation activation = Activation::tanh) {
  return with_random_weights(LadderLatent<T>({.dims = dims, .hidden = 5, .activation = activation}), 50, 0.4);
}
template <class T>
LadderPrior<T> make_ladder_prior(const std::vector<Index>& dims, Activation activation = Activation::tanh) {
  Index dim = 0;
  for (const Index d : dims) {
    dim += d;
  }
  return with_random_weights(LadderPrior<T>({.dims = dims, .hidden = 4, .activation = activation}, dim), 90,
                             0.4);
}

struct TwoLevels {
  template <class T>
  using Prior = LadderPrior<T>;
  template <class T>
  static LadderLatent<T> make() {
    return make_latent<T>({3, 2});
  }
  template <class T>
  static Prior<T> make_prior() {
    return make_ladder_prior<T>({3, 2});
  }
};
struct ThreeLevels {
  template <class T>
  using Prior = LadderPrior<T>;
  template <class T>
  static LadderLatent<T> make() {
    return make_latent<T>({2, 3, 1}, Activation::silu);
  }
  template <class T>
  static Prior<T> make_prior() {
    return make_ladder_prior<T>({2, 3, 1}, Activation::silu);
  }
};
struct WithStandardNormal {
  template <class T>
  using Prior = StandardNormal<T>;
  template <class T>
  static LadderLatent<T> make() {
    return make_latent<T>({2, 2, 2});
  }
  template <class T>
  static Prior<T> make_prior() {
    return {};
  }
};

using Pair = KlPair<LadderLatent<double>, LadderPrior<double>>;

/// What a model does with an objective that wants everything: Σ z ∘ dz + Σ log q ∘ dlog_q + Σ log p ∘ dlog_p
/// + Σ KL ∘ dkl, with gradients of the head's outputs, of the posterior's weights and of the prior's.
void check_all_gradients(const std::vector<Index>& dims, Index batch, Index samples) {
  LadderLatent<double> latent = make_latent<double>(dims);
  LadderPrior<double> prior = make_ladder_prior<double>(dims, Activation::softplus);
  Matrix<double> params = random_matrix<double>(batch, latent.head_size(), 1, 0.5);
  const Matrix<double> epsilon = noise(latent, batch * samples);
  const Matrix<double> dz = random_matrix<double>(batch * samples, latent.dim, 4);
  const Matrix<double> dlog_q = random_matrix<double>(batch, samples, 5);
  const Matrix<double> dkl = random_matrix<double>(batch, latent.dim, 6);
  const Matrix<double> dlog_p = random_matrix<double>(batch, samples, 7);
  const Matrix<double> dmean = random_matrix<double>(batch, latent.dim, 8);
  auto cache = latent.make_cache(batch + 1, (batch + 1) * samples);
  auto prior_cache = prior.make_cache((batch + 1) * samples);
  Matrix<double> z(batch * samples, latent.dim);
  Matrix<double> log_q(batch, samples);
  Matrix<double> log_p(batch, samples);
  Matrix<double> kl(batch, latent.dim);
  const auto value = [&] {
    const DiagonalGaussian<double> q = latent.posterior(params, cache);
    const double mean_term = q.mu.cwiseProduct(dmean).sum();
    latent.reparameterize(params, epsilon, cache, z);
    latent.log_prob(params, epsilon, z, cache, log_q.span());
    prior.log_prob(z, prior_cache, log_p.span());
    Pair::forward(latent, prior, params, cache, prior_cache, kl);
    return z.cwiseProduct(dz).sum() + log_q.cwiseProduct(dlog_q).sum() + log_p.cwiseProduct(dlog_p).sum() +
           kl.cwiseProduct(dkl).sum() + mean_term;
  };
  value();
  auto grad = zeros_like(latent);
  auto prior_grad = zeros_like(prior);
  Matrix<double> to_z = dz;
  Matrix<double> dparams(batch, latent.head_size());
  cache.dq.mu.setZero();
  cache.dq.mu.topRows(batch) += dmean;
  Pair::backward(latent, prior, params, dkl, cache, prior_cache, prior_grad);
  prior.backward(z, dlog_p.span(), prior_cache, to_z, prior_grad);
  latent.backward(params, epsilon, z, to_z, dlog_q.span(), cache, dparams, grad);
  check_finite_differences(params.span(), dparams.span(), value);
  check_parameter_gradients(latent, grad, value);
  check_parameter_gradients(prior, prior_grad, value);
}

}  // namespace

TEST_CASE("ladder: keeps the contract of a posterior with two levels") {
  posterior_suite::check_posterior<TwoLevels>();
}
TEST_CASE("ladder: keeps the contract of a posterior with three levels") {
  posterior_suite::check_posterior<ThreeLevels>();
}
TEST_CASE("ladder: keeps the contract of a posterior with a standard normal prior") {
  posterior_suite::check_posterior<WithStandardNormal>();
}

TEST_CASE("ladder: gradients of everything at once, with respect to posterior and prior") {
  for (const Index batch : {1, 3}) {
    for (const Index samples : {1, 3}) {
      check_all_gradients({3, 2}, batch, samples);
      check_all_gradients({1, 2, 3}, batch, samples);
      check_all_gradients({2, 1, 1, 2}, batch, samples);
    }
  }
}

TEST_CASE("ladder: lower levels are the product of evidence and top-down, weighted by precision") {
  LadderLatent<double> latent({.dims = {1, 1}, .hidden = 1, .activation = Activation::identity});
  TopDownNetwork<double>& network = latent.networks[0];
  network.hidden.weight(0, 0) = 2;        // h = 2 z_2
  network.output.weight(0, 0) = 1.5;      // mu~ = 3 z_2 + 1
  network.output.bias << 1, std::log(4);  // v~ = 4
  Matrix<double> params(1, 4);
  params << 5, std::log(0.5), -2, std::log(9);  // mu^_1, v^_1, mu^_2, v^_2
  Matrix<double> epsilon(1, 2);
  epsilon << -0.5, 2;
  const Pass<LadderLatent<double>, StandardNormal<double>> run(latent, {}, params, epsilon);
  const double z2 = -2 + 3 * 2.0;  // 4
  const double variance = 1 / (1 / 0.5 + 1 / 4.0);
  const double mu = variance * (5 / 0.5 + (3 * z2 + 1) / 4.0);
  CHECK(std::abs(run.z(0, 1) - z2) < 1e-14);
  CHECK(std::abs(run.z(0, 0) - (mu - 0.5 * std::sqrt(variance))) < 1e-14);
  const double log_q = -0.5 * (0.25 + std::log(variance) + 4 + std::log(9) + 2 * log_two_pi);
  CHECK(std::abs(run.log_q(0, 0) - log_q) < 1e-14);
}

TEST_CASE("ladder: the divergence is that of two Gaussians at each level, averaged over samples") {
  const LadderLatent<double> latent = make_latent<double>({2, 1});
  const LadderPrior<double> prior = make_ladder_prior<double>({2, 1});
  const Matrix<double> params = random_matrix<double>(2, 6, 1);
  const Pass<LadderLatent<double>, LadderPrior<double>> run(latent, prior, params, noise(latent, 6));
  const double mu = params(1, 4);
  const double logvar = params(1, 5);
  CHECK(std::abs(run.kl(1, 2) - 0.5 * (mu * mu + std::exp(logvar) - 1 - logvar)) < 1e-14);
  const auto p = prior.networks[0];
  double mean = 0;
  for (Index s = 3; s < 6; ++s) {
    const Eigen::VectorXd h =
        (p.hidden.weight * run.z.row(s).tail(1).transpose() + p.hidden.bias.transpose()).array().tanh();
    const Eigen::VectorXd out = p.output.weight * h + p.output.bias.transpose();
    const double q_mu = run.cache.mu(s, 1);
    const double q_logvar = run.cache.logvar(s, 1);
    mean += (std::pow(q_mu - out[1], 2) / std::exp(out[3]) + std::exp(q_logvar - out[3]) - 1 - q_logvar +
             out[3]) /
            6;
  }
  CHECK(std::abs(run.kl(1, 1) - mean) < 1e-13);
}

TEST_CASE("ladder: other levels than the prior's have no closed form, nor has a standard normal prior") {
  const LadderLatent<double> latent = make_latent<double>({2, 1});
  CHECK(Pair::closed_form(latent, make_ladder_prior<double>({2, 1})));
  CHECK_FALSE(Pair::closed_form(latent, make_ladder_prior<double>({1, 2})));
  CHECK_FALSE(KlPair<LadderLatent<double>, StandardNormal<double>>::closed_form(latent, {}));
}

TEST_CASE("ladder: starts as the product of the evidence and N(0, I)") {
  LadderLatent<double> latent({.dims = {2, 3}});
  latent.initialize(RandomStream(1, Purpose::initialize));
  CHECK(latent.networks[0].hidden.weight.cwiseAbs().minCoeff() > 0);
  Matrix<double> params(1, 10);
  const Pass<LadderLatent<double>, StandardNormal<double>> run(latent, {}, params, noise(latent, 1));
  const Matrix<double> epsilon = noise(latent, 1);
  CHECK(run.z.leftCols(2).isApprox(std::sqrt(0.5) * epsilon.leftCols(2), 1e-14));
  CHECK(run.z.rightCols(3).isApprox(epsilon.rightCols(3), 1e-14));
}

TEST_CASE("ladder: the mean is that of the evidence, without log-variances") {
  const LadderLatent<double> latent = make_latent<double>({2, 1});
  const Matrix<double> params = random_matrix<double>(3, 6, 1);
  auto cache = latent.make_cache(4, 4);
  const DiagonalGaussian<double> q = latent.posterior(params, cache);
  REQUIRE(q.mu.rows() == 3);
  CHECK(q.mu.leftCols(2) == params.leftCols(2));
  CHECK(q.mu.col(2) == params.col(4));
  CHECK(q.logvar.rows() == 3);
  CHECK(q.logvar.cols() == 0);
}

TEST_CASE("ladder: the gradients of a divergence end with the samples that they belong to") {
  const LadderLatent<double> latent = make_latent<double>({2, 2});
  const LadderPrior<double> prior = make_ladder_prior<double>({2, 2});
  const Matrix<double> params = random_matrix<double>(3, 8, 1);
  const Matrix<double> epsilon = noise(latent, 6);
  const Matrix<double> dz = random_matrix<double>(6, 4, 4);
  const Matrix<double> dkl = random_matrix<double>(3, 4, 5);
  Pass<LadderLatent<double>, LadderPrior<double>> run(latent, prior, params, epsilon);
  auto grad = zeros_like(latent);
  auto prior_grad = zeros_like(prior);
  Matrix<double> expected(3, 8);
  latent.backward(params, epsilon, run.z, dz, {}, run.cache, expected, grad);
  Matrix<double> with_divergence(3, 8);
  Matrix<double> again(3, 8);
  Pair::backward(latent, prior, params, dkl, run.cache, run.prior_cache, prior_grad);
  latent.backward(params, epsilon, run.z, dz, {}, run.cache, with_divergence, grad);
  latent.backward(params, epsilon, run.z, dz, {}, run.cache, again, grad);
  CHECK(with_divergence == again);
  CHECK_FALSE(with_divergence.isApprox(expected, 1e-3));
  latent.reparameterize(params, epsilon, run.cache, run.z);
  latent.backward(params, epsilon, run.z, dz, {}, run.cache, again, grad);
  CHECK(again == expected);
}

TEST_CASE("ladder: log-variances stop at the ends of their range, as does their gradient") {
  LadderLatent<double> latent = make_latent<double>({2, 2});
  latent.networks[0].output.bias << 0.1, 0.2, 90, -90;
  Matrix<double> params(1, 8);
  params << 1, 2, -90, 90, 3, 4, 90, -90;
  const Matrix<double> epsilon = noise(latent, 1);
  Pass<LadderLatent<double>, StandardNormal<double>> run(latent, {}, params, epsilon);
  CHECK(std::abs(run.cache.logvar(0, 0) + 30) < 1e-12);
  CHECK(std::abs(run.cache.logvar(0, 1) + 30) < 1e-12);
  CHECK(run.cache.logvar(0, 2) == 20);
  CHECK(run.cache.logvar(0, 3) == -30);
  CHECK(std::abs(run.cache.mu(0, 0) - 1) < 1e-12);  // all weight on the evidence
  Matrix<double> dz(1, 4);
  dz.setOnes();
  Matrix<double> dparams(1, 8);
  auto grad = zeros_like(latent);
  latent.backward(params, epsilon, run.z, dz, {}, run.cache, dparams, grad);
  for (const Index j : {2, 3, 6, 7}) {
    CHECK(dparams(0, j) == 0);
  }
  CHECK(grad.networks[0].output.bias.tail(2).isZero(0));
}

TEST_CASE("ladder: NaN in one input's numbers reaches no other input's divergence or gradient") {
  const LadderLatent<float> latent = make_latent<float>({3, 2}, Activation::relu);
  const LadderPrior<float> prior = make_ladder_prior<float>({3, 2}, Activation::relu);
  const Matrix<float> clean = random_matrix<float>(3, 10, 1);
  const Matrix<float> epsilon = noise(latent, 6);
  Matrix<float> ones(3, 5);
  ones.setOnes();
  const auto run_on = [&](const Matrix<float>& params) {
    Pass<LadderLatent<float>, LadderPrior<float>> run(latent, prior, params, epsilon);
    auto grad = zeros_like(latent);
    auto prior_grad = zeros_like(prior);
    Matrix<float> dparams(3, 10);
    KlPair<LadderLatent<float>, LadderPrior<float>>::backward(latent, prior, params, ones, run.cache,
                                                              run.prior_cache, prior_grad);
    latent.backward(params, epsilon, run.z, run.z, {}, run.cache, dparams, grad);
    return std::tuple(run.kl, dparams);
  };
  const auto expected = run_on(clean);
  for (Index j = 0; j < 10; ++j) {
    Matrix<float> params = clean;
    params(1, j) = std::numeric_limits<float>::quiet_NaN();
    const auto got = run_on(params);
    CHECK(std::get<0>(got).row(1).array().isNaN().any());
    CHECK(std::get<1>(got).row(1).array().isNaN().any());
    for (const Index row : {0, 2}) {
      CHECK(std::get<0>(got).row(row) == std::get<0>(expected).row(row));
      CHECK(std::get<1>(got).row(row) == std::get<1>(expected).row(row));
    }
  }
}

TEST_CASE("ladder: the number of threads changes no bit of the gradients") {
  const LadderLatent<float> latent = make_latent<float>({6, 3}, Activation::relu);
  const LadderPrior<float> prior = make_ladder_prior<float>({6, 3}, Activation::relu);
  const Matrix<float> params = random_matrix<float>(1500, 18, 1);
  const Matrix<float> epsilon = noise(latent, 3000);
  const Matrix<float> dkl = random_matrix<float>(1500, 9, 2);
  const auto run_on = [&](int threads) {
    const ThreadScope scope(threads);
    Pass<LadderLatent<float>, LadderPrior<float>> run(latent, prior, params, epsilon);
    auto grad = zeros_like(latent);
    auto prior_grad = zeros_like(prior);
    Matrix<float> dparams(1500, 18);
    KlPair<LadderLatent<float>, LadderPrior<float>>::backward(latent, prior, params, dkl, run.cache,
                                                              run.prior_cache, prior_grad);
    latent.backward(params, epsilon, run.z, run.z, {}, run.cache, dparams, grad);
    return std::tuple(run.kl, dparams, grad, prior_grad);
  };
  const auto expected = run_on(1);
  for (const int threads : {2, 3}) {
    const auto got = run_on(threads);
    CHECK(std::get<0>(got) == std::get<0>(expected));
    CHECK(std::get<1>(got) == std::get<1>(expected));
    CHECK(std::get<2>(got).networks[0].hidden.weight == std::get<2>(expected).networks[0].hidden.weight);
    CHECK(std::get<3>(got).networks[0].hidden.weight == std::get<3>(expected).networks[0].hidden.weight);
  }
}

TEST_CASE(
    "ladder: a whole model with a ladder prior has the gradient of finite differences, without allocating") {
  using Hidden = Sequential<Dense<double>>;
  using Model = Vae<Hidden, LadderLatent<double>, Hidden, Bernoulli<double>, LadderPrior<double>>;
  const std::vector<Index> dims{2, 1};
  Model model(Hidden(Dense<double>({.units = 4, .activation = Activation::tanh}, Shape::flat(5))),
              make_latent<double>(dims),
              Hidden(Dense<double>({.units = 4, .activation = Activation::tanh}, Shape::flat(3))),
              Bernoulli<double>({}, 5), Initializer::fan_in_uniform, make_ladder_prior<double>(dims));
  model = with_random_weights(std::move(model), 7, 0.5);
  Matrix<double> x = random_matrix<double>(3, 5, 2);
  x = (x.array() > 0).cast<double>();
  auto w = model.make_workspace(3, 2);
  model.draw_noise(1, 0, 3, w);
  Model grad = zeros_like(model);
  const Elbo objective({.samples = 2});
  static_cast<void>(model.gradient(x, objective, 0, w, grad));
  std::size_t allocations = 0;
  {
    const AllocationCount guard;
    static_cast<void>(model.gradient(x, objective, 0, w, grad));
    allocations = guard.count();
  }
  CHECK(allocations == 0);
  Model unused = grad;
  check_parameter_gradients(model, grad, [&] { return model.gradient(x, objective, 0, w, unused).loss; });
}

TEST_CASE_TEMPLATE("ladder: agrees with PyTorch", T, float, double) {
  const Golden golden("ladder");
  LadderLatent<T> latent({.dims = {3, 2, 2}, .hidden = 4, .activation = Activation::silu});
  LadderPrior<T> prior({.dims = {3, 2, 2}, .hidden = 4, .activation = Activation::silu}, 7);
  for (const auto& parameter : parameters(latent)) {
    golden.copy_to<T>("latent." + parameter.name, parameter.values);
  }
  for (const auto& parameter : parameters(prior)) {
    golden.copy_to<T>("prior." + parameter.name, parameter.values);
  }
  const Matrix<T> params = golden.matrix<T>("params");
  const Matrix<T> epsilon = golden.matrix<T>("epsilon");
  Pass<LadderLatent<T>, LadderPrior<T>> run(latent, prior, params, epsilon);
  golden.check("z", run.z);
  golden.check("log_q", run.log_q);
  golden.check("kl", run.kl);
  auto grad = zeros_like(latent);
  auto prior_grad = zeros_like(prior);
  Matrix<T> dparams(params.rows(), params.cols());
  KlPair<LadderLatent<T>, LadderPrior<T>>::backward(latent, prior, params, golden.matrix<T>("dkl"), run.cache,
                                                    run.prior_cache, prior_grad);
  latent.backward(params, epsilon, run.z, golden.matrix<T>("dz"), golden.matrix<T>("dlog_q").span(),
                  run.cache, dparams, grad);
  golden.check("loss.params", dparams);
  for (const auto& gradient : parameters(grad)) {
    golden.check<T>("loss.latent." + gradient.name, gradient.values);
  }
  for (const auto& gradient : parameters(prior_grad)) {
    golden.check<T>("loss.prior." + gradient.name, gradient.values);
  }
}

TEST_CASE("ladder: numbers out of range are refused") {
  check_throws_with<ConfigError>("ladder latent: dims has 1 level, must have at least 2",
                                 [] { LadderLatent<float>({.dims = {4}}); });
  check_throws_with<ConfigError>("ladder latent: dims/0 is -1, must be in [1, 1000000]", [] {
    LadderLatent<float>({.dims = {-1, 4}});
  });
  check_throws_with<ConfigError>("ladder latent: hidden is 0, must be in [1, 100000]", [] {
    LadderLatent<float>({.dims = {2, 4}, .hidden = 0});
  });
}
