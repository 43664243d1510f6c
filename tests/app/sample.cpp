// SPDX-License-Identifier: MIT
#include "vaekit/app/sample.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <vector>

#include "app/example_run.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

std::vector<float> floats(const std::filesystem::path& path) {
  return std::get<std::vector<float>>(example::read_array(path).values());
}

}  // namespace

TEST_CASE("sample: means of the decoder at z from the prior, by seed and temperature") {
  const example::ExampleRun example("sample");
  const std::filesystem::path out = example.folder / "s.npy";
  std::ostringstream said;
  const auto sampled = [&](std::uint64_t seed, double temperature) {
    run_sample({.run = example.run.root,
                .out = out,
                .count = 5,
                .temperature = temperature,
                .seed = seed,
                .threads = 1},
               said);
    return floats(out);
  };
  const ConfiguredVae<float> model = example::initialized_model(example.config);
  const Matrix<float> expected = sample_all(model, 3, 5, 0.5);
  CHECK(sampled(3, 0.5) == std::vector<float>(expected.span().begin(), expected.span().end()));
  CHECK(said.str() == out.string() + "\n");
  CHECK(example::read_array(out).shape() == Shape{8, 8, 1});
  CHECK(sampled(4, 0.5) != sampled(3, 0.5));
  const std::vector<float> cold = sampled(3, 0);
  CHECK(std::equal(cold.begin(), cold.begin() + 64, cold.begin() + 64));
  const std::filesystem::path picture = example.folder / "s.png";
  run_sample({.run = example.run.root, .out = picture, .count = 5, .seed = 3, .threads = 1}, said);
  CHECK(read_png(picture).channels == 1);
  check_throws_with<UsageError>(
      "--out: picture of 1000000 samples has 66002x66002 pixels, must have at most 268435456; lower --count, "
      "or end --out in .npy",
      [&] { run_sample({.run = example.run.root, .out = picture, .count = 1'000'000}, said); });
}

TEST_CASE("sample: uniform priors ignore the temperature, not so the numbers beside one-hot vectors") {
  const auto changes = [](const std::string& name, auto latent, auto prior) {
    ExperimentConfig config = example::small_config();
    config.model.latent = std::move(latent);
    config.model.prior = std::move(prior);
    const example::ExampleRun example("sample-" + name, config);
    const std::filesystem::path out = example.folder / "s.npy";
    std::ostringstream said;
    const auto sampled = [&](double temperature) {
      run_sample({.run = example.run.root, .out = out, .count = 8, .temperature = temperature, .threads = 1},
                 said);
      return floats(out);
    };
    const std::vector<float> usual = sampled(1);
    const bool cold = sampled(0) != usual;
    CHECK((sampled(0.5) != usual) == cold);
    return cold;
  };
  const ConcreteConfig one_hot{.variables = 2, .classes = 3};
  const CategoricalPriorConfig uniform{.classes = 3};
  CHECK_FALSE(changes("sphere", VonMisesFisherConfig{.dim = 3}, UniformSphereConfig{}));
  CHECK_FALSE(changes("one-hot", one_hot, uniform));
  CHECK_FALSE(
      changes("codes", VectorQuantizedConfig{.positions = 1, .width = 2, .codes = 4}, CodePriorConfig{}));
  CHECK(changes("joint", JointConfig{.gaussian = {.dim = 2}, .concrete = one_hot},
                JointPriorConfig{.dim = 2, .classes = 3}));
  CHECK(changes("gaussian", GaussianLatentConfig{.dim = 2}, StandardNormalConfig{}));
}

TEST_CASE("decode: a picture that would be too large is refused, with what helps") {
  const example::ExampleRun example("decode-large");
  const std::filesystem::path in = example.folder / "z.npy";
  write_file_atomically(in, npy_bytes<float>(Matrix<float>(62'500, 2), Shape::flat(2)));
  std::ostringstream said;
  check_throws_with<UsageError>(
      "--out: picture of 62500 samples has 16502x16502 pixels, must have at most 268435456; end --out in "
      ".npy",
      [&] { run_decode({.run = example.run.root, .in = in, .out = example.folder / "x.png"}, said); });
}

TEST_CASE("decode: means for given latents, as many as the model has") {
  const example::ExampleRun example("decode");
  const std::filesystem::path in = example.folder / "z.npy";
  const std::filesystem::path out = example.folder / "x.npy";
  std::ostringstream said;
  Matrix<float> z(3, 2);
  z << 0, 0, 1, -1, 2, 0.5;
  write_file_atomically(in, npy_bytes<float>(z, Shape::flat(2)));
  run_decode({.run = example.run.root, .in = in, .out = out, .threads = 1}, said);
  const Matrix<float> expected = decode_all(example::initialized_model(example.config), z);
  CHECK(floats(out) == std::vector<float>(expected.span().begin(), expected.span().end()));
  write_file_atomically(in, npy_bytes<float>(Matrix<float>(3, 4), Shape::flat(4)));
  check_throws_with<DataError>("z.npy: rows have 4 values, must have 2 (latent dimensions)",
                               [&] { run_decode({.run = example.run.root, .in = in, .out = out}, said); });
}

TEST_CASE("decode: latents that the model never sees are refused") {
  ExperimentConfig config = example::small_config();
  config.model.latent = VonMisesFisherConfig{.dim = 2};
  config.model.prior = UniformSphereConfig{};
  const example::ExampleRun example("decode-sphere", config);
  const std::filesystem::path in = example.folder / "z.npy";
  const std::filesystem::path out = example.folder / "x.npy";
  std::ostringstream said;
  Matrix<float> z(2, 2);
  z << 0, 1, 2, 0.5;
  write_file_atomically(in, npy_bytes<float>(z, Shape::flat(2)));
  check_throws_with<DataError>(
      "z.npy: sample 1 is not on the unit sphere, where the von_mises_fisher posterior lives",
      [&] { run_decode({.run = example.run.root, .in = in, .out = out}, said); });
  CHECK_FALSE(std::filesystem::exists(out));
}
