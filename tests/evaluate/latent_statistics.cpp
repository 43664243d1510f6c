// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/latent_statistics.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "evaluate/linear_gaussian.hpp"
#include "evaluate/quadrature.hpp"
#include "vaekit/latent/builtin.hpp"
#include "vaekit/model/vae.hpp"

using vaekit::Index;
using vaekit::latent_statistics;
using vaekit::LatentStatistics;

namespace {

/// Four latent dimensions: one follows the input, one follows it too little, one is a constant off the prior,
/// one is the prior.
example::LinearVae planted() {
  using namespace vaekit;
  example::LinearVae model(Sequential(example::identity(1)), GaussianLatent<double>({.dim = 4}),
                           Sequential(example::identity(4)), Gaussian<double>({}, 1));
  model.posterior_head.weight << 2, 0.05, 0, 0, 0, 0, 0, 0;
  model.posterior_head.bias << 0, 0, 3, 0, -2, -1, 0, 0;
  return model;
}

}  // namespace

TEST_CASE("latent statistics: active units are those whose mean follows the input") {
  const example::Samples samples(1, {-1, 0, 1, 2});  // mean 0.5, mean square 1.5, variance 5/3
  const LatentStatistics s = latent_statistics(planted(), samples.view());
  CHECK(s.active_units == 1);
  REQUIRE(s.mean_variance.size() == 4);
  CHECK(s.mean_variance[0] == doctest::Approx(4 * 5.0 / 3).epsilon(1e-12));
  CHECK(s.mean_variance[1] == doctest::Approx(0.0025 * 5.0 / 3).epsilon(1e-12));
  CHECK(s.mean_variance[2] == 0);
  CHECK(s.mean_variance[3] == 0);
  REQUIRE(s.kl.size() == 4);
  CHECK(s.kl[0] == doctest::Approx(0.5 * (std::exp(-2.0) + 4 * 1.5 - 1 + 2)).epsilon(1e-12));
  CHECK(s.kl[1] == doctest::Approx(0.5 * (std::exp(-1.0) + 0.0025 * 1.5 - 1 + 1)).epsilon(1e-12));
  CHECK(s.kl[2] == doctest::Approx(4.5).epsilon(1e-12));
  CHECK(s.kl[3] == 0);
}

TEST_CASE("latent statistics: the threshold is 0.01") {
  CHECK(vaekit::active_unit_threshold == 0.01);
  // Variance over {0, s} is s²/2: just below and just above the threshold for the first dimension's slope
  // of 2.
  for (const double step : {0.0700, 0.0714}) {
    const example::Samples samples(1, {0, step});
    CHECK(latent_statistics(planted(), samples.view()).active_units == (step > 0.0707 ? 1 : 0));
  }
}

TEST_CASE("latent statistics: results do not depend on the cut into batches") {
  const example::Samples samples = example::normal_samples(9, 1);
  const LatentStatistics expected = latent_statistics(planted(), samples.view());
  for (const Index batch : {1, 4, 9}) {
    const LatentStatistics s = latent_statistics(planted(), samples.view(), batch);
    CHECK(s.active_units == expected.active_units);
    for (std::size_t d = 0; d < 4; ++d) {
      CHECK(s.kl[d] == doctest::Approx(expected.kl[d]).epsilon(1e-12));
      CHECK(s.mean_variance[d] == doctest::Approx(expected.mean_variance[d]).epsilon(1e-12));
    }
  }
}

TEST_CASE("latent statistics: dimensions of largest KL first, of largest variance where KL is of none") {
  using Order = std::vector<Index>;
  const LatentStatistics s{{0.5, 2, std::nan(""), 2, 3}, {5, 4, 3, 2, 1}, 0};
  CHECK(vaekit::largest_first(s, 5) == Order{4, 1, 3, 0, 2});
  CHECK(vaekit::largest_first(s, 3) == Order{1, 0, 2});
  CHECK(vaekit::largest_first({{7}, {1, 3, 2}, 0}, 3) == Order{1, 2, 0});
  CHECK(vaekit::largest_first({{}, {1, 3, 2}, 0}, 3) == Order{1, 2, 0});
  CHECK(vaekit::largest_first({}, 3) == Order{0, 1, 2});
  CHECK(vaekit::largest_first(LatentStatistics{{1, 2}, {4, 3}, 2}.known(false), 2) == Order{0, 1});
  CHECK(vaekit::largest_first(LatentStatistics{{1, 2}, {4, 3}, 2}.known(true), 2) == Order{1, 0});
}

TEST_CASE("latent statistics: over a single input nothing varies, and nothing is known of that") {
  using namespace vaekit;
  const LatentStatistics s = latent_statistics(planted(), example::normal_samples(1, 1).view());
  CHECK(s.kl.size() == 4);
  CHECK(s.mean_variance.empty());
  CHECK(s.active_units == 0);
}

TEST_CASE("latent statistics: the KL of all dimensions is that of the ELBO, also where it depends on z") {
  using namespace vaekit;
  const auto model = example::binary_vae(LadderLatentConfig{.dims = {2, 2}, .hidden = 5},
                                         LadderPriorConfig{.dims = {2, 2}, .hidden = 5});
  const example::Samples samples = example::normal_samples(700, 3);
  const LatentStatistics s = latent_statistics(model, samples.view());
  REQUIRE(s.kl.size() == 4);
  const double all = s.kl[0] + s.kl[1] + s.kl[2] + s.kl[3];
  CHECK(all ==
        doctest::Approx(evaluate_elbo(model, samples.view(), samples.view().seed).kl.mean()).epsilon(1e-12));
}

TEST_CASE(
    "latent statistics: where the posterior reports no mean, activity is that of samples, without bias") {
  using namespace vaekit;
  // Householder flows are linear, so that the mean is the flow of the base's mean.
  using Model =
      Vae<Sequential<Dense<double>>, FlowLatent<double>, Sequential<Dense<double>>, Gaussian<double>>;
  Model model(Sequential(example::identity(3)),
              FlowLatent<double>({.dim = 3, .length = 2, .flow = HouseholderFlowConfig{}}),
              Sequential(example::identity(3)), Gaussian<double>({}, 3));
  model.initialize(5);
  const example::Samples samples = example::normal_samples(3000, 3);
  const LatentStatistics s = latent_statistics(model, samples.view());
  Matrix<double> points(3000, 3);
  auto w = model.make_inference_workspace(3000);
  Matrix<double> x(3000, 3);
  read_view<double>(samples.view(), samples.view().rows, 0, x);
  points = model.encode_point(x, w);
  CHECK_FALSE(reports_mean(model.latent));
  Index active = 0;
  for (Index d = 0; d < 3; ++d) {
    const double expected = (points.col(d).array() - points.col(d).mean()).square().sum() / 2999;
    CHECK(std::abs(s.mean_variance[static_cast<std::size_t>(d)] - expected) < 0.02 * expected + 0.005);
    active += expected > active_unit_threshold ? 1 : 0;
  }
  CHECK(s.active_units == active);
}

TEST_CASE("latent statistics: a collapsed posterior on a sphere has no active units") {
  using namespace vaekit;
  using Model = Vae<Sequential<Dense<double>>, VonMisesFisherLatent<double>, Sequential<Dense<double>>,
                    Gaussian<double>, UniformSphere<double>>;
  Model model(Sequential(example::identity(3)), VonMisesFisherLatent<double>({.dim = 3}),
              Sequential(example::identity(3)), Gaussian<double>({}, 3), Initializer::fan_in_uniform,
              UniformSphere<double>({}, 3, 3));
  model.initialize(5);
  const example::Samples samples = example::normal_samples(2000, 3);
  model.posterior_head.weight.row(3).setZero();
  model.posterior_head.bias(3) = -20;  // κ of 10⁻⁶, whatever the direction
  CHECK(latent_statistics(model, samples.view()).active_units == 0);
  model.posterior_head.bias(3) = 20;
  CHECK(latent_statistics(model, samples.view()).active_units == 3);
}
