// SPDX-License-Identifier: MIT
#include "vaekit/app/doctor.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <string>

#include "app/example_run.hpp"
#include "support/count_text.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

struct Examination {
  ExitCode code;
  std::string text;
};

Examination examined(const DoctorOptions& options) {
  std::ostringstream out;
  const ExitCode code = run_doctor(options, out);
  return {code, out.str()};
}

}  // namespace

TEST_CASE("doctor: a line for each finding, with the advice below") {
  std::ostringstream out;
  detail::print_findings("name",
                         {Finding::ok("data", "fine"), Finding::skipped("codes", "none"),
                          Finding::fault("learning rate", "10; too much", "less")},
                         out);
  CHECK(out.str() ==
        "name\n"
        "data           ok: fine\n"
        "codes          skipped: none\n"
        "learning rate  FAULT: 10; too much\n"
        "               advice: less\n"
        "1 fault\n");
}

TEST_CASE("doctor: as JSON") {
  const Json json =
      detail::to_json("name", {Finding::ok("data", "fine"), Finding::fault("units", "dead", "less")});
  CHECK(json == parse_json(R"({"name": "name", "faults": 1, "checks": [
      {"check": "data", "verdict": "ok", "figure": "fine"},
      {"check": "units", "verdict": "fault", "figure": "dead", "advice": "less"}]})",
                           "expected"));
}

TEST_CASE("doctor: a sound configuration, on any number of threads") {
  const example::ExampleRun example("doctor");
  write_file_atomically(example.run.config(), dump(write_json(example.config)));
  const Examination first = examined({.target = example.run.config(), .overrides = {}, .threads = 1});
  CHECK(first.code == ExitCode::done);
  CHECK(first.text.starts_with("bars\ndata           ok: 40 samples, "));
  CHECK(first.text.ends_with("\ncollapse       skipped: there are no trained weights yet\nno faults\n"));
  for (const char* check : {"gradient ", "objective ", "likelihood ", "first steps ", "learning rate ",
                            "log-variance ", "units "}) {
    CAPTURE(check);
    CHECK(contains(first.text, concat('\n', check)));
  }
  CHECK(examined({.target = example.run.config(), .overrides = {}, .threads = 3}).text == first.text);
}

TEST_CASE("doctor: learning rates that cannot train, and those after the first epoch") {
  const example::ExampleRun example("doctor-rate");
  write_file_atomically(example.run.config(), dump(write_json(example.config)));
  const auto with_rate = [&](const std::string& rate) {
    return examined({.target = example.run.config(),
                     .overrides = {"optimizer.learning_rate=" + rate, "training.epochs=20"},
                     .threads = 1})
        .text;
  };
  const std::string none = with_rate("0");
  CHECK(contains(none, "\nfirst steps    skipped: the learning rate of the first epoch is 0\n"));
  CHECK(contains(none,
                 "\nlearning rate  FAULT: 0 in all of 20 epochs\n"
                 "               advice: set optimizer/learning_rate: 0.001 suits most models with Adam\n"));
  for (const char* rate : {"1e-12", "1e-300"}) {
    CAPTURE(rate);
    const std::string text = with_rate(rate);
    CHECK(contains(text, concat("\nlearning rate  FAULT: ", rate, "; the loss is lowest at 0.")));
    CHECK(contains(text, concat(", it does not fall in 100 steps at ", rate, "\n")));
  }
  const std::string later = with_rate(R"({"schedule":"linear","from":0.0001,"to":3,"epochs":10})");
  CHECK(contains(later, "\nlearning rate  FAULT: 3; the loss is lowest at 0."));
  const std::string delayed = with_rate(R"({"schedule":"linear","from":0,"to":0.01,"epochs":10})");
  CHECK(contains(delayed, "\nfirst steps    ok: loss "));
  CHECK(contains(delayed, "\nlearning rate  ok: 0.01; the loss is lowest at "));
}

TEST_CASE("doctor: a configuration is known by what is in it") {
  const example::ExampleRun example("doctor-name");
  write_file_atomically(example.run.config(), dump(write_json(example.config)));
  const std::filesystem::path other = example.folder / "experiment.conf";
  std::filesystem::copy_file(example.run.config(), other);
  CHECK(examined({.target = other, .overrides = {}, .threads = 1}).text ==
        examined({.target = example.run.config(), .overrides = {}, .threads = 1}).text);
}

TEST_CASE("doctor: weights that are not finite are the one finding") {
  ExperimentConfig config = example::small_config();
  const example::ExampleRun example("doctor-nan", config);
  Checkpoint checkpoint = read_checkpoint(example.run.last());
  const auto bias = std::ranges::find(checkpoint.file.tensors, "decoder.0.bias", &Tensor::name);
  REQUIRE(bias != checkpoint.file.tensors.end());
  std::ranges::fill(bias->bytes, std::uint8_t{0xff});
  write_file_atomically(example.run.last(), safetensors_bytes(checkpoint.file));
  const Examination result = examined({.target = example.run.root, .overrides = {}, .threads = 1});
  CHECK(result.code == ExitCode::faults_found);
  CHECK(result.text ==
        concat("bars\nweights        FAULT: ", example.run.last().string(),
               ": parameter \"decoder.0.bias\" is not finite, all must be\n"
               "               advice: take an earlier checkpoint of the run, or train again with a lower "
               "learning rate or training/gradient_clip\n1 fault\n"));
}

TEST_CASE("doctor: weights of a run that were never trained are worse than the mean image") {
  const example::ExampleRun example("doctor-run");
  const Examination result =
      examined({.target = example.run.root, .overrides = {}, .threads = 1, .json = true});
  CHECK(result.code == ExitCode::faults_found);
  const Json json = parse_json(result.text, "out");
  CHECK(json["faults"] == 1);
  CHECK(json["checks"].back()["check"] == "reconstruction");
  CHECK(json["checks"].back()["verdict"] == "fault");
}

TEST_CASE("doctor: data that cannot be used are the one finding") {
  ExperimentConfig config = example::small_config();
  const example::ExampleRun example("doctor-data");
  const std::filesystem::path path = example.folder / "x.npy";
  Matrix<float> x(40, 64);
  x(3, 5) = 1.5F;
  write_file_atomically(path, npy_bytes<float>(x, Shape::flat(64)));
  config.data.train = NpyConfig{.path = path.string()};
  config.data.test = std::nullopt;
  const std::filesystem::path file = example.folder / "config.json";
  write_file_atomically(file, dump(write_json(config)));
  const Examination outside = examined({.target = file, .overrides = {}, .threads = 1});
  CHECK(outside.code == ExitCode::faults_found);
  CHECK(outside.text ==
        "bars\n"
        "data           FAULT: x.npy: sample 3, feature 5 is 1.5 after scaling, must be in [0, 1] for a "
        "bernoulli "
        "likelihood; hint: set data/scale to [0, 1] or use a gaussian likelihood\n"
        "               advice: correct the values or their scaling, or take a likelihood for such data\n"
        "1 fault\n");
  x(2, 0) = std::numeric_limits<float>::quiet_NaN();
  write_file_atomically(path, npy_bytes<float>(x, Shape::flat(64)));
  CHECK(examined({.target = file, .overrides = {}, .threads = 1}).text ==
        "bars\n"
        "data           FAULT: x.npy: sample 2, feature 0 is nan, must be finite\n"
        "               advice: correct the file, or data/train and data/test\n"
        "1 fault\n");
}

TEST_CASE("doctor: labelled samples that training repeats are looked at once") {
  const example::ExampleRun example("doctor-labelled");
  Matrix<float> x(40, 64);
  std::vector<std::uint8_t> labels(40);
  for (Index i = 0; i < 40; ++i) {
    x.row(i).setConstant(static_cast<float>(i % 2));
    labels[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(i % 2);
  }
  write_file_atomically(example.folder / "x.npy", npy_bytes<float>(x, Shape::flat(64)));
  write_file_atomically(example.folder / "l.npy", npy_bytes<std::uint8_t>(labels, {40}));
  write_file_atomically(example.run.config(), dump(write_json(example.config)));
  const auto path = [&](const char* name) { return (example.folder / name).string(); };
  ExperimentConfig config = load_config(
      example.run.config(), {concat(R"(data.train={"format": "npy", "path": ")", path("x.npy"),
                                    R"(", "labels": ")", path("l.npy"), "\"}"),
                             "data.test=null", R"(data.condition={"type": "labels", "labelled": 6})",
                             R"(model.classifier={"layers": [{"type": "dense", "units": 3}]})"});
  const detail::ExperimentData data(config);
  const detail::Patient patient(config, data, nullptr);
  CHECK(patient.train().size() > 40);
  std::vector<std::uint32_t> rows(patient.samples_once().rows.begin(), patient.samples_once().rows.end());
  std::ranges::sort(rows);
  CHECK(rows == all_rows(40));
}

TEST_CASE("doctor: other errors stay errors") {
  const example::ExampleRun example("doctor-errors");
  write_file_atomically(example.run.config(), dump(write_json(example.config)));
  check_throws_with<ConfigError>(
      "latent: codebook has 512 codes, must have at most 80 (training samples x positions)", [&] {
        static_cast<void>(examined(
            {.target = example.run.config(),
             .overrides = {R"(model.latent={"type":"vector_quantized","positions":2,"width":2,"codes":512})",
                           R"(model.prior={"type":"codes"})"},
             .threads = 1}));
      });
}

TEST_CASE("doctor: what train refuses of a configuration is refused alike, and is no fault of a run") {
  const example::ExampleRun example("doctor-refused");
  write_file_atomically(example.run.config(), dump(write_json(example.config)));
  const auto refused = [&](const std::string& message, const std::string& override) {
    std::ostringstream out;
    TrainOptions training;
    training.config = example.run.config();
    training.overrides = {override};
    training.out = example.folder / "new";
    check_throws_with<ConfigError>(message, [&] {
      static_cast<void>(examined({.target = example.run.config(), .overrides = {override}, .threads = 1}));
    });
    check_throws_with<ConfigError>(message, [&] { run_train(training, out, out); });
  };
  refused("training/batch_size: 100000 is larger than the training set of 40 samples, must be at most 40",
          "training.batch_size=100000");
  refused(
      "training/early_stopping: is 3, must be 0 without validation samples; hint: set "
      "data/validation_fraction or data/validation",
      "training.early_stopping=3");
  const Examination fewer_data =
      examined({.target = example.run.root, .overrides = {"data.train.count=8"}, .threads = 1});
  CHECK(fewer_data.code == ExitCode::faults_found);
  CHECK(fewer_data.text.starts_with(
      "bars\nweights        ok: all 884 are finite\ndata           ok: 8 samples, "));
}
