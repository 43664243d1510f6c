// SPDX-License-Identifier: MIT
#include "vaekit/core/reflect.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/alloc_guard.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

template <class T>
struct Layer {
  using Scalar = T;
  Matrix<T> weight;
  RowVector<T> bias;
  int not_a_parameter = 7;
  static void reflect(auto& self, auto&& visit) {
    visit("weight", self.weight);
    visit("bias", self.bias);
  }
};

template <class T>
struct Stack {
  using Scalar = T;
  std::vector<Layer<T>> layers;
  static void reflect(auto& self, auto&& visit) {
    for (std::size_t i = 0; i < self.layers.size(); ++i) {
      visit(std::to_string(i), self.layers[i]);
    }
  }
};

template <class T>
struct Model {
  using Scalar = T;
  Stack<T> encoder;
  Layer<T> head;
  RowVector<T> log_variance;
  static void reflect(auto& self, auto&& visit) {
    visit("encoder", self.encoder);
    visit("head", self.head);
    visit("log_variance", self.log_variance);
  }
};

template <class T>
Layer<T> layer(Index rows, Index cols, T value) {
  Layer<T> result{Matrix<T>(rows, cols), RowVector<T>(rows)};
  result.weight.setConstant(value);
  result.bias.setConstant(-value);
  return result;
}

template <class T>
Model<T> model() {
  return {{{layer<T>(2, 3, 1), layer<T>(4, 2, 2)}}, layer<T>(1, 4, 3), RowVector<T>(5)};
}

struct Parameterless {
  using Scalar = float;
  static void reflect(auto&, auto&&) {}
};

struct Plain {
  Matrix<float> weight;
};

}  // namespace

TEST_CASE("reflect: names are the path through the object, in visiting order") {
  Model<float> object = model<float>();
  const auto list = parameters(object);
  std::vector<std::string> names;
  for (const Parameter<float>& parameter : list) {
    names.push_back(parameter.name);
  }
  CHECK(names == std::vector<std::string>{"encoder.0.weight", "encoder.0.bias", "encoder.1.weight",
                                          "encoder.1.bias", "head.weight", "head.bias", "log_variance"});
}

TEST_CASE("reflect: parameters carry shapes and see the object's own memory") {
  Model<double> object = model<double>();
  const auto list = parameters(object);
  REQUIRE(list.size() == 7);
  CHECK(list[2].rows == 4);
  CHECK(list[2].cols == 2);
  CHECK_FALSE(list[2].is_vector);
  CHECK(list[3].rows == 1);
  CHECK(list[3].cols == 4);
  CHECK(list[3].is_vector);
  CHECK(list[2].values.data() == object.encoder.layers[1].weight.data());
  list[2].values[5] = 42;
  CHECK(object.encoder.layers[1].weight(2, 1) == 42);
}

TEST_CASE("reflect: a one-row matrix is still no vector") {
  Model<float> object = model<float>();
  const auto list = parameters(object);
  CHECK(list[4].rows == 1);
  CHECK_FALSE(list[4].is_vector);
}

TEST_CASE("reflect: a const object gives read-only spans") {
  const Model<float> object = model<float>();
  const auto list = parameters(object);
  static_assert(std::is_same_v<decltype(list[0].values), std::span<const float>>);
  CHECK(list[0].values[0] == 1);
  CHECK(parameter_count(object) == 6 + 2 + 8 + 4 + 4 + 1 + 5);
}

TEST_CASE("reflect: objects without parameters are reflectable, plain structs are not") {
  Parameterless none;
  CHECK(parameters(none).empty());
  CHECK(parameter_count(none) == 0);
  CHECK(squared_norm(none) == 0);
  static_assert(Reflectable<Parameterless> && Reflectable<const Model<float>&>);
  static_assert(!Reflectable<Plain> && !Reflectable<Matrix<float>> && !Reflectable<int>);
}

TEST_CASE("reflect: zeros_like keeps type, shapes and settings, and leaves the source alone") {
  Model<float> object = model<float>();
  object.head.not_a_parameter = 11;
  const Model<float> zeros = zeros_like(object);
  CHECK(parameter_count(zeros) == parameter_count(object));
  CHECK(squared_norm(zeros) == 0);
  CHECK(zeros.encoder.layers[1].weight.rows() == 4);
  CHECK(zeros.head.not_a_parameter == 11);
  CHECK(object.head.weight(0, 0) == 3);
}

TEST_CASE("reflect: set_zero clears every parameter and nothing else") {
  Model<double> object = model<double>();
  object.log_variance.setConstant(1);
  set_zero(object);
  CHECK(squared_norm(object) == 0);
  CHECK(object.head.not_a_parameter == 7);
}

TEST_CASE("reflect: squared_norm adds over all tensors, in double") {
  Model<float> object = model<float>();
  CHECK(squared_norm(object) == 8 * 1 + 12 * 4 + 5 * 9);
  set_zero(object);
  object.head.weight(0, 0) = 4096;
  object.log_variance(0) = 1;  // 4096² + 1 is no float
  CHECK(squared_norm(object) == 16777217.0);
  set_zero(object);
  object.log_variance(0) = 1 + 0x1p-12f;  // the square is no float either
  CHECK(squared_norm(object) == 1 + 0x1p-11 + 0x1p-24);
}

TEST_CASE("reflect: copy_parameters copies values into another object's memory") {
  const Model<float> from = model<float>();
  Model<float> to = zeros_like(from);
  const float* memory = to.head.weight.data();
  copy_parameters(from, to);
  CHECK(to.head.weight.data() == memory);
  CHECK(to.head.weight(0, 3) == 3);
  CHECK(to.encoder.layers[1].bias(3) == -2);
  CHECK(squared_norm(to) == squared_norm(from));
}

TEST_CASE("reflect: copy_parameters refuses another structure by name") {
  const Model<float> from = model<float>();
  Model<float> wider = model<float>();
  wider.encoder.layers[1] = layer<float>(4, 3, 0);
  check_throws_with<ShapeError>("copy_parameters: encoder.1.weight is 4x2, target is 4x3",
                                [&] { copy_parameters(from, wider); });
  Model<float> taller = model<float>();
  taller.encoder.layers[1] = layer<float>(5, 2, 0);
  check_throws_with<ShapeError>("copy_parameters: encoder.1.weight is 4x2, target is 5x2",
                                [&] { copy_parameters(from, taller); });
  Model<float> shorter = model<float>();
  shorter.encoder.layers.pop_back();
  check_throws_with<ShapeError>("copy_parameters: source has 7 tensors, target has 5",
                                [&] { copy_parameters(from, shorter); });
}

TEST_CASE("reflect: walking the tensors does not allocate") {
  Model<float> object = model<float>();
  std::vector<std::span<float>> spans;
  parameter_spans(object, spans);
  REQUIRE(spans.size() == 7);
  AllocationCount guard;
  parameter_spans(object, spans);
  Index seen = 0;
  for_each_tensor(object, [&](auto& tensor) { seen += tensor.size(); });
  const double norm = squared_norm(object);
  set_zero(object);
  const std::size_t allocations = guard.count();
  CHECK(allocations == 0);
  CHECK(seen == parameter_count(object));
  CHECK(norm > 0);
  CHECK(spans[0].data() == object.encoder.layers[0].weight.data());
}

TEST_CASE("reflect: shape_fingerprint tells lists of shapes apart and looks at nothing else") {
  const Model<float> object = model<float>();
  CHECK(shape_fingerprint(zeros_like(object)) == shape_fingerprint(object));
  CHECK(shape_fingerprint(model<double>()) == shape_fingerprint(object));
  Model<float> wider = object;
  wider.encoder.layers[1] = layer<float>(4, 3, 0);
  CHECK(shape_fingerprint(wider) != shape_fingerprint(object));
  Model<float> transposed = object;
  transposed.encoder.layers[0].weight.resize(3, 2);
  CHECK(shape_fingerprint(transposed) != shape_fingerprint(object));
  Model<float> swapped = object;
  std::swap(swapped.encoder.layers[0], swapped.encoder.layers[1]);
  CHECK(shape_fingerprint(swapped) != shape_fingerprint(object));
  Model<float> shorter = object;
  shorter.encoder.layers.pop_back();
  CHECK(shape_fingerprint(shorter) != shape_fingerprint(object));
}

namespace {

template <class T>
struct Tracked {
  using Scalar = T;
  Matrix<T> weight{2, 3};
  Matrix<T> average{1, 4};
  static void reflect(auto& self, auto&& visit) {
    visit("weight", self.weight);
    visit_buffer(visit, "average", self.average);
  }
};

}  // namespace

TEST_CASE("reflect: buffers are state, not parameters") {
  Tracked<double> object;
  object.weight.setConstant(1);
  object.average.setConstant(2);
  CHECK(parameters(object).size() == 1);
  CHECK(parameter_count(object) == 6);
  CHECK(squared_norm(object) == 6);
  const auto state = state_tensors(object);
  REQUIRE(state.size() == 2);
  CHECK(state[1].name == "average");
  CHECK(state[1].values.size() == 4);
  Tracked<double> copy;
  copy_parameters(object, copy);
  CHECK(copy.average == object.average);
  set_zero(copy);
  CHECK(copy.weight.isZero(0));
  CHECK(copy.average == object.average);
  object.average.setConstant(3);
  AllocationCount guard;
  copy_buffers(object, copy);
  CHECK(guard.count() == 0);
  CHECK((copy.average.array() == 3).all());
  CHECK(copy.weight.isZero(0));
}
