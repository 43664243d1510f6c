// SPDX-License-Identifier: MIT
// One Adam step on a million parameters, the weights of a dense layer. Names are adam/1M
// parameters/vaekit/<threads>.
#include <benchmark/benchmark.h>

#include <cmath>

#include "support/workload.hpp"
#include "vaekit/nn/dense.hpp"
#include "vaekit/optim/adam.hpp"

namespace {

using namespace benchmarks;

constexpr Index side = 1000;

/// Weights, gradient and moments; peers/workloads.py has the same numbers.
template <class T>
struct Problem {
  Dense<T> layer{{.units = side, .bias = false}, Shape::flat(side)};
  Dense<T> gradient{{.units = side, .bias = false}, Shape::flat(side)};
  Adam adam;
  Adam::State<Dense<T>> moments;

  Problem() {
    fill_parameters(layer);
    for (std::uint32_t i = 0; T & value : gradient.weight.span()) {
      value = static_cast<T>(uniform(1, i++));
    }
    moments = adam.make_state(layer);
  }

  void step() { adam.step(1e-3, gradient, 1, layer, moments); }

  /// Sum of absolute weights after ten steps.
  [[nodiscard]] double check() {
    for (int i = 0; i < 10; ++i) {
      step();
    }
    return layer.weight.template cast<double>().cwiseAbs().sum();
  }
};

void adam_step(benchmark::State& state) {
  const ThreadScope threads(static_cast<int>(state.range(0)));
  Problem<float> problem;
  const double check = problem.check();
  const double expected = Problem<double>().check();
  if (std::abs(check - expected) > 1e-5 * expected) {
    state.SkipWithError("differs from the step in double");
    return;
  }
  for (auto _ : state) {
    problem.step();
    benchmark::ClobberMemory();
  }
  state.counters["check"] = check;
}

BENCHMARK(adam_step)
    ->Name("adam/1M parameters/vaekit")
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();

}  // namespace
