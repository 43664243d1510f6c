// SPDX-License-Identifier: MIT
#include "vaekit/latent/categorical_prior.hpp"

#include <doctest/doctest.h>

#include "support/posterior_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;
using posterior_suite::random_matrix;
using posterior_suite::same_bytes;

namespace {

using CategoricalKl = KlPair<ConcreteLatent<double>, CategoricalPrior<double>>;

template <class T>
CategoricalPrior<T> make_categorical(bool learned, Index variables, Index classes, double scale = 1) {
  CategoricalPrior<T> prior({.classes = classes, .learned = learned}, variables * classes);
  if (learned) {
    prior.logits = random_matrix<T>(variables, classes, 9, scale);
  }
  return prior;
}

/// π of each class.
std::vector<double> categorical_probabilities(const CategoricalPrior<double>& prior, Index v,
                                              double temperature = 1) {
  std::vector<double> p;
  double total = 0;
  for (Index c = 0; c < prior.classes; ++c) {
    p.push_back(std::exp(prior.logits(v, c) / temperature));
    total += p.back();
  }
  for (double& value : p) {
    value /= total;
  }
  return p;
}

}  // namespace

static_assert(LatentPrior<CategoricalPrior<float>>);

TEST_CASE("categorical prior: the log-probability of a one-hot vector is that of its classes") {
  for (const bool learned : {false, true}) {
    const auto prior = make_categorical<double>(learned, 2, 3);
    Matrix<double> z(9, 6);
    for (Index row = 0; row < 9; ++row) {
      z(row, row / 3) = 1;
      z(row, 3 + row % 3) = 1;
    }
    auto cache = prior.make_cache(9);
    Matrix<double> out(1, 9);
    prior.log_prob(z, cache, out.span());
    CHECK(std::abs(out.array().exp().sum() - 1) < 1e-14);
    const auto first = categorical_probabilities(prior, 0);
    const auto second = categorical_probabilities(prior, 1);
    for (std::size_t row = 0; row < 9; ++row) {
      CHECK(std::abs(out(0, static_cast<Index>(row)) - std::log(first[row / 3] * second[row % 3])) < 1e-14);
    }
  }
}

TEST_CASE("categorical prior: gradients are those of finite differences") {
  for (const bool learned : {false, true}) {
    auto prior = make_categorical<double>(learned, 2, 3);
    Matrix<double> z = random_matrix<double>(5, 6, 1);
    const Matrix<double> dlog_p = random_matrix<double>(1, 5, 2);
    auto cache = prior.make_cache(5);
    Matrix<double> out(1, 5);
    const auto value = [&] {
      prior.log_prob(z, cache, out.span());
      return out.cwiseProduct(dlog_p).sum();
    };
    static_cast<void>(value());
    Matrix<double> dz(5, 6);
    dz.setOnes();  // added to
    auto grad = zeros_like(prior);
    prior.backward(z, dlog_p.span(), cache, dz, grad);
    dz.array() -= 1;
    check_finite_differences(z.span(), dz.span(), value);
    CHECK(parameter_count(prior) == (learned ? 6 : 0));
    check_parameter_gradients(prior, grad, value);
  }
}

TEST_CASE(
    "categorical prior: the divergence is the plain sum, and its gradients those of finite differences") {
  for (const Index classes : {3, 21}) {
    const ConcreteLatent<double> latent({.variables = 2, .classes = classes});
    auto prior = make_categorical<double>(true, 2, classes);
    const Matrix<double> params = random_matrix<double>(4, latent.dim, 1, 2);
    posterior_suite::Pass<ConcreteLatent<double>, CategoricalPrior<double>> run(
        latent, prior, params, posterior_suite::noise(latent, 4));
    for (Index row = 0; row < 4; ++row) {
      for (Index v = 0; v < 2; ++v) {
        const auto p = categorical_probabilities(prior, v);
        double expected = 0;
        for (Index c = 0; c < classes; ++c) {
          const double q = run.cache.probabilities(row, v * classes + c);
          expected += q * std::log(q / p[static_cast<std::size_t>(c)]);
        }
        CHECK(std::abs(run.kl(row, v) - expected) < 1e-13);
      }
    }
    const Matrix<double> dkl = random_matrix<double>(4, 2, 6);
    auto grad = zeros_like(prior);
    CategoricalKl::backward(latent, prior, params, dkl, run.cache, run.prior_cache, grad);
    CategoricalKl::backward(latent, prior, params, dkl, run.cache, run.prior_cache, grad);  // added to
    const auto value = [&] {
      CategoricalKl::forward(latent, prior, params, run.cache, run.prior_cache, run.kl);
      return 2 * run.kl.cwiseProduct(dkl).sum();
    };
    check_parameter_gradients(prior, grad, value);
  }
}

TEST_CASE_TEMPLATE("categorical prior: the divergence of a certain class is the log of its probability", T,
                   float, double) {
  const ConcreteLatent<T> latent({.variables = 1, .classes = 4});
  const auto prior = make_categorical<T>(false, 1, 4);
  Matrix<T> params(3, 4);
  params.row(0) << 0, T(1e4), T(-1e4), 0;
  params.row(1) << 0, 0, -std::numeric_limits<T>::infinity(), -std::numeric_limits<T>::infinity();
  using Pair = KlPair<ConcreteLatent<T>, CategoricalPrior<T>>;
  auto cache = latent.make_cache(3, 3);
  auto prior_cache = prior.make_cache(3);
  static_cast<void>(latent.posterior(params, cache));
  Matrix<T> kl(3, 1);
  Pair::forward(latent, prior, params, cache, prior_cache, kl);
  CHECK(std::abs(static_cast<double>(kl(0, 0)) - std::log(4.0)) < 1e-6);
  CHECK(std::abs(static_cast<double>(kl(1, 0)) - std::log(2.0)) < 1e-6);
  CHECK(std::abs(static_cast<double>(kl(2, 0))) < 1e-6);
  auto grad = prior;
  kl.setOnes();
  Pair::backward(latent, prior, params, kl, cache, prior_cache, grad);
  CHECK((cache.dq.mu.array().abs() < T(1e-6)).all());
}

TEST_CASE("categorical prior: samples are one-hot with the tempered frequencies, each row's own") {
  constexpr Index count = 40'000;
  const auto prior = make_categorical<double>(true, 2, 4);
  const RandomStream stream(5, Purpose::prior);
  auto cache = prior.make_cache(count);
  for (const double temperature : {1.0, 0.5, 2.0}) {
    Matrix<double> z(count, 8);
    prior.sample(stream, 0, temperature, cache, z);
    for (Index v = 0; v < 2; ++v) {
      CHECK((z.middleCols(4 * v, 4).rowwise().sum().array() == 1).all());
      const auto p = categorical_probabilities(prior, v, temperature);
      for (Index c = 0; c < 4; ++c) {
        const double expected = p[static_cast<std::size_t>(c)];
        CHECK(std::abs(z.col(4 * v + c).mean() - expected) <
              5 * std::sqrt(expected * (1 - expected) / count));
      }
    }
    Matrix<double> rest(count - 7, 8);
    const ThreadScope scope(1);
    prior.sample(stream, 7, temperature, cache, rest);
    CHECK(same_bytes<double>(rest.span(), Matrix<double>(z.bottomRows(count - 7)).span()));
  }
  Matrix<double> z(20, 8);
  prior.sample(stream, 0, 0, cache, z);
  for (Index v = 0; v < 2; ++v) {
    Index best = 0;
    prior.logits.row(v).maxCoeff(&best);
    CHECK((z.col(4 * v + best).array() == 1).all());
  }
}

TEST_CASE("categorical prior: NaN in, NaN out") {
  auto prior = make_categorical<float>(true, 2, 3);
  Matrix<float> z(2, 6);
  z(1, 4) = std::numeric_limits<float>::quiet_NaN();
  auto cache = prior.make_cache(2);
  Matrix<float> out(1, 2);
  prior.log_prob(z, cache, out.span());
  CHECK(std::isfinite(out(0, 0)));
  CHECK(std::isnan(out(0, 1)));
  prior.logits(1, 2) = std::numeric_limits<float>::quiet_NaN();
  prior.sample(RandomStream(1, Purpose::prior), 0, 1, cache, z);
  CHECK(z.leftCols(3).array().isFinite().all());
  CHECK(z.rightCols(3).array().isNaN().any());
}

TEST_CASE("categorical prior: starts uniform, and shapes are checked") {
  auto prior = make_categorical<double>(true, 2, 4);
  prior.initialize(RandomStream(1, Purpose::initialize));
  CHECK((prior.logits.array() == 0).all());
  CHECK(prior.space() == "one-hot vectors of 2 x 4");
  const ConcreteLatent<double> latent({.variables = 2, .classes = 4});
  CHECK(CategoricalKl::closed_form(latent, prior));
  CHECK(!CategoricalKl::closed_form(latent, CategoricalPrior<double>({.classes = 2}, 8)));
  check_throws_with<ConfigError>("categorical prior: classes is 1, must be in [2, 100000]",
                                 [] { CategoricalPrior<float>({.classes = 1}, 4); });
  check_throws_with<ConfigError>(
      "categorical prior: 15 latent dimensions, must be a multiple of 10 (classes)",
      [] { CategoricalPrior<float>(CategoricalPriorConfig{}, 15); });
}
