// SPDX-License-Identifier: MIT
#include "vaekit/latent/flow_latent.hpp"

#include <doctest/doctest.h>

#include "support/flow_suite.hpp"
#include "support/posterior_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

/// Posteriors of three variables with steps of one type and weights far from the identity.
template <class StepConfig>
struct FlowCase {
  template <class T>
  using Prior = StandardNormal<T>;
  template <class T>
  static FlowLatent<T> make() {
    return flow_suite::randomized(FlowLatent<T>({.dim = 3, .length = 3, .flow = step()}));
  }
  template <class T>
  static Prior<T> make_prior() {
    return {};
  }

 private:
  static StepConfig step() {
    StepConfig config;
    if constexpr (requires { config.hidden; }) {
      config.hidden = 5;
    }
    if constexpr (requires { config.context; }) {
      config.context = 2;
    }
    if constexpr (requires { config.reflections; }) {
      config.reflections = 2;
    }
    return config;
  }
};

template <class T>
void check_latent_golden() {
  const Golden golden("flows");
  const FlowLatent<T> latent({.dim = 5, .length = 2, .flow = PlanarFlowConfig{}});
  const Matrix<T> params = golden.matrix<T>("latent.params");
  const Matrix<T> epsilon = golden.matrix<T>("latent.epsilon");
  posterior_suite::Pass<FlowLatent<T>, StandardNormal<T>> run(latent, {}, params, epsilon);
  golden.check<T>("latent.z", run.z);
  golden.check<T>("latent.log_q", run.log_q);
  Matrix<T> dparams(params.rows(), params.cols());
  FlowLatent<T> grad = latent;
  latent.backward(params, epsilon, run.z, golden.matrix<T>("dout"), golden.matrix<T>("dlog_det").span(),
                  run.cache, dparams, grad);
  golden.check<T>("latent.dparams", dparams);
}

}  // namespace

TEST_CASE("flow latent, planar: keeps the contract of a posterior") {
  posterior_suite::check_posterior<FlowCase<PlanarFlowConfig>>();
}
TEST_CASE("flow latent, radial: keeps the contract of a posterior") {
  posterior_suite::check_posterior<FlowCase<RadialFlowConfig>>();
}
TEST_CASE("flow latent, householder: keeps the contract of a posterior") {
  posterior_suite::check_posterior<FlowCase<HouseholderFlowConfig>>();
}
TEST_CASE("flow latent, sylvester: keeps the contract of a posterior") {
  posterior_suite::check_posterior<FlowCase<SylvesterFlowConfig>>();
}
TEST_CASE("flow latent, autoregressive: keeps the contract of a posterior") {
  posterior_suite::check_posterior<FlowCase<AutoregressiveFlowConfig>>();
}
TEST_CASE("flow latent, coupling: keeps the contract of a posterior") {
  posterior_suite::check_posterior<FlowCase<CouplingFlowConfig>>();
}

TEST_CASE_TEMPLATE("flow latent: samples, densities and gradients are PyTorch's", T, float, double) {
  check_latent_golden<T>();
}

TEST_CASE("flow latent: the density of its samples integrates to 1") {
  // E_q[p(z) / q(z)] = 1 for any density p, if q is the density of the samples and their support is all of
  // space.
  const FlowLatent<double> latent({.dim = 2, .length = 3, .flow = RadialFlowConfig{}});
  constexpr Index samples = 40'000;
  const Matrix<double> params = posterior_suite::random_matrix<double>(1, latent.head_size(), 4, 0.3);
  const posterior_suite::Pass<FlowLatent<double>, StandardNormal<double>> run(
      latent, {}, params, posterior_suite::noise(latent, samples));
  Matrix<double> log_p(1, samples);
  Matrix<double> narrow = run.z * std::sqrt(2.0);  // N(0, 1/2), narrower than q
  StandardNormal<double>::Cache none;
  StandardNormal<double>{}.log_prob(narrow, none, log_p.span());
  const Eigen::ArrayXd ratio = (log_p - run.log_q).transpose().array().exp() * 2;
  const double spread = std::sqrt((ratio - ratio.mean()).square().mean() / samples);
  CHECK(spread < 0.05);
  CHECK(std::abs(ratio.mean() - 1) < 5 * spread);
}

TEST_CASE("flow latent: head size is that of the base and all steps") {
  CHECK(FlowLatent<float>({.dim = 20, .length = 4, .flow = PlanarFlowConfig{}}).head_size() == 40 + 4 * 41);
  CHECK(FlowLatent<float>({.dim = 20, .length = 2, .flow = RadialFlowConfig{}}).head_size() == 40 + 2 * 22);
  CHECK(FlowLatent<float>({.dim = 20, .length = 3, .flow = CouplingFlowConfig{}}).head_size() == 40);
  CHECK(FlowLatent<float>({.dim = 20, .length = 3, .flow = AutoregressiveFlowConfig{.context = 7}})
            .head_size() == 40 + 3 * 7);
}

TEST_CASE("flow latent: reports the mean of the base and no log-variance") {
  const FlowLatent<float> latent({.dim = 3});
  const Matrix<float> params = posterior_suite::random_matrix<float>(2, latent.head_size(), 1);
  auto cache = latent.make_cache(4, 4);
  const DiagonalGaussian<float> q = latent.posterior(params, cache);
  CHECK(q.mu == params.leftCols(3));
  CHECK(q.logvar.rows() == 2);
  CHECK(q.logvar.cols() == 0);
}

TEST_CASE("flow latent: nothing allocates after the cache") {
  const FlowLatent<float> latent({.dim = 3, .length = 3, .flow = AutoregressiveFlowConfig{.context = 2}});
  const Matrix<float> params = posterior_suite::random_matrix<float>(2, latent.head_size(), 1);
  const Matrix<float> epsilon = posterior_suite::noise(latent, 4);
  posterior_suite::Pass<FlowLatent<float>, StandardNormal<float>> run(latent, {}, params, epsilon);
  Matrix<float> dparams(2, latent.head_size());
  FlowLatent<float> grad = zeros_like(latent);
  const auto step = [&] {
    static_cast<void>(latent.posterior(params, run.cache));
    latent.reparameterize(params, epsilon, run.cache, run.z);
    latent.log_prob(params, epsilon, run.z, run.cache, run.log_q.span());
    latent.backward(params, epsilon, run.z, epsilon, run.log_q.span(), run.cache, dparams, grad);
  };
  step();
  const AllocationCount guard;
  step();
  const std::size_t allocations = guard.count();
  CHECK(allocations == 0);
}

TEST_CASE("flow latent: numbers are checked") {
  check_throws_with<ConfigError>("flow latent: dim is 0, must be in [1, 100000]",
                                 [] { FlowLatent<float>({.dim = 0}); });
  check_throws_with<ConfigError>("flow latent: length is 0, must be in [1, 64]",
                                 [] { FlowLatent<float>({.length = 0}); });
  check_throws_with<ConfigError>("coupling flow: hidden is 0, must be in [1, 100000]",
                                 [] { FlowLatent<float>({.flow = CouplingFlowConfig{.hidden = 0}}); });
  check_throws_with<ConfigError>(
      "coupling flow: dim is 1, must be >= 2: one half decides how the other is changed",
      [] { FlowLatent<float>({.dim = 1, .flow = CouplingFlowConfig{}}); });
}
