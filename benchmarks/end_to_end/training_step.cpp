// SPDX-License-Identifier: MIT
// A whole training step (noise, forward, backward, Adam) as `Trainer` runs it, with the share of the FMA peak
// that its matrix products alone would need.   training_step [SECONDS for each measurement]
#include "support/peak.hpp"
#include "support/record.hpp"
#include "support/workload.hpp"
#include "vaekit/objectives/elbo.hpp"
#include "vaekit/optim/adam.hpp"

namespace {

using namespace benchmarks;

constexpr Index batch_count = 4;  // different batches, in turn

/// A model on its way through training.
class Training {
 public:
  Training(const Sizes& sizes, Index batch)
      : batch_(batch),
        model_(make_vae<float>(sizes)),
        workspace_(model_.make_workspace(batch)),
        gradient_(zeros_like(model_)),
        moments_(adam_.make_state(model_)),
        images_(make_images<float>(sizes, batch_count * batch)) {}

  void step() {
    const auto first = static_cast<Index>(steps_ % batch_count) * batch_;
    model_.draw_noise(1, steps_++, batch_, workspace_);
    const ObjectiveValue value =
        model_.gradient(images_.middleRows(first, batch_), Elbo{}, 0, workspace_, gradient_);
    if (!std::isfinite(value.loss)) {
      throw NumericError("training_step: the loss is not finite");
    }
    adam_.step(1e-3, gradient_, 1, model_, moments_);
  }

 private:
  using Model = decltype(make_vae<float>(quickstart));
  Index batch_;
  Adam adam_;
  Model model_;
  Model::Workspace workspace_;
  Model gradient_;
  Adam::State<Model> moments_;
  Matrix<float> images_;
  std::uint64_t steps_ = 0;
};

/// The loss of the first batch with z at the posterior mean.
template <class T>
double first_loss(const Sizes& sizes, Index batch) {
  const auto model = make_vae<T>(sizes);
  auto workspace = model.make_workspace(batch);
  auto gradient = zeros_like(model);
  model.zero_noise(batch, workspace);
  return model.gradient(make_images<T>(sizes, batch), Elbo{}, 0, workspace, gradient).loss;
}

/// `steps` steps make one sample, so that the clock and the start of a sample cost nothing.
void measure(const Sizes& sizes, Index batch, int steps, int threads, double seconds) {
  const double loss = first_loss<float>(sizes, batch);
  require_close("loss of the first batch", loss, first_loss<double>(sizes, batch));
  const ThreadScope scope(threads);
  Training training(sizes, batch);
  std::vector<double> milliseconds;
  std::vector<double> peaks;
  const auto begin = Clock::now();
  for (int sample = 0; sample < 6 || seconds_since(begin) < seconds; ++sample) {
    const double peak = fma_peak(threads);
    const auto start = Clock::now();
    for (int i = 0; i < steps; ++i) {
      training.step();
    }
    if (sample > 0) {  // the first is the warm-up
      milliseconds.push_back(1e3 * seconds_since(start) / steps);
      peaks.push_back(peak);
    }
  }
  const double gflop = sizes.step_flop() * static_cast<double>(batch) * 1e-9;
  print({.topic = "training_step",
         .name = concat(sizes.name, " batch ", batch),
         .threads = threads,
         .unit = "ms",
         .samples = milliseconds,
         .check = loss,
         .share = gflop / (median(milliseconds) * 1e-3 * median(peaks)),
         .peak = median(peaks)});
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(argc, argv, [](double seconds) {
    for (const int threads : {1, 2}) {
      measure(quickstart, 128, 8, threads, seconds);
      measure(quickstart, 512, 2, threads, seconds);
      measure(small, 32, 1000, threads, seconds);
    }
  });
}
