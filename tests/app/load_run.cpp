// SPDX-License-Identifier: MIT
#include "vaekit/app/load_run.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "app/example_run.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

TEST_CASE("is_configuration: by content, whatever the name; by the name of what is not there") {
  const TemporaryFolder folder("is-configuration");
  const auto judged = [&](const std::string& name, const std::string& content) {
    std::ofstream(folder / name, std::ios::binary) << content;
    return is_configuration(folder / name);
  };
  CHECK(judged("a.json", "{}"));
  CHECK(judged("b", " \t\r\n{\"data\": 1}"));
  CHECK(judged("broken.json", ""));  // to be refused as a configuration
  CHECK_FALSE(judged("empty", ""));
  CHECK_FALSE(judged("text", "data"));
  // Lengths of headers whose bytes are those of "{" and " {".
  CHECK_FALSE(judged("c", std::string("\x7b\0\0\0\0\0\0\0{", 9)));
  CHECK_FALSE(judged("d.json", std::string("\x20\x7b\0\0\0\0\0\0{", 9)));
  CHECK(is_configuration(folder / "missing.json"));
  CHECK_FALSE(is_configuration(folder / "missing"));
  std::filesystem::create_directory(folder / "run");
  CHECK_FALSE(is_configuration(folder / "run"));
  const example::ExampleRun example("is-no-configuration");
  CHECK_FALSE(is_configuration(example.run.last()));
}

TEST_CASE("load_config: a file, what it extends, and overrides") {
  const TemporaryFolder folder("load-config");
  std::ofstream(folder / "base.json")
      << R"({"data": {"train": {"format": "idx", "path": "a.idx"}}, "seed": 5})";
  std::ofstream(folder / "config.json") << R"({"extends": "base.json", "name": "x"})";
  const ExperimentConfig config =
      load_config(folder / "config.json", {"model.latent.dim=8", "model.latent.type=gaussian", "name=y"});
  CHECK(config.name == "y");
  CHECK(config.seed == 5);
  CHECK(std::get<GaussianLatentConfig>(config.model.latent).dim == 8);
  CHECK(std::get<IdxConfig>(config.data.train).path == (folder / "a.idx").string());
  check_throws_with<UsageError>("--set nonsense: has no \"=\", must be KEY=JSON", [&] {
    static_cast<void>(load_config(folder / "config.json", {"nonsense"}));
  });
  check_throws_with<IoError>((folder / "none.json").string() + ": cannot open: No such file or directory",
                             [&] { static_cast<void>(load_config(folder / "none.json", {})); });
}

TEST_CASE("load_run: a folder and a checkpoint file") {
  const example::ExampleRun example("load-run");
  for (const std::filesystem::path& path : {example.run.root, example.run.last()}) {
    const Run run = load_run(path, {"data.test.count=7"});
    CHECK(run.checkpoint.name == example.run.last().string());
    CHECK(run.config.name == "bars");
    CHECK(std::get<SyntheticConfig>(*run.config.data.test).count == 7);
    CHECK(run.input.shape == Shape{8, 8, 1});
    CHECK(run.input.bytes);
  }
}

TEST_CASE("load_run: what was trained cannot be changed") {
  const example::ExampleRun example("load-changed");
  const auto refused = [&](const std::string& assignment, const std::string& message) {
    check_throws_with<ConfigError>(message,
                                   [&] { static_cast<void>(load_run(example.run.root, {assignment})); });
  };
  refused("data.scale=\"none\"",
          "config /data/scale: is \"none\", must be \"auto\" as in training: only the data can be others");
  refused("model.likelihood={\"type\":\"gaussian\"}",
          "config /model/likelihood/type: is \"gaussian\", must be \"bernoulli\" as in training: only the "
          "data can "
          "be others");
  refused("seed=3", "config /seed: is 3, must be 1 as in training: only the data can be others");
  CHECK_NOTHROW(static_cast<void>(load_run(example.run.root, {"name=other", "data.train.count=50"})));
}

TEST_CASE("load_run: the best checkpoint where the run has a validation split") {
  ExperimentConfig config = example::small_config();
  for (const double fraction : {0.0, 0.2}) {
    config.data.validation_fraction = fraction;
    const example::ExampleRun example("load-best", config);
    CHECK(load_run(example.run.root).checkpoint.name == example.run.last().string());
    config.name = "better";
    write_file_atomically(example.run.best(), example::untrained_checkpoint(config));
    const Run run = load_run(example.run.root);
    CHECK(run.checkpoint.name == (fraction > 0 ? example.run.best() : example.run.last()).string());
    CHECK(run.config.name == (fraction > 0 ? "better" : "bars"));
    config.name = "bars";
  }
}

TEST_CASE("load_run: what holds no checkpoint is refused") {
  const TemporaryFolder folder("load-none");
  std::filesystem::create_directory(folder / "hollow");
  check_throws_with<IoError>(
      (folder / "hollow").string() + ": holds no checkpoint, must be a run folder of vaekit train",
      [&] { static_cast<void>(load_run(folder / "hollow")); });
  check_throws_with<IoError>((folder / "absent").string() + ": cannot open: No such file or directory",
                             [&] { static_cast<void>(load_run(folder / "absent")); });
}
