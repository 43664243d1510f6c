// SPDX-License-Identifier: MIT
// A whole epoch of 784-400-20 on 60,000 images in memory, batch 128, by `Trainer`: order, scaling of the
// bytes, noise, gradient and Adam. The first epoch is the warm-up.   epoch [SECONDS for each measurement]
#include "support/record.hpp"
#include "support/workload.hpp"
#include "vaekit/objectives/elbo.hpp"
#include "vaekit/optim/adam.hpp"
#include "vaekit/train/trainer.hpp"

namespace {

using namespace benchmarks;

/// Takes the time of every epoch after the first, for `seconds` and at least one.
class Stopwatch {
 public:
  explicit Stopwatch(double seconds) : left_(seconds) {}

  Control epoch(const auto&, const auto& report) {
    if (epochs_++ > 0) {
      samples_.push_back(seconds_since(start_));
      left_ -= samples_.back();
      loss_ = report.train.value.loss;
    }
    start_ = Clock::now();
    return epochs_ > 1 && left_ <= 0 ? Control::stop : Control::go_on;
  }

  [[nodiscard]] const std::vector<double>& samples() const { return samples_; }
  [[nodiscard]] double loss() const { return loss_; }

 private:
  double left_;
  int epochs_ = 0;
  Clock::time_point start_;
  std::vector<double> samples_;
  double loss_ = 0;
};

void measure(const Dataset& images, int threads, double seconds) {
  const std::vector<std::uint32_t> rows = all_rows(images.size());
  const Transform scaling = Transform::fit({}, images, rows);
  const TrainingConfig config{.epochs = 1000, .batch_size = 128, .threads = threads};
  TrainingState state(make_vae<float>(quickstart), Adam(), config);
  Stopwatch stopwatch(seconds);
  Trainer<decltype(state.model), Adam, Elbo>(config, Adam(), Elbo(), {.train = {&images, &scaling, rows}}, 1)
      .train(state, stopwatch);
  print({.topic = "epoch",
         .name = "784-400-20 batch 128, 60,000 images",
         .threads = threads,
         .unit = "s",
         .samples = stopwatch.samples(),
         .check = stopwatch.loss()});
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(argc, argv, [](double seconds) {
    const Dataset images = make_dataset(quickstart, 60'000);
    for (const int threads : {1, 2}) {
      measure(images, threads, seconds);
    }
  });
}
