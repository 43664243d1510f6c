// SPDX-License-Identifier: MIT
//
// What every layer must do, whatever it computes. A layer joins with a factory for both scalar types:
//
//   TEST_CASE("mine: keeps the contract of a layer") {
//     check_layer([]<class T>(T) { return Mine<T>({...}, Shape::flat(6)); });
//   }
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>
#include <vector>

#include "support/alloc_guard.hpp"
#include "support/gradient_check.hpp"
#include "support/same_bits.hpp"
#include "vaekit/core/parallel.hpp"
#include "vaekit/kernels/random.hpp"
#include "vaekit/nn/network.hpp"
#include "vaekit/nn/sequential.hpp"

namespace layer_suite {

using namespace vaekit;

template <class T>
Matrix<T> random_matrix(Index rows, Index cols, std::uint64_t seed) {
  Matrix<T> m(rows, cols);
  fill_normal(m.span(), RandomStream(seed, Purpose::synthetic));
  return m;
}

/// Random values in every parameter, also where `initialize` puts zeros and ones.
template <class L>
void randomize(L& layer) {
  std::uint64_t seed = 100;
  for_each_tensor(
      layer, [&](auto& tensor) { fill_normal(tensor.span(), RandomStream(++seed, Purpose::initialize)); });
}

/// What layers that have noise draw it from.
inline const RandomStream noise(3, Purpose::layer);

/// One forward and backward pass with everything it needs. loss = Σ y ∘ dy.
template <class L>
struct Pass {
  using T = typename L::Scalar;
  L& layer;
  Matrix<T> x, dy, y, dx;
  typename L::Cache cache;
  L grad;

  /// The cache has room for more rows than there are: the others must not count.
  Pass(L& subject, Index batch)
      : layer(subject),
        x(random_matrix<T>(batch, subject.input_shape().size(), 1)),
        dy(random_matrix<T>(batch, subject.output_shape().size(), 2)),
        y(batch, subject.output_shape().size()),
        dx(batch, subject.input_shape().size()),
        cache(subject.make_cache(batch + 2)),
        grad(zeros_like(subject)) {
    draw_layer_noise(layer, noise, batch, cache);
  }

  T loss() {
    layer.forward(x, y, cache);
    return (y.array() * dy.array()).sum();
  }
  void run() { run(cache); }
  void run(typename L::Cache& other) {
    layer.forward(x, y, other);
    layer.backward(x, y, dy, dx, other, grad);
  }
};

template <class L>
bool same_results(const Pass<L>& a, const Pass<L>& b) {
  return same_bits(a.y, b.y) && same_bits(a.dx, b.dx) && same_parameters(a.grad, b.grad);
}

template <class L>
void check_gradients(L layer) {
  randomize(layer);
  for (const Index batch : {1, 3, 8}) {
    CAPTURE(batch);
    Pass pass(layer, batch);
    pass.run();
    const Matrix<double> dx = pass.dx;
    check_parameter_gradients(layer, pass.grad, [&] { return pass.loss(); });
    check_finite_differences(pass.x.span(), dx.span(), [&] { return pass.loss(); });
  }
}

/// `+=` on parameters, `=` on the input; an empty dx changes nothing else.
template <class L>
void check_accumulation(L layer) {
  randomize(layer);
  Pass once(layer, 3);
  once.run();
  Pass twice(layer, 3);
  twice.dx.setConstant(7);
  twice.run();
  twice.run();
  CHECK(same_bits(once.dx, twice.dx));
  const auto single = parameters(once.grad);
  const auto twofold = parameters(twice.grad);
  for (std::size_t i = 0; i < single.size(); ++i) {
    for (std::size_t j = 0; j < single[i].values.size(); ++j) {
      CHECK(twofold[i].values[j] == doctest::Approx(2 * single[i].values[j]).epsilon(1e-5));
    }
  }
  Pass without(layer, 3);
  layer.forward(without.x, without.y, without.cache);
  layer.backward(without.x, without.y, without.dy, no_matrix<typename L::Scalar>(), without.cache,
                 without.grad);
  CHECK(same_parameters(without.grad, once.grad));
}

/// After `clear_gradient` the next backward assigns, those that follow add.
template <class L>
void check_clearing(L layer) {
  randomize(layer);
  Pass expected(layer, 3);
  expected.run();
  Pass cleared(layer, 3);
  for (const auto& parameter : parameters(cleared.grad)) {
    std::ranges::fill(parameter.values, std::numeric_limits<typename L::Scalar>::quiet_NaN());
  }
  clear_gradient(layer, cleared.cache, cleared.grad);
  cleared.run();
  CHECK(same_parameters(cleared.grad, expected.grad));
  expected.run();
  cleared.run();
  CHECK(same_parameters(cleared.grad, expected.grad));
}

/// Without gradients of parameters dx has the same bits.
template <class L>
void check_skipping(L layer) {
  randomize(layer);
  Pass expected(layer, 3);
  expected.run();
  Pass skipping(layer, 3);
  skip_parameter_gradient(layer, skipping.cache);
  skipping.run();
  CHECK(same_bits(skipping.dx, expected.dx));
}

template <class L>
void check_value_semantics(L layer) {
  randomize(layer);
  Pass original(layer, 3);
  original.run();
  L copy = layer;
  CHECK(same_parameters(copy, layer));
  set_zero(copy);
  Pass again(layer, 3);
  again.run();
  CHECK(same_bits(again.y, original.y));
  copy_parameters(layer, copy);
  CHECK(same_parameters(copy, layer));
  Pass restored(copy, 3);
  restored.run();
  CHECK(same_results(restored, original));
}

/// Packed weights give the bits of the weights that were packed, until they are unpacked.
template <class L>
void check_packing(L layer) {
  if constexpr (PackableLayer<L>) {
    randomize(layer);
    for (const Index batch : {1, 3, 8}) {
      Pass plain(layer, batch);
      plain.run();
      Pass packed(layer, batch);
      layer.pack(packed.cache);
      packed.run();
      CHECK(same_results(packed, plain));
      L zero = layer;
      set_zero(zero);
      Pass unpacked(zero, batch);
      layer.pack(unpacked.cache);
      zero.unpack(unpacked.cache);
      unpacked.run();
      Pass expected(zero, batch);
      expected.run();
      CHECK(same_results(unpacked, expected));
    }
  }
}

/// One const layer serves eight threads that own a cache each.
template <class L>
void check_shared_by_threads(L layer) {
  randomize(layer);
  Pass expected(layer, 5);
  expected.run();
  std::vector<Pass<L>> passes;
  for (int i = 0; i < 8; ++i) {
    passes.emplace_back(layer, 5);
  }
  std::vector<std::thread> threads;
  for (Pass<L>& pass : passes) {
    threads.emplace_back([&pass] {
      const ThreadScope one(1);
      pass.run();
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const Pass<L>& pass : passes) {
    CHECK(same_results(pass, expected));
  }
}

/// After a first pass nothing allocates, on one thread or on two, whether the batch stays or shrinks.
template <class L>
void check_no_allocation(L layer) {
  randomize(layer);
  for (const int threads : {1, 2}) {
    const ThreadScope scope(threads);
    Pass pass(layer, 8);
    Pass smaller(layer, 3);
    pass.run();
    const AllocationCount allocations;
    draw_layer_noise(layer, RandomStream(4, Purpose::layer), 8, pass.cache);
    pass.run();
    smaller.run(pass.cache);
    const std::size_t count = allocations.count();
    CHECK(count == 0);
  }
}

/// A cache that was made for, and used with, more rows gives the bits of one of the right size.
template <class L>
void check_smaller_batch(L layer) {
  randomize(layer);
  Pass large(layer, 8);
  large.run();
  Pass expected(layer, 3);
  expected.run();
  Pass small(layer, 3);
  draw_layer_noise(layer, noise, 3, large.cache);
  small.run(large.cache);
  CHECK(same_results(small, expected));
}

/// Arguments may be blocks of larger matrices, whose other elements are neither used nor written.
template <class L>
void check_blocks(L layer) {
  using T = typename L::Scalar;
  randomize(layer);
  Pass expected(layer, 3);
  expected.run();
  const auto frame = [](const Matrix<T>& inner) {
    Matrix<T> whole(inner.rows() + 2, inner.cols() + 3);
    whole.setConstant(T{99});
    whole.block(1, 2, inner.rows(), inner.cols()) = inner;
    return whole;
  };
  Pass pass(layer, 3);
  Matrix<T> x = frame(pass.x), y = frame(pass.y), dy = frame(pass.dy), dx = frame(pass.dx);
  const auto inner = [](Matrix<T>& whole) -> MatrixOut<T> {
    return whole.block(1, 2, whole.rows() - 2, whole.cols() - 3);
  };
  layer.forward(inner(x), inner(y), pass.cache);
  layer.backward(inner(x), inner(y), inner(dy), inner(dx), pass.cache, pass.grad);
  CHECK(same_bits(x, frame(expected.x)));
  CHECK(same_bits(y, frame(expected.y)));
  CHECK(same_bits(dx, frame(expected.dx)));
  CHECK(same_parameters(pass.grad, expected.grad));
}

/// Results do not depend on the number of threads, on sizes where several take part.
template <class L>
void check_any_thread_count(L layer) {
  randomize(layer);
  const ThreadScope one(1);
  Pass expected(layer, 300);
  expected.run();
  for (const int threads : {2, 3}) {
    CAPTURE(threads);
    const ThreadScope scope(threads);
    Pass pass(layer, 300);
    pass.run();
    CHECK(same_results(pass, expected));
  }
}

/// A NaN that goes in comes out, in its own row, so that a broken run cannot look healthy.
template <class L>
void check_nan(L layer) {
  using T = typename L::Scalar;
  randomize(layer);
  Pass pass(layer, 3);
  draw_layer_noise(layer, NoiseSource{}, 3, pass.cache);
  pass.x(1, pass.x.cols() - 1) = std::numeric_limits<T>::quiet_NaN();
  layer.forward(pass.x, pass.y, pass.cache);
  CHECK(pass.y.row(1).array().isNaN().any());
  pass.x.row(1).setConstant(std::numeric_limits<T>::quiet_NaN());
  layer.forward(pass.x, pass.y, pass.cache);
  CHECK(pass.y.row(1).array().isNaN().all());
  CHECK(pass.y.row(0).allFinite());
  CHECK(pass.y.row(2).allFinite());
}

/// Alone in a `Sequential`, the layer gives its own bits and the same parameters under the name "0".
template <class L>
void check_in_sequential(L layer) {
  randomize(layer);
  Pass alone(layer, 3);
  Sequential<L> sequential(layer);
  Pass chained(sequential, 3);
  // A chain gives each layer a noise stream of its own.
  draw_layer_noise(layer, noise.child(0), 3, alone.cache);
  alone.run();
  chained.run();
  CHECK(same_bits(alone.y, chained.y));
  CHECK(same_bits(alone.dx, chained.dx));
  const auto own = parameters(alone.grad);
  const auto renamed = parameters(chained.grad);
  REQUIRE(own.size() == renamed.size());
  for (std::size_t i = 0; i < own.size(); ++i) {
    CHECK(renamed[i].name == "0." + own[i].name);
    CHECK(std::ranges::equal(std::as_bytes(own[i].values), std::as_bytes(renamed[i].values)));
  }
}

}  // namespace layer_suite

/// Runs every check on the layer `make(T{})`.
template <class Make>
void check_layer(Make&& make) {
  layer_suite::check_gradients(make(double{}));
  layer_suite::check_in_sequential(make(double{}));
  const auto in_both = [&](auto&& check) {
    check(make(float{}));
    check(make(double{}));
  };
  in_both([](const auto& layer) { layer_suite::check_accumulation(layer); });
  in_both([](const auto& layer) { layer_suite::check_value_semantics(layer); });
  in_both([](const auto& layer) { layer_suite::check_clearing(layer); });
  in_both([](const auto& layer) { layer_suite::check_skipping(layer); });
  in_both([](const auto& layer) { layer_suite::check_packing(layer); });
  in_both([](const auto& layer) { layer_suite::check_shared_by_threads(layer); });
  in_both([](const auto& layer) { layer_suite::check_no_allocation(layer); });
  in_both([](const auto& layer) { layer_suite::check_smaller_batch(layer); });
  in_both([](const auto& layer) { layer_suite::check_blocks(layer); });
  in_both([](const auto& layer) { layer_suite::check_any_thread_count(layer); });
  in_both([](const auto& layer) { layer_suite::check_nan(layer); });
}
