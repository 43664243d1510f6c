// SPDX-License-Identifier: MIT
#include "vaekit/optim/average.hpp"

#include <doctest/doctest.h>

#include <cstring>

#include "support/alloc_guard.hpp"
#include "support/throws_with.hpp"
#include "vaekit/nn/dense.hpp"

using namespace vaekit;

namespace {

Dense<double> filled(double value) {
  Dense<double> model({.units = 3}, Shape::flat(5));
  for_each_tensor(model, [&](auto& tensor) { tensor.setConstant(value); });
  return model;
}

doctest::Approx near(double value) { return doctest::Approx(value).epsilon(1e-14); }

}  // namespace

TEST_CASE("weight average: starts at the weights and forgets them at the ramped decay") {
  Dense<double> model = filled(1);
  WeightAverage<Dense<double>> average(model);
  CHECK(average.average.weight == model.weight);
  model = filled(5);
  average.update(0.999, 1, model);
  const double first = 2.0 / 11 * 1 + 9.0 / 11 * 5;  // decay (1 + 1)/(10 + 1)
  CHECK(average.average.weight(2, 4) == near(first));
  CHECK(average.average.bias[2] == near(first));
  average.update(0.999, 2, model);
  CHECK(average.average.bias[2] == near(3.0 / 12 * first + 9.0 / 12 * 5));
  average.update(0.999, 1'000'000, model);
  CHECK(average.average.bias[2] == near(0.999 * (3.0 / 12 * first + 9.0 / 12 * 5) + 0.001 * 5));
}

TEST_CASE("weight average: a decay below the ramp is used as it is, and 0 copies the weights") {
  Dense<double> model = filled(1);
  WeightAverage<Dense<double>> average(model);
  model = filled(3);
  average.update(0.1, 50, model);
  CHECK(average.average.weight(0, 0) == near(0.1 * 1 + 0.9 * 3));
  average.update(0, 51, model);
  CHECK(average.average.weight == model.weight);
}

TEST_CASE("weight average: nothing allocates after the first update, no bit depends on threads") {
  const auto run = [](int threads) {
    const ThreadScope scope(threads);
    Dense<float> model({.units = 301}, Shape::flat(333));
    model.initialize(RandomStream(1, Purpose::initialize));
    WeightAverage<Dense<float>> average(model);
    model.initialize(RandomStream(2, Purpose::initialize));
    average.update(0.9, 10, model);
    std::size_t allocations = 0;
    {
      const AllocationCount guard;
      average.update(0.9, 11, model);
      allocations = guard.count();
    }
    CHECK(allocations == 0);
    return average.average.weight;
  };
  const Matrix<float> expected = run(1);
  CHECK(run(2) == expected);
  CHECK(run(3) == expected);
}

TEST_CASE("weight average: a model of another structure is refused") {
  Dense<double> model = filled(1);
  WeightAverage<Dense<double>> average(model);
  Dense<double> other({.units = 4}, Shape::flat(5));
  check_throws_with<ShapeError>(
      "TensorZip: tensor 0 of object 1 has 15 elements, must have 20 (elements in object 0)",
      [&] { average.update(0.9, 1, other); });
  CHECK(average.average.weight == model.weight);
}
