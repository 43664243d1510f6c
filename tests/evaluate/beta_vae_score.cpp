// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/beta_vae_score.hpp"

#include <doctest/doctest.h>

#include "evaluate/example_codes.hpp"
#include "support/golden.hpp"
#include "support/throws_with.hpp"

using example::Representing;
using vaekit::Matrix;

namespace {

double beta_score(Representing kind) {
  return vaekit::beta_vae_score(example::four_factors, 6, example::ExampleCodes{kind}, 1,
                                {.train_points = 400, .test_points = 200, .pairs = 32});
}

}  // namespace

TEST_CASE("beta-VAE score: 1 for a perfect, lower for a rotated, near chance for a random representation") {
  CHECK(beta_score(Representing::perfect) == 1);
  CHECK(beta_score(Representing::rotated) < 0.95);
  CHECK(beta_score(Representing::random) < 0.4);  // chance is 0.25
}

TEST_CASE("beta-VAE score: mean absolute differences of pairs") {
  Matrix<double> codes(8, 2);
  codes << 1, 0, 3, 0, 5, 1, 4, 0, 0, 0, 0, 4, 1, 0, 0, 0;
  const Matrix<double> points = vaekit::pair_differences(codes, 2);
  REQUIRE(points.rows() == 2);
  CHECK(points(0, 0) == 1.5);
  CHECK(points(0, 1) == 0.5);
  CHECK(points(1, 0) == 0.5);
  CHECK(points(1, 1) == 2);
}

TEST_CASE("beta-VAE score: NumPy computes the same") {
  const Golden golden("metrics");
  const auto codes = golden.matrix<double>("beta_vae_codes");
  const std::vector<std::int32_t> held = vaekit::tensor_values<std::int32_t>(golden.tensor("beta_vae_held"));
  const Matrix<double> points = vaekit::pair_differences(codes, 4);
  golden.check<double>("beta_vae_points", points);
  const vaekit::LinearProbe probe(points.topRows(90), std::span(held).first(90), 3);
  CHECK(probe.loss() == doctest::Approx(golden.matrix<double>("beta_vae_loss")(0, 0)).epsilon(1e-8));
  const double expected = golden.matrix<double>("beta_vae_score")(0, 0);
  CHECK(expected < 0.95);
  CHECK(vaekit::beta_vae_score(points, held, 3, 90) == expected);
}

TEST_CASE("beta-VAE score: groups that do not fit are refused") {
  const std::vector<std::int32_t> held = {0, 1, 0};
  check_throws_with<vaekit::ShapeError>("beta-VAE score: has 3 labels, must have 4 (rows), at least 1", [&] {
    static_cast<void>(vaekit::beta_vae_score(Matrix<double>(4, 1), held, 2, 1));
  });
  check_throws_with<vaekit::ShapeError>(
      "beta-VAE score: learns from 0 of 3 groups, must learn from at least 1 and leave at least 1",
      [&] { static_cast<void>(vaekit::beta_vae_score(Matrix<double>(3, 1), held, 2, 0)); });
}
