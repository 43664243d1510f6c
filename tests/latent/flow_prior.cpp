// SPDX-License-Identifier: MIT
#include "vaekit/latent/flow_prior.hpp"

#include <doctest/doctest.h>

#include "support/flow_suite.hpp"
#include "support/prior_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

struct CouplingCase {
  template <class T>
  static FlowPrior<T> make(Index dim) {
    const FlowPriorConfig config{.length = 3, .flow = CouplingFlowConfig{.hidden = 6, .max_log_scale = 0.5}};
    return flow_suite::randomized(FlowPrior<T>(config, std::max<Index>(dim, 2)), 30, 0.4);
  }
};

struct AutoregressiveCase {
  template <class T>
  static FlowPrior<T> make(Index dim) {
    FlowPrior<T> prior({.length = 2, .flow = AutoregressiveFlowConfig{.hidden = 6}}, dim);
    prior = flow_suite::randomized(prior, 30, 0.3);
    for (auto& own : parameters(prior)) {
      if (own.name.ends_with("output.bias")) {  // gates mostly open: a density of moderate width
        for (std::size_t i = own.values.size() / 2; i < own.values.size(); ++i) {
          own.values[i] += 2;
        }
      }
    }
    return prior;
  }
};

template <class T>
void check_prior_golden(const std::string& name, const InvertibleFlowConfig& step) {
  const Golden golden("flows");
  FlowPrior<T> prior({.length = 2, .flow = step}, 5);
  for (auto& own : parameters(prior)) {
    golden.copy_to<T>(name + ".weights." + own.name, own.values);
  }
  const Matrix<T> z = golden.matrix<T>(name + ".z");
  auto cache = prior.make_cache(z.rows());
  Matrix<T> log_p(1, z.rows());
  prior.log_prob(z, cache, log_p.span());
  golden.check<T>(name + ".log_p", log_p);
  Matrix<T> dz(z.rows(), z.cols());
  FlowPrior<T> grad = zeros_like(prior);
  prior.backward(z, golden.matrix<T>("dlog_det").span(), cache, dz, grad);
  golden.check<T>(name + ".dz", dz);
  for (const auto& own : parameters(grad)) {
    golden.check<T>(name + ".grad." + own.name, own.values);
  }
}

}  // namespace

TEST_CASE("flow prior, coupling: keeps the contract of a prior") { prior_suite::check_prior<CouplingCase>(); }

TEST_CASE("flow prior, autoregressive: keeps the contract of a prior") {
  prior_suite::check_prior<AutoregressiveCase>();
}

TEST_CASE_TEMPLATE("flow prior: densities and gradients are PyTorch's", T, float, double) {
  check_prior_golden<T>("prior_coupling", CouplingFlowConfig{.hidden = 6});
  check_prior_golden<T>("prior_autoregressive", AutoregressiveFlowConfig{.hidden = 6});
}

TEST_CASE("flow prior: samples of a small cache are those of a large one, and temperature scales the base") {
  const auto check = [](const auto& prior) {
    const RandomStream stream(5, Purpose::prior);
    Matrix<double> z(11, 3);
    Matrix<double> again(11, 3);
    auto large = prior.make_cache(11);
    auto small = prior.make_cache(4);
    prior.sample(stream, 2, 0.7, large, z);
    prior.sample(stream, 2, 0.7, small, again);
    CHECK(z == again);
    Matrix<double> out(1, 11);
    prior.log_prob(z, large, out.span());
    Matrix<double> noise(11, 3);
    StandardNormal<double>::Cache none;
    StandardNormal<double>{}.sample(stream, 2, 0.7, none, noise);
    CHECK((large.base - noise).cwiseAbs().maxCoeff() < 1e-10);
  };
  check(CouplingCase::make<double>(3));
  check(AutoregressiveCase::make<double>(3));
}

TEST_CASE("flow prior: starts as a normal distribution") {
  FlowPrior<double> prior({}, 4);
  prior.initialize(RandomStream(3, Purpose::initialize));
  const Matrix<double> z = prior_suite::random_matrix<double>(5, 4, 1);
  auto cache = prior.make_cache(5);
  Matrix<double> out(1, 5);
  Matrix<double> normal(1, 5);
  prior.log_prob(z, cache, out.span());
  StandardNormal<double>::Cache none;
  StandardNormal<double>{}.log_prob(z, none, normal.span());
  CHECK((out - normal).cwiseAbs().maxCoeff() < 1);
}

TEST_CASE("flow prior: nothing allocates after the cache") {
  const auto prior = AutoregressiveCase::make<float>(3);
  auto cache = prior.make_cache(6);
  Matrix<float> z(6, 3);
  Matrix<float> out(1, 6);
  Matrix<float> dz(6, 3);
  auto grad = zeros_like(prior);
  const auto step = [&] {
    prior.sample(RandomStream(5, Purpose::prior), 0, 1, cache, z);
    prior.log_prob(z, cache, out.span());
    prior.backward(z, out.span(), cache, dz, grad);
  };
  step();
  const AllocationCount guard;
  step();
  const std::size_t allocations = guard.count();
  CHECK(allocations == 0);
}

TEST_CASE("flow prior: numbers are checked") {
  check_throws_with<ConfigError>("flow prior: length is 65, must be in [1, 64]",
                                 [] { FlowPrior<float>({.length = 65}, 2); });
  check_throws_with<ConfigError>(
      "coupling flow: dim is 1, must be >= 2: one half decides how the other is changed",
      [] { FlowPrior<float>({}, 1); });
  check_throws_with<ConfigError>("flow prior: context is 3, must be 0: a prior sees no input", [] {
    FlowPrior<float>({.flow = AutoregressiveFlowConfig{.context = 3}}, 2);
  });
}
