// SPDX-License-Identifier: MIT
// A whole training step (noise, forward, backward, Adam) of the 784-400-20 Bernoulli VAE at batch 128, as
// `Trainer` runs it. GFLOP/s count the matrix products alone: 3.28 MFLOP an image, since the first layer
// needs no input gradient. The first argument is the number of threads.
#include <benchmark/benchmark.h>

#include <cmath>
#include <vaekit/model/vae.hpp>
#include <vaekit/nn/sequential.hpp>
#include <vaekit/objectives/elbo.hpp>
#include <vaekit/optim/adam.hpp>

namespace {

using namespace vaekit;

constexpr Index batch = 128;
constexpr double flop_per_image = 2.0 * (3.0 * (784 * 400 + 400 * 40 + 20 * 400 + 400 * 784) - 784 * 400);

template <class T>
auto make_model() {
  Vae model(Sequential(Dense<T>({.units = 400, .activation = Activation::relu}, Shape::flat(784))),
            GaussianLatent<T>({.dim = 20}),
            Sequential(Dense<T>({.units = 400, .activation = Activation::relu}, Shape::flat(20))),
            Bernoulli<T>({}, 784));
  model.initialize(1);
  return model;
}

template <class T>
double loss_of_first_batch() {
  const auto model = make_model<T>();
  auto workspace = model.make_workspace(batch);
  auto gradient = zeros_like(model);
  Matrix<T> x(batch, 784);
  fill_uniform(x.span(), RandomStream(2, Purpose::synthetic));
  model.draw_noise(1, 0, batch, workspace);
  return model.gradient(x, Elbo{}, 0, workspace, gradient).loss;
}

void training_step(benchmark::State& state) {
  // Float must agree with double before its speed means anything.
  const double expected = loss_of_first_batch<double>();
  if (std::abs(loss_of_first_batch<float>() - expected) > 1e-5 * expected) {
    state.SkipWithError("the loss in float differs from the loss in double");
    return;
  }
  const ThreadScope threads(static_cast<int>(state.range(0)));
  auto model = make_model<float>();
  auto workspace = model.make_workspace(batch);
  auto gradient = zeros_like(model);
  const Adam adam;
  auto moments = adam.make_state(model);
  Matrix<float> x(batch, 784);
  fill_uniform(x.span(), RandomStream(2, Purpose::synthetic));
  std::uint64_t step = 0;
  for (auto _ : state) {
    model.draw_noise(1, step++, batch, workspace);
    set_zero(gradient);
    benchmark::DoNotOptimize(model.gradient(x, Elbo{}, 0, workspace, gradient));
    adam.step(1e-3, gradient, 1, model, moments);
  }
  const auto images = static_cast<double>(state.iterations() * batch);
  state.counters["images/s"] = benchmark::Counter(images, benchmark::Counter::kIsRate);
  state.counters["GFLOP/s"] = benchmark::Counter(images * flop_per_image * 1e-9, benchmark::Counter::kIsRate);
}

BENCHMARK(training_step)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime()->MinWarmUpTime(0.5);

}  // namespace
