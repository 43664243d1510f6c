// SPDX-License-Identifier: MIT
#include "vaekit/app/sweep.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "app/sweep_example.hpp"
#include "support/count_text.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;
using example::SweepExample;

TEST_CASE("sweep: trains every combination and seed, once") {
  SweepExample example("sweep");
  std::ostringstream out;
  std::ostringstream err;
  CHECK(run_sweep(example.options, out, err) == ExitCode::done);
  CHECK(contains(out.str(), "4 of 4 runs finished\n"));
  CHECK(contains(example.calls(), "--set model.latent.dim=3 --seed 2 --threads 1 --out "));
  CHECK(count(example.calls(), "train ") == 4);
  CHECK(count(example.summary(), "finished,1,5,1,") == 4);
  CHECK(contains(err.str(), "run 4/4 (model.latent.dim=3, seed 2): finished\n"));

  example.options.resume = true;
  example.options.grid = {"model.latent.dim=[2,3,4]"};
  CHECK(run_sweep(example.options, out, err) == ExitCode::done);
  CHECK(count(example.calls(), "train ") == 6);

  example.options.resume = false;
  example.options.overwrite = true;
  CHECK(run_sweep(example.options, out, err) == ExitCode::done);
  CHECK(count(example.calls(), "train ") == 12);
}

TEST_CASE(
    "sweep: a study that replaces another one shows no figures of it, not even before its first run ends") {
  SweepExample example("sweep-overwrite");
  CHECK(example.sweep() == ExitCode::done);
  CHECK(std::filesystem::exists(example.folder / "study/summary.html"));
  std::ofstream(example.folder / "program")
      << "#!/bin/sh\nls " << example.study() << " > " << (example.folder / "seen").string() << '\n';
  example.options.grid.clear();
  example.options.seeds = 1;
  example.options.overwrite = true;
  CHECK(example.sweep() == ExitCode::done);
  const std::string seen = read_text_file(example.folder / "seen");
  CHECK(contains(seen, "study.json\n"));
  CHECK_FALSE(contains(seen, "summary"));
  CHECK(count(example.summary(), ",finished,") == 1);
}

TEST_CASE("sweep: runs of earlier values and seeds stay in the summary") {
  SweepExample example("sweep-values");
  std::ostringstream out;
  std::ostringstream err;
  CHECK(run_sweep(example.options, out, err) == ExitCode::done);
  example.options.resume = true;
  example.options.grid = {"model.latent.dim=[3,4]"};
  example.options.seeds = 1;
  CHECK(run_sweep(example.options, out, err) == ExitCode::done);
  CHECK(contains(out.str(), "2 of 2 runs finished\n"));
  CHECK(contains(example.summary(), ",folder\n3,1,finished,"));
  CHECK(contains(example.summary(), "\n3,2,finished,"));
  CHECK(contains(example.summary(), "\n4,1,finished,"));
  CHECK(contains(example.summary(), "\n2,2,finished,"));
  CHECK(count(example.summary(), ",finished,") == 5);

  example.options.grid = {"objective.beta=[4]"};
  CHECK(run_sweep(example.options, out, err) == ExitCode::done);
  CHECK(contains(example.summary(), "objective.beta,model.latent.dim,seed,"));
  CHECK(contains(example.summary(), "\n4,,1,finished,"));
  CHECK(contains(example.summary(), "\n,2,1,finished,"));
  CHECK(count(example.summary(), ",finished,") == 6);
}

TEST_CASE("sweep: figures of a run that cannot be read are told in the summary and stop nothing") {
  SweepExample example("sweep-garbled");
  std::ostringstream out;
  std::ostringstream err;
  CHECK(run_sweep(example.options, out, err) == ExitCode::done);
  const std::filesystem::path garbled = example.folder / "study/runs/model.latent.dim=2/seed-1/metrics.jsonl";
  write_file_atomically(garbled, std::string_view("garbage\n"));
  example.options.resume = true;
  example.options.grid = {"model.latent.dim=[2,3,4]"};
  CHECK(run_sweep(example.options, out, err) == ExitCode::done);
  CHECK(count(example.summary(), ",finished,") == 5);
  CHECK(contains(example.summary(), "2,1,unreadable: " + garbled.string() + ":1:1: syntax error"));
}

TEST_CASE("sweep: a folder that is no place for a study is told before the grid is looked at") {
  SweepExample example("sweep-place");
  std::ostringstream out;
  std::ostringstream err;
  CHECK(run_sweep(example.options, out, err) == ExitCode::done);
  example.options.grid = {"objective.betta=[1]"};
  example.options.out = example.folder / "study/runs";
  check_throws_with<IoError>((example.folder / "study/runs").string() +
                                 ": lies among the runs of the study " + (example.folder / "study").string() +
                                 ", must be a new folder elsewhere",
                             [&] { static_cast<void>(run_sweep(example.options, out, err)); });
}

TEST_CASE("sweep: a failed run is told and tried again; the others are trained") {
  SweepExample example("sweep-failure");
  example.options.seeds = 3;
  std::ostringstream out;
  std::ostringstream err;
  CHECK(run_sweep(example.options, out, err) == ExitCode::numeric);
  CHECK(contains(out.str(), "4 of 6 runs finished\n"));
  CHECK(contains(err.str(), "run 3/6 (model.latent.dim=2, seed 3): failed: train: step 8: loss is nan\n"));
  CHECK(contains(example.summary(), "2,3,failed: train: step 8: loss is nan,,,,"));
  example.options.resume = true;
  CHECK(run_sweep(example.options, out, err) == ExitCode::numeric);
  CHECK(count(example.calls(), "train ") == 8);
}

TEST_CASE("sweep: a failed run keeps its message in sweeps without it, until it starts again") {
  SweepExample example("sweep-failed-before");
  const std::filesystem::path run = example.folder / "study/runs/model.latent.dim=2/seed-3";
  example.options.grid = {"model.latent.dim=[2]"};
  example.options.seeds = 3;
  CHECK(example.sweep() == ExitCode::numeric);
  CHECK(read_text_file(run / "failed") == "train: step 8: loss is nan\n");
  example.options.resume = true;
  example.options.grid = {"model.latent.dim=[4]"};
  example.options.seeds = 1;
  CHECK(example.sweep() == ExitCode::done);
  CHECK(contains(example.summary(), "\n2,3,failed: train: step 8: loss is nan,,,,"));
  CHECK(count(example.summary(), ",finished,") == 3);

  std::ofstream(example.folder / "program")
      << "#!/bin/sh\nls " << run.string() << " > " << (example.folder / "seen").string() << '\n';
  example.options.grid = {"model.latent.dim=[2]"};
  example.options.seeds = 3;
  CHECK(example.sweep() == ExitCode::done);
  CHECK_FALSE(contains(read_text_file(example.folder / "seen"), "failed\n"));
  CHECK(contains(example.summary(), "\n2,3,finished,"));
}

TEST_CASE("sweep: runs with a checkpoint go on, runs without one begin anew") {
  SweepExample example("sweep-resume");
  std::ostringstream out;
  std::ostringstream err;
  const RunFolder first{example.folder / "study/runs/model.latent.dim=2/seed-1"};
  const RunFolder second{example.folder / "study/runs/model.latent.dim=2/seed-2"};
  first.create();
  second.create();
  std::ofstream(first.last()) << "x";
  std::ofstream(second.config()) << "x";
  write_file_atomically(example.folder / "study/study.json",
                        dump(detail::study_json(load_config(example.options.config, {}))));
  example.options.resume = true;
  CHECK(run_sweep(example.options, out, err) == ExitCode::done);
  CHECK(contains(example.calls(), "seed-1 --quiet --resume\n"));
  CHECK(contains(example.calls(), "seed-2 --quiet --overwrite\n"));
  CHECK(count(example.calls(), "--quiet\n") == 2);
}

TEST_CASE("sweep: a configuration that changes under way starts no more runs") {
  SweepExample example("sweep-changed");
  std::ofstream(example.folder / "program")
      << "#!/bin/sh\nsed -i 's/\"epochs\": 1/\"epochs\": 2/' " << example.options.config.string() << '\n';
  example.options.jobs = 1;
  std::ostringstream out;
  std::ostringstream err;
  CHECK(run_sweep(example.options, out, err) == ExitCode::configuration);
  CHECK(contains(out.str(), "1 of 4 runs finished\n"));
  CHECK(contains(err.str(), "config.json: changed during the sweep, must be as in " +
                                (example.folder / "study/study.json").string() +
                                "; no more runs are started\n"));
}

TEST_CASE("sweep: a program that a signal ends is told by its number") {
  SweepExample example("sweep-signal");
  std::ofstream(example.folder / "program") << "#!/bin/sh\nkill -9 $$\n";
  example.options.grid.clear();
  example.options.seeds = 1;
  std::ostringstream out;
  std::ostringstream err;
  CHECK(run_sweep(example.options, out, err) == ExitCode::input_output);
  CHECK(contains(err.str(), "run 1/1 (seed 1): failed: ended by signal 9\n"));
}

TEST_CASE("sweep: goes on where its data have moved") {
  SweepExample example("sweep-moved");
  example.options.seeds = 1;
  example.options.grid.clear();
  example.train_on("here.npy", 3);
  CHECK(example.sweep() == ExitCode::done);
  example.options.resume = true;
  example.options.seeds = 2;
  example.train_on("there.npy", 3);
  CHECK(example.sweep() == ExitCode::done);
  CHECK(count(example.calls(), "train ") == 2);
  CHECK(contains(read_text_file(example.folder / "study/study.json"), "there.npy\""));
}

TEST_CASE("sweep: other data than those of the study are refused, under another name and under the same") {
  SweepExample example("sweep-other-data");
  example.options.seeds = 1;
  example.options.grid = {"objective.beta=[1]"};
  example.train_on("here.npy", 3);
  CHECK(example.sweep() == ExitCode::done);
  const auto sum = [&](const std::string& name) {
    return detail::fingerprint(parse_npy(read_file(example.folder / name), name));
  };
  const std::string before = sum("here.npy");
  const std::string summary = example.summary();
  example.options.resume = true;
  example.options.grid = {"objective.beta=[1,2]"};
  for (const char* name : {"other.npy", "here.npy"}) {
    example.train_on(name, 5);
    check_throws_with<DataError>(
        "data/train: is " + sum(name) + ", must be " + before + " to resume the study in " + example.study(),
        [&] { static_cast<void>(example.sweep()); });
  }
  CHECK(count(example.calls(), "train ") == 1);
  CHECK(example.summary() == summary);
  example.train_on("here.npy", 3);
  CHECK(example.sweep() == ExitCode::done);
  CHECK(count(example.summary(), ",finished,") == 2);
}

TEST_CASE("sweep: a finished run that was replaced by another one is refused by name") {
  SweepExample example("sweep-replaced");
  CHECK(example.sweep() == ExitCode::done);
  const RunFolder run{example.folder / "study/runs/model.latent.dim=2/seed-1"};
  const Json trained = parse_json(read_text_file(run.config()), "config");
  Json other = trained;
  other["objective"]["beta"] = 9;
  other["training"]["threads"] = 7;
  write_file_atomically(run.config(), dump(other));
  example.options.resume = true;
  for (const std::string grid : {"model.latent.dim=[2,3]", "model.latent.dim=[4]"}) {
    example.options.grid = {grid};
    check_throws_with<ConfigError>(run.root.string() +
                                       ": was trained with /objective/beta 9.0, must be 1.0 as its study "
                                       "says; remove this folder to train "
                                       "the run again",
                                   [&] { static_cast<void>(example.sweep()); });
  }
  other["objective"]["beta"] = 1;
  write_file_atomically(run.config(), dump(other));
  CHECK(example.sweep() == ExitCode::done);
  CHECK(count(example.calls(), "train ") == 6);
}

TEST_CASE("sweep: of two that begin at one time in one folder, the later is refused") {
  SweepExample example("sweep-race");
  std::filesystem::create_directories(example.folder / "study");
  {
    const FolderLock lock(example.folder / "study");
    static_cast<void>(start_process(
        "/bin/sh", {"-c", "sleep 1; echo '{\"name\": \"first\"}' > " + example.study() + "/study.json"},
        example.folder / "log"));
  }
  check_throws_with<IoError>(
      example.study() + ": holds another study, must be a new folder; use --resume to go on or --overwrite",
      [&] { static_cast<void>(example.sweep()); });
  CHECK(wait_for_process([] {}).exit_code == 0);
  CHECK(read_text_file(example.folder / "study/study.json") == "{\"name\": \"first\"}\n");
  CHECK_FALSE(std::filesystem::exists(example.folder / "calls"));
}

TEST_CASE("sweep: goes on with the same grid in another order and form") {
  SweepExample example("sweep-written");
  example.options.grid = {"model.latent.dim=[2]", "objective.beta=[1,4]"};
  CHECK(example.sweep() == ExitCode::done);
  example.options.resume = true;
  example.options.grid = {"objective.beta=[4.0,1.0]", "model.latent.dim=[2]"};
  CHECK(example.sweep() == ExitCode::done);
  CHECK(count(example.calls(), "train ") == 4);
  CHECK(contains(example.summary(), "objective.beta,model.latent.dim,seed,"));
  CHECK(contains(example.summary(), ",folder\n4,2,1,finished,"));
  CHECK(count(example.summary(), ",finished,") == 4);
  example.options.grid = {"objective.beta=[4.0,2.0]", "model.latent.dim=[2]"};
  CHECK(example.sweep() == ExitCode::done);
  CHECK(count(example.calls(), "train ") == 6);
  CHECK(std::filesystem::exists(example.folder / "study/runs/objective.beta=2.0,model.latent.dim=2/seed-2"));
}

TEST_CASE("sweep: values with which training cannot begin are refused before the first run") {
  SweepExample example("sweep-cells");
  const auto refuse = [&](const std::string& axis, const std::string& message) {
    example.options.grid = {axis};
    check_throws_with<ConfigError>(message, [&] { static_cast<void>(example.sweep()); });
  };
  refuse(R"(model.prior=[{"type":"standard_normal"},{"type":"sphere"}])",
         "prior: sphere is a distribution on the unit sphere, the gaussian posterior lives on all of space");
  refuse("training.batch_size=[4,21]",
         "training/batch_size: 21 is larger than the training set of 20 samples, must be at most 20");
  refuse("training.early_stopping=[0,3]",
         "training/early_stopping: is 3, must be 0 without validation samples; hint: set "
         "data/validation_fraction or data/validation");
  refuse(R"(model.prior=[{"type":"vamp"},{"type":"vamp","components":21,"pseudo_inputs":"data"}])",
         "prior: vamp has 21 components, must have at most 20 (training samples)");
  CHECK_FALSE(std::filesystem::exists(example.folder / "study"));
  CHECK_FALSE(std::filesystem::exists(example.folder / "calls"));
}

TEST_CASE("sweep: runs that share the machine do not wait in a loop") {
  SweepExample example("sweep-waits");
  for (const char* name : {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"}) {
    ::unsetenv(name);
  }
  example.options.grid.clear();
  example.options.seeds = 1;
  CHECK(example.sweep() == ExitCode::done);
  example.options.jobs = 1;
  example.options.overwrite = true;
  CHECK(example.sweep() == ExitCode::done);
  CHECK(read_text_file(example.folder / "waits") == "spins: 10000\nspins: \n");
}

TEST_CASE("sweep: what it refuses before any run") {
  SweepExample example("sweep-refusals");
  std::ostringstream out;
  std::ostringstream err;
  const std::string study = (example.folder / "study").string();
  const auto refuse = [&]<class E>(const std::string& message, E*) {
    check_throws_with<E>(message, [&] { static_cast<void>(run_sweep(example.options, out, err)); });
  };
  example.options.resume = true;
  refuse(study + ": holds no study, must hold one to resume", static_cast<IoError*>(nullptr));
  example.options.resume = false;
  example.options.grid = {"model.latent.dim=[2,-1]"};
  refuse("config /model/latent/dim: is -1, must be in [1, 1000000]", static_cast<ConfigError*>(nullptr));
  example.options.grid = {"seed=[5]"};
  refuse("--grid seed: sets seed, must not; use --seeds", static_cast<UsageError*>(nullptr));
  example.options.grid = {R"(objective=[{"beta":1},{"type":"elbo"}])"};
  refuse(
      R"(--grid: objective={"beta":1} and objective={"type":"elbo"} are the same configuration, must differ)",
      static_cast<UsageError*>(nullptr));
  example.options.grid.clear();
  example.options.overwrite = true;
  std::filesystem::create_directories(example.folder / "study/runs/mine");
  refuse(study + ": holds a folder \"runs\" of no study, must be a new folder",
         static_cast<IoError*>(nullptr));
  CHECK(std::filesystem::exists(example.folder / "study/runs/mine"));
  std::filesystem::remove_all(example.folder / "study");
  example.options.overwrite = false;
  CHECK_FALSE(std::filesystem::exists(example.folder / "calls"));
  example.options.grid.clear();
  CHECK(run_sweep(example.options, out, err) == ExitCode::done);
  refuse(study + ": holds another study, must be a new folder; use --resume to go on or --overwrite",
         static_cast<IoError*>(nullptr));
  example.options.resume = true;
  example.options.overrides = {"objective.beta=2"};
  refuse("config /objective/beta: is 2.0, must be 1.0 to resume the study in " + study +
             "; what differs from run to run belongs into --grid",
         static_cast<ConfigError*>(nullptr));
  example.options.overrides = {"training.epochs=7"};
  refuse("config /training/epochs: is 7, must be 1 to resume the study in " + study +
             "; what differs from run to run belongs into --grid",
         static_cast<ConfigError*>(nullptr));
  write_file_atomically(example.folder / "study/study.json", std::string_view("{"));
  refuse(
      study +
          "/study.json:1:1: syntax error while parsing object key - unexpected end of input; expected string "
          "literal",
      static_cast<DataError*>(nullptr));
}
