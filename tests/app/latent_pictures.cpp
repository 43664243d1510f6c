// SPDX-License-Identifier: MIT
#include "vaekit/app/latent_pictures.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "evaluate/linear_gaussian.hpp"
#include "vaekit/latent/joint.hpp"
#include "vaekit/latent/poincare.hpp"
#include "vaekit/latent/vector_quantized.hpp"
#include "vaekit/latent/von_mises_fisher.hpp"

using namespace vaekit;

namespace latent_pictures {

/// x [2] → mu = (x₀/2, 3 x₁, 1), logvar = 0; z [3] → mean (z₀ + 2 z₁, z₂ − 1).
example::LinearVae known_model() {
  example::LinearVae model(Sequential(example::identity(2)), GaussianLatent<double>({.dim = 3}),
                           Sequential(example::identity(3)), Gaussian<double>({}, 2));
  model.posterior_head.weight << 0.5, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0;
  model.posterior_head.bias << 0, 0, 1, 0, 0, 0;
  model.likelihood_head.weight << 1, 2, 0, 0, 0, 1;
  model.likelihood_head.bias << 0, -1;
  return model;
}

/// KL by dimension: 0.5 · 0.875, 0.5 · 49.5, 0.5; the variances are 0.3125, 27 and 0.
example::Samples four_samples() { return {2, {1, 2, 3, -1, 0, 1, 2, 4}}; }

Matrix<double> rows(Index columns, const std::vector<double>& values) {
  Matrix<double> m(std::ssize(values) / columns, columns);
  std::ranges::copy(values, m.data());
  return m;
}

double distance(const Matrix<double>& a, const Matrix<double>& b) {
  REQUIRE(a.rows() == b.rows());
  REQUIRE(a.cols() == b.cols());
  return (a - b).cwiseAbs().maxCoeff();
}

/// What the questions about a space ask of a model.
template <class Latent>
struct OnlyLatent {
  using Scalar = typename Latent::Scalar;
  Latent latent;
  [[nodiscard]] Index latent_dim() const { return latent.dim; }
};

template <class Latent>
std::vector<Index> answers(const typename Latent::Config& config) {
  const OnlyLatent<Latent> model{Latent(config)};
  return {fills_space(model), has_straight_ways(model), has_arcs(model), free_columns(model.latent)};
}

}  // namespace latent_pictures

TEST_CASE("latent pictures: which ways stay in which space") {
  using latent_pictures::answers;
  using Answers = std::vector<Index>;  // fills space, straight ways, arcs, free columns
  CHECK(answers<GaussianLatent<float>>({.dim = 4}) == Answers{1, 1, 1, 4});
  CHECK(answers<PoincareLatent<float>>({.dim = 4}) == Answers{0, 1, 0, 0});
  CHECK(answers<VonMisesFisherLatent<float>>({.dim = 4}) == Answers{0, 0, 1, 0});
  CHECK(answers<ConcreteLatent<float>>({.variables = 2, .classes = 3}) == Answers{0, 0, 0, 0});
  CHECK(answers<VectorQuantizedLatent<float>>({}) == Answers{0, 0, 0, 0});
  CHECK(answers<JointLatent<float>>({.gaussian = {.dim = 5}, .concrete = {.variables = 1, .classes = 3}}) ==
        Answers{0, 0, 0, 5});
}

TEST_CASE("latent pictures: latents of the first samples") {
  const example::LinearVae model = latent_pictures::known_model();
  const example::Samples samples = latent_pictures::four_samples();
  CHECK(latent_pictures::distance(encode_first(model, samples.view(), 2),
                                  latent_pictures::rows(3, {0.5, 6, 1, 1.5, -3, 1})) == 0);
  CHECK(encode_first(model, samples.view(), 9).rows() == 4);
}

TEST_CASE("latent pictures: pairs are of samples that lie apart, a random part of the data") {
  const example::LinearVae model = latent_pictures::known_model();
  const example::Samples four = latent_pictures::four_samples();
  CHECK(latent_pictures::distance(encode_pairs(model, four.view(), 9),
                                  latent_pictures::rows(3, {0.5, 6, 1, 0, 3, 1, 1.5, -3, 1, 1, 12, 1})) == 0);
  std::vector<double> sorted(2000);
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    sorted[i] = static_cast<double>(i / 2);
  }
  const example::Samples thousand{2, sorted};
  const Matrix<double> ends = encode_pairs(model, thousand.view(), 8);
  REQUIRE(ends.rows() == 16);
  for (Index pair = 0; pair < 8; ++pair) {
    CHECK(2 * std::abs(ends(2 * pair, 0) - ends(2 * pair + 1, 0)) > 50);
  }
  const std::vector<std::uint32_t> rows = random_rows(thousand.view(), 16);
  CHECK(2 * ends(0, 0) == rows[0]);
  CHECK(2 * ends(1, 0) == rows[8]);
}

TEST_CASE("latent pictures: dimensions are traversed from the largest KL to the smallest") {
  const example::LinearVae model = latent_pictures::known_model();
  const example::Samples samples = latent_pictures::four_samples();
  LatentStatistics statistics = latent_statistics(model, samples.view());
  using Order = std::vector<Index>;
  CHECK(traversed_dimensions(model, statistics, 10) == Order{1, 2, 0});
  CHECK(traversed_dimensions(model, statistics, 2) == Order{1, 2});
  statistics.kl.clear();
  CHECK(traversed_dimensions(model, statistics, 10) == Order{1, 0, 2});
  // Of a KL of two numbers and one variable of three classes the first two belong to the numbers.
  const latent_pictures::OnlyLatent<JointLatent<float>> joint{
      JointLatent<float>({.gaussian = {.dim = 2}, .concrete = {.variables = 1, .classes = 3}})};
  CHECK(traversed_dimensions(joint, {{1, 2, 9}, {5, 4, 3, 2, 1}, 0}, 10) == Order{1, 0});
}

TEST_CASE("latent pictures: a traversal goes from -range to range and leaves the other dimensions") {
  const example::LinearVae model = latent_pictures::known_model();
  const Matrix<double> start = latent_pictures::rows(3, {0.5, 6, 1});
  const Matrix<double> z = traversal_latents(start, {1, 2}, 3, 2);
  CHECK(latent_pictures::distance(z, latent_pictures::rows(3, {0.5, -2, 1, 0.5, 0, 1, 0.5, 2, 1,  //
                                                               0.5, 6, -2, 0.5, 6, 0, 0.5, 6, 2})) == 0);
  CHECK(latent_pictures::distance(
            decode_all(model, z),
            latent_pictures::rows(2, {-3.5, 0, 0.5, 0, 4.5, 0, 12.5, -3, 12.5, -1, 12.5, 1})) < 1e-12);
  CHECK(latent_pictures::distance(traversal_latents(start, {0}, 1, 2), latent_pictures::rows(3, {0, 6, 1})) ==
        0);
}

TEST_CASE("latent pictures: interpolations begin and end at the decoded latents of the pair") {
  const example::LinearVae model = latent_pictures::known_model();
  const example::Samples samples = latent_pictures::four_samples();
  const Matrix<double> ends = encode_first(model, samples.view(), 4);
  const Matrix<double> decoded = decode_all(model, ends);
  for (const bool spherical : {false, true}) {
    const Matrix<double> way = decode_all(model, interpolation_latents(model, ends, 5, spherical));
    REQUIRE(way.rows() == 10);
    for (const auto& [step, end] : {std::pair(0, 0), std::pair(4, 1), std::pair(5, 2), std::pair(9, 3)}) {
      CHECK((way.row(step) - decoded.row(end)).cwiseAbs().maxCoeff() < 1e-12);
    }
    const double off = (way.row(2) - (decoded.row(0) + decoded.row(1)) / 2).cwiseAbs().maxCoeff();
    CHECK((off < 1e-12) == !spherical);
  }
  CHECK(latent_pictures::distance(interpolation_latents(model, ends, 1, false),
                                  latent_pictures::rows(3, {0.5, 6, 1, 0, 3, 1})) == 0);
}

TEST_CASE("latent pictures: an arc keeps the length of z and mixes the condition in a straight line") {
  Matrix<float> ends(2, 3);
  ends << 3, 0, 1, 0, 3, 5;  // two latent dimensions and a condition
  const RowVector<float> arc = detail::spherical_mix<float>(ends, 0, 0.5F, 2);
  CHECK(arc(0) == doctest::Approx(3 / std::sqrt(2.0)));
  CHECK(arc(1) == doctest::Approx(3 / std::sqrt(2.0)));
  CHECK(arc(2) == 3);
  const RowVector<float> start = detail::spherical_mix<float>(ends, 0, 0.0F, 2);
  CHECK(start(0) == 3);
  CHECK(start(1) == 0);
  ends << 1, 1, 0, 2, 2, 0;  // on one line through 0
  CHECK(detail::spherical_mix<float>(ends, 0, 0.5F, 2)(1) == 1.5F);
}

TEST_CASE("latent pictures: the arc between points of a sphere stays on it") {
  const latent_pictures::OnlyLatent<VonMisesFisherLatent<double>> model{
      VonMisesFisherLatent<double>({.dim = 3})};
  const Matrix<double> ends = latent_pictures::rows(3, {0.6, 0.8, 0, 0, -0.6, 0.8});
  const Matrix<double> way = interpolation_latents(model, ends, 7, true);
  const double angle = std::acos(-0.48);
  for (Index s = 0; s < 7; ++s) {
    CHECK(way.row(s).norm() == doctest::Approx(1).epsilon(1e-12));
    CHECK(way.row(s).dot(ends.row(0)) ==
          doctest::Approx(std::cos(static_cast<double>(s) * angle / 6)).epsilon(1e-12));
  }
}

TEST_CASE("latent pictures: the manifold is the quantiles of the prior, the second dimension upwards") {
  Matrix<double> z = latent_pictures::rows(3, {9, 9, 1, 9, 9, 2, 9, 9, 3, 9, 9, 4});
  place_manifold(z, 2);
  const double q = 0.6744897501960817;
  CHECK(latent_pictures::distance(z, latent_pictures::rows(3, {-q, q, 1, q, q, 2, -q, -q, 3, q, -q, 4})) <
        1e-12);
}

TEST_CASE("latent pictures: a picture is the grid of decoded means") {
  const example::LinearVae model = latent_pictures::known_model();
  const Matrix<double> z = latent_pictures::rows(3, {0.2, 0.1, 1.5, 0.5, 0.25, 1, 0, 0, 2});
  const Shape shape{2, 1, 1};
  CHECK(latent_picture(model, {{shape}}, z, 3) ==
        image_grid<double>(latent_pictures::rows(2, {0.4, 0.5, 1, 0, 0, 1}), shape, grid_options(shape, 3)));
}
