// SPDX-License-Identifier: MIT
#include "vaekit/app/sweep.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "io/temporary_folder.hpp"
#include "support/count_text.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

/// A folder with a configuration and a program that stands in for `vaekit`: it notes its arguments and writes
/// metrics; with seed 3 it fails.
struct SweepExample {
  TemporaryFolder folder;
  SweepOptions options;

  explicit SweepExample(const std::string& name) : folder(name) {
    std::ofstream(folder / "config.json") << R"({"name": "bars", "data": {"train": {"format": "synthetic",
      "source": "bars", "size": 8, "count": 20}}, "training": {"epochs": 1, "batch_size": 4}})";
    std::ofstream(folder / "program") << R"(#!/bin/sh
echo "$*" >> )" << (folder / "calls").string()
                                      << R"(
out=; seed=
while [ $# -gt 0 ]; do
  case $1 in --out) out=$2; shift;; --seed) seed=$2; shift;; esac
  shift
done
if [ $seed = 3 ]; then echo progress; echo "train: step 8: loss is nan"; exit 5; fi
echo '{"epoch":1,"step":5,"split":"train","elbo":-'$seed',"reconstruction":0,"kl":0,"loss":0,"samples_per_second":1,"seconds":1}' > $out/metrics.jsonl
)";
    std::filesystem::permissions(folder / "program", std::filesystem::perms::owner_all);
    options.config = folder / "config.json";
    options.program = folder / "program";
    options.out = folder / "study";
    options.grid = {"model.latent.dim=[2,3]"};
    options.seeds = 2;
    options.jobs = 2;
  }

  [[nodiscard]] std::string calls() const { return read_text_file(folder / "calls"); }
  [[nodiscard]] std::string summary() const { return read_text_file(folder / "study/summary.csv"); }
};

}  // namespace

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
                        detail::study_text(load_config(example.options.config, {})));
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
  example.options.overrides = {R"(data.train={"format": "idx", "path": "here"})"};
  std::ostringstream out;
  std::ostringstream err;
  CHECK(run_sweep(example.options, out, err) == ExitCode::done);
  example.options.resume = true;
  example.options.seeds = 2;
  example.options.overrides.emplace_back("data.train.path=\"there\"");
  CHECK(run_sweep(example.options, out, err) == ExitCode::done);
  CHECK(count(example.calls(), "train ") == 2);
  CHECK(contains(read_text_file(example.folder / "study/study.json"), "there\""));
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
  example.options.grid = {"seed=[1,2]"};
  refuse(
      "--grid: seed=1 and seed=2 are the same configuration, must differ; --seeds and --threads are options",
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
