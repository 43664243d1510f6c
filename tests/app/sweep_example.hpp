// SPDX-License-Identifier: MIT
//
// A study whose runs are those of a shell script.
#pragma once

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "io/temporary_folder.hpp"
#include "vaekit/app/sweep.hpp"
#include "vaekit/data/npy.hpp"

namespace example {

using namespace vaekit;

/// A folder with a configuration and a program that stands in for `vaekit`: it notes its arguments and how it
/// is to wait, writes the configuration of its run and metrics; with seed 3 it fails.
struct SweepExample {
  TemporaryFolder folder;
  SweepOptions options;

  explicit SweepExample(const std::string& name) : folder(name) {
    std::ofstream(folder / "config.json") << R"({"name": "bars", "data": {"train": {"format": "synthetic",
      "source": "bars", "size": 8, "count": 20}}, "training": {"epochs": 1, "batch_size": 4}})";
    std::ofstream(folder / "program") << R"(#!/bin/sh
echo "$*" >> )" << (folder / "calls").string()
                                      << R"(
folder=$(dirname $0); out=; seed=; dim=20; beta=1.0
echo "spins: $GOMP_SPINCOUNT" >> $folder/waits
while [ $# -gt 0 ]; do
  case $1 in
    --out) out=$2; shift;;
    --seed) seed=$2; shift;;
    model.latent.dim=*) dim=${1#*=};;
    objective.beta=*) beta=${1#*=};;
  esac
  shift
done
sed -e "s/^  \"seed\": 1/  \"seed\": $seed/" -e "s/\"dim\": 20/\"dim\": $dim/" \
  -e "s/\"beta\": 1.0/\"beta\": $beta/" \
  $folder/effective.json > $out/config.json
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
    write_effective();
  }

  /// What the program takes for the configuration of its run, but for values and seed.
  void write_effective() const {
    write_file_atomically(folder / "effective.json",
                          dump(write_json(load_config(options.config, options.overrides))) + '\n');
  }

  /// Takes `name`, an array file of zeros and ones that `step` chooses, for the data.
  void train_on(const std::string& name, Index step) {
    Matrix<float> x(20, 64);
    for (Index i = 0; i < x.size(); ++i) {
      x.data()[i] = i % step == 0 ? 1.0F : 0.0F;
    }
    write_file_atomically(folder / name, npy_bytes<float>(x, Shape::flat(64)));
    options.overrides = {R"(data.train={"format": "npy", "path": ")" + (folder / name).string() + "\"}"};
    write_effective();
  }

  [[nodiscard]] std::string study() const { return (folder / "study").string(); }
  [[nodiscard]] ExitCode sweep() const {
    std::ostringstream out;
    std::ostringstream err;
    return run_sweep(options, out, err);
  }

  [[nodiscard]] std::string calls() const { return read_text_file(folder / "calls"); }
  [[nodiscard]] std::string summary() const { return read_text_file(folder / "study/summary.csv"); }
};

}  // namespace example
