// SPDX-License-Identifier: MIT
#include "vaekit/distributions/library_size.hpp"

#include <doctest/doctest.h>

#include "support/distribution_suite.hpp"
#include "support/golden.hpp"
#include "vaekit/distributions/any_likelihood.hpp"
#include "vaekit/distributions/builtin.hpp"
#include "vaekit/distributions/negative_binomial.hpp"

using namespace vaekit;
using namespace likelihood_suite;

namespace {

/// What the density of x given its own total can join of the suite: the total is not a parameter, so neither
/// does the probability of all x sum to 1, nor has a feature moments of its own.
struct SharedPoisson {
  template <class T>
  static Poisson<T> make(Index features) {
    return Poisson<T>({.library_size = LibrarySize::observed}, features);
  }
  static double datum(double normal) { return std::floor(std::exp(1 + normal)); }
  static std::vector<Numbers> extremes() { return {{-1e30}, {-1e4}, {0}, {1e4}, {1e30}}; }
};

struct SharedNegativeBinomial : SharedPoisson {
  template <class T>
  static NegativeBinomial<T> make(Index features) {
    return NegativeBinomial<T>({.zero_inflation = true, .library_size = LibrarySize::observed}, features);
  }
  static std::vector<Numbers> extremes() { return {{-1e30, 1e30}, {0, -1e30}, {1e4, 1e4}, {1e30, -1e4}}; }
};

template <class Case>
void check_shared_counts() {
  check_forward_is_log_prob<Case, float>();
  check_forward_is_log_prob<Case, double>();
  check_gradients<Case>();
  check_own_gradient_accumulates<Case>();
  check_shared_inputs<Case>();
  check_extremes<Case, float>();
  check_extremes<Case, double>();
  check_nan<Case, float>();
  check_nan<Case, double>();
  check_threads<Case, float>();
  check_threads<Case, double>();
}

}  // namespace

TYPE_TO_STRING(SharedPoisson);
TYPE_TO_STRING(SharedNegativeBinomial);

TEST_CASE_TEMPLATE("library_size: keeps the contract of a likelihood", Case, SharedPoisson,
                   SharedNegativeBinomial) {
  check_shared_counts<Case>();
}

TEST_CASE("library_size: rows may be blocks of wider matrices") {
  check_strided_arguments<SharedPoisson, float>();
  check_strided_arguments<SharedNegativeBinomial, double>();
}

TEST_CASE_TEMPLATE("library_size: log-probability and mean of known shares", T, float, double) {
  const Poisson<T> likelihood({.library_size = LibrarySize::observed, .reference_size = 100}, 3);
  Matrix<T> params(1, 3);
  Matrix<T> x(1, 3);
  params << static_cast<T>(std::log(1.0)) + 5, static_cast<T>(std::log(2.0)) + 5,
      static_cast<T>(std::log(5.0)) + 5;
  x << 10, 0, 30;
  Matrix<T> out(1, 1);
  likelihood.log_prob(params, x, out.span());
  // Means 5, 10 and 25 of 40 counts.
  const double expected =
      10 * std::log(5.0) + 30 * std::log(25.0) - 40 - std::lgamma(11.0) - std::lgamma(31.0);
  CHECK(static_cast<double>(out(0, 0)) == doctest::Approx(expected).epsilon(2e-6));
  Matrix<T> mean(1, 3);
  likelihood.mean(params, mean);
  CHECK(static_cast<double>(mean(0, 0)) == doctest::Approx(12.5).epsilon(1e-5));
  CHECK(static_cast<double>(mean(0, 1)) == doctest::Approx(25).epsilon(1e-5));
  CHECK(static_cast<double>(mean(0, 2)) == doctest::Approx(62.5).epsilon(1e-5));
}

TEST_CASE_TEMPLATE("library_size: a sample without counts is certain", T, float, double) {
  const Poisson<T> likelihood({.library_size = LibrarySize::observed}, 4);
  const Matrix<T> params = random_matrix<T>(1, 4, 1);
  Matrix<T> dout(1, 1);
  dout(0, 0) = 1;
  const Pass pass(likelihood, params, Matrix<T>(1, 4), dout);
  CHECK(std::abs(pass.out(0, 0)) < 1e-12);
  CHECK(pass.gradient.isZero(0));
}

TEST_CASE_TEMPLATE("library_size: huge logits share counts as others do", T, float, double) {
  const Poisson<T> likelihood({.library_size = LibrarySize::observed, .reference_size = 30}, 3);
  Matrix<T> params(2, 3);
  params.setConstant(static_cast<T>(1e30));
  params(1, 1) = 0;
  Matrix<T> mean(2, 3);
  likelihood.mean(params, mean);
  for (Index j = 0; j < 3; ++j) {
    CHECK(static_cast<double>(mean(0, j)) == doctest::Approx(10));
    CHECK(std::abs(static_cast<double>(mean(1, j)) - (j == 1 ? 0 : 15)) < 1e-5);
  }
}

TEST_CASE("library_size: samples share out the reference size") {
  constexpr Index count = 20'000;
  const Poisson<double> likelihood({.library_size = LibrarySize::observed, .reference_size = 60}, 3);
  Matrix<double> params(count, 3);
  params.rowwise() = random_matrix<double>(1, 3, 2).row(0);
  Matrix<double> mean(count, 3);
  Matrix<double> x(count, 3);
  likelihood.mean(params, mean);
  likelihood.sample(params, RandomStream(7, Purpose::likelihood), x);
  CHECK(mean.row(0).sum() == doctest::Approx(60).epsilon(1e-12));
  for (Index j = 0; j < 3; ++j) {
    CHECK(std::abs(x.col(j).mean() - mean(0, j)) < 5 * std::sqrt(mean(0, j) / count));
    const double variance = (x.col(j).array() - mean(0, j)).square().mean();
    CHECK(variance == doctest::Approx(mean(0, j)).epsilon(0.06));
  }
  Matrix<double> again(count, 3);
  likelihood.sample(params, RandomStream(7, Purpose::likelihood), again);
  CHECK(again == x);
}

TEST_CASE_TEMPLATE("library_size: values and gradients are PyTorch's", T, float, double) {
  const Golden golden("counts");
  const Matrix<T> params = golden.matrix<T>("poisson_library.params");
  const Poisson<T> likelihood({.library_size = LibrarySize::observed}, params.cols());
  const Pass pass(likelihood, params, golden.matrix<T>("counts"), golden.matrix<T>("dout"));
  golden.check<T>("poisson_library", pass.out);
  golden.check<T>("poisson_library.params.gradient", pass.gradient);
  Matrix<T> mean(params.rows(), params.cols());
  likelihood.mean(params, mean);
  golden.check_each<T>("poisson_library.mean", mean.span(), 0);
}

TEST_CASE_TEMPLATE("library_size: nothing is allocated after a first call", T, float, double) {
  const NegativeBinomial<T> likelihood({.zero_inflation = true, .library_size = LibrarySize::observed}, 13);
  likelihood_suite::check_no_allocation(likelihood, likelihood_suite::random_data<SharedPoisson, T>(3, 13, 4),
                                        2);
}

TEST_CASE("library_size: log p is not that of draws where a total is given") {
  CHECK(is_density_of_draws(Poisson<double>({}, 3)));
  const Poisson<double> given({.library_size = LibrarySize::observed}, 3);
  CHECK_FALSE(is_density_of_draws(given));
  const PoissonConfig config{.library_size = LibrarySize::observed};
  CHECK_FALSE(is_density_of_draws(AnyLikelihood<double>(config, 3)));
  CHECK(is_density_of_draws(AnyLikelihood<double>(BernoulliConfig{}, 3)));
}

TEST_CASE("library_size: a total of one feature is known as such") {
  const PoissonConfig given{.library_size = LibrarySize::observed};
  CHECK(has_total_of_one(Poisson<double>(given, 1)));
  CHECK_FALSE(has_total_of_one(Poisson<double>(given, 2)));
  CHECK_FALSE(has_total_of_one(Poisson<double>({}, 1)));
  CHECK(has_total_of_one(AnyLikelihood<double>(given, 1)));
  CHECK_FALSE(has_total_of_one(AnyLikelihood<double>(BernoulliConfig{}, 1)));
}
