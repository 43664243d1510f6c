// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <array>
#include <thread>

#include "model/example_models.hpp"
#include "support/alloc_guard.hpp"
#include "support/same_bits.hpp"
#include "vaekit/objectives/builtin.hpp"
#include "vaekit/optim/average.hpp"
#include "vaekit/optim/builtin.hpp"
#include "vaekit/optim/clip.hpp"

using namespace vaekit;
using example::dense;
using example::Design;

namespace {

/// Layers of every kind.
Design mixed_design() {
  return {.encoder = {dense(40, Activation::gelu), LayerNormConfig{}, DropoutConfig{.rate = 0.3}},
          .decoder = {dense(30, Activation::silu), ActivationConfig<Activation::tanh>{}},
          .likelihood = GaussianConfig{.variance = VarianceSource::learned},
          .features = 50,
          .dim = 7};
}

template <class Model>
struct Results {
  Matrix<typename Model::Scalar> terms, scores, samples, reconstructions;
  Model grad;

  friend bool operator==(const Results& a, const Results& b) {
    return same_bits(a.terms, b.terms) && same_bits(a.scores, b.scores) && same_bits(a.samples, b.samples) &&
           same_bits(a.reconstructions, b.reconstructions) && same_parameters(a.grad, b.grad);
  }
};

template <class Model>
Results<Model> run_everything(const Model& model, const Matrix<typename Model::Scalar>& x, Index samples) {
  using T = typename Model::Scalar;
  const Index n = x.rows();
  auto w = model.make_workspace(n, samples);
  Results<Model> r{{}, Matrix<T>(1, n), Matrix<T>(n, x.cols()), Matrix<T>(n, x.cols()), zeros_like(model)};
  model.draw_noise(1, 2, n, w);
  model.gradient(x, Elbo({.samples = samples}), 0.0, w, r.grad);
  r.terms = Matrix<T>(w.terms.log_likelihood);
  model.draw_evaluation_noise(1, 0, n, w);
  model.scores(x, w, r.scores.span());
  model.sample(1, 0, 1.0, w, r.samples);
  model.reconstruct(x, w, r.reconstructions);
  return r;
}

/// Allocations of `steps` training steps after a first one.
template <class Model>
std::size_t allocations_of_steps(Model model, Index batch, const OptimizerConfig& choice,
                                 const ElboConfig& config) {
  using T = typename Model::Scalar;
  const AnyOptimizer optimizer(choice);
  const AnyObjective objective{ObjectiveConfig(config)};
  const Matrix<T> x = example::data<T>(batch, model.features());
  auto w = model.make_workspace(batch, objective.samples());
  Model grad = zeros_like(model);
  auto state = optimizer.make_state(model);
  WeightAverage<Model> average(model);
  std::vector<double> partials;
  Matrix<T> scores(1, batch);
  Matrix<T> out(batch, model.features());
  const auto step = [&](std::uint64_t number, Index rows) {
    model.draw_noise(1, number, rows, w);
    model.gradient(x.topRows(rows), objective, 0.1, w, grad);
    const double factor = clip_factor(global_norm(grad, partials), 1.0);
    optimizer.step(optimizer.learning_rate(0.1), grad, factor, model, state);
    average.update(0.99, number, model);
    model.draw_evaluation_noise(1, 0, rows, w);
    model.scores(x.topRows(rows), w, scores.span().first(static_cast<std::size_t>(rows)));
    model.reconstruct(x.topRows(rows), w, top(out, rows));
    model.sample(1, 0, 1.0, w, out);
  };
  step(1, batch);
  const AllocationCount guard;
  step(2, batch);
  step(3, std::max<Index>(1, batch / 2));  // the last batch of an epoch is smaller
  step(4, batch);
  return guard.count();
}

}  // namespace

TEST_CASE("vae: nothing allocates after the first step, 784-400-20 at batch 128") {
  for (const int threads : {1, 2}) {
    const ThreadScope scope(threads);
    const std::size_t count =
        allocations_of_steps(example::make_static<float>(784, 400, 20), 128, AdamConfig{}, ElboConfig{});
    CHECK(count == 0);
  }
}

TEST_CASE_TEMPLATE("vae: nothing allocates after the first step, small models of every part", T, float,
                   double) {
  for (const OptimizerConfig& optimizer :
       std::vector<OptimizerConfig>{AdamConfig{}, AdamWConfig{}, SgdConfig{.momentum = 0.9}}) {
    for (const Index batch : {1, 9}) {
      for (const Index samples : {1, 3}) {
        const ElboConfig config{.free_bits = 0.1, .samples = samples};
        const std::size_t of_any =
            allocations_of_steps(example::make_any<T>(mixed_design()), batch, optimizer, config);
        CHECK(of_any == 0);
        const std::size_t of_static =
            allocations_of_steps(example::make_static<T>(5, 4, 2), batch, optimizer, config);
        CHECK(of_static == 0);
      }
    }
  }
}

TEST_CASE("vae: 1, 2 and 3 threads give the same bytes, 784-400-20 at batch 128") {
  const auto model = example::make_static<float>(784, 400, 20);
  const Matrix<float> x = example::data<float>(128, 784);
  const auto run = [&](int threads) {
    const ThreadScope scope(threads);
    return run_everything(model, x, 1);
  };
  const auto expected = run(1);
  CHECK(run(2) == expected);
  CHECK(run(3) == expected);
}

TEST_CASE_TEMPLATE("vae: 1, 2 and 3 threads give the same bytes, layers of every kind", T, float, double) {
  const auto model = example::make_any<T>(mixed_design());
  const Matrix<T> x = example::data<T>(601, 50);
  const auto run = [&](int threads) {
    const ThreadScope scope(threads);
    return run_everything(model, x, 3);
  };
  const auto expected = run(1);
  CHECK(run(2) == expected);
  CHECK(run(3) == expected);
}

TEST_CASE_TEMPLATE("vae: eight threads share one const model, with a workspace each", T, float, double) {
  const auto model = example::make_any<T>(mixed_design());
  const Matrix<T> x = example::data<T>(33, 50);
  const ThreadScope scope(1);
  const auto expected = run_everything(model, x, 2);
  std::array<int, 8> equal{};
  std::vector<std::thread> threads;
  for (int& result : equal) {
    threads.emplace_back([&] {
      const ThreadScope own(1);
      for (int repetition = 0; repetition < 5; ++repetition) {
        result += run_everything(model, x, 2) == expected ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const int result : equal) {
    CHECK(result == 5);
  }
}

TEST_CASE_TEMPLATE("vae: composed at compile time or at run time, the bits are the same", T, float, double) {
  const DenseConfig first = dense(40, Activation::gelu);
  const DenseConfig second = dense(30, Activation::silu);
  Vae typed(Sequential(Dense<T>(first, Shape::flat(50)), LayerNorm<T>({}, Shape::flat(40)),
                       Dropout<T>({.rate = 0.3}, Shape::flat(40))),
            GaussianLatent<T>({.dim = 7}),
            Sequential(Dense<T>(second, Shape::flat(7)), Tanh<T>({}, Shape::flat(30))),
            Gaussian<T>({.variance = VarianceSource::learned}, 50));
  typed.initialize(1);
  const auto any = example::make_any<T>(mixed_design());
  CHECK(same_parameters(typed, any));
  const Matrix<T> x = example::data<T>(33, 50);
  const auto from_typed = run_everything(typed, x, 2);
  const auto from_any = run_everything(any, x, 2);
  CHECK(same_parameters(from_typed.grad, from_any.grad));
  CHECK(same_bits(from_typed.terms, from_any.terms));
  CHECK(same_bits(from_typed.scores, from_any.scores));
  CHECK(same_bits(from_typed.samples, from_any.samples));
  CHECK(same_bits(from_typed.reconstructions, from_any.reconstructions));
}
