// SPDX-License-Identifier: MIT
#include "vaekit/compress/bits_back.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <numbers>

#include "support/throws_with.hpp"
#include "vaekit/distributions/builtin.hpp"
#include "vaekit/evaluate/elbo.hpp"
#include "vaekit/latent/builtin.hpp"
#include "vaekit/nn/dense.hpp"
#include "vaekit/nn/sequential.hpp"

using namespace vaekit;

namespace {

constexpr Index features = 30;
constexpr Index dim = 3;

/// Wide layers, so that products of one row and of many take different paths.
template <class T, template <class> class L>
auto make_codec_model(const typename L<T>::Config& config, Index width = 40, Index latents = dim) {
  const DenseConfig hidden{.units = width, .activation = Activation::tanh};
  Vae model(Sequential(Dense<T>(hidden, Shape::flat(features))), GaussianLatent<T>({.dim = latents}),
            Sequential(Dense<T>(hidden, Shape::flat(latents))), L<T>(config, features));
  model.initialize(4);
  return model;
}

[[nodiscard]] Transform codec_scaling(double factor) {
  return {std::vector<double>(features, 0), std::vector<double>(features, factor), 0, Binarize::none};
}

[[nodiscard]] std::vector<std::uint8_t> random_bytes(Index rows, std::uint32_t levels) {
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(rows * features));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(RandomStream(5, Purpose::synthetic).words(i)[0] % levels);
  }
  return bytes;
}

const RandomStream codec_bits(9, Purpose::compress);

template <class Model>
void check_rows_return(const Model& model, double factor, Index rows) {
  const BitsBack<Model> codec(model, codec_scaling(factor));
  const std::vector<std::uint8_t> symbols = random_bytes(rows, codec.levels());
  AnsStack stack(codec_bits);
  codec.encode(symbols, stack);
  AnsStack reader(stack.head(), stack.words());
  CHECK(codec.decode(rows, reader) == symbols);
  CHECK(reader.holds_only(codec_bits));
}

template <class M>
bool same_bits(const M& a, const M& b) {
  return a.size() == b.size() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(a(0, 0))) == 0;
}

}  // namespace

TEST_CASE("bits back: groups cover all rows, and the first ones are small") {
  for (const Index rows : {1, 2, 9, 16, 17, 511, 512, 513, 600, 5000}) {
    for (const Index before : {1, 8, 100}) {
      const BitsBackGroups groups(rows, before);
      Index next = 0;
      for (Index i = 0; i < groups.size(); ++i) {
        CHECK(groups[i].first == next);
        const Index size = groups[i].last - groups[i].first;
        CHECK(size == std::min(std::clamp<Index>(next / before, 1, 64), rows - next));
        next = groups[i].last;
      }
      CHECK(next == rows);
    }
  }
  CHECK(BitsBackGroups(5000).size() < 150);
  CHECK(BitsBackGroups(Index{1} << 32).size() < Index{1} << 27);  // without a list of them
}

TEST_CASE_TEMPLATE("bits back: what goes in comes out, whatever the number of rows", T, float, double) {
  const auto binary = make_codec_model<T, Bernoulli>({});
  for (const Index rows : {1, 2, 17, 700}) {
    check_rows_return(binary, 1, rows);
  }
  for (const ParameterSource spread :
       {ParameterSource::predicted, ParameterSource::learned, ParameterSource::per_feature}) {
    check_rows_return(make_codec_model<T, DiscretizedLogistic>({.spread = spread}), 1.0 / 255, 40);
  }
}

TEST_CASE("bits back: the rate is the negative ELBO, and the start is paid once") {
  const auto model = make_codec_model<float, Bernoulli>({});
  const BitsBack<std::remove_cvref_t<decltype(model)>> codec(model, codec_scaling(1));
  const Index rows = 4000;
  const std::vector<std::uint8_t> symbols = random_bytes(rows, 2);
  AnsStack stack(codec_bits);
  codec.encode(symbols, stack);
  const Dataset data("symbols", Shape::flat(features), symbols);
  const Transform scaling = codec_scaling(1);
  const std::vector<std::uint32_t> all = all_rows(rows);
  const double nats = -evaluate_elbo(model, {&data, &scaling, all}, 1).elbo.mean();
  const double bits = 32.0 * static_cast<double>(stack.words().size()) + 64;
  CHECK(bits / rows == doctest::Approx(nats / std::numbers::ln2).epsilon(3e-3));
  CHECK(stack.clean_bits() <= 64 + 32 * 3);
}

TEST_CASE("bits back: with many latent dimensions, groups that grow slowly need few bits to begin with") {
  // 100 dimensions take some 1400 bits of z a row, 30 values of 0 or 1 bring some 30.
  const auto model = make_codec_model<float, Bernoulli>({}, 40, 100);
  const BitsBack<std::remove_cvref_t<decltype(model)>> codec(model, codec_scaling(1));
  const std::vector<std::uint8_t> symbols = random_bytes(700, 2);
  const auto clean_bits = [&](Index before) {
    AnsStack stack(codec_bits);
    codec.encode(symbols, stack, before);
    AnsStack reader(stack.head(), stack.words());
    CHECK(codec.decode(700, reader, before) == symbols);
    return stack.clean_bits();
  };
  CHECK(clean_bits(8) > 20'000);
  CHECK(clean_bits(700) <= 96 + 20 * 100);
}

TEST_CASE("bits back: the networks give the same bits for one row and for many, packed or not") {
  const auto model = make_codec_model<float, Bernoulli>({}, 400);
  auto many = model.make_inference_workspace(64);
  auto one = model.make_inference_workspace(1);
  auto plain = model.make_workspace(64);
  Matrix<float> x(64, features);
  Matrix<float> z(64, dim);
  for (Index i = 0; i < x.size(); ++i) {
    x.data()[i] = static_cast<float>(i % 7 % 2);
  }
  for (Index i = 0; i < z.size(); ++i) {
    z.data()[i] = static_cast<float>(std::sin(static_cast<double>(i)));
  }
  const Matrix<float> mu = model.encode(x, many).mu;
  const Matrix<float> params = model.decode_parameters(z, many);
  CHECK(same_bits(mu, Matrix<float>(model.encode(x, plain).mu)));
  CHECK(same_bits(params, Matrix<float>(model.decode_parameters(z, plain))));
  for (Index row = 0; row < 64; ++row) {
    const Matrix<float> alone = model.encode(x.middleRows(row, 1), one).mu;
    CHECK(same_bits(alone, Matrix<float>(mu.middleRows(row, 1))));
    const Matrix<float> decoded = model.decode_parameters(z.middleRows(row, 1), one);
    CHECK(same_bits(decoded, Matrix<float>(params.middleRows(row, 1))));
  }
}

TEST_CASE("bits back: threads change no bit of the message") {
  const auto model = make_codec_model<float, Bernoulli>({}, 400);
  const BitsBack<std::remove_cvref_t<decltype(model)>> codec(model, codec_scaling(1));
  const std::vector<std::uint8_t> symbols = random_bytes(700, 2);
  const auto encode = [&](int threads) {
    const ThreadScope scope(threads);
    AnsStack stack(codec_bits);
    codec.encode(symbols, stack);
    return stack.words();
  };
  CHECK(encode(1) == encode(3));
}

TEST_CASE("bits back: a message without an end, or of another model, ends or comes out different") {
  const auto model = make_codec_model<float, Bernoulli>({});
  using Codec = BitsBack<std::remove_cvref_t<decltype(model)>>;
  const Codec codec(model, codec_scaling(1));
  AnsStack stack(AnsStack::smallest_head, {1, 2, 3});
  CHECK(codec.decode(1'000'000, stack).size() < 10'000);
  CHECK(stack.exhausted());
  // Rows that cost nothing, whose z comes from the prior and goes back by a posterior far from it.
  auto growing = make_codec_model<float, Bernoulli>({});
  growing.likelihood_head.bias.setConstant(-100);
  growing.posterior_head.weight.setZero();
  growing.posterior_head.bias << 0, 0, 0, -20, -20, -20;
  AnsStack endless(AnsStack::smallest_head, std::vector<AnsStack::Word>(200, 7));
  const std::size_t decoded = Codec(growing, codec_scaling(1)).decode(1'000'000, endless).size();
  CHECK(decoded <= 64 * features);
  CHECK_FALSE(endless.exhausted());
  CHECK(endless.words().size() > 200 + Codec::most_growth / 32);
  auto other = make_codec_model<float, Bernoulli>({});
  CHECK(Codec(other, codec_scaling(1)).probe() == codec.probe());
  other.likelihood_head.bias[0] += 1e-3F;
  CHECK(Codec(other, codec_scaling(1)).probe() != codec.probe());
}

TEST_CASE("bits back: models without a code are refused by name") {
  using AnyModel = Vae<Sequential<Dense<>>, AnyLatent<>, Sequential<Dense<>>, AnyLikelihood<>, AnyPrior<>>;
  const auto make = [](const LatentConfig& latent, const PriorConfig& prior,
                       const LikelihoodConfig& likelihood, Index condition = 0) {
    const AnyLatent<> posterior(latent);
    return AnyModel(Sequential(Dense<>({.units = 4}, Shape::flat(features + condition))), posterior,
                    Sequential(Dense<>({.units = 4}, Shape::flat(posterior.dim + condition))),
                    AnyLikelihood<>(likelihood, features), Initializer::fan_in_uniform,
                    AnyPrior<>(prior, posterior.dim, features, condition), condition);
  };
  const auto refused = [&](const std::string& message, const AnyModel& model) {
    check_throws_with<ConfigError>(message, [&] { static_cast<void>(compressible_levels(model)); });
  };
  const GaussianLatentConfig gaussian{.dim = 2};
  CHECK(compressible_levels(make(gaussian, StandardNormalConfig{}, BernoulliConfig{})) == 2);
  CHECK(compressible_levels(make(gaussian, StandardNormalConfig{}, DiscretizedLogisticConfig{})) == 256);
  refused(
      "compress: latent is \"full_gaussian\", must be gaussian: the dimensions of z are coded one by one, "
      "from "
      "their mean and variance",
      make(FullGaussianConfig{.dim = 2}, StandardNormalConfig{}, BernoulliConfig{}));
  refused(
      "compress: prior is \"gaussian_mixture\", must be standard_normal: z is rounded to intervals of equal "
      "probability",
      make(gaussian, GaussianMixtureConfig{}, BernoulliConfig{}));
  refused(
      "compress: likelihood is \"gaussian\", must be bernoulli or discretized_logistic: the others have no "
      "table of frequencies",
      make(gaussian, StandardNormalConfig{}, GaussianConfig{}));
  refused("compress: the model is conditional, must not be: the file holds no conditions",
          make(gaussian, StandardNormalConfig{}, BernoulliConfig{}, 3));
}

TEST_CASE("bits back: a scaling that merges levels, and numbers that are not finite, are refused") {
  const auto grey = make_codec_model<float, DiscretizedLogistic>({});
  check_throws_with<ConfigError>(
      "compress: data/scale takes the byte 2 to 0.003921569, must take each byte k to k/255; train on 8-bit "
      "data with scale [0, 1]",
      [&] { BitsBack(grey, codec_scaling(0.5 / 255)); });
  auto broken = make_codec_model<float, Bernoulli>({});
  broken.likelihood_head.bias[3] = std::numeric_limits<float>::quiet_NaN();
  check_throws_with<NumericError>("compress: parameters of the likelihood are not finite, must be", [&] {
    AnsStack stack(codec_bits);
    BitsBack(broken, codec_scaling(1)).encode(random_bytes(2, 2), stack);
  });
  check_throws_with<DataError>("compress: symbol 1 is 255, must be below 2", [&] {
    AnsStack stack(codec_bits);
    std::vector<std::uint8_t> symbols(features);
    symbols[1] = 255;
    BitsBack(broken, codec_scaling(1)).encode(symbols, stack);
  });
  check_throws_with<ShapeError>("compress: has 31 symbols, must have a multiple of 30 (features)", [&] {
    AnsStack stack(codec_bits);
    BitsBack(broken, codec_scaling(1)).encode(std::vector<std::uint8_t>(31), stack);
  });
  auto spread = make_codec_model<float, DiscretizedLogistic>({.spread = ParameterSource::learned});
  parameters(spread.likelihood)[0].values[0] = std::numeric_limits<float>::quiet_NaN();
  check_throws_with<NumericError>(
      "compress: parameter \"log_scale\" of the likelihood is not finite, must be",
      [&] { BitsBack(spread, codec_scaling(1.0 / 255)); });
  broken.posterior_head.bias[0] = std::numeric_limits<float>::infinity();
  check_throws_with<NumericError>("compress: parameters of the posterior are not finite, must be",
                                  [&] { static_cast<void>(BitsBack(broken, codec_scaling(1)).probe()); });
}
