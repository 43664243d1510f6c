// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/factor_vae_score.hpp"

#include <doctest/doctest.h>

#include "evaluate/example_codes.hpp"
#include "support/golden.hpp"
#include "support/throws_with.hpp"

using example::Representing;
using vaekit::Index;
using vaekit::Matrix;
using vaekit::RowVector;

namespace {

double factor_score(Representing kind) {
  return vaekit::factor_vae_score(example::four_factors, 6, example::ExampleCodes{kind}, 1,
                                  {.variance_samples = 2000, .votes = 400, .test_votes = 400, .group = 32});
}

}  // namespace

TEST_CASE("FactorVAE score: 1 for a perfect, lower for a rotated, near chance for a random representation") {
  CHECK(factor_score(Representing::perfect) == 1);
  CHECK(factor_score(Representing::rotated) < 0.7);
  CHECK(factor_score(Representing::random) < 0.36);  // chance is 0.25
  CHECK(factor_score(Representing::random) > 0.15);
}

TEST_CASE("FactorVAE score: the steadiest code in units of its variance, and none without variance") {
  Matrix<double> codes(4, 3);
  codes << 0, 1, 5, 1, 1.5, 5, 0, 9, 5, 0.1, 1, 5;
  RowVector<double> variance(3);
  variance << 1, 0.1, 0;
  const std::vector<Index> steadiest = vaekit::steadiest_codes(codes, 2, variance, 0.05);
  CHECK(steadiest == std::vector<Index>{0, 0});  // 0.25 against 0.0625 / 0.1, 0.0025 against 16 / 0.1
  variance << 0.05, 1, 0;
  CHECK(vaekit::steadiest_codes(codes, 2, variance, 0.05) == std::vector<Index>{1, 0});
  CHECK(vaekit::steadiest_codes(codes, 2, variance, 2) == std::vector<Index>{-1, -1});
}

TEST_CASE("FactorVAE score: NumPy computes the same") {
  const Golden golden("metrics");
  const auto whole = golden.matrix<double>("factor_vae_whole");
  const auto codes = golden.matrix<double>("factor_vae_codes");
  const std::vector<std::int32_t> held =
      vaekit::tensor_values<std::int32_t>(golden.tensor("factor_vae_held"));
  const RowVector<double> variance = vaekit::column_variances(whole);
  const std::vector<Index> steadiest = vaekit::steadiest_codes(codes, 5, variance, 0.0025);
  CHECK(steadiest == vaekit::tensor_values<Index>(golden.tensor("factor_vae_steadiest")));
  const double expected = golden.matrix<double>("factor_vae_score")(0, 0);
  CHECK(expected < 0.95);
  CHECK(vaekit::steadiest_codes(codes, 5, variance, 0) != steadiest);
  CHECK(vaekit::factor_vae_score(steadiest, held, codes.cols(), 3, 100) == expected);
}

TEST_CASE("FactorVAE score: groups that do not fit are refused") {
  const std::vector<Index> steadiest = {0, 1, 0};
  const auto score = [&](std::vector<std::int32_t> held, Index votes) {
    static_cast<void>(vaekit::factor_vae_score(steadiest, held, 2, 2, votes));
  };
  check_throws_with<vaekit::ShapeError>("FactorVAE score: has 4 labels, must have 3 (rows), at least 1", [&] {
    score({0, 1, 0, 1}, 1);
  });
  check_throws_with<vaekit::DataError>("FactorVAE score: label is 2, must be in 0 .. 1", [&] {
    score({0, 1, 2}, 1);
  });
  check_throws_with<vaekit::ShapeError>(
      "FactorVAE score: learns from 3 of 3 groups, must learn from at least 1 and leave at least 1", [&] {
        score({0, 1, 0}, 3);
      });
}

TEST_CASE("FactorVAE score: 0 where all codes are constant") {
  const auto constant = [](std::span<const std::uint32_t>, vaekit::MatrixOut<double> codes) {
    codes.setOnes();
  };
  CHECK(vaekit::factor_vae_score(example::four_factors, 3, constant, 1,
                                 {.variance_samples = 10, .votes = 2, .test_votes = 2, .group = 4}) == 0);
}
