// SPDX-License-Identifier: MIT
#include "vaekit/model/vae.hpp"

#include <doctest/doctest.h>

#include "model/example_models.hpp"
#include "support/distribution_suite.hpp"
#include "support/throws_with.hpp"
#include "vaekit/kernels/random.hpp"
#include "vaekit/objectives/elbo.hpp"

using namespace vaekit;
using likelihood_suite::near;
using likelihood_suite::random_matrix;

namespace {

template <class T>
inline constexpr double tolerance = std::is_same_v<T, float> ? 1e-5 : 1e-13;

}  // namespace

TEST_CASE("vae: parameters carry the names and shapes of the parts") {
  auto model = example::make_any<float>({.encoder = {DenseConfig{.units = 4}, LayerNormConfig{}},
                                         .decoder = {DenseConfig{.units = 3, .bias = false}},
                                         .likelihood = GaussianConfig{.variance = VarianceSource::learned}});
  std::string names;
  for (const auto& p : parameters(model)) {
    names += concat(p.name, ' ', p.rows, 'x', p.cols, ' ');
  }
  CHECK(names ==
        "encoder.0.weight 4x5 encoder.0.bias 1x4 encoder.1.weight 1x4 encoder.1.bias 1x4 "
        "posterior_head.weight 4x4 posterior_head.bias 1x4 decoder.0.weight 3x2 "
        "likelihood_head.weight 5x3 likelihood_head.bias 1x5 likelihood.logvar 1x1 ");
  CHECK(model.features() == 5);
  CHECK(model.latent_dim() == 2);
}

TEST_CASE("vae: the same seed draws the same parameters, another seed others, and no part twice the same") {
  const auto a = example::make_any<float>({}, 1);
  const auto b = example::make_any<float>({}, 1);
  const auto c = example::make_any<float>({}, 2);
  CHECK(squared_norm(a) == squared_norm(b));
  CHECK(a.decoder.layers.size() == 1);
  CHECK(a.posterior_head.weight == b.posterior_head.weight);
  CHECK(a.posterior_head.weight != c.posterior_head.weight);
  const auto same_sizes = example::make_static<float>(4, 4, 4, 1);
  CHECK(std::get<0>(same_sizes.encoder.layers).weight != std::get<0>(same_sizes.decoder.layers).weight);
  CHECK(std::get<0>(same_sizes.encoder.layers).weight != same_sizes.likelihood_head.weight);
}

TEST_CASE("vae: copies are deep, and a gradient is a zero object of the same type") {
  const auto model = example::make_any<float>({});
  auto copy = model;
  copy.posterior_head.weight.setZero();
  CHECK(!model.posterior_head.weight.isZero(0));
  CHECK(squared_norm(zeros_like(model)) == 0);
  CHECK(parameter_count(zeros_like(model)) == parameter_count(model));
}

TEST_CASE_TEMPLATE("vae: encode, decode and reconstruct agree with each other and with the terms", T, float,
                   double) {
  const auto model = example::make_any<T>({});
  const Matrix<T> x = example::data<T>(6, 5);
  auto w = model.make_workspace(6);
  auto other = model.make_workspace(6);
  const DiagonalGaussian<T> q = model.encode(x, w);
  const Matrix<T> mu(q.mu);
  const Matrix<T> logvar(q.logvar);
  CHECK(mu.rows() == 6);
  CHECK(mu.cols() == 2);
  Matrix<T> decoded(6, 5);
  Matrix<T> reconstructed(6, 5);
  model.decode(mu, other, decoded);
  model.reconstruct(x, w, reconstructed);
  CHECK(reconstructed == decoded);
  CHECK((decoded.array() > 0 && decoded.array() < 1).all());

  model.zero_noise(6, w);
  const Terms<T>& terms = model.terms(x, w);
  CHECK(w.z == mu);
  for (Index row = 0; row < 6; ++row) {
    double cross_entropy = 0;
    double kl = 0;
    for (Index j = 0; j < 5; ++j) {
      const auto p = static_cast<double>(decoded(row, j));
      const auto value = static_cast<double>(x(row, j));
      cross_entropy += value * std::log(p) + (1 - value) * std::log(1 - p);
    }
    for (Index j = 0; j < 2; ++j) {
      const auto m = static_cast<double>(mu(row, j));
      const auto lv = static_cast<double>(logvar(row, j));
      kl += 0.5 * (m * m + std::exp(lv) - 1 - lv);
    }
    CHECK(near(static_cast<double>(terms.log_likelihood(row, 0)), cross_entropy, tolerance<T>));
    CHECK(near(static_cast<double>(terms.kl.row(row).sum()), kl, tolerance<T>));
  }
}

TEST_CASE_TEMPLATE("vae: the mean score is the negative bound, for any number of samples", T, float, double) {
  const auto model = example::make_any<T>({});
  const Matrix<T> x = example::data<T>(6, 5);
  for (const Index samples : {1, 3}) {
    auto w = model.make_workspace(6, samples);
    model.draw_evaluation_noise(1, 0, 6, w);
    Matrix<T> scores(1, 6);
    model.scores(x, w, scores.span());
    auto grad = zeros_like(model);
    const ObjectiveValue value = model.gradient(x, Elbo({.samples = samples}), 0.0, w, grad);
    CHECK(near(static_cast<double>(scores.mean()), -value.elbo, tolerance<T>));
    Matrix<T> elbo(1, 6);
    model.elbo(x, w, elbo.span());
    const Terms<T>& terms = model.terms(x, w);
    for (Index row = 0; row < 6; ++row) {
      const T bound = terms.log_likelihood.row(row).mean() - terms.kl.row(row).sum();
      CHECK(near(static_cast<double>(elbo(0, row)), static_cast<double>(bound), tolerance<T>));
      CHECK(scores(0, row) == -elbo(0, row));
    }
    CHECK(near(value.elbo, elbo_value(model.terms(x, w)).elbo, tolerance<T>));
    CHECK(value.elbo == value.reconstruction - value.kl);
  }
}

TEST_CASE_TEMPLATE("vae: log p(x|z) of many z is what decoding each says", T, float, double) {
  const auto model = example::make_any<T>({.likelihood = GaussianConfig{.deviation = 0.5}});
  const Matrix<T> x = example::data<T>(1, 5);
  const Matrix<T> z = random_matrix<T>(9, 2, 3);
  auto w = model.make_workspace(3, 4);
  Matrix<T> got(1, 9);
  Matrix<T> mean(9, 5);
  model.log_prob(x, z, w, got.span());
  model.decode(z, w, mean);
  for (Index row = 0; row < 9; ++row) {
    double expected = 0;
    for (Index j = 0; j < 5; ++j) {
      const double error = static_cast<double>(x(0, j)) - static_cast<double>(mean(row, j));
      expected -= 0.5 * (error * error / 0.25 + std::log(0.25) + log_two_pi);
    }
    CHECK(near(static_cast<double>(got(0, row)), expected, tolerance<T>));
  }
}

TEST_CASE_TEMPLATE("vae: samples of a seed are one endless sequence, however it is cut", T, float, double) {
  const auto model = example::make_static<T>(7, 6, 3);
  auto w = model.make_workspace(10);
  Matrix<T> all(10, 7);
  model.sample(5, 20, 1.0, w, all);
  for (const Index cut : {1, 3, 4}) {
    for (Index first = 0; first < 10; first += cut) {
      const Index rows = std::min(cut, 10 - first);
      Matrix<T> part(rows, 7);
      model.sample(5, 20 + static_cast<std::uint64_t>(first), 1.0, w, part);
      CHECK(part == all.middleRows(first, rows));
    }
  }
  Matrix<T> other(10, 7);
  model.sample(6, 20, 1.0, w, other);
  CHECK(other != all);
}

TEST_CASE_TEMPLATE(
    "vae: a workspace for inference gives the same bits, and the gradient does not use its weights", T, float,
    double) {
  auto model = example::make_static<T>(20, 9, 3);
  const Matrix<T> x = example::data<T>(6, 20);
  auto plain = model.make_workspace(6);
  auto packed = model.make_inference_workspace(6);
  Matrix<T> expected(6, 20);
  Matrix<T> got(6, 20);
  for (const Index rows : {1, 6}) {
    model.reconstruct(x.topRows(rows), plain, top(expected, rows));
    model.reconstruct(x.topRows(rows), packed, top(got, rows));
    CHECK(got == expected);
  }
  model.initialize(77);
  auto grad = zeros_like(model);
  auto expected_grad = zeros_like(model);
  model.zero_noise(6, plain);
  model.zero_noise(6, packed);
  const double loss = model.gradient(x, Elbo{}, 0, plain, expected_grad).loss;
  CHECK(model.gradient(x, Elbo{}, 0, packed, grad).loss == loss);
  CHECK(squared_norm(grad) == squared_norm(expected_grad));
  model.pack(packed);
  model.reconstruct(x, plain, expected);
  model.reconstruct(x, packed, got);
  CHECK(got == expected);
}

TEST_CASE("vae: temperature scales the latent variables, 0 decodes the origin") {
  const auto model = example::make_static<double>(7, 6, 3);
  auto w = model.make_workspace(4);
  Matrix<double> got(4, 7);
  Matrix<double> expected(4, 7);
  model.sample(5, 0, 0.0, w, got);
  model.decode(Matrix<double>(4, 3), w, expected);
  CHECK(got == expected);
  Matrix<double> z(4, 3);
  fill_normal(z.span(), RandomStream(5, Purpose::prior));
  z *= 0.5;
  model.sample(5, 0, 0.5, w, got);
  model.decode(z, w, expected);
  CHECK(got == expected);
}

TEST_CASE_TEMPLATE("vae: evaluation noise belongs to the input, however the data is cut", T, float, double) {
  const auto model = example::make_any<T>({.encoder = {DenseConfig{.units = 4}, DropoutConfig{}},
                                           .decoder = {DropoutConfig{}, DenseConfig{.units = 4}}});
  const Matrix<T> x = example::data<T>(10, 5);
  for (const Index samples : {1, 3}) {
    auto w = model.make_workspace(10, samples);
    model.draw_noise(9, 9, 10, w);  // what training leaves behind must not matter
    model.draw_evaluation_noise(3, 100, 10, w);
    Matrix<T> all(1, 10);
    model.scores(x, w, all.span());
    for (const Index cut : {1, 3, 4}) {
      auto small = model.make_workspace(cut, samples);
      for (Index first = 0; first < 10; first += cut) {
        const Index rows = std::min(cut, 10 - first);
        Matrix<T> part(1, rows);
        model.draw_evaluation_noise(3, 100 + static_cast<std::uint64_t>(first), rows, small);
        model.scores(x.middleRows(first, rows), small, part.span());
        CHECK(part == all.middleCols(first, rows));
      }
    }
  }
}

TEST_CASE("vae: training noise is named by seed and step, and dropout is silent outside training") {
  const auto model = example::make_any<float>({.encoder = {DenseConfig{.units = 4}, DropoutConfig{}}});
  const Matrix<float> x = example::data<float>(6, 5);
  auto w = model.make_workspace(6);
  const auto score = [&](std::uint64_t seed, std::uint64_t step) {
    model.draw_noise(seed, step, 6, w);
    Matrix<float> out(1, 6);
    model.scores(x, w, out.span());
    return out;
  };
  const Matrix<float> first = score(1, 1);
  CHECK(score(1, 2) != first);
  CHECK(score(2, 1) != first);
  CHECK(score(1, 1) == first);
  const Matrix<float> after_training(model.encode(x, w).mu);
  auto fresh = model.make_workspace(6);
  CHECK(after_training == model.encode(x, fresh).mu);
  model.draw_noise(1, 1, 6, w);
  (void)model.terms(x, w);
  CHECK(after_training != w.posterior.leftCols(2));
}

TEST_CASE("vae: parts that do not fit are refused") {
  check_throws_with<ShapeError>("Vae: decoder takes 3 features, must take 2 (latent dimensions)", [] {
    Vae(Sequential(Dense<float>({.units = 4}, Shape::flat(5))), GaussianLatent<float>({.dim = 2}),
        Sequential(Dense<float>({.units = 4}, Shape::flat(3))), Bernoulli<float>({}, 5));
  });
  check_throws_with<ShapeError>("Vae: likelihood has 6 features, must have 5 (features of the encoder)", [] {
    Vae(Sequential(Dense<float>({.units = 4}, Shape::flat(5))), GaussianLatent<float>({.dim = 2}),
        Sequential(Dense<float>({.units = 4}, Shape::flat(2))), Bernoulli<float>({}, 6));
  });
}

TEST_CASE("vae: arguments that do not fit are refused at every entry") {
  const auto model = example::make_any<float>({});
  auto w = model.make_workspace(4, 2);
  auto grad = zeros_like(model);
  std::vector<float> four(4);
  Matrix<float> out(4, 5);
  const Matrix<float> wide(4, 6);
  const Matrix<float> long_x(5, 5);
  const Matrix<float> none(0, 5);
  const Matrix<float> x(4, 5);
  const auto refused = [](const std::string& message, auto&& body) {
    check_throws_with<ShapeError>(message, body);
  };
  const std::string columns = "Vae: x has 6 columns, must have 5 (features of the encoder)";
  const std::string rows = "Vae: x has 5 rows, must have at most 4 (batch of the workspace)";
  const std::string empty = "Vae: x has 0 rows, must have at least 1";
  for (const auto& [message, bad] : {std::pair{columns, &wide}, {rows, &long_x}, {empty, &none}}) {
    const Matrix<float>& input = *bad;
    std::vector<float> values(static_cast<std::size_t>(input.rows()));
    Matrix<float> output(input.rows(), 5);
    refused(message, [&] { (void)model.encode(input, w); });
    refused(message, [&] { model.reconstruct(input, w, output); });
    refused(message, [&] { (void)model.terms(input, w); });
    refused(message, [&] { model.gradient(input, Elbo(), 0.0, w, grad); });
    refused(message, [&] { model.scores(input, w, values); });
  }
  refused("Vae::elbo: out has 4 values, must have 3 (rows of x)", [&] { model.elbo(x.topRows(3), w, four); });
  refused("Vae::scores: out has 4 values, must have 3 (rows of x)",
          [&] { model.scores(x.topRows(3), w, four); });
  refused("Vae::decode: z has 3 columns, must have 2 (latent dimensions)",
          [&] { model.decode(Matrix<float>(4, 3), w, out); });
  refused("Vae::decode: z has 9 rows, must have at most 8 (rows of the workspace)",
          [&] { model.decode(Matrix<float>(9, 2), w, out); });
  refused("Vae::decode: out has 4 rows, must have 3 (rows of z)",
          [&] { model.decode(Matrix<float>(3, 2), w, out); });
  refused("Vae::decode: out has 6 columns, must have 5 (features)", [&] {
    Matrix<float> wide_out(4, 6);
    model.decode(Matrix<float>(4, 2), w, wide_out);
  });
  refused("Vae::sample: out has 9 rows, must have at most 8 (rows of the workspace)", [&] {
    Matrix<float> long_out(9, 5);
    model.sample(1, 0, 1.0, w, long_out);
  });
  refused("Vae::log_prob: x has 4 rows, must have 1 (one input)",
          [&] { model.log_prob(x, Matrix<float>(4, 2), w, four); });
  refused("Vae::log_prob: x has 6 columns, must have 5 (features of the encoder)",
          [&] { model.log_prob(wide.topRows(1), Matrix<float>(4, 2), w, four); });
  refused("Vae::log_prob: z has 3 columns, must have 2 (latent dimensions)",
          [&] { model.log_prob(x.topRows(1), Matrix<float>(4, 3), w, four); });
  refused("Vae::log_prob: out has 4 values, must have 5 (rows of z)",
          [&] { model.log_prob(x.topRows(1), Matrix<float>(5, 2), w, four); });
  refused("Vae::draw_noise: batch has 5 rows, must have at most 4 (batch of the workspace)",
          [&] { model.draw_noise(1, 1, 5, w); });
  refused("Vae::draw_evaluation_noise: batch has 0 rows, must have at least 1",
          [&] { model.draw_evaluation_noise(1, 1, 0, w); });
}

TEST_CASE("vae: a gradient of another structure is refused before anything is written") {
  const auto model = example::make_any<float>({});
  auto w = model.make_workspace(4);
  auto narrow = zeros_like(example::make_any<float>({.encoder = {DenseConfig{.units = 3}}}));
  example::AnyVae<float> empty;
  const std::string message =
      "Vae::gradient: grad has other parameters, must have those of the model; use zeros_like(model)";
  const Matrix<float> x = example::data<float>(4, 5);
  check_throws_with<ShapeError>(message, [&] { model.gradient(x, Elbo(), 0.0, w, narrow); });
  check_throws_with<ShapeError>(message, [&] { model.gradient(x, Elbo(), 0.0, w, empty); });
  CHECK(squared_norm(narrow) == 0);
}
