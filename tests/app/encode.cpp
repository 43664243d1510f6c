// SPDX-License-Identifier: MIT
#include "vaekit/app/encode.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "app/example_run.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

struct Encoding : example::ExampleRun {
  std::filesystem::path in = folder / "x.npy";
  std::filesystem::path out = folder / "out.npy";
  ConfiguredVae<float> model = example::initialized_model(config);
  std::ostringstream said;

  explicit Encoding(const std::string& name) : ExampleRun(name) { example::write_inputs(in, 5); }

  [[nodiscard]] std::vector<float> floats() const {
    return std::get<std::vector<float>>(example::read_array(out).values());
  }
};

}  // namespace

TEST_CASE("encode: posterior means, and log-variances beside them") {
  Encoding e("encode");
  CHECK(run_encode({.run = e.run.root, .in = e.in, .out = e.out, .threads = 1}, e.said) == ExitCode::done);
  CHECK(e.said.str() == e.out.string() + "\n");
  const LoadedData data = load_input(load_run(e.run.root), e.in);
  Matrix<float> x(5, 64);
  for_each_batch<float>(data.view(), x, [](Index, MatrixIn<float>) {});
  auto w = e.model.make_workspace(5);
  const DiagonalGaussian<float> q = e.model.encode(x, w);
  const std::vector<float> means = e.floats();
  REQUIRE(means.size() == 10);
  run_encode({.run = e.run.root, .in = e.in, .out = e.out, .logvar = true, .threads = 1}, e.said);
  const std::vector<float> both = e.floats();
  REQUIRE(both.size() == 20);
  for (Index row = 0; row < 5; ++row) {
    for (Index d = 0; d < 2; ++d) {
      CHECK(means[static_cast<std::size_t>(2 * row + d)] == q.mu(row, d));
      CHECK(both[static_cast<std::size_t>(4 * row + d)] == q.mu(row, d));
      CHECK(both[static_cast<std::size_t>(4 * row + 2 + d)] == q.logvar(row, d));
    }
  }
}

TEST_CASE("reconstruct: all inputs in an array, the first ones in a picture") {
  Encoding e("reconstruct");
  run_reconstruct({.run = e.run.root, .out = e.out, .in = e.in, .count = {}, .threads = 1}, e.said);
  const LoadedData data = load_input(load_run(e.run.root), e.in);
  const Matrix<float> expected = reconstruct_all(e.model, data.view());
  CHECK(e.floats() == std::vector<float>(expected.span().begin(), expected.span().end()));
  run_reconstruct({.run = e.run.root, .out = e.out, .in = {}, .count = 3, .threads = 1}, e.said);
  CHECK(example::read_array(e.out).size() == 3);
  const std::filesystem::path picture = e.folder / "r.png";
  run_reconstruct({.run = e.run.root, .out = picture, .in = e.in, .count = 2, .threads = 1}, e.said);
  DataView first = data.view();
  first.rows = first.rows.first(2);
  CHECK(read_png(picture) == reconstruction_picture(e.model, example::small_pictures(), first));
}

TEST_CASE("reconstruct: a picture of the run's own data shows a random part of them") {
  Encoding e("reconstruct-random");
  const std::filesystem::path picture = e.folder / "r.png";
  run_reconstruct({.run = e.run.root, .out = picture, .in = {}, .count = 3, .threads = 1}, e.said);
  const LoadedData data = load_shown(load_run(e.run.root));
  DataView shown = data.view();
  const std::vector<std::uint32_t> rows = random_rows(shown, 3);
  REQUIRE(rows != all_rows(3));
  shown.rows = rows;
  CHECK(read_png(picture) == reconstruction_picture(e.model, example::small_pictures(), shown));
}

TEST_CASE("reconstruct: inputs look the same however the run scales them") {
  const auto inputs = [](const std::string& name, const Scale& scale) {
    ExperimentConfig config = example::small_config();
    config.data.scale = scale;
    config.model.likelihood = GaussianConfig{};
    const example::ExampleRun example("reconstruct-" + name, config);
    const std::filesystem::path picture = example.folder / "r.png";
    std::ostringstream said;
    run_reconstruct({.run = example.run.root, .out = picture, .in = {}, .count = 8, .threads = 1}, said);
    Image image = read_png(picture);
    image.pixels.resize(image.pixels.size() / 2);  // the upper of two rows
    return image.pixels;
  };
  const std::vector<std::uint8_t> plain = inputs("plain", {});
  CHECK(inputs("range", {ScaleKind::range, -1, 1}) == plain);
  CHECK(inputs("standardize", {ScaleKind::standardize}) == plain);
}

TEST_CASE("score: the negative ELBO of each input, or a tighter bound") {
  Encoding e("score");
  run_score({.run = e.run.root, .in = e.in, .out = e.out, .threads = 1}, e.said, e.said);
  const LoadedData data = load_input(load_run(e.run.root), e.in);
  const ElboEvaluation elbo = evaluate_elbo(e.model, data.view(), e.config.seed);
  // An NPY file of one dimension: five doubles after a header.
  const Bytes bytes = read_file(e.out);
  REQUIRE(text_of(bytes).find("'<f8', 'fortran_order': False, 'shape': (5,)") != std::string::npos);
  std::array<double, 5> scores{};
  std::memcpy(scores.data(), bytes.data() + bytes.size() - sizeof scores, sizeof scores);
  double mean = 0;
  for (const double score : scores) {
    mean += score / 5;
  }
  CHECK(mean == doctest::Approx(-elbo.elbo.mean()).epsilon(1e-6));
}

TEST_CASE("reconstruct: a picture that would be too large is refused, with what helps") {
  Encoding e("reconstruct-large");
  example::write_inputs(e.in, 31'000);
  check_throws_with<UsageError>(
      "--out: picture of 62000 samples has 530x511502 pixels, must have at most 268435456; lower --count, or "
      "end "
      "--out in .npy",
      [&] {
        run_reconstruct(
            {.run = e.run.root, .out = e.folder / "x.png", .in = e.in, .count = 31'000, .threads = 1},
            e.said);
      });
}

TEST_CASE("encode, score: the inputs are not written over, and results that are not finite are not written") {
  Encoding e("encode-same");
  const Bytes before = read_file(e.in);
  const auto refused = [&](auto&& call) {
    check_throws_with<UsageError>("--out: is \"" + e.in.string() + "\", which is read, must be another file",
                                  call);
  };
  refused([&] { run_encode({.run = e.run.root, .in = e.in, .out = e.in, .threads = 1}, e.said); });
  refused([&] { run_score({.run = e.run.root, .in = e.in, .out = e.in, .threads = 1}, e.said, e.said); });
  refused([&] {
    run_reconstruct({.run = e.run.root, .out = e.in, .in = e.in, .count = {}, .threads = 1}, e.said);
  });
  CHECK(read_file(e.in) == before);
  const std::vector<std::uint32_t> rows = {0, 1, 2};
  const Dataset data("x.npy", Shape::flat(1), std::vector<float>(3));
  const Transform as_is({0}, {1}, 0, Binarize::none);
  check_throws_with<NumericError>(
      "x.npy: score of sample 1 is inf, must be finite; its values may be out of range", [&] {
        check_finite("score", {1, std::numeric_limits<double>::infinity(), 2},
                     DataView{&data, &as_is, rows, 1, {}});
      });
}

TEST_CASE("encode: inputs of another width or outside the support, and other endings, are refused") {
  Encoding e("encode-refuse");
  example::write_inputs(e.folder / "narrow.npy", 2, 63);
  check_throws_with<DataError>(
      "narrow.npy: samples have 63 features (63), must have 64 for this model (8x8x1)",
      [&] { run_encode({.run = e.run.root, .in = e.folder / "narrow.npy", .out = e.out}, e.said); });
  Matrix<float> high(1, 64);
  high.setConstant(2);
  write_file_atomically(e.folder / "high.npy", npy_bytes<float>(high, Shape::flat(64)));
  check_throws_with<DataError>(
      "high.npy: sample 0, feature 0 is 2 after scaling, must be in [0, 1] for a bernoulli likelihood; hint: "
      "set "
      "data/scale to [0, 1] or use a gaussian likelihood",
      [&] { run_score({.run = e.run.root, .in = e.folder / "high.npy", .out = e.out}, e.said, e.said); });
  check_throws_with<UsageError>("--out: is \"z.txt\", must end in .npy",
                                [&] { run_encode({.run = e.run.root, .in = e.in, .out = "z.txt"}, e.said); });
  CHECK_FALSE(std::filesystem::exists(e.out));
  CHECK(e.said.str().empty());
}
