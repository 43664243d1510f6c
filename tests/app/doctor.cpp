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

TEST_CASE("doctor: a rate of 0 in the first epoch leaves out the trial training") {
  const example::ExampleRun example("doctor-rate");
  write_file_atomically(example.run.config(), dump(write_json(example.config)));
  const Examination result =
      examined({.target = example.run.config(), .overrides = {"optimizer.learning_rate=0"}, .threads = 1});
  CHECK(contains(result.text, "\nfirst steps    skipped: the learning rate of the first epoch is 0\n"));
  CHECK(contains(result.text, "\nlearning rate  skipped: the learning rate of the first epoch is 0\n"));
}

TEST_CASE("doctor: weights of a run that were never trained have collapsed") {
  const example::ExampleRun example("doctor-run");
  const Examination result =
      examined({.target = example.run.root, .overrides = {}, .threads = 1, .json = true});
  CHECK(result.code == ExitCode::faults_found);
  const Json json = parse_json(result.text, "out");
  CHECK(json["faults"] == 1);
  CHECK(json["checks"].back()["check"] == "collapse");
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
