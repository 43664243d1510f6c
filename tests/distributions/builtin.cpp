// SPDX-License-Identifier: MIT
#include "vaekit/distributions/builtin.hpp"

#include <doctest/doctest.h>

using namespace vaekit;

TEST_CASE("likelihood: every alternative of the configuration builds its own likelihood") {
  const auto check_kind = []<class C>(const C& config) {
    CHECK(std::visit([](const auto& l) { return std::remove_cvref_t<decltype(l)>::Config::kind; },
                     AnyLikelihood<float>(config, 6).chosen) == C::kind);
  };
  check_kind(BernoulliConfig{});
  check_kind(GaussianConfig{});
  check_kind(ContinuousBernoulliConfig{});
  check_kind(LaplaceConfig{});
  check_kind(StudentTConfig{});
  check_kind(DiscretizedLogisticConfig{});
  check_kind(DiscretizedLogisticMixtureConfig{});
  check_kind(PoissonConfig{});
  check_kind(NegativeBinomialConfig{});
  check_kind(CategoricalConfig{});
  Columns<FeatureLikelihoods<float>>::Config columns;
  columns.groups = {{.count = 2, .likelihood = GaussianConfig{}},
                    {.count = 4, .likelihood = PoissonConfig{}}};
  check_kind(columns);
  CHECK(std::holds_alternative<BernoulliConfig>(LikelihoodConfig{}));
}
