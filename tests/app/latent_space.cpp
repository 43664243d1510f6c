// SPDX-License-Identifier: MIT
#include "vaekit/app/latent_space.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <sstream>

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

TEST_CASE("interpolate: on an arc the length of z is kept") {
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

TEST_CASE("manifold: quantiles of the prior, the second dimension upwards") {
  const example::ExampleRun example("manifold");
  const std::filesystem::path out = example.folder / "p.png";
  std::ostringstream said;
  run_manifold({.run = example.run.root, .out = out, .steps = 2, .threads = 1}, said);
  const float q = 0.6744897501960817F;
  Matrix<float> z(4, 2);
  z << -q, q, q, q, -q, -q, q, -q;
  const Matrix<float> expected = decode_all(example::initialized_model(example.config), z);
  CHECK(read_png(out) == image_grid<float>(expected, {8, 8, 1}, grid_options({8, 8, 1}, 2)));
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

TEST_CASE("interpolate: one sample makes no pair") {
  ExperimentConfig config = example::small_config();
  std::get<SyntheticConfig>(*config.data.test).count = 1;
  const example::ExampleRun example("interpolate1", config);
  std::ostringstream said;
  check_throws_with<DataError>("synthetic bars: has 1 sample, must have at least 2 to interpolate", [&] {
    run_interpolate({.run = example.run.root, .out = example.folder / "p.png"}, said);
  });
}
