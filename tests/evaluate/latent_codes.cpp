// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/latent_codes.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "evaluate/example_codes.hpp"
#include "evaluate/linear_gaussian.hpp"

using vaekit::Dataset;
using vaekit::Index;
using vaekit::Matrix;

namespace {

/// One latent that is twice the input.
example::LinearVae doubling_model() {
  using namespace vaekit;
  example::LinearVae model(Sequential(example::identity(1)), GaussianLatent<double>({.dim = 1}),
                           Sequential(example::identity(1)), Gaussian<double>({}, 1));
  model.posterior_head.weight << 2, 0;
  return model;
}

void draw_size(std::span<const std::int32_t> factors, std::span<std::uint8_t> sample) {
  std::ranges::fill(sample, static_cast<std::uint8_t>(factors[1]));
}

}  // namespace

TEST_CASE("latent codes: posterior means, whatever the batch") {
  const example::Samples samples(1, {-1, 0, 3, 0.5});
  for (const Index batch : {1, 3, 100}) {
    Matrix<double> codes(4, 1);
    vaekit::latent_codes(doubling_model(), samples.view(), codes, batch);
    CHECK(codes(0, 0) == -2);
    CHECK(codes(2, 0) == 6);
    CHECK(codes(3, 0) == 1);
  }
}

TEST_CASE("latent codes: a representation codes any combination of factors") {
  const example::LinearVae model = doubling_model();
  const Dataset data("sizes", vaekit::Shape::flat(1),
                     vaekit::GeneratedRows{example::four_factors, draw_size, {0}});
  const vaekit::Transform scaling({0}, {1}, 0, vaekit::Binarize::none);
  const vaekit::LatentRepresentation represent(model, data, scaling, 1);
  const std::vector<std::uint32_t> combinations = vaekit::draw_combinations(example::four_factors, 20, 3);
  const Matrix<std::int32_t> values = vaekit::factor_values(example::four_factors, combinations);
  Matrix<double> codes(20, 1);
  represent(combinations, codes);
  for (Index i = 0; i < 20; ++i) {
    CHECK(codes(i, 0) == 2 * values(i, 1));
  }
}

TEST_CASE("latent codes: those that hardly vary are silenced, there and in all that follows") {
  using namespace vaekit;
  example::LinearVae model(Sequential(example::identity(1)), GaussianLatent<double>({.dim = 3}),
                           Sequential(example::identity(3)), Gaussian<double>({}, 1));
  // Of sizes 0 to 5, of variance 35/12, the codes are 1, 0.025 and 0.035 times the size: the threshold is
  // 0.0293.
  model.posterior_head.weight << 1, 0.025, 0.035, 0, 0, 0;
  const Dataset data("sizes", Shape::flat(1), GeneratedRows{example::four_factors, draw_size, {0}});
  const Transform scaling({0}, {1}, 0, Binarize::none);
  LatentRepresentation represent(model, data, scaling, 1);
  const std::vector<std::uint32_t> combinations = draw_combinations(example::four_factors, 3000, 3);
  Matrix<double> codes(3000, 3);
  represent(combinations, codes);
  CHECK(column_variances(codes)[1] > 0);
  represent.silence_dead_codes(codes);
  Matrix<double> again(3000, 3);
  represent(combinations, again);
  CHECK(codes == again);
  CHECK(codes.col(1).isZero(0));
  CHECK(column_variances(codes)[0] > 1);
  CHECK(column_variances(codes)[2] > least_code_variance);
}
