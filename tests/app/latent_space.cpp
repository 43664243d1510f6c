// SPDX-License-Identifier: MIT
#include "vaekit/app/latent_space.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <vector>

#include "app/example_run.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

/// Height and width of a grid of 8x8 pictures.
Image grid(Index rows, Index columns) {
  return image_grid<float>(Matrix<float>(rows * columns, 64), {8, 8, 1}, grid_options({8, 8, 1}, columns));
}

void check_size(const std::filesystem::path& path, Index rows, Index columns) {
  const Image image = read_png(path);
  const Image expected = grid(rows, columns);
  CHECK(image.height == expected.height);
  CHECK(image.width == expected.width);
}

}  // namespace

namespace spaces {

ExperimentConfig config(const LatentConfig& latent, const PriorConfig& prior) {
  ExperimentConfig config = example::small_config();
  config.model.latent = latent;
  config.model.prior = prior;
  return config;
}

/// Commands that make sense.
struct Allowed {
  bool interpolate = false;
  bool traverse = false;
};

/// The other commands, and `manifold`, name the space.
void check(const std::string& name, const LatentConfig& latent, const PriorConfig& prior,
           const std::string& space, const Allowed& allowed) {
  const example::ExampleRun example("space_" + name, config(latent, prior));
  const LatentPictureOptions options{.run = example.run.root, .out = example.folder / "p.png", .threads = 1};
  std::ostringstream said;
  CAPTURE(name);
  const auto check_command = [&](bool is_allowed, const std::string& what, auto&& run) {
    if (is_allowed) {
      CHECK(run(options, said) == ExitCode::done);
    } else {
      check_throws_with<UsageError>(what + ", the " + space, [&] { run(options, said); });
    }
  };
  check_command(allowed.interpolate, "interpolate: moves z from one latent to another", run_interpolate);
  check_command(allowed.traverse, "traverse: moves z through all of space", run_traverse);
  check_command(false, "manifold: moves z through all of space", run_manifold);
}

}  // namespace spaces

TEST_CASE("latent pictures: rows and columns as asked for, with defaults that suit the data") {
  const example::ExampleRun example("latent");
  const std::filesystem::path out = example.folder / "p.png";
  std::ostringstream said;
  run_interpolate({.run = example.run.root, .out = out, .rows = 3, .steps = 4, .threads = 1}, said);
  CHECK(said.str() == out.string() + "\n");
  check_size(out, 3, 4);
  run_interpolate({.run = example.run.root, .out = out, .threads = 1}, said);
  check_size(out, 6, 10);  // 12 samples are 6 pairs
  run_interpolate({.run = example.run.root, .out = out, .spherical = true, .threads = 1}, said);
  check_size(out, 6, 10);
  run_traverse({.run = example.run.root, .out = out, .threads = 1}, said);
  check_size(out, 2, 11);
  run_traverse({.run = example.run.root, .out = out, .rows = 1, .steps = 1, .threads = 1}, said);
  check_size(out, 1, 1);
  run_manifold({.run = example.run.root, .out = out, .steps = 3, .threads = 1}, said);
  check_size(out, 3, 3);
}

TEST_CASE("traverse: from -range to range along the dimensions, the one of largest KL first") {
  const example::ExampleRun example("traverse");
  const std::filesystem::path out = example.folder / "p.png";
  std::ostringstream said;
  run_traverse({.run = example.run.root, .out = out, .steps = 3, .range = 2, .threads = 1}, said);
  const ConfiguredVae<float> model = example::initialized_model(example.config);
  const LoadedData data = load_shown(load_run(example.run.root));
  const std::vector<double> kl = latent_statistics(model, data.view()).kl;
  REQUIRE(kl.size() == 2);
  const Index first = kl[0] > kl[1] ? 0 : 1;
  const auto line = [&](int row, Index d) {
    return concat("row ", row, ": dimension ", d, ", KL ", format_fixed(kl[static_cast<std::size_t>(d)], 3),
                  " nats\n");
  };
  CHECK(said.str() == concat(out.string(), '\n', line(1, first), line(2, 1 - first)));
  const Matrix<float> start = encode_first(model, data.view(), 1);
  Matrix<float> z(start.replicate(6, 1));
  for (Index s = 0; s < 3; ++s) {
    z(s, first) = static_cast<float>(2 * s - 2);
    z(3 + s, 1 - first) = static_cast<float>(2 * s - 2);
  }
  CHECK(read_png(out) == latent_picture(model, example::small_pictures(), z, 3));
}

TEST_CASE("interpolate: from one latent to the next, straight or on an arc") {
  const example::ExampleRun example("interpolate");
  const std::filesystem::path out = example.folder / "p.png";
  std::ostringstream said;
  const ConfiguredVae<float> model = example::initialized_model(example.config);
  const LoadedData data = load_shown(load_run(example.run.root));
  const Matrix<float> ends = encode_pairs(model, data.view(), 2);
  run_interpolate({.run = example.run.root, .out = out, .rows = 2, .steps = 2, .threads = 1}, said);
  CHECK(read_png(out) == latent_picture(model, example::small_pictures(), ends, 2));
  for (const bool spherical : {false, true}) {
    run_interpolate(
        {.run = example.run.root, .out = out, .rows = 2, .steps = 5, .spherical = spherical, .threads = 1},
        said);
    const Matrix<float> z = interpolation_latents(model, ends, 5, spherical);
    CHECK(read_png(out) == latent_picture(model, example::small_pictures(), z, 5));
    CHECK(z != interpolation_latents(model, ends, 5, !spherical));
  }
}

TEST_CASE("interpolate: on a sphere along great circles, asked for or not") {
  const example::ExampleRun example("interpolate_sphere",
                                    spaces::config(VonMisesFisherConfig{.dim = 3}, UniformSphereConfig{}));
  const std::filesystem::path out = example.folder / "p.png";
  std::ostringstream said;
  const ConfiguredVae<float> model = example::initialized_model(example.config);
  const LoadedData data = load_shown(load_run(example.run.root));
  const Matrix<float> z = interpolation_latents(model, encode_pairs(model, data.view(), 2), 5, true);
  for (Index row = 0; row < z.rows(); ++row) {
    CHECK(z.row(row).norm() == doctest::Approx(1).epsilon(1e-6));
  }
  for (const bool spherical : {false, true}) {
    run_interpolate(
        {.run = example.run.root, .out = out, .rows = 2, .steps = 5, .spherical = spherical, .threads = 1},
        said);
    CHECK(read_png(out) == latent_picture(model, example::small_pictures(), z, 5));
  }
}

TEST_CASE("latent pictures: spaces that a way would leave are refused by name") {
  spaces::check("sphere", VonMisesFisherConfig{.dim = 2}, UniformSphereConfig{},
                "von_mises_fisher posterior lives on the unit sphere", {.interpolate = true});
  spaces::check("ball", PoincareConfig{.dim = 2}, WrappedNormalConfig{},
                "poincare posterior lives on the Poincare ball of curvature -1", {.interpolate = true});
  spaces::check("one_hot", ConcreteConfig{.variables = 2, .classes = 3}, CategoricalPriorConfig{.classes = 3},
                "concrete posterior lives on one-hot vectors of 2 x 3", {});
  spaces::check("codes", VectorQuantizedConfig{.positions = 1, .width = 2, .codes = 4}, CodePriorConfig{},
                "vector_quantized posterior lives on codes of a vector quantizer", {});
  spaces::check("joint", JointConfig{.gaussian = {.dim = 2}, .concrete = {.variables = 1, .classes = 3}},
                JointPriorConfig{.dim = 2, .classes = 3},
                "joint posterior lives on 2 real numbers and one-hot vectors of 1 x 3", {.traverse = true});
  const example::ExampleRun ball("ball_arc", spaces::config(PoincareConfig{.dim = 2}, WrappedNormalConfig{}));
  std::ostringstream said;
  check_throws_with<UsageError>(
      "--spherical: an arc around 0 may leave the Poincare ball of curvature -1, must be left out", [&] {
        run_interpolate({.run = ball.run.root, .out = ball.folder / "p.png", .spherical = true}, said);
      });
}

TEST_CASE("traverse: of dimensions whose KL is not known the numbers alone are printed") {
  CHECK(detail::traversal_legend({4, 0}, {{}, {1, 0, 0, 0, 2}, 2}) ==
        "row 1: dimension 4\nrow 2: dimension 0\n");
}

TEST_CASE("traverse: of numbers beside one-hot vectors the numbers move") {
  const example::ExampleRun example(
      "traverse_joint",
      spaces::config(JointConfig{.gaussian = {.dim = 2}, .concrete = {.variables = 1, .classes = 3}},
                     JointPriorConfig{.dim = 2, .classes = 3}));
  const std::filesystem::path out = example.folder / "p.png";
  std::ostringstream said;
  run_traverse({.run = example.run.root, .out = out, .steps = 4, .threads = 1}, said);
  check_size(out, 2, 4);
  check_throws_with<UsageError>("--rows: is 3, must be at most 2 (latent dimensions that move)", [&] {
    run_traverse({.run = example.run.root, .out = out, .rows = 3}, said);
  });
}

TEST_CASE("manifold: quantiles of the prior, the second dimension upwards") {
  const example::ExampleRun example("manifold");
  const std::filesystem::path out = example.folder / "p.png";
  std::ostringstream said;
  run_manifold({.run = example.run.root, .out = out, .steps = 2, .threads = 1}, said);
  const float q = 0.6744897501960817F;
  Matrix<float> z(4, 2);
  z << -q, q, q, q, -q, -q, q, -q;
  const Matrix<float> expected = decode_all(example::initialized_model(example.config), z);
  CHECK(read_png(out) == sample_grid(example::small_pictures(), expected, 2));
}

TEST_CASE("manifold: a model of another number of dimensions is refused") {
  const example::ExampleRun example("manifold3", example::small_config(3));
  std::ostringstream said;
  check_throws_with<UsageError>("manifold: the model has 3 latent dimensions, must have 2", [&] {
    run_manifold({.run = example.run.root, .out = example.folder / "p.png"}, said);
  });
  check_throws_with<UsageError>("--out: is \"p.npy\", must end in .png",
                                [&] { run_manifold({.run = example.run.root, .out = "p.npy"}, said); });
}

TEST_CASE("latent pictures: more than the data have, or a picture holds, is refused") {
  const example::ExampleRun example("latent_limits");
  const std::filesystem::path out = example.folder / "p.png";
  std::ostringstream said;
  check_throws_with<UsageError>("--rows: is 7, must be at most 6 (pairs of 12 samples)", [&] {
    run_interpolate({.run = example.run.root, .out = out, .rows = 7}, said);
  });
  check_throws_with<UsageError>(
      "--out: picture of 1000000 samples has 66002x66002 pixels, must have at most 268435456; lower --steps",
      [&] { run_manifold({.run = example.run.root, .out = out, .steps = 1000}, said); });
  CHECK_FALSE(std::filesystem::exists(out));
}

TEST_CASE("interpolate: one sample makes no pair") {
  ExperimentConfig config = example::small_config();
  std::get<SyntheticConfig>(*config.data.test).count = 1;
  const example::ExampleRun example("interpolate1", config);
  std::ostringstream said;
  check_throws_with<DataError>("synthetic bars: has 1 sample, must have at least 2 to interpolate", [&] {
    run_interpolate({.run = example.run.root, .out = example.folder / "p.png"}, said);
  });
}
