// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/elbo.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "evaluate/linear_gaussian.hpp"

using vaekit::ElboEvaluation;
using vaekit::evaluate_elbo;
using vaekit::Index;
using vaekit::Matrix;
using vaekit::RunningMoments;
using vaekit::Terms;

TEST_CASE("running moments: mean, unbiased variance and standard error of known numbers") {
  RunningMoments moments;
  for (const double value : {2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0}) {
    moments.add(value);
  }
  CHECK(moments.count() == 8);
  CHECK(moments.mean() == doctest::Approx(5).epsilon(1e-15));
  CHECK(moments.variance() == doctest::Approx(32.0 / 7).epsilon(1e-15));
  CHECK(moments.standard_error() == doctest::Approx(std::sqrt(32.0 / 7 / 8)).epsilon(1e-15));
}

TEST_CASE("running moments: no value, one value, and a spread far below the mean") {
  RunningMoments moments;
  CHECK(moments.mean() == 0);
  CHECK(moments.standard_error() == 0);
  moments.add(3);
  CHECK(moments.mean() == 3);
  CHECK(moments.variance() == 0);
  RunningMoments shifted;
  for (const double value : {1e9, 1e9 + 1, 1e9 + 2}) {
    shifted.add(value);
  }
  CHECK(shifted.variance() == 1);
}

TEST_CASE("evaluate_elbo: with the exact posterior the bound is the log-likelihood") {
  const auto model = example::linear_vae(true);
  const example::Samples samples = example::normal_samples(5);
  Matrix<double> x(5, example::linear_features);
  vaekit::for_each_batch<double>(samples.view(), x, [](Index, const auto&) {});
  double expected = 0;
  for (Index row = 0; row < 5; ++row) {
    expected += example::exact_log_likelihood(model, Matrix<double>(x.row(row))) / 5;
  }
  constexpr Index draws = 20'000;
  const ElboEvaluation result = evaluate_elbo(model, samples.view(), 1, 5, draws);
  // The reconstruction of one draw varies by about 2 nats.
  CHECK(std::abs(result.elbo.mean() - expected) < 3 * 2.0 / std::sqrt(5.0 * draws));
  CHECK(result.elbo.mean() ==
        doctest::Approx(result.reconstruction.mean() - result.kl.mean()).epsilon(1e-12));
}

TEST_CASE("evaluate_elbo: KL of the linear model in closed form, and standard errors over samples") {
  const auto model = example::linear_vae(false);
  const example::Samples samples(3, {0.2, -0.1, 0.4, 1.2, -0.1, 0.4});
  const ElboEvaluation result = evaluate_elbo(model, samples.view(), 1);
  RunningMoments expected;
  for (const double shift : {0.0, 1.0}) {
    double kl = 0;
    for (Index d = 0; d < example::linear_dim; ++d) {
      const double mu = 0.2 + shift * model.posterior_head.weight(d, 0);
      const double logvar = model.posterior_head.bias(example::linear_dim + d);
      kl += 0.5 * (std::exp(logvar) + mu * mu - 1 - logvar);
    }
    expected.add(kl);
  }
  CHECK(result.kl.mean() == doctest::Approx(expected.mean()).epsilon(1e-12));
  CHECK(result.kl.standard_error() == doctest::Approx(expected.standard_error()).epsilon(1e-12));
}

TEST_CASE("evaluate_elbo: results do not depend on the cut into batches") {
  const auto model = example::linear_vae(false);
  const example::Samples samples = example::normal_samples(7);
  const auto scores = [&](Index batch, Index draws, std::uint64_t seed) {
    std::vector<double> all;
    const ElboEvaluation result = evaluate_elbo(
        model, samples.view(), seed, batch, draws, [&](Index first, const Terms<double>& terms) {
          CHECK(first == std::ssize(all));
          for (Index row = 0; row < terms.kl.rows(); ++row) {
            all.push_back(terms.log_likelihood.row(row).mean() - terms.kl.row(row).sum());
          }
        });
    all.push_back(result.elbo.mean());
    return all;
  };
  const auto agree = [](const std::vector<double>& a, const std::vector<double>& b) {
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-12));
    }
  };
  for (const Index draws : {1, 3}) {
    const std::vector<double> expected = scores(7, draws, 1);
    CHECK(expected.size() == 8);
    for (const Index batch : {1, 2, 5, 500}) {
      agree(scores(batch, draws, 1), expected);
    }
    CHECK(scores(7, draws, 2) != expected);
  }
  CHECK(scores(7, 3, 1) != scores(7, 1, 1));
}
