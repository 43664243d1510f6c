// SPDX-License-Identifier: MIT
#include "vaekit/latent/autoregressive_flow.hpp"

#include <doctest/doctest.h>

#include "support/flow_suite.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

struct MaskedCase {
  static constexpr Index least_dim = 1;
  template <class T>
  static AutoregressiveFlow<T> make(Index dim, Index position) {
    return {{.hidden = 9}, dim, position};
  }
};

struct ContextCase {
  static constexpr Index least_dim = 1;
  template <class T>
  static AutoregressiveFlow<T> make(Index dim, Index position) {
    return {{.hidden = 8, .context = 3}, dim, position};
  }
};

}  // namespace

TEST_CASE("autoregressive flow: keeps the contract of a step") { flow_suite::check_step<MaskedCase>(); }

TEST_CASE("autoregressive flow with a context: keeps the contract of a step") {
  flow_suite::check_step<ContextCase>();
}

TEST_CASE("autoregressive flow: the inverse undoes it") { flow_suite::check_inverse<MaskedCase>(); }

TEST_CASE_TEMPLATE("autoregressive flow: values and gradients are PyTorch's", T, float, double) {
  const Golden golden("flows");
  flow_suite::check_golden("autoregressive", AutoregressiveFlow<T>({.hidden = 7, .context = 3}, 5, 0),
                           golden);
  flow_suite::check_golden("masked", AutoregressiveFlow<T>({.hidden = 6}, 5, 1), golden);
}

TEST_CASE("autoregressive flow: no variable depends on a later one, all on earlier ones and the context") {
  for (const Index position : {0, 1}) {
    const auto step = flow_suite::make<ContextCase, double>(5, position);
    Matrix<double> params = flow_suite::random_matrix<double>(1, 3, 1);
    Matrix<double> z = flow_suite::random_matrix<double>(1, 5, 2);
    const flow_suite::Pass before(step, params, z);
    for (Index j = 0; j < 5; ++j) {
      Matrix<double> moved = z;
      moved(0, j) += 1;
      const flow_suite::Pass after(step, params, moved);
      for (Index i = 0; i < 5; ++i) {
        const bool is_earlier = position == 0 ? i < j : i > j;
        CHECK((after.out(0, i) == before.out(0, i)) == is_earlier);
      }
    }
    params(0, 1) += 1;
    const flow_suite::Pass other(step, params, z);
    CHECK((other.out.array() != before.out.array()).all());
  }
}

TEST_CASE("autoregressive flow: starts with masked weights 0, near gates of sigmoid(2)") {
  AutoregressiveFlow<double> step({.hidden = 40}, 4, 0);
  step.initialize(RandomStream(3, Purpose::initialize));
  const auto cache = step.make_cache(1);
  CHECK((step.hidden.weight.array() * (1 - cache.hidden_mask.array())).isZero(0));
  CHECK((step.output.weight.array() * (1 - cache.output_mask.array())).isZero(0));
  CHECK((step.hidden.weight.array() != 0).count() == cache.hidden_mask.sum());
  const Matrix<double> z = flow_suite::random_matrix<double>(1, 4, 2);
  const flow_suite::Pass pass(step, Matrix<double>(1, 0), z);
  CHECK((pass.out - z / (1 + std::exp(-2.0))).cwiseAbs().maxCoeff() < 0.1);
}

TEST_CASE("autoregressive flow: closed and open gates have exact determinants") {
  AutoregressiveFlow<float> step({.hidden = 2}, 2, 0);
  step.output.bias << 5, 5, -300, 300;
  Matrix<float> z(1, 2);
  z << 1, 2;
  const flow_suite::Pass pass(step, Matrix<float>(1, 0), z);
  CHECK(pass.out(0, 0) == 5);
  CHECK(pass.out(0, 1) == 2);
  CHECK(pass.log_det(0, 0) == -300);
}

TEST_CASE("autoregressive flow: numbers are checked") {
  check_throws_with<ConfigError>("autoregressive flow: hidden is 0, must be in [1, 100000]",
                                 [] { AutoregressiveFlow<float>({.hidden = 0}, 2, 0); });
  check_throws_with<ConfigError>("autoregressive flow: context is -1, must be in [0, 100000]",
                                 [] { AutoregressiveFlow<float>({.context = -1}, 2, 0); });
}
