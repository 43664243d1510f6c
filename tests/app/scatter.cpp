// SPDX-License-Identifier: MIT
#include "vaekit/app/scatter.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <sstream>
#include <vector>

#include "app/example_run.hpp"
#include "support/count_text.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

TEST_CASE("scatter: a picture of the size asked for; says what its axes are") {
  const example::ExampleRun plane("scatter");
  std::ostringstream said;
  const std::filesystem::path out = plane.folder / "p.png";
  run_scatter({.run = plane.run.root, .out = out, .size = 80, .threads = 1}, said);
  CHECK(said.str().starts_with(out.string() + ": the two latent dimensions\n"));
  CHECK(read_png(out).width == 80);

  const example::ExampleRun space("scatter3", example::small_config(3));
  said.str("");
  run_scatter({.run = space.run.root, .out = out, .threads = 1}, said);
  CHECK(contains(said.str(), ": the principal components 1 and 2 of 3 dimensions, with "));
}

TEST_CASE("scatter: labels are named with their colours") {
  ExperimentConfig config = example::small_config();
  config.data.train = SyntheticConfig{.source = SyntheticSource::mixture, .count = 40};
  config.data.test = std::nullopt;
  config.data.scale = {};
  const Dataset data = load_dataset(config.data.train);
  REQUIRE_FALSE(data.labels().empty());
  ConfiguredVae<float> model = build_model<float>(config.model, data.shape());
  model.initialize(1);
  const Transform to_input = Transform::fit({}, data, all_rows(40));
  const std::vector<std::uint32_t> rows = all_rows(40);
  const LatentScatter scatter = latent_scatter(model, {&data, &to_input, rows, 1}, 20, 64);
  CHECK(scatter.labels.size() > 1);
}

TEST_CASE("scatter: data sorted by labels of any numbers are shown in all their colours") {
  const ExperimentConfig config = example::small_config();
  constexpr std::size_t count = 300;
  std::vector<float> values(count * 64);
  std::vector<std::int32_t> labels(count);
  for (std::size_t i = 0; i < count; ++i) {
    labels[i] = static_cast<std::int32_t>(i / 100 * 10) - 10;  // -10, 0, 10
    values[i * 64 + i / 100] = 1;
  }
  const Dataset data("sorted", Shape{8, 8, 1}, values, labels);
  const Transform as_is = Transform::fit({}, data, all_rows(data.size()));
  const std::vector<std::uint32_t> rows = all_rows(data.size());
  const ConfiguredVae<float> model = example::initialized_model(config);
  const LatentScatter scatter = latent_scatter(model, {&data, &as_is, rows, 1}, 60, 200);
  const std::map<std::int32_t, Colour> expected{
      {-10, class_colour(0)}, {0, class_colour(1)}, {10, class_colour(2)}};
  CHECK(scatter.labels == expected);
  // The samples of a label have one latent: many dots upon each other leave its pure colour.
  for (const auto& [name, colour] : expected) {
    const std::int32_t label = name;  // CAPTURE takes no structured binding
    CAPTURE(label);
    bool found = false;
    for (std::size_t i = 0; i + 2 < scatter.picture.pixels.size(); i += 3) {
      bool like = true;
      for (std::size_t c = 0; c < 3; ++c) {
        like = like && std::abs(int{scatter.picture.pixels[i + c]} - int{colour[c]}) <= 1;
      }
      found = found || like;
    }
    CHECK(found);
  }
}

TEST_CASE("scatter: what cannot be drawn is refused") {
  const example::ExampleRun line("scatter1", example::small_config(1));
  std::ostringstream said;
  check_throws_with<UsageError>("scatter: the model has 1 latent dimension, must have at least 2", [&] {
    run_scatter({.run = line.run.root, .out = line.folder / "p.png", .threads = 1}, said);
  });
  check_throws_with<UsageError>("--out: is \"p.npy\", must end in .png", [&] {
    run_scatter({.run = line.run.root, .out = "p.npy", .threads = 1}, said);
  });
}
