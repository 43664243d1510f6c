// SPDX-License-Identifier: MIT
// The memory high-water mark of a process that trains 784-400-20 for an epoch on 60,000 images in memory (47
// MB of bytes), batch 128, on two threads.   memory
#include <fstream>

#include "support/record.hpp"
#include "support/workload.hpp"
#include "vaekit/objectives/elbo.hpp"
#include "vaekit/optim/adam.hpp"
#include "vaekit/train/trainer.hpp"

namespace {

using namespace benchmarks;

/// VmHWM of this process in MiB.
double memory_high_water() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == "VmHWM:") {
      double kibibytes = 0;
      status >> kibibytes;
      return kibibytes / 1024;
    }
  }
  throw IoError("/proc/self/status: has no VmHWM, must have one");
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(argc, argv, [](double) {
    const Dataset images = make_dataset(quickstart, 60'000);
    const std::vector<std::uint32_t> rows = all_rows(images.size());
    const Transform scaling = Transform::fit({}, images, rows);
    const TrainingConfig config{.epochs = 1, .batch_size = 128, .threads = 2};
    TrainingState state(make_vae<float>(quickstart), Adam(), config);
    Trainer<decltype(state.model), Adam, Elbo>(config, Adam(), Elbo(), {.train = {&images, &scaling, rows}},
                                               1)
        .train(state);
    print({.topic = "memory",
           .name = "784-400-20 batch 128, one epoch",
           .threads = 2,
           .unit = "MiB",
           .samples = {memory_high_water()}});
  });
}
