// SPDX-License-Identifier: MIT
#include "vaekit/app/run_report.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "io/temporary_folder.hpp"
#include "support/count_text.hpp"
#include "train/example_training.hpp"

using namespace vaekit;

namespace run_reports {

ExperimentConfig config() {
  ExperimentConfig config;
  config.data.train = SyntheticConfig{};
  return config;
}

/// 12 features, no hidden units.
template <class Latent, class Prior>
auto model(const Latent& latent, const Prior& prior) {
  using Layers = Sequential<Dense<float>>;
  const Dense<float> in({.units = 4}, Shape::flat(example::features));
  const Dense<float> out({.units = 4}, Shape::flat(latent.dim));
  Vae<Layers, Latent, Layers, Bernoulli<float>, Prior> model(Layers(in), latent, Layers(out),
                                                             Bernoulli<float>({}, example::features),
                                                             Initializer::fan_in_uniform, prior);
  model.initialize(1);
  return model;
}

/// A run folder whose report is read back.
struct Page {
  TemporaryFolder parent;
  RunFolder folder;

  explicit Page(const std::string& name) : parent("run-report-" + name), folder{parent / "run"} {
    folder.create();
  }

  template <class Model>
  [[nodiscard]] std::string write(const Model& model, const Shape& shape, const ExperimentConfig& config,
                                  std::size_t samples = 5) const {
    write_run_report(folder, config, {shape}, model, example::data().part(28, samples), "the test set");
    return read_text_file(folder.report());
  }

  /// Titles of the sections of pictures that `page` has, in their order.
  [[nodiscard]] static std::vector<std::string> titles(const std::string& page) {
    std::vector<std::string> found;
    for (const char* title : {"Latent traversals", "Interpolations", "Manifold", "Samples at temperatures"}) {
      if (contains(page, concat("<h2>", title, "</h2>\n<div class=\"pictures wide\">\n<figure>"))) {
        found.emplace_back(title);
      }
    }
    CHECK(count(page, "<div class=\"pictures wide\">") == found.size());
    return found;
  }
};

/// Whether `page` has this picture with this name.
bool shows(const std::string& page, const std::string& alt, const Image& image) {
  return contains(page, concat("alt=\"", alt, "\" src=\"data:image/png;base64,",
                               base64(text_of(png_bytes(image))), "\">"));
}

}  // namespace run_reports

TEST_CASE("run report: few of many epochs, evenly spread") {
  using Epochs = std::vector<std::uint64_t>;
  CHECK(detail::spread({}, 3).empty());
  CHECK(detail::spread({1, 2, 3}, 3) == Epochs{1, 2, 3});
  CHECK(detail::spread({1, 2, 3, 4, 5}, 3) == Epochs{1, 3, 5});
  CHECK(detail::spread({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 4) == Epochs{1, 4, 7, 10});
}

TEST_CASE("run report: pictures of the epochs that have some") {
  const TemporaryFolder parent("run-report-pictures");
  const RunFolder folder{parent / "run"};
  folder.create();
  for (const std::uint64_t epoch : {2U, 4U}) {
    write_file_atomically(folder.image("samples", epoch), "picture " + std::to_string(epoch));
  }
  const std::vector<ReportPicture> pictures = detail::report_pictures(folder, "samples", 5);
  REQUIRE(pictures.size() == 2);
  CHECK(pictures[0].epoch == 2);
  CHECK(pictures[1].png == "picture 4");
  CHECK(detail::report_pictures(folder, "samples", 3).size() == 1);
  CHECK(detail::report_pictures(folder, "reconstructions", 5).empty());
  for (std::uint64_t epoch = 1; epoch <= 12; ++epoch) {
    write_file_atomically(folder.image("samples", epoch), "picture");
  }
  std::vector<std::uint64_t> shown;
  for (const ReportPicture& picture : detail::report_pictures(folder, "samples", 12)) {
    shown.push_back(picture.epoch);
  }
  CHECK(shown == std::vector<std::uint64_t>{1, 3, 6, 9, 12});
}

TEST_CASE("run report: one page from what the folder holds") {
  const TemporaryFolder parent("run-report");
  const RunFolder folder{parent / "run"};
  folder.create();
  const example::Data data;
  ExperimentConfig config;
  config.name = "a <name>";
  config.data.train = SyntheticConfig{};
  write_file_atomically(folder.metrics(), to_json_line({1, 5, "train", -8.25, -7, 1.25, 8.25, 10, 1}) +
                                              to_json_line({2, 10, "train", -7.25, -6, 1.25, 7.25, 10, 2}));
  write_run_report(folder, config, {Shape{3, 4, 1}}, example::make_model(), data.part(28, 5), "the test set");
  const std::string page = read_text_file(folder.report());
  CHECK(page.starts_with("<!DOCTYPE html>"));
  for (const std::string& part :
       {std::string("a &lt;name&gt;"), std::string("the test set"), std::string("7.25"), std::string(version),
        std::string(instruction_set), std::string("fashion")}) {
    CHECK((page.find(part) != std::string::npos) == (part != "fashion"));
  }
}

TEST_CASE("run report: a run without an epoch has a page too") {
  const TemporaryFolder parent("run-report-empty");
  const RunFolder folder{parent / "run"};
  folder.create();
  const example::Data data;
  ExperimentConfig config;
  config.data.train = SyntheticConfig{};
  write_run_report(folder, config, {Shape{3, 4, 1}}, example::make_model(), data.part(0, 22),
                   "the training set");
  CHECK(read_text_file(folder.report()).find("the training set") != std::string::npos);
}

TEST_CASE("run report: the final model's latent space in pictures, as the commands draw them") {
  const run_reports::Page report("all");
  const example::Model model = example::make_model();
  const Shape shape{3, 4, 1};
  const DataView view = example::data().part(28, 5);
  const std::vector<Index> dimensions = largest_first(latent_statistics(model, view), 2);
  const std::string page = report.write(model, shape, run_reports::config());
  const Matrix<float> start = encode_first(model, view, 1);
  const Matrix<float> pairs = encode_pairs(model, view, 6);
  const auto grid = [&](const Matrix<float>& z, Index columns) {
    return latent_picture(model, {{shape}}, z, columns);
  };
  Matrix<float> plane(225, 2);
  place_manifold(plane, 15);
  CHECK(run_reports::shows(page, concat("Latent traversals: dimensions ", dimensions[0], ", ", dimensions[1]),
                           grid(traversal_latents(start, dimensions, 9, 3), 9)));
  CHECK(run_reports::shows(page, "Interpolations: linear",
                           grid(interpolation_latents(model, pairs, 9, false), 9)));
  CHECK(run_reports::shows(page, "Interpolations: spherical",
                           grid(interpolation_latents(model, pairs, 9, true), 9)));
  CHECK(run_reports::shows(page, "Manifold: dimension 0 to the right, 1 upwards", grid(plane, 15)));
  for (const double t : {0.5, 0.7, 1.0}) {
    CHECK(run_reports::shows(page, concat("Samples at temperatures: temperature ", format_fixed(t, 1)),
                             sample_picture(model, {{shape}}, 1, view, 36, t)));
  }
  CHECK(contains(page, "In each row one latent dimension goes from \u22123 to 3, "));
  CHECK(contains(page, "evenly spaced quantiles of N(0, 1) in both dimensions.</p>"));
}

TEST_CASE("run report: no pictures of what they would not show") {
  using run_reports::Page;
  const Page report("none");
  const Shape shape{3, 4, 1};
  using Titles = std::vector<std::string>;
  const ExperimentConfig config = run_reports::config();
  const example::Model plane = example::make_model();
  CHECK(Page::titles(report.write(plane, Shape::flat(12), config)).empty());
  ExperimentConfig unpictured = config;
  unpictured.training.images_every = 0;
  CHECK(Page::titles(report.write(plane, shape, unpictured)).empty());
  ExperimentConfig no_prior = config;
  no_prior.objective = RaeConfig{};
  const std::string deterministic = report.write(plane, shape, no_prior);
  CHECK(Page::titles(deterministic) == Titles{"Latent traversals", "Interpolations", "Manifold"});
  CHECK(contains(deterministic, "Largest variance of means first."));
  CHECK_FALSE(contains(deterministic, "<h2>Latent space</h2>"));
  CHECK(Page::titles(report.write(
            run_reports::model(GaussianLatent<float>({.dim = 3}), StandardNormal<float>()), shape, config)) ==
        Titles{"Latent traversals", "Interpolations", "Samples at temperatures"});
  const std::string ball = report.write(
      run_reports::model(PoincareLatent<float>({.dim = 2}), WrappedNormal<float>({}, 2)), shape, config);
  CHECK(Page::titles(ball) == Titles{"Interpolations", "Samples at temperatures"});
  CHECK_FALSE(contains(ball, "Interpolations: spherical"));
  const std::string sphere =
      report.write(run_reports::model(VonMisesFisherLatent<float>({.dim = 2}), UniformSphere<float>({}, 2)),
                   shape, config);
  CHECK(Page::titles(sphere) == Titles{"Interpolations"});
  CHECK_FALSE(contains(sphere, "Interpolations: linear"));
  CHECK(Page::titles(report.write(run_reports::model(ConcreteLatent<float>({.variables = 1, .classes = 2}),
                                                     CategoricalPrior<float>({.classes = 2}, 2)),
                                  shape, config))
            .empty());
}

TEST_CASE("run report: one sample has traversals, but no pair") {
  const run_reports::Page report("one");
  CHECK(run_reports::Page::titles(report.write(example::make_model(), {3, 4, 1}, run_reports::config(), 1)) ==
        std::vector<std::string>{"Latent traversals", "Manifold", "Samples at temperatures"});
}

TEST_CASE("run report: the curves of the ELBO as a picture, once there is an epoch") {
  const run_reports::Page report("curves");
  static_cast<void>(report.write(example::make_model(), Shape::flat(12), run_reports::config()));
  CHECK_FALSE(std::filesystem::exists(report.folder.curves()));
  write_file_atomically(report.folder.metrics(), to_json_line({1, 5, "train", -8, -7, 1, 8, 10, 1}) +
                                                     to_json_line({1, 5, "test", -9, -7, 1, 8, 10, 1}) +
                                                     to_json_line({2, 10, "train", -6, -6, 1, 7, 10, 2}) +
                                                     to_json_line({2, 10, "test", -7, -6, 1, 7, 10, 2}));
  static_cast<void>(report.write(example::make_model(), Shape::flat(12), run_reports::config()));
  const LineChart chart{.title = "ELBO",
                        .x_label = "epoch",
                        .y_label = "nats",
                        .series = {{"train", {1, 2}, {-8, -6}, 0}, {"test", {1, 2}, {-9, -7}, 2}},
                        .whole_x = true};
  CHECK(read_png(report.folder.curves()) == curve_picture(chart));
}
